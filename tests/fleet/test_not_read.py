"""An audit and a sweep show no 0, none or empty list for what was not read, whatever is skipped,
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

from gt_secure.base.errors import AccessDenied
from gt_secure.cli.main import main
from gt_secure.findings.listings import Findings, Workteams
from gt_secure.findings.model import Checked, catalog
from gt_secure.fleet import audit as audits, data_buckets
from gt_secure.fleet.audit import Audit, audit
from gt_secure.fleet.data_buckets import UnreadNotes
from gt_secure.fleet.sweeps.accounts import Account
from gt_secure.fleet.sweeps.region_reader import _outcome
from gt_secure.fleet.sweeps.sweep_rows import Sweep, SweepRow
from gt_secure.logs.leaks import Leaks
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


class Region:
    """A region in which everything was read and nothing is wrong, until a reading is taken away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, buckets: list[str]) -> None:
        self.aws: Any = SimpleNamespace(
            account_id="111122223333", region="us-east-1", caller_arn="arn", is_local=True
        )
        self.journal: Any = None
        self.patch, self.names, self.logs, self.jobs_lines = monkeypatch, buckets, True, list[str]()
        self.workteams: Any = lambda: Workteams([states.TEAM])
        self.workforce: Any = lambda: states.FORCE
        self.findings: Any = lambda **_: Findings((), CLEAN)
        self.bucket = dict.fromkeys(buckets, states.data_bucket(**states.logs()))
        self.hits_of = dict.fromkeys(buckets, lambda: hits([]))
        monkeypatch.setattr(
            audits, "own_buckets", lambda _, notes: notes.attempt("buckets", self.own, None)
        )
        monkeypatch.setattr(
            audits, "TeamBuckets", lambda *_: SimpleNamespace(of=self.of, waiting={})
        )
        monkeypatch.setattr(data_buckets, "_guarded", lambda *_: [])
        monkeypatch.setattr(audits.account, "read_bucket", lambda _, name, *__: self.bucket[name])
        self.own: Any = lambda: self.names

    def of(self, team: Any, notes: UnreadNotes) -> list[str]:
        notes.lines += self.jobs_lines
        return self.names if self.own.__name__ != "call" else []

    def hits(self, name: str, *, since: Any) -> Any:
        return self.hits_of[name]()

    def audit(self) -> Audit:
        return audit(self, logs=self.logs)  # type: ignore[arg-type]

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
        ("Teams",),
    ),
    "workforce denied": (
        lambda region: region.set(workforce=denied("sagemaker:ListWorkforces")),
        ("Portal",),
    ),
    "buckets denied": (
        lambda region: region.set(own=denied("s3:ListAllMyBuckets")),
        ("Buckets", "Leaked URLs"),
    ),
    "findings denied": (
        lambda region: region.set(findings=denied("s3:GetBucketPolicy")),
        ("Findings", audits.CONTROLS),
    ),
    "no rule decided": (
        lambda region: region.set(findings=lambda **_: Findings()),
        ("Findings", audits.CONTROLS),
    ),
    "a rule is unknown": (
        lambda region: region.set(
            findings=lambda **_: Findings((), [*CLEAN[1:], Checked("cors-missing", "unknown")])
        ),
        ("Findings", audits.CONTROLS),
    ),
    "jobs denied": (lambda region: region.set(jobs_lines=["jobs of radiology-team: No."]), ()),
}
"""Options and denials that skip a reading, and the sections that are unknown then."""
MEMBERS = {
    "Teams": "teams",
    "Portal": "portal",
    "Buckets": "buckets",
    "Findings": "findings",
    "Leaked URLs": "leaks",
}
MEMBERS |= {audits.CONTROLS: "controls"}
WAYS = [
    *((each,) for each in SKIPPED),
    *itertools.product(("--no-logs", "findings denied"), list(SKIPPED)[1:10]),
]


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch) -> Region:
    made = Region(monkeypatch, ["gt-images"])
    monkeypatch.setattr(
        "gt_secure.cli.sweep.connection", lambda *_: SimpleNamespace(audit=lambda **_: made.audit())
    )
    return made


def section(text: str, title: str) -> str:
    """Return what a section of a text says."""
    return text.partition(f"\n\n{title}\n")[2].partition("\n\n")[0].strip()


