"""Faults of HTTP at every reading call, on every surface: who finds less says that something was not read.

A proxy between the clients and the sandbox spoils all calls of one name. The fast test takes one kind of fault and
three surfaces, the slow one all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gt_secure import Connection, Restriction, check, connect, expect
from gt_secure.aws import client as aws_client
from gt_secure.errors import GtSecureError
from gt_secure.sweeps.accounts import Account
from gt_secure.sweeps.region_reader import read_region
from support.http_faults import FAULTS, Fault, FaultyProxy
from support.rig import ACCOUNT, BUCKET, ELSEWHERE, Rig

TEAM = "open-team"
KINDS: tuple[Fault, ...] = (*(fault for fault in FAULTS if fault != "delay"), "denied")
"""A slow answer is no fault for a patient client."""
Surface = Callable[[Connection], "Seen"]
WISH = Restriction(TEAM, bucket=BUCKET, prefix="scans/", addresses=["203.0.113.0/24"])


@dataclass(frozen=True)
class Seen:
    """What a surface reports as wrong or open, and the words for what it did not read."""

    found: frozenset[str]
    unread: frozenset[str]


def of_findings(found: Any, unread: Any = ()) -> Seen:
    named = {f"{each.code} {each.subject}" for each in found if each.state == "found" and each.code != "not-checked"}
    unsure = {f"{each.code} {each.subject} {each.detail}" for each in found if each.state == "unknown"}
    return Seen(frozenset(named), frozenset(unsure | {e.detail for e in found if e.code == "not-checked"} | {*unread}))


def findings(gt: Connection) -> Seen:
    return of_findings(gt.findings(team=TEAM, bucket=BUCKET))


def no_findings(gt: Connection) -> Seen:
    return of_check(check.no_findings.look(gt, team=TEAM, bucket=BUCKET, severity="info"))


def team_is_restricted(gt: Connection) -> Seen:
    return of_check(check.team_is_restricted.look(gt, TEAM))


def expectations_hold(gt: Connection) -> Seen:
    return of_check(check.expectations_hold.look(gt, replace(WISH, expectations=[expect.refused(ELSEWHERE)])))


def of_check(result: Any) -> Seen:
    unread = frozenset({result.message}) if result.passed is None else frozenset()
    return Seen(frozenset({"failed"} if result.passed is False else ()), unread)


def exposure(gt: Connection) -> Seen:
    rows = list(gt.exposure(BUCKET, "scans/0001.png", team=TEAM))
    opened = {f"{row.request} {cidr}" for row in rows for cidr in row.opened.cidrs}
    return Seen(frozenset(opened), frozenset(row.request for row in rows if not row.unknown.is_empty))


def plan(gt: Connection) -> Seen:
    made = gt.plan(WISH)
    return Seen(frozenset(each.code for each in made.notices), frozenset(part.text for part in made.state.missing()))


def audit(gt: Connection) -> Seen:
    made = gt.audit(buckets=[BUCKET], logs=False)
    return of_findings(made.findings, made.unread)


def sweep(gt: Connection) -> Seen:
    rows = read_region(gt, Account(ACCOUNT)) or []
    return of_findings([each for row in rows for each in row.findings], [text for row in rows for text in row.unread])


QUICK: tuple[Surface, ...] = (findings, exposure, plan)
SURFACES: tuple[Surface, ...] = (*QUICK, no_findings, team_is_restricted, expectations_hold, audit, sweep)


class Bench:
    """A connection through the proxy, and what each surface sees with and without a fault."""

    def __init__(self, rig: Rig) -> None:
        self.proxy = FaultyProxy(rig.url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(aws_client, "ATTEMPTS", 1)
            self.gt = connect(boto3_session=rig.session_of(), endpoint_url=self.proxy.url)
            for service in ("s3", "sagemaker", "sts", "ec2", "iam", "organizations", "kms"):
                self.gt.aws.client(service)

    def look(self, surface: Surface) -> Seen | None:
        """What a surface sees; None if it ends in an error of its own."""
        self.gt.aws._identity = None
        try:
            return surface(self.gt)
        except GtSecureError:
            return None

    def clean(self, surface: Surface) -> tuple[Seen, list[str]]:
        self.proxy.disarm()
        seen = self.look(surface)
        assert seen is not None
        assert seen.found, "there is something to find"
        return seen, list(dict.fromkeys(self.proxy.names))

    def less_is_said(self, surface: Surface, faults: tuple[Fault, ...]) -> None:
        clean, names = self.clean(surface)
        wrong, injected = [], 0
        for name in names:
            for fault in faults:
                self.proxy.spoil(name, fault)
                seen = self.look(surface)
                injected += bool(self.proxy.injected)
                if seen is not None and clean.found - seen.found and not seen.unread - clean.unread:
                    wrong.append((name, fault, sorted(clean.found - seen.found)))
        self.proxy.disarm()
        assert not wrong, f"{surface.__name__}: found less, and said nothing"
        print(f"{surface.__name__}: {injected} of {len(names) * len(faults)} faults")
        assert injected > 0.8 * len(names) * len(faults)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Rig.running() as rig:
        made = Bench(rig)
        yield made
        made.proxy.close()


@pytest.mark.parametrize("surface", QUICK, ids=lambda each: each.__name__)
def test_who_finds_less_says_what_was_not_read(bench: Bench, surface: Surface) -> None:
    bench.less_is_said(surface, ("503",))


@pytest.mark.slow
@pytest.mark.parametrize("surface", SURFACES, ids=lambda each: each.__name__)
def test_every_http_fault_of_every_reading_call(bench: Bench, surface: Surface) -> None:
    bench.less_is_said(surface, KINDS)
