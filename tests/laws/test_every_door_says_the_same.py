"""Of the same findings and the same severity every door gives the same outcome: the functions, the
commands, the magic, a check, a check file, code scanning and Prowler.

An account is drawn part by part: its team and locks, the policy of its bucket, what was not read,
what the log shows, and which findings somebody accepts.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from findings.test_doors import (
    DOORS,
    GOOD,
    NAME,
    THRESHOLDS,
    found_in,
    gt,
    of_code_scanning,
    reported,
)
from gt_secure import magics
from gt_secure.account.state import State
from gt_secure.base.errors import GtSecureError
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.findings import listings
from gt_secure.findings.listings import Findings
from gt_secure.findings.model import Acceptance, catalog
from gt_secure_prowler.plugin import outcomes
from support import states
from support.guards import merge_guard

__all__ = ["gt"]  # the fixture
FLOORS = {True: 20, False: 150, None: 60}
"""Minimum number of outcomes of each kind, over all severities."""
SEED = 31
"""Two accounts of it have each outcome."""
DAY = dt.date(2999, 1, 1)


def policies(rng: random.Random) -> Any:
    guard = {
        "whole": build_guard(NAME, networks=["203.0.113.0/24"]),
        "part": build_guard(NAME, prefix="scans/", networks=["203.0.113.0/24"]),
        "wide": build_guard(NAME, networks=["0.0.0.0/1", "128.0.0.0/1"]),
    }
    kind = rng.choice(("whole", "whole", "part", "wide", "none", "unread"))
    if kind == "unread":
        return states.unread("s3:GetBucketPolicy")
    text = None if kind == "none" else merge_guard(None, guard[kind])
    return states.part(
        text.replace("203.0.113.0", "198.51.100.0") if text and rng.random() < 0.1 else text
    )


def drawn(rng: random.Random) -> Findings:
    """Return the findings of an account."""
    assert GOOD.bucket is not None
    parts: dict[str, Any] = {"policy": policies(rng)}
    if rng.random() < 0.2:
        parts["cors"] = rng.choice((states.unread("s3:GetBucketCORS"), states.part(())))
    if rng.random() < 0.2:
        parts["public_access_block"] = states.part({})
    if rng.random() < 0.2:
        parts["leaks"] = lambda: " The log shows 2 leaked URLs."
    teams = (GOOD.team, GOOD.team, Part.of(None), Part.of(states.workteam("radiology")))
    seen: State = replace(GOOD, bucket=replace(GOOD.bucket, **parts), team=rng.choice(teams))
    if rng.random() < 0.1:
        seen = replace(seen, workforce=states.unread("sagemaker:DescribeWorkforce"))
    if rng.random() < 0.5:
        seen = replace(seen, wanted=None)
    found = found_in(seen)
    codes = {each.code for each in found if rng.random() < 0.2 and each.code != "not-checked"}
    kept = [
        replace(each, accepted=Acceptance(each.code, "known", DAY)) if each.code in codes else each
        for each in found
    ]
    return Findings(kept, found.checked, found.evidence, found.access)


def by_magic(_: Any, severity: str) -> bool | None:
    try:
        magics.run_line(f"findings s3://{NAME} --fail-on {severity}")
    except GtSecureError as error:
        return {"2": False, "3": None}[error.message.partition("exit code ")[2][:1]]
    return True


def by_prowler(findings: Findings) -> Iterator[tuple[str, str]]:
    """Yield what Prowler reports of each code that nobody accepts: it has its own list for that."""
    kept = {each.code for each in findings if each.accepted is not None}
    for row in reported(findings).rows:
        for code in catalog():
            if code not in kept | {"not-checked"}:
                yield from ((code, status) for status, _, _ in outcomes(row, code))


MORE: dict[str, Callable[[Any, str], bool | None]] = {**DOORS, "magic": by_magic}


def faults(gt: Any, findings: Findings) -> Iterator[str]:
    """Yield the doors that say something else than the findings."""
    gt.result = findings
    for severity in THRESHOLDS:
        wanted = findings.passes(cast(Any, severity))
        said = {door: ask(gt, severity) for door, ask in MORE.items()}
        yield from (
            f"{door} says {word} of {severity}" for door, word in said.items() if word != wanted
        )
    for severity in ("high", "medium"):
        if (of_code_scanning(findings, severity) is False) != (findings.passes(severity) is False):
            yield f"code scanning of {severity}"
    statuses = dict(by_prowler(findings))
    failing = {each.code for each in findings.worse_than("info")}
    if {code for code, status in statuses.items() if status == "FAIL"} != failing:
        yield "Prowler fails others"
    if findings.passes("unknown") is True and "MANUAL" in statuses.values():
        yield "Prowler does not know"


def asked(gt: Any, seed: int, number: int) -> tuple[Counter[bool | None], list[str]]:
    rng, met, wrong = random.Random(seed), Counter[bool | None](), []
    for _ in range(number):
        findings = drawn(rng)
        met.update(findings.passes(cast(Any, severity)) for severity in THRESHOLDS)
        wrong += faults(gt, findings)
    return met, wrong


def hold(gt: Any, seed: int, number: int) -> None:
    met, wrong = asked(gt, seed, number)
    print(dict(met))
    assert Counter(wrong) == Counter()
    least = {word: max(1, floor * number // 200) for word, floor in FLOORS.items()}
    assert {word for word, floor in least.items() if met[word] < floor} == set()


def test_every_door_says_the_same(gt: Any, capsys: pytest.CaptureFixture[str]) -> None:
    hold(gt, SEED, 2)


@pytest.mark.check
def test_every_door_says_the_same_of_200_accounts(
    gt: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(gt, 20261201, 200)


def test_a_door_with_a_rule_of_its_own_is_seen(
    gt: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require = listings.FindingsReport.require
    monkeypatch.setattr(
        listings.FindingsReport,
        "require",
        lambda self, severity="high": self if severity == "high" else require(self, severity),
    )
    assert asked(gt, SEED, 2)[1]
