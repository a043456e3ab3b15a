"""Results show themselves in a notebook and in print, with text from outside escaped,
and stay sequences.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from gt_secure.aws.teams import LabelingJob, Workteam
from gt_secure.base.columns import lay_out, width, wrap
from gt_secure.changes import ProbeResult
from gt_secure.changes.applied import Applied
from gt_secure.changes.engine import ChangeStep
from gt_secure.changes.journal import ChangeRecord, Journal
from gt_secure.engine.access.vpc_endpoint import VpcEndpoint
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.explain.explanation import explain
from gt_secure.findings.listings import Endpoints, Findings, Jobs, Workteams
from gt_secure.findings.model import Finding
from gt_secure.presign.probe import Probe

NASTY = '<img src=x onerror=alert(1)>\x1b[31m\u202e"\u2066'


class Kept(Journal):
    """A journal whose records are not on disk."""

    def __init__(self, records: Sequence[ChangeRecord] = ()) -> None:
        super().__init__("no-such-folder")
        self.records = records

    def __iter__(self) -> Iterator[ChangeRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


def finding(text: str) -> Finding:
    return Finding(text, "high", text, text, text, text, (), text, text)


def shown(text: str) -> dict[str, Any]:
    probe = Probe(403, text, None, text, text, 1.0, error_code=text, error_message=text)
    team = Workteam(text, text, "private", text, (text,), url_lock=UrlLock(True))
    step = ChangeStep(text, text, "done", False, text)  # type: ignore[arg-type]
    record = ChangeRecord(
        text, "apply", "applied", {"changes": [{"kind": text, "target": text}], "caller": text}
    )
    return {
        "workteams": Workteams([team]),
        "workteam": team,
        "jobs": Jobs([LabelingJob(text, text, text)]),
        "endpoints": Endpoints([VpcEndpoint(text, text, text, text, text)]),
        "findings": Findings([finding(text)]),
        "finding": finding(text),
        "journal": Kept([record]),
        "probe": probe,
        "explanation": explain(probe),
        "applied": Applied(text, "applied", (step,)),
    }


@pytest.mark.parametrize("name", shown("x"))
def test_it_shows_itself_and_nothing_from_outside_acts(name: str) -> None:
    item = shown(NASTY)[name]
    markup = item._repr_html_()
    assert "<img" not in markup
    assert "\x1b" not in markup + str(item)
    assert "\u202e" not in markup + str(item)
    assert html.escape("<img src=x")[:8] in markup or name == "explanation"
    plain = shown("radiology")[name]
    assert "radiology" in re.sub(r"<[^>]*>", "", plain._repr_html_()) or name == "explanation"
    assert "Workteam(" not in str(plain)
    assert str(plain)


@pytest.mark.parametrize("kind", [Workteams, Jobs, Endpoints, Kept, Findings])
def test_an_empty_one_says_so(kind: Any) -> None:
    assert kind().empty == str(kind()) == repr(kind())
    assert kind().empty in html.unescape(re.sub(r"<[^>]*>", "", kind()._repr_html_()))


def test_they_remain_sequences() -> None:
    team = Workteam("a", "arn", "private")
    assert Workteams([team]) == [team]
    assert [*Workteams([team, team])[1:]] == [team]
    assert Findings([finding("x")]) == (finding("x"),)
    assert isinstance(Findings(), tuple)


def test_probes_of_an_apply_are_shown() -> None:
    results = (
        ProbeResult("allowed", "203.0.113.7", "opened"),
        ProbeResult("refused", "198.51.100.9", "opened"),
    )
    markup = Applied("1", "applied", probes=results)._repr_html_()
    assert re.findall(r"(not )?as expected", markup) == ["", "not "]


def test_a_table_breaks_sentences_before_it_cuts_a_word() -> None:
    sentence = (
        "The portal is in a VPC, but the public portal is still open. The public portal admits"
        " others too."
    )
    row = ("medium", "portal-public-beside-vpc", "private-workforce", sentence, sentence)
    lines = lay_out(("severity", "code", "subject", "finding", "what to do"), [row], 80)
    assert max(map(width, lines)) <= 80
    assert "portal-public-beside-vpc  private-workforce" in lines[1]


@pytest.mark.parametrize("room", [20, 40, 60, 80, 100, 200])
def test_a_table_fits_and_loses_nothing(room: int) -> None:
    rows = [
        (
            "radiology-team",
            "on (SourceIp)",
            "a description that is longer than the terminal is wide " * 2,
        )
    ] * 3
    lines = lay_out(("team", "url lock", "description"), rows, room)
    assert max(map(width, lines)) <= max(room, 3 * 12 + 4)
    words = [word for row in rows for cell in row for word in cell.split()]
    assert sorted(re.sub(r"\s", "", "".join(lines[1:]))) == sorted("".join(words))


def test_wide_characters_count_twice() -> None:
    assert wrap("日本語の説明", 4) == ["日本", "語の", "説明"]
    first, second = lay_out(("a", "b"), [("日本", "x")])
    assert width(first[: first.index("B")]) == width(second[: second.index("x")])


def test_a_column_of_ids_is_never_cut() -> None:
    change = "20261125-041953-551434-926d"
    rows = [(change, "bucket-guard of gt-images", "arn:aws:iam::111122223333:user/sandbox-admin")]
    lines = lay_out(("change", "targets", "caller"), rows, 60, whole=(0,))
    assert lines[1].startswith(f"{change}  ")
    assert max(map(width, lines)) <= 60


def test_a_long_word_is_cut_after_a_separator() -> None:
    assert wrap("arn:aws:iam::111122223333:user/sandbox-admin", 20) == [
        "arn:aws:iam::",
        "111122223333:user/",
        "sandbox-admin",
    ]
    assert wrap("UpdateWorkteam.WorkerAccessConfiguration", 32) == [
        "UpdateWorkteam.",
        "WorkerAccessConfiguration",
    ]
    assert wrap("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]


def test_thousands_of_teams_are_a_hundred_rows_and_a_number() -> None:
    def teams(count: int) -> Workteams:
        lock = UrlLock(False, False)
        return Workteams(
            Workteam(f"team-{n}", "arn", "private", url_lock=lock) for n in range(count)
        )

    for shown in (str(teams(5004)), teams(5004)._repr_html_()):
        assert "The first 100 of 5,004 are shown." in shown
        assert ("team-99" in shown, "team-100" in shown) == (True, False)
    assert len(teams(5004)) == 5004
    assert "are shown" not in str(teams(100)) + teams(100)._repr_html_()
