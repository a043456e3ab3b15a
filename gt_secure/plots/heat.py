"""Requests by address and hour of the day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .theme import (
    ROW,
    WIDTH,
    Palette,
    Theme,
    clean,
    describe,
    empty_figure,
    new_figure,
    palette_of,
    put_foot,
    put_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..logs.hits import Hits


def heat_map(hits: Hits, *, top: int = 16, theme: Theme = "light") -> Figure:
    """Draw requests by source address and hour of the day (UTC); the busiest addresses, a corner mark where refused."""
    palette = palette_of(theme)
    rows = hits.query(
        "SELECT coalesce(remote_ip, 'no address') AS a, "
        "CAST(hour(time) AS INTEGER) AS h, CAST(count(*) AS BIGINT) AS n, "
        "CAST(count(*) FILTER (refused) AS BIGINT) AS r FROM {hits} GROUP BY ALL"
    )
    if not rows:
        return empty_figure(palette, hits.coverage.summary)
    totals: dict[str, int] = {}
    for address, _, number, _ in rows:
        totals[address] = totals.get(address, 0) + number
    names = sorted(totals, key=lambda name: (-totals[name], name))[:top]
    inner = ROW * (len(names) + 0.85)
    height = inner + 0.6
    figure, axes = new_figure(height, palette)
    left = 0.075 * max(len(clean(name)) for name in names) + 0.25
    axes.set_position((left / WIDTH, 0.52 / height, (WIDTH - left - 0.75) / WIDTH, inner / height))
    _draw_heat(axes, rows, names, totals, palette)
    more = f" · {len(totals) - len(names):,} addresses more" if len(totals) > len(names) else ""
    title = f"requests by source IP and hour, UTC · corner: refused{more}"
    put_text(axes, 0, -0.95, title, color=palette.quiet, fontsize=9, va="center")
    put_foot(figure, palette, hits.coverage.summary)
    busiest = [f"{clean(name)}: {totals[name]:,} requests, most at {_peak_hour(rows, name):02d} h." for name in names]
    describe(figure, f"Heat map, {title}. {' '.join(busiest)} {hits.coverage.summary}")
    return figure


def _peak_hour(rows: list[tuple[Any, ...]], name: str) -> int:
    return int(max((row for row in rows if row[0] == name), key=lambda row: (row[2], -row[1]))[1])


def _draw_heat(
    axes: Axes, rows: list[tuple[Any, ...]], names: list[str], totals: dict[str, int], palette: Palette
) -> None:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm
    from matplotlib.patches import Rectangle

    place = {name: i for i, name in enumerate(names)}
    shown = [row for row in rows if row[0] in place]
    most = max(row[2] for row in shown)
    scale = LogNorm(1, max(most, 2))
    colours = LinearSegmentedColormap.from_list("hits", palette.heat)
    axes.set_xlim(0, 24)
    axes.set_ylim(len(names) - 0.45, -1.3)
    ground = colours(0.0)
    for name, row in place.items():
        axes.add_patch(Rectangle((0, row - 0.42), 24, 0.84, color=palette.line, alpha=0.25, linewidth=0))
        put_text(axes, -0.2, row, clean(name), ha="right", va="center", fontsize=9, color=palette.text)
        put_text(axes, 24.2, row, f"{totals[name]:,}", ha="left", va="center", fontsize=8.6, color=palette.text)
    for address, hour, number, refused in shown:
        colour = colours(0.12 + 0.88 * float(scale(number))) if number else ground
        axes.add_patch(Rectangle((hour + 0.03, place[address] - 0.42), 0.94, 0.84, facecolor=colour, linewidth=0))
        if refused:
            right, low = hour + 0.97, place[address] + 0.42
            axes.fill((right - 0.5, right, right), (low, low, low - 0.6), color=palette.refused, linewidth=0)
    axes.set_yticks([])
    axes.set_xticks([0.5 + h for h in range(0, 24, 3)], [f"{h:02d}" for h in range(0, 24, 3)])
    axes.tick_params(labelsize=8, colors=palette.quiet)
