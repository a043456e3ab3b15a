"""A report shows no 0, none or empty list for what was not read, whatever is skipped,
on each surface.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.account.bucket_access import BucketAccess
from gt_secure.base.errors import AccessDenied
from gt_secure.cli.main import main
from gt_secure.engine.access.identities import Principals
from gt_secure.engine.access.part import Part
from gt_secure.findings.listings import Findings, Workteams
from gt_secure.findings.model import Checked, Finding, catalog
from gt_secure.logs.coverage import NOTHING
from gt_secure.logs.leaks import Leaks
from gt_secure.report import (
    AccountReport,
    ReportRow,
    buckets as data_buckets,
    region as regions,
    report,
)
from gt_secure.report.buckets import UnreadNotes
from gt_secure.report.pages import FORMATS
from gt_secure.report.region import _outcome
from gt_secure.report.result import CONTROLS
from support import states
from support.states import unread

CLEAN = [Checked(code, "clean") for code in catalog() if code != "not-checked"]


def denied(action: str) -> Callable[..., Any]:
    def call(*_: object, **__: object) -> None:
        raise AccessDenied("No.", action=action)

    return call


def hits(doubts: list[str], left_out: int = 0) -> Any:
    coverage = SimpleNamespace(doubts=doubts)
    return SimpleNamespace(
        coverage=coverage, leaks=lambda: Leaks([], 3, [], 0, doubts, left_out=left_out)
    )


def looked(*findings: Finding, checked: list[Checked] | None = None) -> Findings:
    """Return what the rules found about a bucket that is guarded."""
    made = Findings(findings, CLEAN if checked is None else checked)
    made.state = states.state(bucket=states.data_bucket(**states.logs()))
    made.access = BucketAccess("good", "Only 203.0.113.0/24 can open it.", "203.0.113.0/24")
    return made


class Region:
    """A region in which everything was read and nothing is wrong, until a reading is taken away."""

    others = True

    def __init__(self, monkeypatch: pytest.MonkeyPatch, buckets: list[str]) -> None:
        self.aws: Any = SimpleNamespace(
            account_id="111122223333", region="us-east-1", caller_arn="arn", is_local=True,
            remembering=lambda: self.aws, endpoint_url="", partition="aws",
        )  # fmt: skip
        self.journal: Any = SimpleNamespace(snapshot=lambda: None)
        self.accepted = ()
        self.patch, self.names, self.logs, self.jobs_lines = monkeypatch, buckets, True, list[str]()
        self.workteams: Any = lambda: Workteams([states.TEAM])
        self.workforce: Any = lambda: states.FORCE
        self.findings: Any = lambda **_: looked()
        self.bucket = dict.fromkeys(buckets, states.data_bucket(**states.logs()))
        self.hits_of = dict.fromkeys(buckets, lambda: hits([]))
        monkeypatch.setattr(
            regions, "own_buckets", lambda _, notes: notes.attempt("buckets", self.own, None)
        )
        monkeypatch.setattr(
            regions, "TeamBuckets", lambda *_: SimpleNamespace(of=self.of, waiting={})
        )
        monkeypatch.setattr(data_buckets, "_guarded", lambda *_: [])
        monkeypatch.setattr(regions, "replace", lambda gt, **_: gt)
        monkeypatch.setattr(regions.account, "read_bucket", lambda _, name, *__: self.bucket[name])
        monkeypatch.setattr(regions._RegionReader, "_on_some_bucket", lambda *_: [])
        monkeypatch.setattr(regions, "read_principals", lambda _: self.people)
        self.own: Any = lambda: self.names
        self.people: Any = Part.of(Principals(()))

    def of(self, team: Any, notes: UnreadNotes) -> list[str]:
        notes.lines += self.jobs_lines
        return self.names if self.own.__name__ != "call" else []

    def hits(self, name: str, *, since: Any) -> Any:
        return self.hits_of[name]()

    def report(self) -> AccountReport:
        return report(self, since="7d" if self.logs else None)  # type: ignore[arg-type]

    def set(self, **more: Any) -> None:
        vars(self).update(more)

    def logging(self, part: Any) -> None:
        self.bucket = {name: states.data_bucket(logging=part) for name in self.names}

    def log(self, make: Callable[[], Any]) -> None:
        self.hits_of = dict.fromkeys(self.names, make)


SKIPPED: dict[str, tuple[Callable[[Region], object], tuple[str, ...]]] = {
    "--no-logs": (lambda region: region.set(logs=False), ("Leaked URLs",)),
    "logging is off": (lambda region: region.logging(None), ("Leaked URLs",)),
    "logging denied": (
        lambda region: region.logging(unread("s3:GetBucketLogging")),
        ("Leaked URLs",),
    ),
    "log denied": (lambda region: region.log(denied("s3:GetObject")), ("Leaked URLs",)),
    "log object denied": (
        lambda region: region.log(lambda: hits(["One object was denied."])),
        ("Leaked URLs",),
    ),
    "log without a request": (
        lambda region: region.log(lambda: hits(["No hit was found."])),
        ("Leaked URLs",),
    ),
    "URLs not compared": (
        lambda region: region.log(lambda: hits([], left_out=7)),
        ("Leaked URLs",),
    ),
    "workteams denied": (
        lambda region: region.set(workteams=denied("sagemaker:ListWorkteams")),
        ("Teams", "Findings", CONTROLS),
    ),
    "workforce denied": (
        lambda region: region.set(workforce=denied("sagemaker:ListWorkforces")),
        ("Portals", "Findings", CONTROLS),
    ),
    "buckets denied": (
        lambda region: region.set(own=denied("s3:ListAllMyBuckets")),
        ("Buckets", "Leaked URLs", "Findings", CONTROLS),
    ),
    "findings denied": (
        lambda region: region.set(findings=denied("s3:GetBucketPolicy")),
        ("Findings", CONTROLS),
    ),
    "no rule decided": (
        lambda region: region.set(findings=lambda **_: looked(checked=[])),
        ("Findings", CONTROLS),
    ),
    "a rule is unknown": (
        lambda region: region.set(
            findings=lambda **_: looked(checked=[*CLEAN[1:], Checked("cors-missing", "unknown")])
        ),
        ("Findings", CONTROLS),
    ),
    "users and roles denied": (
        lambda region: region.set(people=unread("iam:GetAccountAuthorizationDetails")),
        (),
    ),
    "jobs denied": (lambda region: region.set(jobs_lines=["jobs of radiology-team: No."]), ()),
}
"""Options and denials that skip a reading, and the sections that are unknown then."""
MEMBERS = {
    "Teams": "teams",
    "Buckets": "buckets",
    "Findings": "findings",
    "Leaked URLs": "leaks",
    CONTROLS: "controls",
}
OF_LOGS = [name for name, (_, titles) in SKIPPED.items() if titles == ("Leaked URLs",)]
LEFT_OUT = ("--no-logs", "logging is off")
"""What is no reading that failed: it is said of the bucket, and nothing of it is not read."""
WAYS = [
    *((each,) for each in SKIPPED),
    *(
        pair
        for pair in itertools.combinations(SKIPPED, 2)
        if "--no-logs" in pair
        or SKIPPED[pair[0]][1] != SKIPPED[pair[1]][1]
        or not SKIPPED[pair[0]][1]
    ),
]


def silent(names: tuple[str, ...]) -> bool:
    """Return whether nothing of these was a reading that failed."""
    logs = OF_LOGS if LEFT_OUT[0] in names else ()
    return {*names} <= {*LEFT_OUT, "a rule is unknown", "users and roles denied", *logs}


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch) -> Region:
    made = Region(monkeypatch, ["gt-images"])
    monkeypatch.setattr("gt_secure.cli.report.connection", lambda *_, **__: made)
    return made


def section(text: str, title: str) -> str:
    """Return what a section of a text says."""
    return text.partition(f"\n\n{title}\n")[2].partition("\n\n")[0].strip()


def plain(html: str) -> str:
    return re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL))


def test_where_everything_was_read_the_numbers_are_numbers(region: Region) -> None:
    made = region.report()
    assert made.headline == (
        "1 bucket, 0 open to anyone. Findings: 0 high, 0 medium, 0 low, 0 info. Leaked URLs: 0. Not"
        " read: 0."
    )
    assert section(str(made), "Leaked URLs") == section(str(made), "Findings") == "none"
    data = made.to_dict()
    assert (data["leaks"], data["findings"], data["controls"]) == ([], [], [])
    assert (data["buckets"], data["teams"], data["rows"][-1]["leaked"]) == (1, 1, 0)
    assert made.passes("unknown") is True


@pytest.mark.parametrize("names", WAYS, ids=" + ".join)
def test_what_was_not_read_is_unknown_on_each_surface(
    region: Region, names: tuple[str, ...]
) -> None:
    for name in names:
        SKIPPED[name][0](region)
    made = region.report()
    text, shown = str(made), plain(made._repr_html_())
    pages = [FORMATS[".md"](made), plain(FORMATS[".html"](made)), FORMATS[".csv"](made)]
    sarif = FORMATS[".sarif"](made)
    [run] = json.loads(sarif)["runs"]
    assert run["invocations"][0]["executionSuccessful"] == silent(names)
    assert not re.search(r"Leaked URLs: 0|0 high|none", sarif)
    data = json.loads(json.dumps(made.to_dict()))
    titles = [title for name in names for title in SKIPPED[name][1]]
    for each in (text, shown, *pages[:2]):
        assert ("Not read: 0" in each) == silent(names)
    assert bool(data["unread"]) != silent(names)
    for title in titles:
        said = section(text, title)
        if said.count("\n"):  # a table: a part of it was read in another way
            continue
        assert said not in ("", "none", "0"), title
        assert f"{title}: none" not in shown, title
        if title in MEMBERS:
            assert data[MEMBERS[title]] is None, title
    if "Leaked URLs" in titles:
        for each in (text, shown, *pages):
            assert "Leaked URLs: 0" not in each
        assert [row["leaked"] for row in data["rows"] if row["kind"] == "bucket"] in ([None], [])
    if {"findings denied", "no rule decided"} & {*names}:
        for each in (text, shown, *pages):
            assert "0 high" not in each
    if "--no-logs" in names and made.buckets:
        for each in (made.headline, section(text, "Buckets").replace("\n", " "), shown, *pages):
            assert "not looked for" in each
    if "jobs denied" in names and "workteams denied" not in names:
        assert re.search(r"radiology-team .* unknown", section(text, "Teams"))
    if "users and roles denied" in names and made.buckets and "findings denied" not in names:
        for each in (" ".join(text.split()), shown, *pages, json.dumps(data).replace('", "', ", ")):
            assert (
                "root user, unknown: others, because iam:GetAccountAuthorizationDetails was denied"
                in each
            )
    assert made.passes("unknown") is None


@pytest.mark.parametrize("skipped", LEFT_OUT)
def test_a_reading_that_was_left_out_fails_only_the_lowest_threshold(
    region: Region, skipped: str, capsys: Any
) -> None:
    """A job in CI asks for findings; it does not end with 3 for ever because it reads no logs."""
    SKIPPED[skipped][0](region)
    words = ["report", *(["--no-logs"] if skipped == "--no-logs" else [])]
    assert [main([*words, "--fail-on", each]) for each in ("high", "info", "unknown")] == [0, 0, 3]
    made = region.report()
    assert [made.passes(each) for each in ("high", "info", "unknown")] == [True, True, None]  # type: ignore[arg-type]
    made.require("high")
    assert "Not read: 0." in capsys.readouterr().out


def test_an_empty_log_was_read_and_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing failed to be read, and no leaked URL is counted as 0."""
    region = Region(monkeypatch, ["a", "b"])
    region.log(lambda: hits([NOTHING]))
    made = region.report()
    assert made.unread == ()
    assert made.passes("high")
    assert made.passes("unknown") is None
    assert (
        made.leaked_text
        == "not known, because the log has no request in the days that the report reads"
    )
    assert str(made).count("no request in the days") == 3, "in the headline and in each row"
    assert made.to_dict()["leaks"] is None
    region.hits_of["a"] = lambda: hits([])
    assert region.report().leaked_text == (
        "0 found, and the logs of 1 of 2 buckets were read in full"
    )


