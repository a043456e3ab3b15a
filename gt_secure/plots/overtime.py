"""Requests over time."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

import datetime as dt
import importlib
from typing import TYPE_CHECKING, Any

from ..logs.sql.outcome import OPENED
from .theme import Palette, Theme, describe, empty_figure, new_figure, palette_of, put_foot, put_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..logs.hits import Hits


def over_time(hits: Hits, *, theme: Theme = "light") -> Figure:
    """Draw opened and refused requests over time, by hour, or by day for more than ten days."""
    palette = palette_of(theme)
    unit, rows = _time_rows(hits)
    if not rows:
        return empty_figure(palette, hits.coverage.summary)
    figure, axes = new_figure(2.5, palette)
    axes.set_position((0.075, 0.24, 0.91, 0.6))
    _draw_time(axes, unit, rows, palette)
    opened, refused = sum(r[1] for r in rows), sum(r[2] for r in rows)
    title = f"requests per {unit}, UTC · {opened:,} opened, {refused:,} refused"
    put_text(axes, 0, 1.12, title, color=palette.quiet, fontsize=9, transform=axes.transAxes)
    put_foot(figure, palette, hits.coverage.summary)
    peak = max(rows, key=lambda r: r[1] + r[2])
    describe(figure, f"Bar chart, {title}. From {rows[0][0]:%Y-%m-%d %H:%M} to {rows[-1][0]:%Y-%m-%d %H:%M}. "
              f"Most in the {unit} of {peak[0]:%Y-%m-%d %H:%M}: {peak[1]:,} opened, {peak[2]:,} refused. "
              f"{hits.coverage.summary}")  # fmt: skip
    return figure


def _time_rows(hits: Hits) -> tuple[str, list[tuple[dt.datetime, int, int]]]:
    [(first, last)] = hits.query("SELECT min(time), max(time) FROM {hits}")
    if first is None:
        return "hour", []
    unit = "hour" if last - first <= dt.timedelta(days=10) else "day"
    rows = hits.query(
        f"SELECT date_trunc('{unit}', time)::TIMESTAMP AS t, CAST(count(*) FILTER ({OPENED}) AS BIGINT), "
        "CAST(count(*) FILTER (refused) AS BIGINT) FROM {hits} GROUP BY 1 ORDER BY 1"
    )
    return unit, rows


def _draw_time(axes: Axes, unit: str, rows: list[tuple[dt.datetime, int, int]], palette: Palette) -> None:
    dates: Any = importlib.import_module("matplotlib.dates")  # untyped
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    step = 1 / 24 if unit == "hour" else 1.0
    at = [float(dates.date2num(moment)) + step / 2 for moment, _, _ in rows]
    wide = step * 0.92
    axes.bar(at, [r[1] for r in rows], width=wide, color=palette.opened, linewidth=0)
    edge = "#ffffff" if palette.face == "#ffffff" else "#111111"
    axes.bar(at, [r[2] for r in rows], width=wide, bottom=[r[1] for r in rows], color=palette.refused, hatch="////",
             edgecolor=edge, linewidth=0)  # fmt: skip
    # One hour alone would be a wall: show at least twelve steps.
    middle, half = (at[0] + at[-1]) / 2, max((at[-1] - at[0]) / 2 + step, 6 * step)
    axes.set_xlim(middle - half, middle + half)
    locator = dates.AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.xaxis.get_offset_text().set(color=palette.quiet, fontsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color=palette.line, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["bottom"].set(visible=True, color=palette.line)
    axes.tick_params(labelsize=8)
