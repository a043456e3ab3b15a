"""Outcomes of rules: clean only where the subject and the needs of a rule were read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gt_secure.account.state import State, action_of
from gt_secure.base.evidence import Evidence
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.findings import examine, to_sarif
from gt_secure.findings.listings import Findings
from gt_secure.findings.run import RULES
from gt_secure.restriction.model import Restriction
from support import states
from support.guards import merge_guard

NAMED = sorted({name for each in RULES for name in each.needs})
WISH = Restriction("radiology-team", bucket="gt-images", addresses=["203.0.113.0/24"])


def outcomes(state: State) -> dict[str, str]:
    return {each.code: each.outcome for each in examine(state).checked}


@pytest.fixture
def whole() -> State:
    """An account in which every rule has its needs, and most have a subject."""
    guard = build_guard("gt-images", networks=["203.0.113.0/24"])
    return states.state(
        team=states.workteam("radiology-team", source_ip=True),
        workforce=states.workforce("private-crowd", ("203.0.113.0/24",)),
        bucket=states.data_bucket(policy=merge_guard(None, guard)),
        endpoints=(),
        templates=(
            states.template("job-1", "<img src='{{ task.input.src | grant_read_access }}'>"),
        ),
        wanted=WISH,
    )


@pytest.mark.parametrize("name", NAMED)
def test_a_part_that_was_not_read_is_named_and_changes_no_outcome_but_to_unknown(
    whole: State, name: str
) -> None:
    missing = states.unread(action_of(name), name)
    head, _, rest = name.partition(".")
    assert whole.bucket is not None
    if head == "bucket":
        state = replace(whole, bucket=replace(whole.bucket, **{rest: missing}))
    else:
        state = replace(whole, **{head: missing})
    before, after = outcomes(whole), outcomes(state)
    for each in RULES:
        assert after[each.code] in (before[each.code], "unknown"), each.code
    assert any(action_of(name) in text for text in examine(state).evidence.not_read)


def test_without_a_subject_nothing_is_clean(whole: State) -> None:
    for code, outcome in outcomes(replace(whole, bucket=None)).items():
        rule = next(each for each in RULES if each.code == code)
        assert (outcome == "not applicable") is (
            any(name.startswith("bucket.") for name in rule.needs) or before_is_open(whole, code)
        )
    nobody = replace(whole, team=Part.of(None), workforce=Part.of(None))
    assert {
        outcomes(nobody)[each.code] for each in RULES if each.subject in ("team", "workforce")
    } == {"not applicable"}


@pytest.mark.parametrize("vpc", [None, "vpc-0a1b2c3d"])
@pytest.mark.parametrize("kind", ["private", "vendor", "public"])
def test_a_lock_that_is_off_is_never_clean(kind: str, vpc: str | None) -> None:
    """The rule of a lock that the team or the portal cannot have is not applicable."""
    force = states.workforce("w", vpc_id=vpc)
    team = states.workteam("team", kind)
    words = outcomes(states.state(team=team, workforce=force))
    assert words["url-lock-off"] == ("found" if kind == "private" else "not applicable")
    assert words["portal-lock-absent"] == ("not applicable" if vpc else "found")
    assert words["portal-lock-private"] == ("not applicable" if vpc else "clean")


def before_is_open(state: State, code: str) -> bool:
    return outcomes(state)[code] == "not applicable"


def test_an_open_bucket_is_a_finding_without_a_restriction(whole: State) -> None:
    assert whole.bucket is not None
    naked = replace(whole, wanted=None, bucket=replace(whole.bucket, policy=Part.of(None)))
    alone = replace(naked, team=Part.of(None))
    severity = {each.code: each.severity for state in (naked,) for each in examine(state).findings}
    assert severity["presigned-from-anywhere"] == "high"
    assert {each.code: each.severity for each in examine(alone).findings}[
        "presigned-from-anywhere"
    ] == "high"
    assert outcomes(whole)["presigned-from-anywhere"] == "clean"


def test_sarif_tells_what_was_not_decided_from_what_had_no_subject(whole: State) -> None:
    assert whole.bucket is not None
    blind = replace(whole, bucket=replace(whole.bucket, cors=states.unread("s3:GetBucketCORS")))
    found = examine(blind)
    log = to_sarif(found.findings, checked=found.checked)
    kinds = {each["ruleId"]: each["kind"] for each in log["runs"][0]["results"]}
    assert kinds["cors-missing"] == "open"
    assert kinds["urls-live-long"] == "open", "no log was asked for"
    assert "portal-lock-absent" not in kinds


def test_what_the_caller_left_out_is_not_asked_and_no_subject_is_missing(whole: State) -> None:
    """A pass says that no log was read; it does not say that the rule has no subject."""
    assert whole.bucket is not None
    checked = {each.code: each for each in examine(whole).checked}
    asked_for = {code: each.reason for code, each in checked.items() if each.outcome == "not asked"}
    assert asked_for == {
        "urls-live-long": "the access log was not read",
        "version-2-urls": "the access log was not read",
        "many-signers": "users and roles were not asked for",
    }
    idle = [each for each in checked.values() if each.outcome == "not applicable"]
    assert not [each for each in idle if "not read" in each.reason or "asked" in each.reason]
    read = replace(whole, bucket=replace(whole.bucket, url_ages=(), log=Part.of(3)))
    assert outcomes(read)["urls-live-long"] == "not applicable"
    text = Findings((), examine(whole).checked).looked
    assert "3 not asked (" in text
    assert "the access log was not read" not in text.partition("not applicable")[2]


def test_evidence_says_of_whom_what_was_read_until_when_and_what_was_not() -> None:
    when = datetime(2026, 11, 24, tzinfo=UTC)
    shown = Evidence(
        "radiology-team", ("the workteam",), {"rule": 3}, when, ("the endpoints",)
    ).to_dict()
    assert shown == {
        "subject": "radiology-team",
        "read": ["the workteam"],
        "counts": {"rule": 3},
        "since": None,
        "until": "2026-11-24T00:00:00+00:00",
        "not_read": ["the endpoints"],
        "doubt": "",
        "not_looked_for": "",
    }
