"""Requests by source address or network, as bars with their numbers in words."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..logs.sql.outcome import OPENED
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


@dataclass(frozen=True, slots=True)
class _Bar:
    label: str
    opened: int
    refused: int
    failed: int
    remark: str = ""
    group: bool = False

    @property
    def total(self) -> int:
        return self.opened + self.refused + self.failed

    @property
    def words(self) -> str:
        parts = [f"{self.opened:,} opened"]
        parts += [f"{self.refused:,} refused"] if self.refused else []
        parts += [f"{self.failed:,} not found or failed"] if self.failed else []
        return ", ".join(parts) + (f" · {self.remark}" if self.remark else "")


_PLACE = {"outside": "outside the list", "unknown": "AWS itself or no address"}


def _bars(hits: Hits, column: str, top: int, networks: Sequence[Any], endpoints: Sequence[str]) -> list[_Bar]:
    """The busiest sources, and the others as one bar; one query, however many sources there are."""
    restricted = bool(networks or endpoints)
    rows = hits.with_restriction(networks, endpoints) if restricted else hits
    place = "place" if restricted else "''"
    source = "coalesce(remote_ip, '')"
    found = rows.query(
        f"SELECT {source} AS label, coalesce(endpoint, '') AS via, {place} AS place, "
        f"CAST(count(*) FILTER ({OPENED}) AS BIGINT), CAST(count(*) FILTER (refused) AS BIGINT), "
        "CAST(count(*) AS BIGINT) AS n FROM {hits} GROUP BY ALL ORDER BY n DESC, label, via"
    )
    if column == "network":
        found = _by_network(found)
    bars = [
        _Bar(
            (clean(label) if label else "no address") + (f" · {clean(via, 22)}" if via else ""),
            opened, refused, n - opened - refused, _PLACE.get(place, ""),
        )
        for label, via, place, opened, refused, n in found[:top]
    ]  # fmt: skip
    rest = found[top:]
    if rest:
        outside = sum(1 for row in rest if row[2] == "outside")
        remark = f"{outside:,} of them outside the list" if outside else ""
        opened, refused, total = (sum(row[i] for row in rest) for i in (3, 4, 5))
        bars.append(_Bar(f"{len(rest):,} others", opened, refused, total - opened - refused, remark, group=True))
    return bars


def _by_network(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    from ..logs.sql.group_by import network_of

    sums: dict[tuple[str, str, str], list[int]] = {}
    for label, via, place, *numbers in found:
        total = sums.setdefault((network_of(label) or "", via, place), [0, 0, 0])
        for i, number in enumerate(numbers):
            total[i] += number
    rows = [(*key, *numbers) for key, numbers in sums.items()]
    return sorted(rows, key=lambda row: (-row[5], row[0], row[1]))


def hits_by_ip(
    hits: Hits,
    *,
    restriction_networks: Iterable[Any] = (),
    endpoints: Iterable[str] = (),
    top: int = 12,
    theme: Theme = "light",
) -> Figure:
    """Draw requests by source address: opened and refused, and what is outside the restriction.

    Parameters
    ----------
    hits : Hits
    restriction_networks, endpoints : iterable
        What is allowed to come in; without them nothing is marked.
    top : int
        Addresses drawn on their own; the others are one bar.
    theme : str
        ``light`` or ``dark``; the ground is transparent.
    """
    return _bar_figure(
        hits, "remote_ip", "requests by source IP", tuple(restriction_networks), tuple(endpoints), top, theme
    )


def hits_by_network(
    hits: Hits,
    *,
    restriction_networks: Iterable[Any] = (),
    endpoints: Iterable[str] = (),
    top: int = 12,
    theme: Theme = "light",
) -> Figure:
    """Draw requests by network (/24, /64); parameters as for :func:`hits_by_ip`."""
    return _bar_figure(
        hits, "network", "requests by network", tuple(restriction_networks), tuple(endpoints), top, theme
    )


def _bar_figure(
    hits: Hits, column: str, title: str, networks: tuple[Any, ...], endpoints: tuple[str, ...], top: int, theme: str
) -> Figure:
    palette = palette_of(theme)
    if top < 1:
        raise InvalidInput("At least one source must be drawn.", next_step="Give top=1 or more.", field="top")
    bars = _bars(hits, "remote_ip" if column == "remote_ip" else "network", top, networks, endpoints)
    if not bars:
        return empty_figure(palette, hits.coverage.summary)
    height = 0.62 + ROW * len(bars) + 0.3
    figure, axes = new_figure(height, palette)
    _place_axes(axes, bars, height)
    _draw_bars(axes, bars, palette)
    put_text(axes, 0, -0.95, title, color=palette.quiet, fontsize=9, va="center")
    put_foot(figure, palette, hits.coverage.summary)
    describe(figure, _bars_text(title, bars, hits.coverage.summary))
    return figure


def _place_axes(axes: Axes, bars: list[_Bar], height: float) -> None:
    """Give labels and words the room they need; what is left is for the bars."""
    left = max(1.0, 0.075 * max(len(bar.label) for bar in bars) + 0.2)
    axes.set_position((left / WIDTH, 0.3 / height, (WIDTH - left - 0.1) / WIDTH, (height - 0.35) / height))
    axes.set_ylim(len(bars) - 0.4, -1.35)


def _draw_bars(axes: Axes, bars: list[_Bar], palette: Palette) -> None:
    # The bar of all others would flatten the rest: it is cut at the longest of them, and drawn as cut.
    most = max((bar.total for bar in bars if not bar.group), default=1) or 1
    width = axes.get_position().width * WIDTH
    room = 0.072 * max(len(bar.words) for bar in bars) + 0.2
    # The longest bar and the words beside it must fit; a bar keeps at least 35 % of the width.
    axes.set_xlim(0, most / max(0.35, 1 - room / width))
    span = axes.get_xlim()[1]
    least = 0.006 * span  # a single refusal stays visible beside thousands of opened requests
    axes.set_xticks([])
    axes.set_yticks([])
    for row, bar in enumerate(bars):
        start, part = 0.0, min(1.0, most / bar.total) if bar.total else 1.0
        for number, colour, hatch in (
            (bar.opened, palette.opened, None),
            (bar.refused, palette.refused, "////"),
            (bar.failed, palette.failed, "xxx"),
        ):
            if number:
                long = max(number * part, least)
                _segment(axes, row, start, long, colour, hatch, bar.group, palette)
                start += long + 0.0012 * span
        if part < 1.0:
            _cut(axes, row, most * 0.5, span, palette)
        put_text(axes, -0.012 * span, row, bar.label, ha="right", va="center", fontsize=9, color=palette.text,
              style="italic" if bar.group else "normal")  # fmt: skip
        put_text(axes, start + 0.008 * span, row, bar.words, va="center", fontsize=8.6, color=palette.text)


def _cut(axes: Axes, row: int, x: float, span: float, palette: Palette) -> None:
    """A slanted gap: this bar is longer than drawn."""
    wide = 0.004 * span
    for shift in (0.0, 3 * wide):
        corners = [(x + shift, row + 0.4), (x + shift + wide, row + 0.4), (x + shift + 3 * wide, row - 0.4),
                   (x + shift + 2 * wide, row - 0.4)]  # fmt: skip
        axes.fill(*zip(*corners, strict=True), color=palette.face, linewidth=0)


def _segment(
    axes: Axes, row: int, start: float, long: float, colour: str, hatch: str | None, group: bool, palette: Palette
) -> None:
    edge = "#ffffff" if palette.face == "#ffffff" else "#111111"
    axes.barh(row, long, left=start, height=0.64, color=colour, alpha=0.55 if group else 1.0,
              hatch=hatch, edgecolor=edge if hatch else "none", linewidth=0)  # fmt: skip


def _bars_text(title: str, bars: list[_Bar], foot: str) -> str:
    head = f"Bar chart, {title}. "
    return head + " ".join(f"{bar.label}: {bar.words}." for bar in bars) + f" {foot}"
