"""A pattern matches a presigned request if, and only if, the list does not admit its source."""

from __future__ import annotations

import ipaddress
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from gt_secure.base.allowed import Allowed
from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import Source
from gt_secure.engine.policies.event_patterns import event_patterns
from support.event_bus import bus_event, matches

BUCKET, OFFICE, ELSEWHERE = "gt-images", "203.0.113.7", "198.51.100.9"
VPCE, OTHER = "vpce-0a1b2c3d4e5f60718", "vpce-0fedcba9876543210"


def event(address: str, endpoint: str = "", key: str = "scans/0001.png", **more: Any) -> Any:
    """Return what the trail records of a presigned request, as far as a pattern asks."""
    detail = {
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "requestParameters": {"bucketName": BUCKET, "key": key},
        "additionalEventData": {"AuthenticationMethod": "QueryString"},
        "sourceIPAddress": address,
        **({"vpcEndpointId": endpoint} if endpoint else {}),
    }
    return bus_event(detail | more)


def drawn(rng: random.Random) -> Allowed:
    """A list: some ranges of both families, of any length, often neighbours, and endpoints."""
    words = []
    for _ in range(rng.choice((0, 1, 1, 2, 5, 30))):
        bits = rng.choice((32, 128))
        length = rng.choice((0, 1, 8, 12, 24, 25, 31, 32) if bits == 32 else (1, 32, 48, 64, 128))
        number = rng.getrandbits(bits) >> (bits - length) << (bits - length)
        make = ipaddress.IPv4Network if bits == 32 else ipaddress.IPv6Network
        words.append(str(make((number, length))))
    return Allowed.of([*words, *rng.choice(((), (VPCE,)))])


def addresses(allowed: Allowed, rng: random.Random, most: int) -> Iterator[str]:
    """Yield every edge of each range, from both sides, and drawn addresses."""
    for each in allowed.networks:
        make = ipaddress.IPv4Address if each.version == 4 else ipaddress.IPv6Address
        first, last = int(each[0]), int(each[-1])
        for number in (first - 1, first, first + 1, last - 1, last, last + 1):
            if 0 <= number < 2**each.max_prefixlen:
                yield str(make(number))
    for _ in range(most):
        if rng.random() < 0.5:
            yield str(ipaddress.IPv4Address(rng.getrandbits(32)))
        elif allowed.networks and rng.random() < 0.5:
            inside = rng.choice(allowed.networks)
            yield str(inside[rng.randrange(min(inside.num_addresses, 2**64))])
        else:
            yield str(ipaddress.IPv6Address(rng.getrandbits(128)))


@pytest.mark.parametrize(
    ("lists", "most"), [(range(6), 200), pytest.param(range(20), 10_000, marks=pytest.mark.check)]
)
def test_an_event_matches_if_the_list_does_not_admit_its_source(lists: range, most: int) -> None:
    wrong, asked, splits = [], 0, 0
    for seed in lists:
        rng = random.Random(seed)
        allowed = drawn(rng)
        patterns = [*event_patterns(BUCKET, "", allowed)]
        splits += len(patterns) > 2
        assert all(len(json.dumps(each, ensure_ascii=False)) <= 2048 for each in patterns)
        for address in addresses(allowed, rng, most):
            asked += 1
            told = any(matches(each, event(address)) for each in patterns)
            if told is allowed.admits(Source.parse(address)):
                wrong.append((seed, address))
        for endpoint in (VPCE, OTHER):
            for address in ("10.0.3.4", "203.0.113.7", *map(str, allowed.networks[:1])):
                told = any(
                    matches(each, event(address.partition("/")[0], endpoint)) for each in patterns
                )
                assert told is (endpoint not in allowed.endpoints)
    assert wrong == []
    assert asked > len(lists) * most
    assert splits


def test_only_presigned_requests_for_the_objects_are_told() -> None:
    told = [*event_patterns(BUCKET, "scans/", Allowed.of("203.0.113.0/24"))]

    def is_told(each: Any) -> bool:
        return any(matches(pattern, each) for pattern in told)

    assert is_told(event(ELSEWHERE))
    assert is_told(event("::1"))
    assert not is_told(event(OFFICE))
    assert not is_told(event(ELSEWHERE, key="labels/0001.png"))
    assert not is_told(event(ELSEWHERE, additionalEventData={"AuthenticationMethod": "AuthHeader"}))
    assert not is_told(event(ELSEWHERE, requestParameters={"bucketName": "b", "key": "scans/1"}))
    assert not is_told(event("sagemaker.amazonaws.com"))


def test_no_more_ranges_are_tried_than_a_pattern_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def count(found: Any) -> str:
        tried.append(len(found["detail"]["sourceIPAddress"]))
        return json.dumps(found)

    monkeypatch.setattr("gt_secure.engine.policies.event_patterns.json_text", count)
    networks = [f"10.{each}.7.{each % 7}/32" for each in range(100)]
    assert len([*event_patterns(BUCKET, "", Allowed.of(networks))]) > 20
    assert max(tried) * len('{"cidr": "::/1"}') <= 2048


def test_a_list_of_every_address_leaves_the_endpoints() -> None:
    assert len([*event_patterns(BUCKET, "", Allowed.of("0.0.0.0/0, ::/0"))]) == 1


@pytest.mark.parametrize("prefix", ["é" * 300, "x" * 1000])
def test_a_long_prefix_fits_or_the_patterns_are_more(prefix: str) -> None:
    patterns = [*event_patterns(BUCKET, prefix, Allowed.of("203.0.113.7, 2001:db8::7"))]
    assert all(len(json.dumps(each, ensure_ascii=False)) <= 2048 for each in patterns)
    assert any(matches(each, event(ELSEWHERE, key=prefix)) for each in patterns)


def test_a_vpc_is_refused_with_what_to_write() -> None:
    with pytest.raises(InvalidInput, match=r"does not record the VPC.*endpoints by their ids"):
        [*event_patterns(BUCKET, "", Allowed.of("vpc-0a1b2c3d4e5f60718"))]
