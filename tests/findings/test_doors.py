"""One verdict, many entry points: each gives the same outcome for the same findings
and the same severity.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.account import access_to
from gt_secure.account.state import State
from gt_secure.base.errors import GtSecureError, InvalidInput
from gt_secure.check import CheckFailed, account, no_findings, run_specs, running
from gt_secure.check.spec import Spec
from gt_secure.cli.main import main
from gt_secure.engine.access.part import Part
from gt_secure.findings import examine, to_sarif
from gt_secure.findings.listings import Findings
from gt_secure.findings.model import Acceptance, Finding, catalog
from gt_secure.findings.sarif import LEVELS
from gt_secure.report import AccountReport
from gt_secure.report.buckets import UnreadNotes
from gt_secure.report.region import _outcome
from gt_secure.report.rows import ReportRow
from support import states

from .test_findings import BUCKET, GOOD

THRESHOLDS = ("high", "medium", "low", "info", "unknown")
NAME = "gt-images"


def bucket(**more: Any) -> State:
    made = replace(BUCKET, **{name: states.part(value) for name, value in more.items()})
    return replace(GOOD, bucket=made)


def leaking(leaks: int) -> State:
    seen = replace(bucket(policy=None), team=Part.of(None), wanted=None)
    assert seen.bucket is not None
    return replace(
        seen, bucket=replace(seen.bucket, leaks=lambda: f" The log shows {leaks} leaked URLs.")
    )


def found_in(state: State) -> Findings:
    results = examine(state)
    access = None if state.bucket is None else access_to(state, "")
    return Findings(results.findings, results.checked, results.evidence, access)


def accepting(findings: Findings) -> Findings:
    entry = Acceptance("presigned-from-anywhere", "known", dt.date(2999, 1, 1))
    kept = [
        replace(each, accepted=entry) if each.code == entry.finding else each for each in findings
    ]
    return Findings(kept, findings.checked, findings.evidence, findings.access)


OPEN = replace(bucket(policy=None), team=Part.of(None), wanted=None)
ACCOUNTS: dict[str, Callable[[], Findings]] = {
    "guarded": lambda: found_in(GOOD),
    "open": lambda: found_in(OPEN),
    "open, used by a team": lambda: found_in(bucket(policy=None)),
    "open, with leaks": lambda: found_in(leaking(2)),
    "open, accepted": lambda: accepting(found_in(OPEN)),
    "a team without its lock": lambda: found_in(
        replace(GOOD, team=Part.of(states.workteam("radiology")))
    ),
    "no bucket policy read": lambda: found_in(bucket(policy=states.unread("s3:GetBucketPolicy"))),
    "no CORS rule read": lambda: found_in(bucket(cors=states.unread("s3:GetBucketCORS"))),
    "no team read": lambda: found_in(
        replace(GOOD, team=states.unread("sagemaker:DescribeWorkteam"))
    ),
    "no workforce read": lambda: found_in(
        replace(GOOD, workforce=states.unread("sagemaker:DescribeWorkforce"))
    ),
    "open, and no workforce read": lambda: found_in(
        replace(bucket(policy=None), workforce=states.unread("sagemaker:DescribeWorkforce"))
    ),
    "nothing": lambda: Findings(),
}


@pytest.fixture
def gt(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Stand in for a connection: its findings are those of ``gt.result``."""
    stub = SimpleNamespace(
        aws=SimpleNamespace(is_local=True, region="us-east-1"), result=Findings()
    )
    stub.findings = lambda **_: stub.result
    monkeypatch.setattr(account, "with_facts", lambda given, *_: given)
    monkeypatch.setattr(running, "connection_of", lambda given: given)
    for module in ("findings", "report"):
        monkeypatch.setattr(f"gt_secure.cli.{module}.connection", lambda *_, **__: stub)
    monkeypatch.setattr("gt_secure.cli.report.report", lambda gt, **_: reported(gt.result))
    return stub


def reported(findings: Findings) -> AccountReport:
    """Return the report of the bucket and of a team that uses it, whose log was read."""

    def row(kind: Any, name: str) -> ReportRow:
        found = _outcome([findings], UnreadNotes(InvalidInput), (), kind)
        more = {"leaked": 0, "tone": "good"} if kind == "bucket" else {"uses": (NAME,)}
        return ReportRow("111122223333", "us-east-1", kind, name, **found, **more)

    rows = (row("bucket", NAME), row("team", "radiology-team"), row("portal", "default"))
    return AccountReport(dt.datetime.now(dt.UTC), "anna", "111122223333", "us-east-1", rows)


def of_code(code: int) -> bool | None:
    return {0: True, 2: False, 3: None}[code]


def required(require: Callable[[str], object], severity: str) -> bool | None:
    try:
        require(severity)
    except CheckFailed as error:
        return error.result.passed
    return True


