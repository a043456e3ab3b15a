"""Uses of one leaked URL over time."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...base.text import count
from ..leaks import TWINS
from .overtime import range_text
from .theme import Chart, Theme, clean, new_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..leaks import Leak


_MOST = 20
_BETWEEN = 0.65
"""Inches from one mark of time to the next: the width of a date."""


def leak_timeline(leak: Leak, *, theme: Theme = "light") -> Figure:
    """Draw the uses of one leaked URL: a row for each address, a dot for each request, a cross for each refusal."""
    users = leak.users[:_MOST]
    title = f"Uses of one URL for {clean(leak.key, 40)}"
    if leak.signed_at:
        title += f", signed {leak.signed_at:%d %b %H:%M} UTC"
    more = len(leak.users) - len(users) + leak.more
    later = sum(user.requests - len(user.uses) for user in users)
    left = [count(more, "more address", "more addresses")] if more else []
    left += [count(later, "later request")] if later else []
    note = f"{' and '.join(left)} not drawn. {TWINS}" if left else TWINS
    across = f"Time (UTC), {range_text(*_ends(users))}"
    chart = new_chart(theme, title, note, rows=len(users), labels="Source address", across=across)
    chart.key("Dot: not refused", chart.palette.opened)
    if any(user.refused for user in users):
        chart.key("Cross: refused", chart.palette.refused)
    if leak.signed_at:
        chart.key("Dashed line: signed")
    _draw_leak(chart, users, leak)
    said = " ".join(f"{clean(user.label)}: {user.words}." for user in users)
    chart.set_label(f"Timeline, {title[0].lower()}{title[1:]}. {said}")
    return chart


def _draw_leak(chart: Chart, users: Sequence[Any], leak: Leak) -> None:
    dates: Any = importlib.import_module("matplotlib.dates")  # untyped

    axes, palette = chart.parts.axes, chart.palette
    moments = [dates.date2num(t) for user in users for t, _ in user.uses]
    if leak.signed_at:
        moments.append(dates.date2num(leak.signed_at))
        axes.axvline(dates.date2num(leak.signed_at), color=palette.quiet, linewidth=1, linestyle=(0, (2, 2)))
    low, high = min(moments), max(moments)
    pad = max((high - low) * 0.04, 5 / 86400)
    axes.set_xlim(low - pad, high + pad)
    for row, user in enumerate(users):
        axes.axhline(row, color=palette.line, linewidth=0.7, zorder=0)
        for refused, mark, colour in ((False, "o", palette.opened), (True, "X", palette.refused)):
            at = [dates.date2num(t) for t, was_refused in user.uses if was_refused is refused]
            axes.plot(at, [row] * len(at), mark, color=colour, markersize=6.5, linewidth=0)
        chart.row(row, clean(user.label), user.words)

    def placed(width: float) -> None:
        """Choose as many marks of time as have room."""
        ticker: Any = importlib.import_module("matplotlib.ticker")
        low, high = axes.get_xlim()
        locator = dates.AutoDateLocator(minticks=1, maxticks=max(3, min(6, int(width / 0.8))))
        marks: list[float] = []
        for mark in locator.tick_values(dates.num2date(low), dates.num2date(high)):
            away = not marks or (mark - marks[-1]) / (high - low) * width >= _BETWEEN
            if low <= mark <= high and away:
                marks.append(float(mark))
        fixed = ticker.FixedLocator(marks)
        axes.xaxis.set_major_locator(fixed)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(fixed, show_offset=False))

    chart.parts.placed = placed


def _ends(users: Sequence[Any]) -> tuple[Any, Any]:
    moments = [moment for user in users for moment, _ in user.uses]
    return min(moments), max(moments)
