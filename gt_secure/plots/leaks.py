"""Who used one leaked URL, and when."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .theme import WIDTH, Palette, Theme, clean, describe, new_figure, palette_of, put_foot, put_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..logs.leaks import Leak


def leak_timeline(leak: Leak, *, theme: Theme = "light") -> Figure:
    """Draw who used one leaked URL, and when: a row an address, a dot a request, a cross a refusal."""
    palette = palette_of(theme)
    users = leak.users[:20]
    height = 1.0 + 0.3 * len(users)
    figure, axes = new_figure(height, palette)
    left = 0.075 * max(len(clean(user.label)) for user in users) + 0.25
    axes.set_position((left / WIDTH, 0.52 / height, (WIDTH - left - 2.5) / WIDTH, (height - 0.85) / height))
    _draw_leak(axes, users, leak, palette)
    title = f"uses of one URL for {clean(leak.key, 40)}" + (
        f" · minted {leak.minted:%d %b %H:%M}" if leak.minted else ""
    )
    put_text(axes, 0, 1.0, title, color=palette.quiet, fontsize=9, transform=axes.transAxes, va="bottom")
    put_foot(figure, palette, "Two URLs minted in the same second for the same object look like one.")
    describe(figure, f"Timeline, {title}. " + " ".join(f"{clean(u.label)}: {u.words}." for u in users))
    return figure


def _draw_leak(axes: Axes, users: Sequence[Any], leak: Leak, palette: Palette) -> None:
    dates: Any = importlib.import_module("matplotlib.dates")  # untyped

    moments = [dates.date2num(t) for user in users for t, _ in user.uses]
    if leak.minted:
        moments.append(dates.date2num(leak.minted))
    low, high = min(moments), max(moments)
    pad = max((high - low) * 0.04, 5 / 86400)
    axes.set_xlim(low - pad, high + pad)
    axes.set_ylim(len(users) - 0.4, -0.6)
    if leak.minted:
        axes.axvline(dates.date2num(leak.minted), color=palette.quiet, linewidth=1, linestyle=(0, (2, 2)))
    for row, user in enumerate(users):
        axes.axhline(row, color=palette.line, linewidth=0.7, zorder=0)
        opened = [dates.date2num(t) for t, refused in user.uses if not refused]
        refused = [dates.date2num(t) for t, refused in user.uses if refused]
        axes.plot(opened, [row] * len(opened), "o", color=palette.opened, markersize=6, linewidth=0)
        axes.plot(refused, [row] * len(refused), "X", color=palette.refused, markersize=7, linewidth=0)
        put_text(axes, -0.015, row, clean(user.label), ha="right", va="center", fontsize=9, color=palette.text,
              transform=axes.get_yaxis_transform())  # fmt: skip
        put_text(
            axes,
            1.015,
            row,
            user.words,
            va="center",
            fontsize=8.6,
            color=palette.text,
            transform=axes.get_yaxis_transform(),
        )
    locator = dates.AutoDateLocator(minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.xaxis.get_offset_text().set(color=palette.quiet, fontsize=8)
    axes.set_yticks([])
    axes.tick_params(labelsize=8)
