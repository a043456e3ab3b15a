"""What changed between two reports: each change has one word, and what was not read is no change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import gt_secure
from gt_secure.base.errors import InvalidInput
from gt_secure.check.restrictions import UNVERIFIED, _as_approved
from gt_secure.cli.main import main
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.report import ReportRow
from gt_secure.report.changes import (
    COMPARED,
    OF_LOGS,
    ReportChange,
    differences,
    digest_of,
    load_report,
)
from support.guards import merge_guard
from test_every_document import finding, made_report, row

CLOSED = replace(
    row(), tone="good", access="Only 203.0.113.0/24.", unread=(), not_looked_at=(), findings=(),
    leaks=None,
)  # fmt: skip
TEAM = replace(CLOSED, kind="team", name="radiology-team", tone="unknown", access="", locks="on")


def data(*rows: ReportRow) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(replace(made_report(), rows=rows).to_dict()))
    return made


def words(before: Any, after: Any) -> list[tuple[str, str]]:
    return [(each.what, each.subject.rpartition("/")[2]) for each in differences(before, after)]


OPENED = replace(CLOSED, tone="open", access="Anyone with a URL can open gt-images.")
PARTLY = replace(CLOSED, tone="part", access="Some objects.")
BLIND = replace(CLOSED, tone="unknown", access="unknown", unread=("policy: denied",))
REGION = ReportRow(CLOSED.account, CLOSED.region, unread=("buckets: denied",))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([CLOSED], [CLOSED], []),
        ([CLOSED], [OPENED], ["opened"]),
        ([PARTLY], [OPENED], ["opened"]),
        ([OPENED], [PARTLY], ["closed"]),
        ([OPENED], [CLOSED], ["closed"]),
        ([CLOSED], [BLIND], ["unknown now", "not read"]),
        ([BLIND], [OPENED], ["known again", "read again"]),
        ([], [CLOSED], ["new"]),
        ([CLOSED], [], ["gone"]),
        ([CLOSED], [REGION], ["not read"]),
        ([REGION], [CLOSED], ["read again"]),
        (
            [CLOSED],
            [replace(CLOSED, allowed=("203.0.113.0/24", "198.51.100.0/24"))],
            ["list grew"],
        ),
        ([replace(CLOSED, allowed=("203.0.113.0/24", "198.51.100.0/24"))], [CLOSED], []),
        ([TEAM], [replace(TEAM, locks="off")], ["changed"]),
    ],
)
def test_each_change_has_its_word(
    before: list[ReportRow], after: list[ReportRow], told: list[str]
) -> None:
    old, new = data(*before), data(*after)
    for each in (old, new):
        each["findings"] = []
    assert [each.what for each in differences(old, new)] == told


def test_findings_come_and_go_and_what_was_not_decided_is_neither() -> None:
    found = replace(finding(), accepted=None, state="found")
    old, new = data(CLOSED), data(replace(CLOSED, findings=(found,)))
    old["findings"] = []
    name = f"{found.code}: {new['findings'][0]['subject']}"
    assert differences(old, new) == (ReportChange("new finding", name, "not found", "found"),)
    assert differences(new, old) == (ReportChange("finding gone", name, "found", "not found"),)
    for word in ("unknown", "not asked"):
        undecided = data(replace(CLOSED, checked={found.code: word}))
        undecided["findings"] = []
        assert differences(new, undecided) == (), "nobody looked, so nothing is gone"
    old["findings"] = None
    assert differences(old, new) == ()


def test_a_role_that_can_turn_the_guard_off_is_a_list_that_grew() -> None:
    old, new = (
        data(replace(CLOSED, policy_writers=("root user", *more)))
        for more in ((), ("role/deploy", "unknown: role/x"))
    )
    [change] = differences(old, new)
    assert (change.what, change.before, change.after) == ("list grew", "root user", "+ role/deploy")


WHOLE: dict[str, Any] = {
    "at": "2026-12-01T00:00:00Z",
    "rows": [],
    "findings": None,
    "unread": [],
}
PLACE: dict[str, Any] = dict.fromkeys(COMPARED, "") | {"kind": "bucket", "unread": []}
PLACE |= {"allowed": [], "policy_writers": [], "checked": {}}


@pytest.mark.parametrize(
    "text",
    [
        "[]", "{}", '{"rows": []}', "nonsense", "", *(json.dumps({**WHOLE, name: value}) for name, value in (
            ("at", 3), ("rows", [3]), ("rows", [{"name": "b"}]), ("rows", {}), ("findings", [3]), ("findings", 3),
            ("findings", [{"code": "x"}]), ("unread", None), ("unread", [3]),
        )),
    ],
)  # fmt: skip
def test_another_file_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InvalidInput) as caught:
        load_report(tmp_path / "r.json")
    assert caught.value.next_step


def test_a_report_without_findings_is_one(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps({**WHOLE, "rows": [PLACE]}))
    before = load_report(tmp_path / "r.json")
    assert differences(before, before) == ()


def approved(path: Path, *rows: ReportRow, **more: Any) -> str:
    """Write a report of one region, and return its digest."""
    made = replace(made_report(), rows=rows, places=1, nothing="", **more)
    path.write_text(json.dumps(made.to_dict()))
    return made.digest


def account(*rows: ReportRow) -> Any:
    made = replace(made_report(), rows=rows, places=1, nothing="")
    aws = SimpleNamespace(account_id=made.account, region=made.region, is_local=True)
    return SimpleNamespace(aws=aws, report=lambda **_: made)


@pytest.mark.parametrize(
    ("now", "passed", "words"),
    [
        ([CLOSED], True, "Everything is as in the approved report sha256:"),
        (
            [OPENED],
            False,
            "It has drifted: bucket 111122223333/us-east-1/gt-images: opened, Only 203.0.113.0/24."
            " → Anyone with a URL can open gt-images.",
        ),
        ([CLOSED, TEAM], False, "It has drifted: team 111122223333/us-east-1/radiology-team: new,"),
        ([], False, "It has drifted: bucket 111122223333/us-east-1/gt-images: gone,"),
        ([BLIND], None, "Not everything was read: bucket 111122223333/us-east-1/gt-images: unkn"),
        ([replace(CLOSED, leaked=7, log="s3://x/")], True, "Everything is as in"),
    ],
)
def test_drift_since_an_approval_names_what_differs(
    now: list[ReportRow], passed: bool | None, words: str, tmp_path: Path
) -> None:
    # the log was read for the approved report
    read = replace(CLOSED, unread=("log of gt-images: No hit was found.",))
    digest = approved(tmp_path / "a.json", read)
    found = _as_approved(account(*now), tmp_path / "a.json", digest)
    assert (found.passed, found.message[: len(words)]) == (passed, words)
    assert found.details["approved"] == digest
    assert "not verified" not in found.message
    unsure = _as_approved(account(*now), tmp_path / "a.json", "")
    assert unsure.passed == passed
    assert unsure.message == f"{found.message} {UNVERIFIED}"
    assert unsure.message.count(digest) == (1 if passed else 0), "the digest is printed whole"


def test_another_report_than_the_approved_one_is_an_error(tmp_path: Path) -> None:
    digest, file = approved(tmp_path / "a.json", CLOSED), tmp_path / "a.json"
    for wrong, given in (
        ("0" * 64, {}),
        ("", {"account": "222233334444"}),
        ("", {"region": "eu-west-1"}),
    ):
        approved(file, CLOSED, **given)
        with pytest.raises(InvalidInput, match=r"a\.json is no"):
            _as_approved(account(CLOSED), file, wrong)
    edited = json.loads(file.read_text())
    edited["rows"][0]["tone"] = "open"
    file.write_text(json.dumps(edited | {"digest": digest, "region": "us-east-1"}))
    with pytest.raises(InvalidInput, match="is not the approved report"):
        _as_approved(account(CLOSED), file, digest)


def test_a_weekly_job_sees_what_changed(
    sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The bucket is closed by a guard, and its list grows in a policy that somebody wrote."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GT_SECURE_REPORTS", str(tmp_path / "reports"))
    monkeypatch.chdir(tmp_path)
    weekly = ["report", "--buckets", "gt-images", "--since", "last", "-o", "week.md"]
    assert main(weekly) == 0
    first = Path("week.md").read_text()
    assert (
        "This is the first report with these options, so it has nothing to compare with." in first
    )
    assert "### Changes since" not in first
    assert main(["report", "--buckets", "gt-images", "-o", "first.json"]) == 0
    s3 = gt_secure.connect(sandbox=sandbox).aws.client("s3")
    guard = build_guard("gt-images", networks=["203.0.113.0/24"])
    try:
        s3.put_bucket_policy(Bucket="gt-images", Policy=merge_guard(None, guard))
        assert main(["check", "nothing-drifted", "--approved", "first.json"]) == 2
        assert "It has drifted: bucket" in capsys.readouterr().out
        assert main(weekly) == 0
        text = Path("week.md").read_text()
        assert "| closed |" in text
        assert "| finding gone |" in text
        guard = build_guard("gt-images", networks=["203.0.113.0/24", "198.51.100.0/24"])
        s3.put_bucket_policy(Bucket="gt-images", Policy=merge_guard(None, guard))
        assert main(weekly) == 0
        text = Path("week.md").read_text()
        assert "| list grew |" in text
        assert "198.51.100.0/24" in text
        assert main([*weekly[:4], "first.json", "--json"]) == 0
        changes = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))["changes"]
        assert "closed" in {each["what"] for each in changes}
        assert main([*weekly[:4], "first.json", "--no-logs", "-o", "x.md"]) == 0
        assert "| closed |" in Path("x.md").read_text()
        assert main([*weekly[:4], "7d", "--no-logs"]) == 64
    finally:
        s3.delete_bucket_policy(Bucket="gt-images")
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "reports").iterdir()}
    assert modes == {0}


def test_an_unchanged_account_has_one_digest_whatever_of_the_log_was_read(
    sandbox: Any, tmp_path: Path
) -> None:
    """Requests come, are read or not, and age; the digest is of the account."""
    gt = gt_secure.connect(sandbox=sandbox)
    digests = {gt.report(buckets=choice, since=None).digest for choice in ("all", "all")}
    for since in ("7d", "1m", None):
        digests.add(gt.report(buckets="all", since=since).digest)
    url = gt.sign("gt-images", "scans/0001.png")
    for source in ("203.0.113.7", "198.51.100.9"):
        gt.probe(url, source)
    gt.hits("gt-images", filters={"presigned": True}, wait_for=2).close()
    seen = gt.report(buckets="all")
    assert [leak.kind for leak in seen.leaks] == ["leak"]
    assert any("leaked URL" in each.detail for each in seen.findings)
    assert {*digests, seen.digest} == {seen.digest}
    s3 = gt.aws.client("s3")
    guard = build_guard("gt-images", networks=["203.0.113.0/24"])
    s3.put_bucket_policy(Bucket="gt-images", Policy=merge_guard(None, guard))
    try:
        assert gt.report(buckets="all").digest != seen.digest
    finally:
        s3.delete_bucket_policy(Bucket="gt-images")


@pytest.mark.parametrize(
    "more",
    [
        {"tone": "open"},
        {"access": "Only 192.0.2.0/24."},
        {"locks": "no guard"},
        {"allowed": ("192.0.2.0/24",)},
        {"uses": ("other-team",)},
        {"policy_writers": ("root user", "role/x")},
        {"unread": ("policy: denied",)},
        {"findings": (finding(),)},
        {"name": "gt-other"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_the_digest_is_of_each_member_that_a_comparison_reads(more: dict[str, Any]) -> None:
    one, other = (
        replace(made_report(), rows=(each,)) for each in (CLOSED, replace(CLOSED, **more))
    )
    assert one.digest != other.digest


@pytest.mark.parametrize(
    "more",
    [
        {"detail": "Account 999999999999 may read gt-images."},
        {"state": "unknown"},
        {"code": "acl-grant"},
        {"subject": "gt-other"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_the_digest_is_of_what_a_finding_says(more: dict[str, Any]) -> None:
    """A grant to another account than the approved one is another grant."""
    grant = replace(
        finding(), code="other-account-grant", detail="Account 111111111111.", state="found"
    )
    one, other = (
        replace(made_report(), rows=(replace(CLOSED, findings=(each,)),))
        for each in (grant, replace(grant, **more))
    )
    assert one.digest != other.digest


@pytest.mark.parametrize("code", sorted(OF_LOGS))
def test_a_finding_of_a_log_is_in_no_digest(code: str) -> None:
    one, other = (
        replace(made_report(), rows=(replace(CLOSED, findings=each),))
        for each in ((finding(),), (finding(), replace(finding(), code=code)))
    )
    assert one.digest == other.digest


def test_each_row_that_was_not_read_counts() -> None:
    """A sentence about two rows is one of the report."""
    unread = replace(CLOSED, unread=("the bucket policy: denied",))
    second = replace(CLOSED, name="gt-other")
    one, other = (
        replace(made_report(), rows=(unread, replace(second, unread=each)))
        for each in ((), unread.unread)
    )
    assert one.unread == other.unread
    assert one.digest != other.digest


@pytest.mark.parametrize(
    "more",
    [
        {"findings": [], "again": None},
        {"unread": ["CORS: denied. Not known: urls-live-long, other."], "again": ["CORS: denied. Not known: other."]},
        {"unread": ["log of b: denied"], "again": []},
        {"unread": ["111122223333 eu-west-1: log of b: denied"], "again": []},
    ],
    ids=["rules of a log", "rules that are not known", "a log", "a log of a region"],
)  # fmt: skip
def test_what_a_log_alone_brings_is_in_no_digest(more: dict[str, Any]) -> None:
    [(member, value), (_, again)] = more.items()
    known = data(CLOSED)
    assert digest_of(known | {member: value}) == digest_of(known | {member: again})


def test_a_word_within_a_line_is_no_log() -> None:
    known = data(CLOSED)
    assert digest_of(known) != digest_of(known | {"unread": ["catalog of b: denied"]})


@pytest.mark.parametrize("code", ["presigned-from-anywhere", "team-locked-out"])
def test_numbers_of_requests_are_in_no_digest(code: str) -> None:
    one, other = (
        data(replace(CLOSED, findings=(replace(finding(), code=code, detail=each),)))
        for each in ("1 of 4 addresses.", "1 of 5 addresses.")
    )
    assert digest_of(one) == digest_of(other)
    assert differences(one, other) == ()


@pytest.mark.parametrize(("state", "what"), [("found", "changed"), ("unknown", "unknown now")])
def test_a_finding_that_says_something_else_has_changed(state: Any, what: str) -> None:
    """One of two accounts with an approved grant is another one."""
    grant = replace(finding(), code="other-account-grant", state="found")
    kept, was, now = (
        replace(grant, detail=f"Account {each * 12}.", state=word)
        for each, word in (("5", "found"), ("1", "found"), ("2", state))
    )
    before = data(replace(CLOSED, findings=(kept, was)))
    [change] = differences(before, data(replace(CLOSED, findings=(kept, now))))
    assert change.what == what
    assert "111111111111" in change.before
    assert "222222222222" in change.after