def of_code_scanning(findings: Findings, severity: str) -> bool | None:
    """Read a SARIF log as code scanning does: by the levels of results,
    and by whether the run was whole.
    """
    [run] = to_sarif(findings, checked=findings.checked)["runs"]
    rules = {each["id"]: each for each in run["tool"]["driver"]["rules"]}
    worst = THRESHOLDS[: THRESHOLDS.index(severity) + 1]
    for each in run["results"]:
        shown = each["kind"] == "fail" and not any(
            s["status"] == "accepted" for s in each.get("suppressions", ())
        )
        decided = (
            each.get("properties", {}).get("state") == "found" and each["ruleId"] != "not-checked"
        )
        if (
            shown
            and decided
            and each["level"] in {LEVELS[word] for word in worst if word in LEVELS}
        ):
            assert each["ruleId"] in rules
            return False
    return True if run["invocations"][0]["executionSuccessful"] and run["results"] else None


DOORS: dict[str, Callable[[Any, str], bool | None]] = {
    "Findings.passes": lambda gt, least: gt.result.passes(least),
    "Findings.require": lambda gt, least: required(gt.result.require, least),
    "findings --fail-on": lambda gt, least: of_code(
        main(["findings", f"s3://{NAME}", "--fail-on", least])
    ),
    "check": lambda gt, least: no_findings.look(gt, bucket=NAME, severity=least).passed,
    "a check file": lambda gt, least: (
        run_specs(gt, [Spec("no_findings", {"bucket": NAME, "severity": least})]).passed
    ),
    "AccountReport.require": lambda gt, least: required(reported(gt.result).require, least),
    "report --fail-on": lambda gt, least: of_code(main(["report", "--fail-on", least])),
    "report on many accounts": lambda gt, least: replace(
        reported(gt.result), places=2, places_read=2
    ).passes(least),
}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_every_door_gives_the_same_outcome(
    gt: Any, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gt.result = ACCOUNTS[name]()
    for severity in THRESHOLDS:
        outcomes = {door: ask(gt, severity) for door, ask in DOORS.items()}
        assert set(outcomes.values()) == {gt.result.passes(severity)}, (severity, outcomes)


def test_the_accounts_meet_every_outcome() -> None:
    met = Counter(
        (severity, ACCOUNTS[name]().passes(severity))  # type: ignore[arg-type]
        for name in ACCOUNTS
        for severity in THRESHOLDS
    )
    for severity in THRESHOLDS:
        assert met[severity, False] >= 2, severity
        assert met[severity, None] >= 3, severity
    assert met["high", True] >= 2


@pytest.mark.parametrize("name", [each for each in ACCOUNTS if each != "nothing"])
def test_a_sarif_log_fails_where_the_findings_do(name: str) -> None:
    findings = ACCOUNTS[name]()
    for severity in ("high", "medium"):
        passed = findings.passes(severity)
        read = of_code_scanning(findings, severity)
        assert (read is False) == (passed is False), severity
        assert passed is not None or read is not True


def test_an_open_bucket_fails_at_each_severity() -> None:
    """A pass would stand beside "Anyone with a URL can open gt-images."."""
    for name in ("open", "open, used by a team", "open, with leaks"):
        found = ACCOUNTS[name]()
        assert found.access is not None
        assert found.access.text.startswith("Anyone with a URL can open")
        assert [found.passes(severity) for severity in THRESHOLDS] == [False] * 5  # type: ignore[arg-type]


def test_the_lowest_threshold_has_every_severity_and_the_unknown() -> None:
    mild = Finding("cors-missing", "low", "t", "w", "f", "u", (), subject="x")
    assert Findings([mild]).passes("unknown") is False
    assert Findings([mild]).passes("medium") is None, "no rule was decided"
    blind = ACCOUNTS["no CORS rule read"]()
    assert [blind.passes(severity) for severity in THRESHOLDS] == [None] * 5  # type: ignore[arg-type]
    with pytest.raises(CheckFailed, match="s3:GetBucketCORS"):
        blind.require("unknown")


@pytest.mark.parametrize("word", ["critical", "HIGH", "", None, 3])
def test_another_word_names_the_choices(gt: Any, word: Any) -> None:
    found = ACCOUNTS["open"]()
    calls: list[Callable[[Any], object]] = [
        found.require,
        found.passes,
        reported(found).require,
        reported(found).rows[0].worse_than,
    ]
    for ask in (*calls, lambda least: no_findings.look(gt, bucket=NAME, severity=least)):
        with pytest.raises(InvalidInput, match="is not a severity") as caught:
            ask(word)
        assert "high, medium, low, info or unknown" in caught.value.next_step
        assert isinstance(caught.value, GtSecureError)


def test_a_severity_that_is_too_low_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalog()["presigned-from-anywhere"], "severity", "medium")
    with pytest.raises(AssertionError):
        test_an_open_bucket_fails_at_each_severity()
