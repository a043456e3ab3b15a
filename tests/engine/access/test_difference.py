"""The difference of two exposures: ranges, counts and endpoints,
each decided again by the simulation of one source.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.engine.access.address_classes import EVERY_ADDRESS, Span, minimal_cidrs, minus
from gt_secure.engine.access.difference import Difference
from gt_secure.engine.access.exposure_text import places
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.source_sets import Row, SourceSet
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from support.answers import exposure_under, team_locks
from support.guards import merge_guard

OFFICE = "203.0.113.0/24"
OTHER = "vpce-0123456789abcdef0"
LOCKS = {
    "off": UrlLock(),
    "SourceIp": UrlLock(True),
    "VpcSourceIp": UrlLock(False, True),
    "both": UrlLock(True, True),
}
SOURCES = [
    "203.0.113.0",
    "203.0.113.255",
    "203.0.112.255",
    "203.0.114.0",
    "10.1.2.3",
    "2001:db8::1",
    OTHER,
]


def guard(*networks: str, endpoints: tuple[str, ...] = ()) -> str:
    return merge_guard(
        None, build_guard("gt-images", prefix="scans/", networks=networks, endpoints=endpoints)
    )


def difference(locks: EffectiveLocks, request: str, **planned: Any) -> Difference[Row]:
    before, after = exposure_under(locks), exposure_under(replace(locks, **planned))
    return next(row for row in after.diff(before) if row.request == request)


def holds(places: SourceSet, source: str) -> bool:
    if source.startswith("vpce-"):
        return source in places.endpoints or places.other_endpoints
    return any(ipaddress.ip_address(source) in ipaddress.ip_network(cidr) for cidr in places.cidrs)


def test_a_smaller_list_takes_a_counted_range_away() -> None:
    row = difference(team_locks(guard("10.0.0.0/8", OFFICE)), "presigned", policy=guard(OFFICE))
    assert row.loses.cidrs == ("10.0.0.0/8",)
    assert row.loses.count(4) == 16_777_216
    assert row.gains.is_empty
    assert row.unclear.is_empty


def test_a_removed_guard_lets_everybody_else_in_and_keeps_headers() -> None:
    locks = team_locks(guard(OFFICE, endpoints=(OTHER,)))
    row = difference(locks, "presigned", policy=None)
    assert row.loses.is_empty
    assert row.gains.count(4) == 2**32 - 256
    assert row.gains.other_endpoints
    assert OTHER not in row.gains.endpoints
    assert not difference(locks, "header", policy=None).changes


def test_ipv6_is_counted_apart() -> None:
    row = difference(team_locks(guard(OFFICE, "2001:db8::/32")), "presigned", policy=guard(OFFICE))
    assert (row.loses.cidrs, row.loses.count(4), row.loses.count(6)) == (
        ("2001:db8::/32",),
        0,
        2**96,
    )


def test_the_url_lock_takes_forwarded_urls_and_leaves_the_workers_own() -> None:
    planned = {"url_lock": UrlLock(source_ip=True)}
    assert difference(team_locks(), "forwarded", **planned).loses.count(4) == 2**32
    own = difference(team_locks(), "worker", **planned)
    assert (own.loses.cidrs, own.loses.other_endpoints) == ((), True)
    assert not difference(team_locks(), "presigned", **planned).changes


def test_the_portal_lock_refuses_addresses_and_no_endpoint() -> None:
    row = difference(team_locks(), "worker", cidrs=(OFFICE,))
    assert row.after.opened.cidrs == (OFFICE,)
    assert row.after.refused.decided_by == ("portal lock",)
    assert row.after.opened.other_endpoints


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize(
    "policy", [None, guard(OFFICE), guard(OFFICE, endpoints=(OTHER,)), guard(endpoints=(OTHER,))]
)
@pytest.mark.parametrize("portal", [[], [OFFICE], ["10.0.0.0/8"]])
def test_every_sample_gets_what_its_set_says(
    lock: str, policy: str | None, portal: list[str]
) -> None:
    exposure = exposure_under(team_locks(policy, url_lock=LOCKS[lock], cidrs=tuple(portal)))
    for text in SOURCES:
        for answer in exposure.at(text):
            assert holds(exposure.row(answer.request).places(answer.answer), text), answer


def test_a_policy_that_cannot_be_read_or_is_not_valid_is_unknown_everywhere() -> None:
    row = difference(
        team_locks('{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe"}]}'), "presigned"
    )
    assert row.after.unknown.cidrs == ("0.0.0.0/0", "::/0")
    assert row.after.opened.is_empty
    assert row.after.refused.is_empty


def test_an_endpoint_that_a_vpc_may_hold_is_not_said_to_be_refused() -> None:
    document = json.loads(guard(OFFICE))
    document["Statement"][0]["Condition"]["StringNotEqualsIfExists"] = {
        "aws:SourceVpc": "vpc-0aaaaaaaaaaaaaaaa"
    }
    row = difference(
        team_locks(json.dumps(document)), "presigned", policy=guard(OFFICE, endpoints=(OTHER,))
    )
    assert OTHER not in row.loses.endpoints
    assert OTHER not in row.gains.endpoints
    assert OTHER in row.unclear.endpoints


def test_ranges_are_taken_from_ranges() -> None:
    whole = Span(4, 0, 255)
    assert minus([whole], [Span(4, 10, 19), Span(4, 15, 29), Span(6, 0, 255)]) == (
        Span(4, 0, 9),
        Span(4, 30, 255),
    )
    assert minus([Span(4, 5, 6), Span(4, 20, 40)], [Span(4, 0, 30)]) == (Span(4, 31, 40),)
    assert minus([whole], [whole]) == ()
    assert minimal_cidrs(minus(EVERY_ADDRESS, [Span(4, 0, 2**31 - 1)])) == ["128.0.0.0/1", "::/0"]


@pytest.mark.parametrize(("number", "end"), [(4, "and 1 more range"), (5, "and 2 more ranges")])
def test_the_number_of_ranges_that_are_not_named_agrees(number: int, end: str) -> None:
    spans = tuple(Span(4, i * 512, i * 512) for i in range(1, number + 1))
    named = f"0.0.2.0/32, 0.0.4.0/32, 0.0.6.0/32 {end}"
    assert places(SourceSet(spans), frozenset()) == named
