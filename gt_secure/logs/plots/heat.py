"""Requests by address and hour of the day."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...base.groups import grouped
from ...base.text import count
from ..sql.log_columns import INTERNAL, INTERNAL_KIND
from .outcomes import COUNTS, in_words, sum_up
from .theme import Chart, Palette, Theme, clean, empty_chart, new_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hits import Hits

_TITLE = "Requests by source IP and hour of the day"


def heat_map(hits: Hits, *, top: int = 16, theme: Theme = "light") -> Figure:
    """Draw requests by source address and hour of the day (UTC), summed over all days; refusals have a corner mark.

    Parameters
    ----------
    hits : Hits
    top : int
        Number of addresses drawn, the busiest; the note counts the others. Work of S3 itself has rows apart.
    theme : str
        ``light`` or ``dark``.
    """
    rows = hits.query(
        f"SELECT CASE WHEN {INTERNAL} THEN {INTERNAL_KIND} ELSE coalesce(remote_ip, 'no address') END AS a, "
        f"CAST(hour(time) AS INTEGER) AS h, CAST(count(*) AS BIGINT) AS n, {COUNTS} FROM {{hits}} GROUP BY ALL"
    )
    if not rows:
        return empty_chart(theme, hits.coverage.summary)
    totals, internal = _totals(rows)
    busiest = sorted(totals.keys() - internal, key=lambda name: (-totals[name], name))
    names = busiest[:top] + sorted(internal)
    days = _days(hits)
    note = _note(rows, totals, busiest[top:]) + hits.coverage.summary
    across = f"Hour of the day (UTC), {days}"
    chart = new_chart(theme, _TITLE, note, rows=len(names), height=1.6, labels="Source address", across=across)
    colour = _scale(max(row[2] for row in rows if row[0] in names), chart.palette)
    _draw_heat(chart, rows, names, totals, colour)
    _draw_scale(chart, rows, names, colour)
    peaks = [
        f"{clean(name)}: {count(totals[name], 'request')}, most at {_peak_hour(rows, name):02d} h." for name in names
    ]
    chart.set_label(f"Heat map, requests by source IP and hour of the day, UTC, {days}. {' '.join(peaks)} {note}")
    return chart


def _totals(rows: list[tuple[Any, ...]]) -> tuple[dict[str, int], set[str]]:
    """Return requests by row of the map, and the rows of S3 itself."""
    numbers = grouped((row[0], row[2]) for row in rows)
    return {name: sum(each) for name, each in numbers.items()}, {row[0] for row in rows if row[-1]}


def _note(rows: list[tuple[Any, ...]], totals: dict[str, int], left_out: list[str]) -> str:
    note = f"A cell counts requests of every outcome, in total {in_words(sum_up([row[3:] for row in rows]))}. "
    if left_out:
        number = sum(totals[name] for name in left_out)
        note += f"Not drawn: {count(len(left_out), 'more address', 'more addresses')} with {count(number, 'request')}. "
    return note


def _days(hits: Hits) -> str:
    [(first, last, days)] = hits.query(
        "SELECT min(time)::DATE, max(time)::DATE, CAST(count(DISTINCT time::DATE) AS BIGINT) FROM {hits}"
    )
    start: dt.date = first
    if first == last:
        return f"of {start:%d %b %Y}"
    return f"sum of {start:%d %b %Y} to {last:%d %b %Y} ({count(days, 'day')} with requests)"


def _peak_hour(rows: list[tuple[Any, ...]], name: str) -> int:
    return int(max((row for row in rows if row[0] == name), key=lambda row: (row[2], -row[1]))[1])


def _scale(most: int, palette: Palette) -> Callable[[int], Any]:
    """Return the colour of a number of requests, on a logarithmic scale."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    norm = LogNorm(1, max(most, 2))
    colours = LinearSegmentedColormap.from_list("hits", palette.heat)
    return lambda number: colours(0.12 + 0.88 * float(norm(number)))


def _draw_scale(chart: Chart, rows: list[tuple[Any, ...]], names: list[str], colour: Any) -> None:
    """Draw the colour scale into the legend: 1, powers of ten, and the most."""
    shown = [row for row in rows if row[0] in names]
    most = max(row[2] for row in shown)
    steps = [10**i for i in range(len(str(most))) if 10**i < most]
    chart.key("Requests in a cell:")
    for number in [*steps, most]:
        chart.key(f"{number:,}", colour(number))
    if any(row[4] for row in shown):
        chart.key("Corner: some refused", chart.palette.refused)


def _draw_heat(
    chart: Chart, rows: list[tuple[Any, ...]], names: list[str], totals: dict[str, int], colour: Any
) -> None:
    from matplotlib.patches import Rectangle

    axes, palette = chart.parts.axes, chart.palette
    place = {name: i for i, name in enumerate(names)}
    axes.set_xlim(0, 24)
    for name, row in place.items():
        axes.add_patch(Rectangle((0, row - 0.42), 24, 0.84, color=palette.line, alpha=0.25, linewidth=0))
        chart.row(row, clean(name), f"{totals[name]:,}")
    for address, hour, number, _, refused, *_ in rows:
        if address not in place:
            continue
        low = place[address] + 0.42
        axes.add_patch(Rectangle((hour + 0.03, low - 0.84), 0.94, 0.84, facecolor=colour(number), linewidth=0))
        if refused:
            right = hour + 0.97
            axes.fill((right - 0.5, right, right), (low, low, low - 0.6), color=palette.refused, linewidth=0)

    def placed(width: float) -> None:
        """Name as many hours as have room."""
        step = next(step for step in (3, 6, 12, 24) if step * width / 24 > 0.25 or step == 24)
        axes.set_xticks([0.5 + h for h in range(0, 24, step)], [f"{h:02d}" for h in range(0, 24, step)])

    chart.parts.placed = placed
