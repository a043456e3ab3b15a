"""Marks: each bar of a plot stands for exactly the requests that it counts,
and lies where it is drawn.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from gt_secure.logs import Hits, plots, read_hits
from support import corpus
from support.sample import sample

QUOTED = "arn:aws:iam::111122223333:user/o'brien"


@pytest.fixture(scope="module")
def hits(tmp_path_factory: pytest.TempPathFactory) -> Hits:
    lines = []
    for n in range(40):
        record = {**corpus.BASE, **corpus.PRESIGNED, "remote_ip": f"203.0.113.{n % 20 + 1}"}
        record["time"] = corpus.BASE["time"] + timedelta(minutes=17 * n)
        if n % 3 == 0:
            record |= {"http_status": 403, "error_code": "AccessDenied"}
        lines.append(corpus.write(record))
    lines += [
        corpus.write({**corpus.BASE, **corpus.PRESIGNED, "remote_ip": address})
        for address in ("2001:db8:113::7", "198.51.100.9", "198.51.100.10")
    ]
    later = corpus.BASE["time"] + timedelta(hours=20)
    quoted = {"requester": QUOTED, "remote_ip": "198.51.100.11", "time": later}
    lines.append(corpus.write({**corpus.BASE, **corpus.PRESIGNED, **quoted}))
    lines.append(corpus.write({**corpus.BASE, "operation": "S3.EXPIRE.OBJECT", "remote_ip": None}))
    path = tmp_path_factory.mktemp("marks") / "log"
    path.write_text("\n".join(lines) + "\n")
    read = read_hits(path)
    assert len(read) == len(lines)
    return read


KINDS = {
    "ip": plots.hits_by_ip,
    "network": plots.hits_by_network,
    "time": plots.over_time,
    "age": plots.url_ages,
    "refused": plots.refusals_by_lock,
}


def number_in(words: str) -> int:
    """The sum of the counts that a mark names: ``3 opened, 1 refused`` are 4."""
    return sum(
        int(each)
        for each in re.findall(r"(\d+) (?:opened|refused|failed|other|request|internal|by)", words)
    )


@pytest.mark.parametrize("kind", ["ip", "network", "time"])
def test_the_bars_share_all_requests_among_them(hits: Hits, kind: str) -> None:
    figure = KINDS[kind](hits)
    plots.svg(figure)
    marks = plots.marks_of(figure)
    counts = [len(plots.hits_of_mark(hits, mark)) for mark in marks]
    assert sum(counts) == len(hits), "each request is behind exactly one bar"
    assert min(counts) > 0
    if kind == "ip":
        assert [mark.label for mark in marks if mark.address is None] == [
            "12 others",
            "S3 lifecycle",
        ]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_requests_behind_a_bar_are_those_it_counts(hits: Hits, kind: str) -> None:
    figure = KINDS[kind](hits)
    plots.svg(figure)
    marks = plots.marks_of(figure)
    assert marks
    for mark in marks:
        assert len(plots.hits_of_mark(hits, mark)) == number_in(mark.words), mark


@pytest.mark.parametrize(
    ("top", "drawn", "left"), [(1, 1, "13 more pairs"), (13, 13, "1 more pair"), (14, 14, "")]
)
def test_what_is_not_drawn_is_counted(hits: Hits, top: int, drawn: int, left: str) -> None:
    figure = plots.refusals_by_lock(hits, top=top)
    note = " ".join(" ".join(text.get_text() for text in figure.texts).split())
    assert len(plots.marks_of(figure)) == drawn
    assert re.findall(r"(\S+ more pairs?) of source and lock not drawn\.", note) == (
        [left] if left else []
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("width", sample([4.0, 8.6, 14.0], 2))
def test_a_mark_lies_over_its_bar_at_every_size(hits: Hits, kind: str, width: float) -> None:
    figure = KINDS[kind](hits)
    figure.set_size_inches(width, figure.get_size_inches()[1])
    plots.svg(figure)
    marks = plots.marks_of(figure)
    size = figure.bbox
    axes = figure.axes[0]
    drawn = [*axes.patches, *axes.lines]
    extents: list[Any] = [
        each.get_window_extent() for each in drawn if each.get_window_extent().height < size.height
    ]
    for mark in marks:
        left, top, wide, high = mark.box
        assert 0 <= left <= left + wide <= 1.0001
        assert 0 <= top <= top + high <= 1.0001
        inside = [
            each
            for each in extents
            if left - 0.001 <= (each.x0 + each.x1) / 2 / size.width <= left + wide + 0.001
            and top - 0.001 <= 1 - (each.y0 + each.y1) / 2 / size.height <= top + high + 0.001
        ]
        assert inside, f"something is drawn where {mark.label} is"
    edges = sorted((mark.box[1], mark.box[0]) for mark in marks)
    assert len(set(edges)) == len(marks), "no two marks lie over each other"


def test_a_plot_without_bars_has_no_marks(hits: Hits) -> None:
    assert plots.marks_of(plots.hits_by_ip(hits.filter(address="192.0.2.1"))) == ()


def test_text_of_the_log_is_only_text_in_a_condition(hits: Hits) -> None:
    figure = plots.url_ages(hits)
    plots.svg(figure)
    mark = next(mark for mark in plots.marks_of(figure) if "o'brien" in mark.label)
    [row] = plots.hits_of_mark(hits, mark).rows(columns=["requester"]).to_dicts()
    assert row["requester"] == QUOTED
