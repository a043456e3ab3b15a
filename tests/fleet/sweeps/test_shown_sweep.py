"""The colour, the words and the doubts of a sweep: nothing is plain that is severe or was not read."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.fleet.sweeps import sweep_rows
from gt_secure.fleet.sweeps.sweep_rows import Sweep, SweepRow, unused_entries
from test_every_document import accepted, finding, row, sweep

FOUND = {
    name: replace(finding(), severity=name, accepted=None, state="found")
    for name in ("high", "medium", "low")
}  # type: ignore[arg-type]


def made(*severities: str, unread: tuple[str, ...] = (), **more: Any) -> SweepRow:
    values = {
        "findings": tuple(FOUND[each] for each in severities),
        "unread": unread,
        "not_looked_at": (),
    }
    return replace(row(), **(values | more))


def of(*rows: SweepRow, **more: Any) -> Sweep:
    return replace(sweep(), rows=rows, **({"nothing": ""} | more))


@pytest.mark.parametrize(
    ("rows", "tone"),
    [
        ([], "warn"),  # workteams are not applicable
        ([made()], "plain"),
        ([made("low")], "plain"),
        ([made("medium")], "warn"),
        ([made(unread=("jobs: denied",))], "warn"),
        ([made("medium", unread=("jobs: denied",))], "warn"),
        ([made(), made("high", unread=("jobs: denied",))], "no"),
        ([made("high")], "no"),
    ],
)
def test_a_sweep_is_as_severe_as_its_worst_row(
    rows: list[SweepRow], tone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tones: list[str] = []
    notice = sweep_rows.notice
    monkeypatch.setattr(
        sweep_rows, "notice", lambda tone, text: tones.append(tone) or notice(tone, text)
    )
    text = re.sub(r"<[^>]+>", " ", of(*rows)._repr_html_())
    assert tones == [tone]
    assert "2026-11-20 09:30 UTC" in text
    assert (
        "3 regions without a workforce are left out" in text
        or "regions without a workforce" in text
    )


@pytest.mark.parametrize(
    ("one", "tone"),
    [
        (made("high"), "no"), (made("medium"), "warn"), (made("low"), None), (made(), None),
        (made("high", status="denied"), "warn"), (made(status="denied"), "warn"),
    ],
)  # fmt: skip
def test_a_row_has_the_colour_of_its_worst_finding(one: SweepRow, tone: str | None) -> None:
    shown: Any = sweep_rows._chip(one, "text")
    assert shown == "text" if tone is None else (shown.tone, shown.words) == (tone, "text")


@pytest.mark.parametrize(
    ("rows", "more", "headline"),
    [
        ([made()], {}, "1 team and 1 bucket in 1 account and 1 region."),
        ([made(bucket="")], {}, "1 team in 1 account and 1 region."),
        ([made(), made(team="")], {}, "1 team and 2 buckets in 1 account and 1 region."),
        (
            [made(status="denied", team="", bucket="")],
            {"empty": 1},
            "0 teams in 1 account and 1 region.",
        ),
        (
            [made(status="denied", team="", bucket="")],
            {"empty": 0},
            "Nothing known in 1 account and 1 region.",
        ),
        ([], {"empty": 0}, "Nothing known in 1 account and 1 region."),
    ],
)
def test_the_headline_counts_what_is_known(rows: list[SweepRow], more: Any, headline: str) -> None:
    assert of(*rows, **more).headline.startswith(headline)


def test_the_headline_names_what_was_skipped() -> None:
    told = of(made(unread=("jobs: denied", "keys: denied")), damaged=2)
    assert told.headline.endswith(" Not read: 2. 2 damaged lines of the progress skipped.")
    assert of(made(), damaged=0).headline.endswith(" Not read: 0.")
    assert of(made(), damaged=1).headline.endswith(" 1 damaged line of the progress skipped.")


def test_unknown_rules_and_buckets_are_doubts_only_where_they_are_asked_for() -> None:
    checked = {"cors": "unknown", "bucket-allow-everyone": "found"}
    told = of(
        made(checked=checked, buckets=()), made(team="", buckets=(), checked={"x": "unknown"})
    )
    plain, more = told.doubts(), told.doubts("unknown")
    assert more[: len(plain)] == plain
    where = row().location
    assert list(more[len(plain) :]) == [
        f"{where} radiology-team: cors is unknown",
        f"{where} radiology-team: no bucket is known",
        f"{where} gt-images: x is unknown",
    ]


@pytest.mark.parametrize(("unread", "left"), [((), 1), (("jobs: denied",), 0)])
def test_an_accepted_finding_is_unused_only_where_everything_was_read(
    unread: tuple[str, ...], left: int
) -> None:
    entry = replace(accepted("None has it.", 9), finding="cors")
    assert len(unused_entries([made(unread=unread), made("high")], [entry])) == left
