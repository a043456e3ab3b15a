"""Figures from hits: who came, when, and who was refused. Figures, not pyplot: no global state, no double display.

Colour is never the only sign: refused requests are hatched, what lies outside the restriction says so in words, and
every figure has a text alternative. Text from logs is only text: mathtext is off and control characters are shown.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .logs.hits import Hits
    from .logs.leaks import Leak

Theme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one theme; the data colours are from Okabe and Ito's set, lightened on dark ground."""

    text: str
    quiet: str
    line: str
    face: str
    opened: str
    refused: str
    failed: str
    heat: tuple[str, str]


PALETTES: dict[str, Palette] = {
    "light": Palette("#1f1f1f", "#5f6368", "#d0d0d0", "#ffffff", "#0072b2", "#d55e00", "#8a8a8a", ("#eef4f9", "#00456b")),
    "dark": Palette("#e8e8e8", "#a8adb3", "#4a4d50", "#111111", "#56b4e9", "#e69f00", "#8a8a8a", ("#1c2a33", "#8fd0f5")),
}
_SERIES = {
    "light": ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"),
    "dark": ("#56b4e9", "#e69f00", "#2fc39a", "#e39ac2", "#f0803c", "#f0e442"),
}
_OPENED = "http_status BETWEEN 200 AND 399"
_WIDTH = 8.6
_ROW = 0.265
NO_HITS = "No requests in the logs that were read. That does not prove that nobody came: logs arrive hours late."


def _palette(theme: str) -> Palette:
    if theme not in PALETTES:
        raise InvalidInput(f"There is no theme “{theme[:20]}”.", next_step="Use light or dark.", field="theme")
    return PALETTES[theme]


