"""Refused requests: who was refused, and by which lock."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.text import count
from ..refusals import PREDICTED
from ..sql.literals import literal
from ..sql.log_columns import INTERNAL
from .bars import source_label, write_beside
from .marks import one_of, set_marks
from .theme import Chart, Mark, Theme, check_top, clean, empty_chart, new_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hits import Hits

_NONE = "No refused request in the logs that were read. Logs arrive hours late."
_UNKNOWN = "not named by the log"
_HATCH = "////"


def refusals_by_lock(hits: Hits, *, top: int = 12, theme: Theme = "light") -> Figure:
    """Draw refused requests by lock and source; predicted locks are hatched.

    Parameters
    ----------
    hits : Hits
        With ``predict=True`` of :meth:`gt_secure.Connection.hits`, rows of access logs have a lock
        too.
    top : int
        Pairs of a source and a lock drawn on their own, those with most requests.
    theme : str
        ``light`` or ``dark``.
    """
    check_top(top)
    groups = hits.query(
        f"SELECT coalesce(refused_by, '{_UNKNOWN}') AS lock, coalesce(remote_ip, '') AS source,"
        " coalesce(endpoint, '') AS via, count(*) AS n FROM {hits} WHERE refused AND NOT"
        f" {INTERNAL} GROUP BY ALL ORDER BY n DESC, lock, source, via"
    )
    if not groups:
        return empty_chart(theme, hits.coverage.summary, _NONE)
    rows = [
        (source_label(source, via, hits.networks), lock, number)
        for lock, source, via, number in groups
    ]
    marks = [
        Mark(
            label,
            f"{count(number, 'refused request')} by {clean(lock, 60)}",
            f"refused AND NOT {INTERNAL} AND coalesce(refused_by, '{_UNKNOWN}') = {literal(lock)} "
            f"AND {one_of(('remote_ip', 'endpoint'), [(source, via)])}",
        )
        for (label, _, _), (lock, source, via, number) in zip(rows[:top], groups[:top], strict=True)
    ]
    total = sum(number for _, _, number in rows)
    left = (
        f"{count(len(rows) - top, 'more pair')} of source and lock not drawn. "
        if len(rows) > top
        else ""
    )
    note = f"In total {count(total, 'refused request')}. {left}{hits.coverage.summary}"
    title = "Refused requests by source and lock"
    chart = new_chart(
        theme, title, note, rows=len(rows[:top]), labels="Source address", across="Requests"
    )
    palette = chart.palette
    locks = [lock for _, lock, _ in rows[:top]]
    if any(lock != _UNKNOWN and not lock.endswith(PREDICTED) for lock in locks):
        chart.key("Named by AWS", palette.refused)
    if any(lock.endswith(PREDICTED) for lock in locks):
        chart.key("Predicted from today's policies", palette.refused, _HATCH)
    if _UNKNOWN in locks:
        chart.key("Lock not known", palette.failed)
    _draw(chart, rows[:top])
    set_marks(chart, marks)
    words = " ".join(f"{label}: {number:,} by {clean(lock, 60)}." for label, lock, number in rows)
    chart.set_label(
        f"Bar chart, refused requests by source and lock. {words} {hits.coverage.summary}"
    )
    return chart


def _draw(chart: Chart, rows: list[tuple[str, str, int]]) -> None:
    axes, palette = chart.parts.axes, chart.palette
    for row, (_, lock, number) in enumerate(rows):
        hatch = _HATCH if lock.endswith(PREDICTED) else None
        colour = palette.failed if lock == _UNKNOWN else palette.refused
        axes.barh(row, number, height=0.64, color=colour, **chart.hatched(hatch))
    texts = [(label, f"{number:,} · {clean(lock, 40)}", False) for label, lock, number in rows]
    write_beside(chart, texts, [number for _, _, number in rows])