def test_where_some_logs_were_read_the_count_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    region = Region(monkeypatch, ["a", "b", "c", "d"])
    region.hits_of["d"] = denied("s3:GetObject")
    assert (
        region.report().leaked_text == "0 found, and the logs of 3 of 4 buckets were read in full"
    )
    assert section(str(region.report()), "Leaked URLs") == "unknown"
    assert region.report().to_dict()["leaks"] is None
    leak = SimpleNamespace(
        kind="leak",
        key="k",
        bucket="a",
        users=[SimpleNamespace(label="l")],
        others=[],
        to_dict=dict,
    )
    found = Leaks([leak], 3, [])  # type: ignore[list-item]
    region.hits_of["a"] = lambda: SimpleNamespace(
        coverage=SimpleNamespace(doubts=[]), leaks=lambda: found
    )
    made = region.report()
    assert (
        "Leaked URLs: 1 found, and the logs of 3 of 4 buckets were read in full." in made.headline
    )
    assert made.leaks
    assert len(made.to_dict()["leaks"]) == 1


def many(*rows: ReportRow, empty: int = 0) -> AccountReport:
    at = dt.datetime.now(dt.UTC)
    return AccountReport(at, "arn", "111122223333", "us-east-1", rows, 2, 2, empty)


HERE = ("111122223333", "us-east-1")
NOTES = UnreadNotes(AccessDenied, ["findings of open-team: No."])
ROWS = {
    "a region that was denied": ReportRow(*HERE, status="denied", unread=("No.",)),
    "findings of a team that were denied": ReportRow(
        *HERE, "team", "open-team", **_outcome([None], NOTES, (), "team")
    ),
    "findings of a bucket that were denied": ReportRow(
        *HERE, "bucket", "b", leaks_unread="not known", **_outcome([None], NOTES, (), "bucket")
    ),
    "rules that were not decided": ReportRow(
        *HERE, "team", "t", **_outcome([Findings()], UnreadNotes(AccessDenied), (), "team")
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_without_a_reading_has_no_number(name: str) -> None:
    made = many(ROWS[name])
    texts = [str(made), plain(made._repr_html_()), " ".join(made.to_text(80).split())]
    for text in texts:
        assert not re.search(r"\b0 high\b|Findings: none|Not read: 0", text), text
    [row] = made.to_dict()["rows"]
    assert {*row["counts"].values(), *made.to_dict()["counts"].values()} == {None}
    assert made.to_pandas()["findings"].to_list() == ["unknown"]
    assert made.passes("high") is None


def test_a_bucket_of_which_nothing_was_read_is_unknown_in_each_column(region: Region) -> None:
    """Who can open it, its locks, its log and its leaked URLs:
    the reason is in the list of what was not read.
    """
    region.patch.setattr(regions.account, "read_bucket", denied("s3:GetBucketLogging"))
    region.findings = denied("s3:GetBucketPolicy")
    made = region.report()
    [bucket] = made.buckets
    assert (bucket.tone, bucket.access, bucket.locks, bucket.log) == ("unknown",) * 4
    assert (bucket.leaked, bucket.findings_text) == (None, "unknown")
    assert made.leaked_text.startswith("not known")
    assert made.to_dict()["leaks"] is None
    assert len(made.unread) >= 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"checked": {"cors-missing": "unknown", "url-lock-off": "unknown", "kms": "clean"}},
            "2 unknown",
        ),
        ({"checked": {"cors-missing": "clean"}}, "none"),
        ({"checked": {"cors-missing": "not applicable"}}, "not applicable"),
        ({}, "unknown"),
    ],
)
def test_a_row_counts_what_is_unknown(values: dict[str, Any], said: str) -> None:
    assert ReportRow("111122223333", "us-east-1", "team", **values).findings_text == said


def test_the_lowest_threshold_names_each_rule_that_is_unknown() -> None:
    row = ReportRow(
        *HERE,
        "team",
        "radiology-team",
        checked={"cors-missing": "unknown", "url-lock-off": "clean"},
    )
    made = many(row)
    place = "111122223333/us-east-1 radiology-team"
    named = {f"{place}: cors-missing is unknown", f"{place}: no bucket is known"}
    assert named & set(made.doubts("unknown")) == named
    assert not named & set(made.doubts("high"))
