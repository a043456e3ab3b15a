"""Age of URLs when they opened an object, by the role or user that signed them."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.text import count, duration
from ..sql.literals import literal
from ..sql.log_columns import OPENED, SIGNER, signer_label
from .marks import set_marks
from .theme import Chart, Mark, Theme, check_top, clean, empty_chart, new_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hits import Hits

_LONGEST_S = 7 * 24 * 3600
"""The longest lifetime that S3 accepts."""
_NONE = "No URL with a known age was used in the logs that were read. Logs arrive hours late."
_WHERE = f"presigned AND NOT test AND {OPENED}"
"""A refused request may state any age and lifetime: anybody can write it."""
AGED = f"{_WHERE} AND age_s IS NOT NULL AND coalesce(expires_s <= {_LONGEST_S}, true)"
"""The requests that the figure shows."""
_TICKS = (1, 10, 60, 600, 3600, 6 * 3600, 86400, 7 * 86400)


@dataclass(frozen=True, slots=True)
class AgeRow:
    """Ages of the URLs of one signer, in seconds;
    ``lifetime`` is the longest that one of its URLs may live.
    """

    signer: str
    requests: int
    youngest: int
    median: int
    oldest: int
    lifetime: int | None
    group: str = ""
    """The signer as the query groups it."""

    @property
    def words(self) -> str:
        """Return the numbers beside the row."""
        lives = f" · lives {duration(self.lifetime)}" if self.lifetime is not None else ""
        return f"{duration(self.median)} · oldest {duration(self.oldest)}{lives}"


def age_rows(hits: Hits) -> list[AgeRow]:
    """Return the ages by signer, the signer with the oldest URL first."""
    rows = hits.query(
        f"SELECT {SIGNER} AS signer, count(*), min(age_s), quantile_disc(age_s, 0.5), max(age_s) AS"
        f" oldest, max(expires_s) FROM {{hits}} WHERE {AGED} GROUP BY 1 ORDER BY oldest DESC,"
        " signer"
    )
    return [
        AgeRow(signer_label(signer), number, youngest, median, oldest, lifetime, signer)
        for signer, number, youngest, median, oldest, lifetime in rows
    ]


def url_ages(hits: Hits, *, top: int = 12, theme: Theme = "light") -> Figure:
    """Draw how old URLs were when they opened an object: a row for each signer, from the youngest
    to the oldest.

    Parameters
    ----------
    hits : Hits
    top : int
        Signers drawn on their own, those with the oldest URLs.
    theme : str
        ``light`` or ``dark``.
    """
    check_top(top, "signer")
    rows = age_rows(hits)
    [(number,)] = hits.query(f"SELECT count(*) FROM {{hits}} WHERE {_WHERE} AND age_s IS NULL")
    without = (
        [f"{count(number, 'presigned request')} without an age (signature version 2, forms)."]
        if number
        else []
    )
    if not rows:
        return empty_chart(theme, " ".join([*without, hits.coverage.summary]), _NONE)
    shown = rows[:top]
    left = [f"{count(len(rows) - top, 'more signer')} not drawn."] if len(rows) > top else []
    note = " ".join([*left, *without, hits.coverage.summary])
    title, across = "Age of URLs when used", "Age (logarithmic)"
    chart = new_chart(theme, title, note, rows=len(shown), labels="Signed by", across=across)
    chart.key("Line: youngest to oldest", chart.palette.opened)
    chart.key("Dot: median")
    chart.key("Cross: longest lifetime seen", chart.palette.refused)
    _draw(chart, shown)
    texts = {row: f"{count(row.requests, 'request')}, median {row.words}" for row in rows}
    set_marks(
        chart,
        [
            Mark(clean(row.signer), texts[row], f"{AGED} AND {SIGNER} = {literal(row.group)}")
            for row in shown
        ],
    )
    words = " ".join(f"{row.signer}: {text}." for row, text in texts.items())
    chart.set_label(f"Ages of URLs when used, by signer. {words} {hits.coverage.summary}")
    return chart


def _draw(chart: Chart, rows: Sequence[AgeRow]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes, palette = chart.parts.axes, chart.palette
    axes.set_xscale("log")
    longest = max(max(row.oldest, row.lifetime or 0) for row in rows)
    axes.set_xlim(0.8, max(longest, 10) * 1.3)
    for number, row in enumerate(rows):
        axes.axhline(number, color=palette.line, linewidth=0.7, zorder=0)
        axes.plot(
            [max(row.youngest, 1), max(row.oldest, 1)],
            [number] * 2,
            color=palette.opened,
            linewidth=3,
        )
        axes.plot([max(row.median, 1)], [number], "o", color=palette.opened, markersize=7)
        if row.lifetime is not None:
            axes.plot(
                [max(row.lifetime, 1)],
                [number],
                "X",
                color=palette.refused,
                markersize=6.5,
                linewidth=0,
            )
        chart.row(number, clean(row.signer), row.words)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(int(value))))
    ticks = [tick for tick in _TICKS if tick <= max(longest, 10)]

    def placed(width: float) -> None:
        """Choose as many marks as have room."""
        step = max(1, -(-len(ticks) // max(1, int(width / 0.6))))
        axes.xaxis.set_major_locator(FixedLocator(ticks[::step]))

    chart.parts.placed = placed
