"""Requests by source address or network, as bars with their numbers."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.allowed import Allowed, AllowedLike
from ...base.groups import grouped
from ...base.text import count
from ..refusals import PREDICTED
from ..sql.literals import literal
from ..sql.log_columns import INTERNAL, INTERNAL_KIND
from .marks import one_of, set_marks
from .outcomes import COUNTS, OUTCOMES, add_outcome_keys, in_short, in_words, sum_up
from .theme import Chart, Mark, Theme, check_top, clean, empty_chart, new_chart, put_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hits import Hits
    from ..named_networks import Networks

_OUTSIDE = "outside"
_ALLOWED = "allowed"
_UNNAMED = "via an unnamed VPC endpoint"
_PAIR = ("remote_ip", "endpoint")
_REFUSED = next(place for place, kind in enumerate(OUTCOMES) if kind.code == "refused")
_REFUSALS = f"refused AND NOT {INTERNAL}"
_LOCKS = (
    f"CASE WHEN count(*) FILTER ({_REFUSALS}) = count(refused_by) FILTER ({_REFUSALS}) THEN"
    f" coalesce(string_agg(DISTINCT refused_by, ', ' ORDER BY refused_by) FILTER ({_REFUSALS}), '')"
    " ELSE '' END"
)
"""The locks that refused, where all refusals of a group have one."""


@dataclass(frozen=True, slots=True)
class _Bar:
    label: str
    counts: tuple[int, ...]
    outside: int = 0
    sources: int = 1
    side: str = ""
    condition: str = "true"
    address: str | None = None
    endpoint: str | None = None
    locks: str = ""

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def short(self) -> str:
        """The numbers beside the bar."""
        if self.outside:
            mark = " · outside" if self.sources == 1 else f" · {self.outside:,} outside"
        else:
            mark = f" · {self.side}" if self.side == _UNNAMED else ""
        return in_short(self.counts, self._why(" by an unknown lock")) + mark

    def _why(self, not_known: str = "") -> str:
        """Name what refused an allowed source, where each refusal says it."""
        if self.side != _ALLOWED or not self.counts[_REFUSED]:
            return ""
        locks = clean(self.locks, 60).replace(PREDICTED, " (by today's policies)")
        return f" by the {locks}" if self.locks else not_known

    @property
    def words(self) -> str:
        """The numbers in the text alternative."""
        mark = f" · {self.side}" if self.side else ""
        if self.outside and self.sources > 1:
            mark = f" · {self.outside:,} of them outside the restriction"
        elif self.outside:
            mark = " · outside the restriction"
        return in_words(self.counts, self._why()) + mark

    @property
    def mark(self) -> Mark:
        """The mark of the bar."""
        return Mark(self.label, self.words, self.condition, self.address, self.endpoint)


def _bars(hits: Hits, column: str, top: int, allowed: Allowed) -> list[_Bar]:
    """Return the busiest sources, the others as one bar, and the work of S3 itself apart.

    One query, however many sources there are.
    """
    rows = hits if allowed.is_empty else hits.with_restriction(allowed)
    side = "''" if allowed.is_empty else f"CASE WHEN {INTERNAL} THEN '' ELSE allowlist END"
    source = f"CASE WHEN {INTERNAL} THEN {INTERNAL_KIND} ELSE coalesce(remote_ip, '') END"
    via = f"CASE WHEN {INTERNAL} THEN '' ELSE coalesce(endpoint, '') END"
    groups = rows.query(
        f"SELECT {INTERNAL} AS internal, {source} AS label, {via} AS via, {side} AS side, {COUNTS},"
        f" {_LOCKS}, CAST(count(*) AS BIGINT) AS n FROM {{hits}} GROUP BY ALL ORDER BY n DESC,"
        " label, via"
    )
    own = [
        _Bar(label, tuple(counts), condition=f"{INTERNAL} AND {INTERNAL_KIND} = {literal(label)}")
        for internal, label, _, _, *counts, _, _ in groups
        if internal
    ]
    sources = [
        _Source(label, via, side, tuple(counts), ((label, via),), locks)
        for internal, label, via, side, *counts, locks, _ in groups
        if not internal
    ]
    sources = _by_network(sources) if column == "network" else sources
    bars = [_bar(each, hits.networks, one_address=column != "network") for each in sources[:top]]
    rest = [_bar_of_others(sources[top:], sources[:top])] if sources[top:] else []
    return [*bars, *rest, *own]


@dataclass(frozen=True, slots=True)
class _Source:
    """An address or a network, with the addresses and endpoints in it."""

    label: str
    via: str
    side: str
    counts: tuple[int, ...]
    members: tuple[tuple[str, str], ...]
    locks: str


def _bar(source: _Source, networks: Networks | None, *, one_address: bool) -> _Bar:
    side = ""
    if source.side == "inside" or (source.side == "endpoint" and source.via):
        side = _ALLOWED
    elif source.side == "endpoint":
        side = _UNNAMED
    return _Bar(
        source_label(source.label, source.via, networks),
        source.counts,
        int(source.side == _OUTSIDE),
        side=side,
        condition=f"NOT {INTERNAL} AND {one_of(_PAIR, source.members)}",
        address=source.label if one_address else None,
        endpoint=source.via if one_address else None,
        locks=source.locks,
    )


def _bar_of_others(others: Sequence[_Source], drawn: Sequence[_Source]) -> _Bar:
    """Return one bar for all sources that have none of their own."""
    outside = sum(each.side == _OUTSIDE for each in others)
    members = one_of(_PAIR, [member for each in drawn for member in each.members])
    totals = sum_up([each.counts for each in others])
    condition = (
        f"NOT {INTERNAL} AND NOT {members}"  # not the others themselves: they may be very many
    )
    return _Bar(
        count(len(others), "other"), totals, outside, max(2, len(others)), condition=condition
    )


def source_label(address: str, via: str, networks: Networks | None) -> str:
    """Return a source for a label: name of its network, address, endpoint."""
    name = networks.about(address.partition("/")[0]).name if networks is not None else ""
    shown = (clean(address) if address else "no address") + (f" · {clean(via, 26)}" if via else "")
    return f"{clean(name, 30)} · {shown}" if name else shown


def _by_network(sources: list[_Source]) -> list[_Source]:
    from ..sql.group_by import network_of

    groups = grouped(
        ((network_of(each.label) or "", each.via, each.side), each) for each in sources
    )
    rows = [
        _Source(
            *key,
            sum_up([each.counts for each in found]),
            tuple(pair for each in found for pair in each.members),
            _joined([each.locks for each in found if each.counts[_REFUSED]]),
        )
        for key, found in groups.items()
    ]
    return sorted(rows, key=lambda row: (-sum(row.counts), row.label, row.via))


def _joined(locks: Sequence[str]) -> str:
    """Return the locks of several sources; empty where one of them has none."""
    return ", ".join(sorted(set(locks))) if all(locks) else ""


def hits_by_ip(
    hits: Hits,
    *,
    allowed: AllowedLike = (),
    top: int = 12,
    theme: Theme = "light",
) -> Figure:
    """Draw requests by source address and outcome, and mark sources outside the restriction.

    Parameters
    ----------
    hits : Hits
    allowed : Allowed, str or iterable
        Allowed addresses and endpoints; without them nothing is marked.
    top : int
        Addresses drawn on their own; the others are one bar.
    theme : str
        ``light`` or ``dark``; the ground is transparent.
    """
    return _bar_figure(hits, "remote_ip", "Requests by source IP", Allowed.of(allowed), top, theme)


def hits_by_network(
    hits: Hits,
    *,
    allowed: AllowedLike = (),
    top: int = 12,
    theme: Theme = "light",
) -> Figure:
    """Draw requests by network (/24, /64); parameters as for :func:`hits_by_ip`."""
    return _bar_figure(hits, "network", "Requests by network", Allowed.of(allowed), top, theme)


def _bar_figure(
    hits: Hits, column: str, title: str, allowed: Allowed, top: int, theme: str
) -> Figure:
    check_top(top)
    bars = _bars(hits, column, top, allowed)
    if not bars:
        return empty_chart(theme, hits.coverage.summary)
    outside = any(bar.outside for bar in bars)
    mark = "Outside: not among the allowed addresses and endpoints. " if outside else ""
    totals = sum_up([bar.counts for bar in bars])
    labels = "Network" if column == "network" else "Source address"
    note = f"In total {in_words(totals)}. {mark}{hits.coverage.summary}"
    chart = new_chart(theme, title, note, rows=len(bars), labels=labels, across="Requests")
    add_outcome_keys(chart, totals)
    if any(bar.side == _ALLOWED for bar in bars):
        chart.key("Allowed source", chart.palette.allowed)
    _draw_bars(chart, bars)
    set_marks(chart, [bar.mark for bar in bars])
    words = " ".join(f"{bar.label}: {bar.words}." for bar in bars)
    chart.set_label(f"Bar chart, {title[0].lower()}{title[1:]}. {words} {hits.coverage.summary}")
    return chart


def _draw_bars(chart: Chart, bars: list[_Bar]) -> None:
    axes, palette = chart.parts.axes, chart.palette
    # The bar of all others would flatten the rest: it is cut at the longest of them, and drawn as
    # cut.
    most = max((bar.total for bar in bars if bar.sources == 1), default=1) or 1
    for row, bar in enumerate(bars):
        if bar.side == _ALLOWED:
            axes.axhspan(row - 0.5, row + 0.5, color=palette.allowed, linewidth=0, zorder=0)
    ends = [_draw_bar(chart, row, bar, most) for row, bar in enumerate(bars)]
    write_beside(chart, [(bar.label, bar.short, bar.sources > 1) for bar in bars], ends)


def write_beside(
    chart: Chart, texts: Sequence[tuple[str, str, bool]], ends: Sequence[float]
) -> None:
    """Write a label at the left of each bar, slanted if it is of many,
    and its words at the end of the bar.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    parts, palette = chart.parts, chart.palette
    axes = parts.axes
    for row, ((label, words, is_of_many), end) in enumerate(zip(texts, ends, strict=True)):
        style = {"va": "center", "color": palette.text}
        at_left = {"ha": "right", "fontsize": 9, "transform": axes.get_yaxis_transform(), **style}
        slant = "italic" if is_of_many else "normal"
        parts.labels.append(put_text(axes, 0, row, label, style=slant, **at_left))
        parts.beside.append(put_text(axes, end, row, words, **style))
    axes.spines["bottom"].set(visible=True, color=palette.line)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))

    def placed(width: float) -> None:
        """Make room for each bar and the numbers at its end."""
        from .layout import GAP, measure

        sizes = [measure(text.get_text(), text.get_fontsize()) + GAP for text in parts.beside]
        span = max(end / max(0.02, 1 - size / width) for end, size in zip(ends, sizes, strict=True))
        axes.set_xlim(0, span)
        for text, end in zip(parts.beside, ends, strict=True):
            text.set_x(end + GAP / 2 / width * span)
        ticks = MaxNLocator(max(1, int(width / 0.9)), integer=True).tick_values(0, span)
        axes.set_xticks(
            [tick for tick in ticks if tick / span * width + measure(f"{tick:,.0f}", 8) / 2 < width]
        )

    parts.placed = placed


