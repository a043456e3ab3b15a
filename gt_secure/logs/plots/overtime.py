"""Requests over time."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

import datetime as dt
import importlib
from typing import TYPE_CHECKING, Any, TypeAlias

from .marks import set_marks
from .outcomes import COUNTS, OUTCOMES, add_outcome_keys, in_words, sum_up
from .theme import Chart, Mark, Theme, empty_chart, new_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hits import Hits

_Rows: TypeAlias = list[tuple[dt.datetime, tuple[int, ...]]]
_UNITS = {"minute": dt.timedelta(hours=2), "hour": dt.timedelta(days=10)}
"""The longest time that is drawn by a unit."""
_DAYS = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0}
"""The length of a unit on the axis."""
_MOST_MARKS = 31
"""Bars that can be pressed; more would be too narrow to press, and too many to pass by keyboard."""


def over_time(hits: Hits, *, theme: Theme = "light") -> Figure:
    """Draw requests by outcome over time: by minute for at most two hours, by hour, or by day for
    more than ten days.
    """
    [(first, last)] = hits.query("SELECT min(time), max(time) FROM {hits}")
    if first is None:
        return empty_chart(theme, hits.coverage.summary)
    span = last - first
    unit = next((each for each, most in _UNITS.items() if span <= most), "day")
    groups = hits.query(
        f"SELECT date_trunc('{unit}', time)::TIMESTAMP AS t, {COUNTS} FROM {{hits}} GROUP BY 1"
        " ORDER BY 1"
    )
    rows: _Rows = [(moment, tuple(counts)) for moment, *counts in groups]
    totals = sum_up([counts for _, counts in rows])
    note = f"In total {in_words(totals)}. {hits.coverage.summary}"
    start, end = (f"{moment:%d %b %Y}" for moment in (rows[0][0], rows[-1][0]))
    across = f"Time (UTC), {start if start == end else f'{start} to {end}'}"
    chart = new_chart(
        theme, f"Requests per {unit}", note, height=3.0, labels="Requests", across=across
    )
    add_outcome_keys(chart, totals)
    _draw_time(chart, unit, rows)
    if len(rows) <= _MOST_MARKS:
        set_marks(chart, [_mark(unit, *row) for row in rows], spans=_spans(unit, rows))
    peak = max(rows, key=lambda row: sum(row[1]))
    chart.set_label(
        f"Bar chart, requests per {unit}, UTC: {in_words(totals)}. "
        f"From {rows[0][0]:%Y-%m-%d %H:%M} to {rows[-1][0]:%Y-%m-%d %H:%M}. "
        f"Most in the {unit} of {peak[0]:%Y-%m-%d %H:%M}: {in_words(peak[1])}. "
        f"{hits.coverage.summary}"
    )
    return chart


def _mark(unit: str, moment: dt.datetime, counts: tuple[int, ...]) -> Mark:
    label = f"{moment:%d %b %Y}" if unit == "day" else f"{moment:%d %b %H:%M} UTC"
    condition = f"date_trunc('{unit}', time)::TIMESTAMP = TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'"
    return Mark(label, in_words(counts), condition)


def _spans(unit: str, rows: _Rows) -> list[tuple[float, float]]:
    """Return where each step begins and ends on the x axis."""
    dates: Any = importlib.import_module("matplotlib.dates")  # untyped
    step = _DAYS[unit]
    return [
        (start, start + step) for start in (float(dates.date2num(moment)) for moment, _ in rows)
    ]


def _draw_time(chart: Chart, unit: str, rows: _Rows) -> None:
    dates: Any = importlib.import_module("matplotlib.dates")  # untyped
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes, palette = chart.parts.axes, chart.palette
    at = [(start + end) / 2 for start, end in _spans(unit, rows)]
    step = _DAYS[unit]
    bottom = [0] * len(rows)
    for i, kind in enumerate(OUTCOMES):
        counts = [row[1][i] for row in rows]
        if any(counts):
            axes.bar(
                at,
                counts,
                width=step * 0.92,
                bottom=bottom,
                color=getattr(palette, kind.code),
                **chart.hatched(kind.hatch),
            )
            bottom = [low + count for low, count in zip(bottom, counts, strict=True)]
    # One hour alone would be a wall: show at least twelve steps.
    middle, half = (at[0] + at[-1]) / 2, max((at[-1] - at[0]) / 2 + step, 6 * step)
    axes.set_xlim(middle - half, middle + half)
    top = max(bottom) * 1.06
    axes.set_ylim(0, top)
    axes.set_yticks(
        [tick for tick in MaxNLocator(4, integer=True).tick_values(0, top) if tick <= top]
    )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color=palette.line, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["bottom"].set(visible=True, color=palette.line)
    chart.parts.ticks = (f"{max(bottom):,}",)

    def placed(width: float) -> None:
        """Choose as many marks of time as have room."""
        locator = dates.AutoDateLocator(minticks=1, maxticks=max(2, min(9, int(width / 0.8))))
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))

    chart.parts.placed = placed