def plain(html: str) -> str:
    return re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL))


def test_where_everything_was_read_the_numbers_are_numbers(region: Region) -> None:
    made = region.audit()
    assert (
        made.headline == "Findings: 0 high, 0 medium, 0 low, 0 info. Leaked URLs: 0. Not read: 0."
    )
    assert section(str(made), "Leaked URLs") == section(str(made), "Findings") == "none"
    data = made.to_dict()
    assert (data["leaks"], data["findings"], data["controls"]) == ([], [], [])
    assert not made.leaks
    assert made.passes("unknown") is True


@pytest.mark.parametrize("names", WAYS, ids=" + ".join)
def test_what_was_not_read_is_unknown_on_each_surface(
    region: Region, names: tuple[str, ...]
) -> None:
    for name in names:
        SKIPPED[name][0](region)
    made = region.audit()
    text, html, data = (
        str(made),
        plain(made._repr_html_()),
        json.loads(json.dumps(made.to_dict(), default=str)),
    )
    titles = [title for name in names for title in SKIPPED[name][1]]
    assert "Not read: 0" not in text + html or names == ("a rule is unknown",)
    assert data["unread"] or "a rule is unknown" in names
    for title in titles:
        said = section(text, title)
        if not region.names or said.count("\n"):  # a table: a part of it was read in another way
            continue
        assert said not in ("", "none", "0"), title
        assert f"{title}: none" not in html, title
        assert data[MEMBERS[title]] is None, title
    if "Leaked URLs" in titles:
        assert "Leaked URLs: 0" not in text + html
        with pytest.raises(TypeError, match="Unknown whether a URL leaked"):
            bool(made.leaks)
    if {"findings denied", "no rule decided"} & {*names}:
        assert "0 high" not in text + html
    if "--no-logs" in names and "buckets denied" not in names:
        for shown in (made.headline, section(text, "Not read"), html):
            assert "not looked for (--no-logs, logs=False)" in shown
    if "jobs denied" in names and "workteams denied" not in names:
        assert re.search(r"radiology-team +private .* unknown", section(text, "Teams"))
    assert made.passes("unknown") is None or names == ("a rule is unknown",)


@pytest.mark.parametrize("skipped", ["--no-logs", "logging is off"])
def test_a_reading_that_was_left_out_fails_only_the_lowest_threshold(
    region: Region, skipped: str, capsys: Any
) -> None:
    """A job in CI asks for findings; it does not end with 3 for ever because it reads no logs."""
    SKIPPED[skipped][0](region)
    words = ["audit", *(["--no-logs"] if skipped == "--no-logs" else [])]
    assert [main([*words, "--fail-on", each]) for each in ("high", "info", "unknown")] == [
        3,
        3,
        3,
    ], "no bucket access"
    made = region.audit()
    assert [made.passes(each) for each in ("high", "info", "unknown")] == [True, True, None]  # type: ignore[arg-type]
    made.require("high")
    assert "Not read: 1." in capsys.readouterr().out


def test_where_some_logs_were_read_the_count_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    region = Region(monkeypatch, ["a", "b", "c", "d"])
    region.hits_of["d"] = denied("s3:GetObject")
    assert region.audit().leaked_text == "0 found, and the logs of 3 of 4 buckets were read in full"
    assert section(str(region.audit()), "Leaked URLs") == "unknown"
    data = region.audit().to_dict()
    assert data["leaks"] is None
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
    made = region.audit()
    assert (
        "Leaked URLs: 1 found, and the logs of 3 of 4 buckets were read in full." in made.headline
    )
    assert made.leaks
    assert len(made.to_dict()["leaks"]) == 1


def swept(*rows: SweepRow, empty: int = 0) -> Sweep:
    here = (Account("111122223333"),)
    at = dt.datetime.now(dt.UTC)
    return Sweep(
        at=at, accounts=here, regions=("us-east-1",), rows=rows, regions_read=1, empty=empty
    )