def _draw_bar(chart: Chart, row: int, bar: _Bar, most: int) -> float:
    """Draw the segments of one bar; return where it ends."""
    group = bar.sources > 1
    end, part = 0.0, min(1.0, most / bar.total) if bar.total else 1.0
    for number, kind in zip(bar.counts, OUTCOMES, strict=True):
        if number:
            # A single refusal stays visible beside thousands of opened requests.
            long = max(number * part, 0.008 * most)
            chart.parts.axes.barh(
                row,
                long,
                left=end,
                height=0.64,
                color=getattr(chart.palette, kind.code),
                alpha=0.55 if group else 1.0,
                **chart.hatched(kind.hatch),
            )
            end += long + 0.0015 * most
    if part < 1.0:
        _cut(chart, row, most)
    return end


def _cut(chart: Chart, row: int, most: int) -> None:
    """Draw a slanted gap: this bar is longer than drawn."""
    wide = 0.005 * most
    for shift in (0.0, 3 * wide):
        x = most * 0.5 + shift
        corners = [
            (x, row + 0.4),
            (x + wide, row + 0.4),
            (x + 3 * wide, row - 0.4),
            (x + 2 * wide, row - 0.4),
        ]
        chart.parts.axes.fill(*zip(*corners, strict=True), color=chart.palette.face, linewidth=0)