def clean(text: object, most: int = 46) -> str:
    """Text for a label: nothing that a renderer obeys, and not too long; the end is kept, it tells more."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return shown if len(shown) <= most else shown[: most // 3] + "…" + shown[-(most - most // 3 - 1) :]


def _figure(height: float, palette: Palette) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), dpi=144, facecolor="none", layout=None)
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, colors=palette.text, labelsize=9)
    return figure, axes


def _text(axes: Any, x: float, y: float, text: str, **style: Any) -> Any:
    drawn = axes.text(x, y, text, parse_math=False, **style)
    drawn.set_clip_on(False)
    return drawn


def _empty(palette: Palette, limits: str, message: str = NO_HITS) -> Figure:
    figure, axes = _figure(0.9, palette)
    axes.set_axis_off()
    _text(axes, 0.01, 0.6, message, color=palette.text, fontsize=9, transform=axes.transAxes)
    _foot(figure, palette, limits)
    _describe(figure, message)
    return figure


def _foot(figure: Figure, palette: Palette, text: str) -> None:
    figure.text(0.012, 0.08 / figure.get_figheight(), clean(text, 150), color=palette.quiet, fontsize=7.5, parse_math=False)


def _describe(figure: Figure, text: str) -> None:
    figure.set_label(text)


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
        f"CAST(count(*) FILTER ({_OPENED}) AS BIGINT), CAST(count(*) FILTER (http_status IN (401, 403)) AS BIGINT), "
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
        bars.append(_Bar(
            f"{len(rest):,} others", sum(r[3] for r in rest), sum(r[4] for r in rest), sum(r[5] - r[3] - r[4] for r in rest),
            f"{outside:,} of them outside the list" if outside else "", group=True,
        ))  # fmt: skip
    return bars


def _by_network(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    from .logs.grouping import network_of

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
    return _bar_figure(hits, "remote_ip", "requests by source IP", tuple(restriction_networks), tuple(endpoints), top, theme)


def hits_by_network(
    hits: Hits,
    *,
    restriction_networks: Iterable[Any] = (),
    endpoints: Iterable[str] = (),
    top: int = 12,
    theme: Theme = "light",
) -> Figure:
    """Draw requests by network (/24, /64); parameters as for :func:`hits_by_ip`."""
    return _bar_figure(hits, "network", "requests by network", tuple(restriction_networks), tuple(endpoints), top, theme)


def _bar_figure(
    hits: Hits, column: str, title: str, networks: tuple[Any, ...], endpoints: tuple[str, ...], top: int, theme: str
) -> Figure:
    palette = _palette(theme)
    if top < 1:
        raise InvalidInput("At least one source must be drawn.", next_step="Give top=1 or more.", field="top")
    bars = _bars(hits, "remote_ip" if column == "remote_ip" else "network", top, networks, endpoints)
    if not bars:
        return _empty(palette, hits.coverage.summary)
    height = 0.62 + _ROW * len(bars) + 0.3
    figure, axes = _figure(height, palette)
    _place_axes(figure, axes, bars, height)
    _draw_bars(axes, bars, palette)
    _text(axes, 0, -0.95, title, color=palette.quiet, fontsize=9, va="center")
    _foot(figure, palette, hits.coverage.summary)
    _describe(figure, _bars_text(title, bars, hits.coverage.summary))
    return figure


def _place_axes(figure: Figure, axes: Axes, bars: list[_Bar], height: float) -> None:
    """Give labels and words the room they need; what is left is for the bars."""
    left = max(1.0, 0.075 * max(len(bar.label) for bar in bars) + 0.2)
    axes.set_position((left / _WIDTH, 0.3 / height, (_WIDTH - left - 0.1) / _WIDTH, (height - 0.35) / height))
    axes.set_ylim(len(bars) - 0.4, -1.35)


def _draw_bars(axes: Axes, bars: list[_Bar], palette: Palette) -> None:
    # The bar of all others would flatten the rest: it is cut at the longest of them, and drawn as cut.
    most = max((bar.total for bar in bars if not bar.group), default=1) or 1
    width = axes.get_position().width * _WIDTH
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
        _text(axes, -0.012 * span, row, bar.label, ha="right", va="center", fontsize=9, color=palette.text,
              style="italic" if bar.group else "normal")  # fmt: skip
        _text(axes, start + 0.008 * span, row, bar.words, va="center", fontsize=8.6, color=palette.text)


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


def over_time(hits: Hits, *, theme: Theme = "light") -> Figure:
    """Draw opened and refused requests over time, by hour, or by day for more than ten days."""
    palette = _palette(theme)
    unit, rows = _time_rows(hits)
    if not rows:
        return _empty(palette, hits.coverage.summary)
    figure, axes = _figure(2.5, palette)
    axes.set_position((0.075, 0.24, 0.91, 0.6))
    _draw_time(axes, unit, rows, palette)
    opened, refused = sum(r[1] for r in rows), sum(r[2] for r in rows)
    title = f"requests per {unit}, UTC · {opened:,} opened, {refused:,} refused"
    _text(axes, 0, 1.12, title, color=palette.quiet, fontsize=9, transform=axes.transAxes)
    _foot(figure, palette, hits.coverage.summary)
    peak = max(rows, key=lambda r: r[1] + r[2])
    _describe(figure, f"Bar chart, {title}. From {rows[0][0]:%Y-%m-%d %H:%M} to {rows[-1][0]:%Y-%m-%d %H:%M}. "
              f"Most in the {unit} of {peak[0]:%Y-%m-%d %H:%M}: {peak[1]:,} opened, {peak[2]:,} refused. "
              f"{hits.coverage.summary}")  # fmt: skip
    return figure


def _time_rows(hits: Hits) -> tuple[str, list[tuple[dt.datetime, int, int]]]:
    [(first, last)] = hits.query("SELECT min(time), max(time) FROM {hits}")
    if first is None:
        return "hour", []
    unit = "hour" if last - first <= dt.timedelta(days=10) else "day"
    rows = hits.query(
        f"SELECT date_trunc('{unit}', time)::TIMESTAMP AS t, CAST(count(*) FILTER ({_OPENED}) AS BIGINT), "
        "CAST(count(*) FILTER (http_status IN (401, 403)) AS BIGINT) FROM {hits} GROUP BY 1 ORDER BY 1"
    )
    return unit, rows  # type: ignore[return-value]


def _draw_time(axes: Axes, unit: str, rows: list[tuple[dt.datetime, int, int]], palette: Palette) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    step = 1 / 24 if unit == "hour" else 1.0
    at = [float(date2num(moment)) + step / 2 for moment, _, _ in rows]
    wide = step * 0.92
    axes.bar(at, [r[1] for r in rows], width=wide, color=palette.opened, linewidth=0)
    edge = "#ffffff" if palette.face == "#ffffff" else "#111111"
    axes.bar(at, [r[2] for r in rows], width=wide, bottom=[r[1] for r in rows], color=palette.refused, hatch="////",
             edgecolor=edge, linewidth=0)  # fmt: skip
    # One hour alone would be a wall: show at least twelve steps.
    middle, half = (at[0] + at[-1]) / 2, max((at[-1] - at[0]) / 2 + step, 6 * step)
    axes.set_xlim(middle - half, middle + half)
    locator = AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.xaxis.get_offset_text().set(color=palette.quiet, fontsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color=palette.line, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["bottom"].set(visible=True, color=palette.line)
    axes.tick_params(labelsize=8)


def heat_map(hits: Hits, *, top: int = 16, theme: Theme = "light") -> Figure:
    """Draw requests by source address and hour of the day (UTC); the busiest addresses, a corner mark where refused."""
    palette = _palette(theme)
    rows = hits.query(
        "SELECT coalesce(remote_ip, 'no address') AS a, CAST(hour(time) AS INTEGER) AS h, CAST(count(*) AS BIGINT) AS n, "
        "CAST(count(*) FILTER (http_status IN (401, 403)) AS BIGINT) AS r FROM {hits} GROUP BY ALL"
    )
    if not rows:
        return _empty(palette, hits.coverage.summary)
    totals: dict[str, int] = {}
    for address, _, number, _ in rows:
        totals[address] = totals.get(address, 0) + number
    names = sorted(totals, key=lambda name: (-totals[name], name))[:top]
    inner = _ROW * (len(names) + 0.85)
    height = inner + 0.6
    figure, axes = _figure(height, palette)
    left = 0.075 * max(len(clean(name)) for name in names) + 0.25
    axes.set_position((left / _WIDTH, 0.52 / height, (_WIDTH - left - 0.75) / _WIDTH, inner / height))
    _draw_heat(axes, rows, names, totals, palette)
    more = f", {len(totals) - len(names):,} addresses more" if len(totals) > len(names) else ""
    title = f"requests by source IP and hour of the day, UTC · corner mark: refused{more}"
    _text(axes, 0, -0.95, title, color=palette.quiet, fontsize=9, va="center")
    _foot(figure, palette, hits.coverage.summary)
    busiest = [f"{clean(name)}: {totals[name]:,} requests, most at {_peak_hour(rows, name):02d} h." for name in names]
    _describe(figure, f"Heat map, {title}. {' '.join(busiest)} {hits.coverage.summary}")
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
        _text(axes, -0.2, row, clean(name), ha="right", va="center", fontsize=9, color=palette.text)
        _text(axes, 24.2, row, f"{totals[name]:,}", ha="left", va="center", fontsize=8.6, color=palette.text)
    for address, hour, number, refused in shown:
        colour = colours(0.12 + 0.88 * float(scale(number))) if number else ground
        axes.add_patch(Rectangle((hour + 0.03, place[address] - 0.42), 0.94, 0.84, facecolor=colour, linewidth=0))
        if refused:
            right, low = hour + 0.97, place[address] + 0.42
            axes.fill((right - 0.5, right, right), (low, low, low - 0.6), color=palette.refused, linewidth=0)
    axes.set_yticks([])
    axes.set_xticks([0.5 + h for h in range(0, 24, 3)], [f"{h:02d}" for h in range(0, 24, 3)])
    axes.tick_params(labelsize=8, colors=palette.quiet)


def leak_timeline(leak: Leak, *, theme: Theme = "light") -> Figure:
    """Draw who used one leaked URL, and when: a row an address, a dot a request, a cross a refusal."""
    palette = _palette(theme)
    users = leak.users[:20]
    height = 1.0 + 0.3 * len(users)
    figure, axes = _figure(height, palette)
    left = 0.075 * max(len(clean(user.label)) for user in users) + 0.25
    axes.set_position((left / _WIDTH, 0.52 / height, (_WIDTH - left - 2.5) / _WIDTH, (height - 0.85) / height))
    _draw_leak(axes, users, leak, palette, theme)
    title = f"uses of one URL for {clean(leak.key, 40)}" + (f" · minted {leak.minted:%d %b %H:%M}" if leak.minted else "")
    _text(axes, 0, 1.0, title, color=palette.quiet, fontsize=9, transform=axes.transAxes, va="bottom")
    _foot(figure, palette, "Two URLs minted in the same second for the same object look like one.")
    _describe(figure, f"Timeline, {title}. " + " ".join(f"{clean(u.label)}: {u.words}." for u in users))
    return figure


def _draw_leak(axes: Axes, users: Sequence[Any], leak: Leak, palette: Palette, theme: str) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

    moments = [date2num(t) for user in users for t, _ in user.uses]
    if leak.minted:
        moments.append(date2num(leak.minted))
    low, high = min(moments), max(moments)
    pad = max((high - low) * 0.04, 5 / 86400)
    axes.set_xlim(low - pad, high + pad)
    axes.set_ylim(len(users) - 0.4, -0.6)
    if leak.minted:
        axes.axvline(date2num(leak.minted), color=palette.quiet, linewidth=1, linestyle=(0, (2, 2)))
    colours = _SERIES[theme]
    for row, user in enumerate(users):
        axes.axhline(row, color=palette.line, linewidth=0.7, zorder=0)
        opened = [date2num(t) for t, refused in user.uses if not refused]
        refused = [date2num(t) for t, refused in user.uses if refused]
        axes.plot(opened, [row] * len(opened), "o", color=colours[row % len(colours)], markersize=6, linewidth=0)
        axes.plot(refused, [row] * len(refused), "X", color=palette.refused, markersize=7, linewidth=0)
        _text(axes, -0.015, row, clean(user.label), ha="right", va="center", fontsize=9, color=palette.text,
              transform=axes.get_yaxis_transform())  # fmt: skip
        _text(axes, 1.015, row, user.words, va="center", fontsize=8.6, color=palette.text, transform=axes.get_yaxis_transform())
    locator = AutoDateLocator(minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.xaxis.get_offset_text().set(color=palette.quiet, fontsize=8)
    axes.set_yticks([])
    axes.tick_params(labelsize=8)


def alt_text(figure: Figure) -> str:
    """The text alternative of a figure of this module: everything it shows, in words."""
    return str(figure.get_label())


def svg(figure: Figure) -> str:
    """The figure as SVG text; the same hits give the same bytes."""
    import html

    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "gt-secure", "svg.fonttype": "path", "hatch.linewidth": 1.1}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = out.getvalue()
    start = text.index("<svg")
    head, tail = text[start:].split(">", 1)
    label = html.escape(alt_text(figure), quote=True)
    return f'{head} role="img" aria-label="{label}">{tail}'


def png(figure: Figure, *, dpi: int = 144, ground: str | None = None) -> bytes:
    """The figure as PNG bytes; transparent, or on a ``ground`` colour."""
    import matplotlib as mpl

    out = io.BytesIO()
    with mpl.rc_context({"hatch.linewidth": 1.1}):
        figure.savefig(out, format="png", dpi=dpi, facecolor=ground or "none", metadata={"Software": None})
    return out.getvalue()