ROW = {"account": "111122223333", "region": "us-east-1"}
NOTES = UnreadNotes(AccessDenied, ["findings of open-team: No."])
ROWS = {
    "a region that was denied": SweepRow(**ROW, status="denied", unread=("No.",)),
    "findings of a team that were denied": SweepRow(
        **ROW, team="open-team", **_outcome([None], NOTES)
    ),
    "findings of a bucket that were denied": SweepRow(
        **ROW, bucket="b", buckets=("b",), **_outcome([], NOTES)
    ),
    "rules that were not decided": SweepRow(
        **ROW, team="t", buckets=("b",), **_outcome([Findings()], UnreadNotes(AccessDenied))
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_of_a_sweep_without_a_reading_has_no_number(name: str) -> None:
    result = swept(ROWS[name])
    shown = [str(result), plain(result._repr_html_()), " ".join(result.to_text(80).split())]
    for text in shown:
        assert not re.search(r"\b0 high\b|^0 teams in|\bnone\b|Not read: 0", text), text
    [row] = result.to_dict()["rows"]
    assert {*row["counts"].values(), *result.to_dict()["counts"].values()} == {None}
    assert result.to_dicts()[0]["findings"] == "unknown"
    assert result.passes("high") is None


def test_a_sweep_counts_the_rules_that_are_unknown() -> None:
    looked = Findings((), [*CLEAN[1:], Checked("cors-missing", "unknown")])
    result = swept(
        SweepRow(**ROW, team="t", buckets=("b",), **_outcome([looked], UnreadNotes(AccessDenied)))
    )
    assert result.to_dicts()[0]["findings"] == "1 unknown"
    assert "0 info, 1 unknown" in result.headline
    clean = swept(
        SweepRow(
            **ROW,
            team="t",
            buckets=("b",),
            **_outcome([Findings((), CLEAN)], UnreadNotes(AccessDenied)),
        )
    )
    assert clean.to_dicts()[0]["findings"] == "none"
    assert clean.passes("unknown") is True


def test_a_bucket_of_which_nothing_was_read_is_unknown_in_each_column(region: Region) -> None:
    """Who can open it, its log and its leaked URLs:
    the reason is in the list of what was not read.
    """
    region.patch.setattr(audits.account, "read_bucket", denied("s3:GetBucketLogging"))
    made = region.audit()
    [bucket] = made.buckets
    assert (bucket.access, bucket.access_text, bucket.log) == (None, "unknown", "unknown")
    assert bucket.leaks.unread, "no leaked URL is not what an unread log shows"
    assert made.leaked_text == "unknown"
    assert section(made.to_text(), "Buckets").splitlines()[1].split() == [
        "gt-images", "radiology-team", "unknown", "unknown",
    ]  # fmt: skip
    [data] = made.to_dict()["buckets"]
    assert (data["access"], data["access_log"]) == (None, "unknown")
    assert made.to_dict()["leaks"] is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"checked": {"cors-missing": "unknown", "url-lock-off": "unknown", "kms": "clean"}},
            "2 unknown",
        ),
        ({"checked": {"cors-missing": "clean"}}, "none"),
        ({"team": "radiology-team"}, "unknown"),
        ({"bucket": "gt-images"}, "unknown"),
        ({}, "-"),
    ],
)
def test_a_row_counts_what_is_unknown(values: dict[str, Any], said: str) -> None:
    assert SweepRow("111122223333", "us-east-1", **values).findings_text == said


def test_a_row_that_was_not_read_has_no_other_word() -> None:
    row = SweepRow("111122223333", "us-east-1", status="denied", unread=("a", "b", "c"))
    assert row.cells() == (
        "111122223333", "us-east-1", "-", "denied", "-", "-", "-", "-", "unknown", "a; b and 1 more",
    )  # fmt: skip


def test_the_lowest_threshold_names_each_rule_that_is_unknown() -> None:
    row = SweepRow(
        "111122223333",
        "us-east-1",
        "radiology-team",
        checked={"cors-missing": "unknown", "url-lock-off": "clean"},
    )
    made = Sweep(dt.datetime.now(dt.UTC), (Account("111122223333"),), ("us-east-1",), (row,), 1)
    place = "111122223333/us-east-1 radiology-team"
    named = {f"{place}: cors-missing is unknown", f"{place}: no bucket is known"}
    assert named & set(made.doubts("unknown")) == named
    assert not named & set(made.doubts("high"))
