"""Sharing by viewer: the networks from which the URLs of each viewer were used."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.text import count
from ..leak_rules import LeakRules, network_name
from ..sql.literals import literal
from .marks import set_marks
from .theme import Chart, Mark, Theme, check_top, clean, empty_chart, new_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hits import Hits

_WHERE = "presigned AND NOT test"
_MOST = 24
"""Marks in a row; its words have the number of all."""
_NONE = "No request with a viewer in the logs that were read. Logs arrive hours late."


def networks_by_viewer(hits: Hits, *, top: int = 12, theme: Theme = "light") -> Figure:
    """Draw a row for each viewer and a mark for each network that used the viewer's URLs, in the
    order of first use.

    Parameters
    ----------
    hits : Hits
    top : int
        Viewers drawn on their own, those with the most networks.
    theme : str
        ``light`` or ``dark``.
    """
    check_top(top, "viewer")
    rules = LeakRules(networks=hits.networks)
    uses = hits.query(
        f"SELECT viewer, remote_ip, endpoint, bool_and(refused) FROM {{hits}} WHERE {_WHERE} AND"
        " viewer IS NOT NULL AND remote_ip IS NOT NULL GROUP BY ALL ORDER BY viewer, min(time),"
        " remote_ip"
    )
    each: dict[str, dict[str, bool]] = {}
    for viewer, ip, endpoint, refused in uses:
        found = each.setdefault(viewer, {})
        name = network_name(ip, endpoint, rules)
        found[name] = refused and found.get(name, True)
    rows = sorted(each.items(), key=lambda row: -len(row[1]))
    [(without,)] = hits.query(f"SELECT count(*) FROM {{hits}} WHERE {_WHERE} AND viewer IS NULL")
    left = [f"{count(len(rows) - top, 'more viewer')} not drawn."] if len(rows) > top else []
    left += [f"{count(without, 'presigned request')} without a viewer."] if without else []
    note = " ".join([*left, hits.coverage.summary])
    if not rows:
        return empty_chart(theme, note, _NONE)
    shown, across = rows[:top], "Networks, in the order of first use"
    chart = new_chart(
        theme, "Networks by viewer", note, rows=len(shown), labels="Viewer", across=across
    )
    chart.key("Cross: all refused", chart.palette.refused)
    _draw(chart, shown)
    marks = [
        Mark(
            clean(viewer), count(len(found), "network"), f"{_WHERE} AND viewer = {literal(viewer)}"
        )
        for viewer, found in rows
    ]
    set_marks(chart, marks[:top])
    words = " ".join(f"{mark.label}: {mark.words}." for mark in marks)
    chart.set_label(f"Networks that used the URLs of each viewer. {words} {note}")
    return chart


def _draw(chart: Chart, rows: list[tuple[str, dict[str, bool]]]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes, palette = chart.parts.axes, chart.palette
    axes.set_xlim(0.5, min(_MOST, max(len(found) for _, found in rows)) + 0.5)
    for row, (viewer, found) in enumerate(rows):
        axes.axhline(row, color=palette.line, linewidth=0.7, zorder=0)
        for place, refused in zip(range(1, _MOST + 1), found.values(), strict=False):
            colour = palette.refused if refused else palette.opened
            axes.plot(
                [place], [row], "X" if refused else "o", color=colour, markersize=7, linewidth=0
            )
        chart.row(row, clean(viewer), count(len(found), "network"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
