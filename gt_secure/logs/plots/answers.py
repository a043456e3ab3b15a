"""Figure of answers: kinds of requests in rows, places in columns, each by shape,
word and colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .layout import fit
from .theme import ROW, Theme, new_chart, put_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKS = {"opened": "●", "refused": "○", "unknown": "◇"}


def answer_matrix(
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[str]]],
    *,
    title: str,
    note: str,
    theme: Theme = "light",
) -> Figure:
    """Draw a matrix of answers.

    Parameters
    ----------
    columns : sequence of str
        Places.
    rows : sequence of (str, sequence of str)
        Each kind of request with an answer for each place: ``opened``, ``refused`` or ``unknown``.
    title, note : str
        Above and below the matrix.
    theme : str
        ``light`` or ``dark``.
    """
    chart = new_chart(theme, title, note, rows=len(rows), height=1.4 + 0.5 * ROW * len(rows))
    palette, axes = chart.palette, chart.parts.axes
    colours = {"opened": palette.opened, "refused": palette.quiet, "unknown": palette.refused}
    axes.set_xlim(0, len(columns))
    for word, mark in _MARKS.items():
        if any(word in answers for _, answers in rows):
            chart.key(f"{mark} {word}")
    for number, (name, answers) in enumerate(rows):
        chart.row(number, name, "")
        axes.axhline(number + 0.5, color=palette.line, linewidth=0.6)
        for place, word in enumerate(answers):
            style = {"ha": "center", "va": "center", "fontsize": 8.6, "color": colours[word]}
            put_text(axes, place + 0.5, number, f"{_MARKS[word]} {word}", **style)

    def placed(width: float) -> None:
        """Cut the names of places to the width of a column."""
        names = [fit(name, 8, width / len(columns) - 0.08) for name in columns]
        axes.set_xticks([i + 0.5 for i in range(len(columns))], names)

    chart.parts.placed = placed
    told = {
        name: ", ".join(
            f"{word} from {place}" for place, word in zip(columns, answers, strict=True)
        )
        for name, answers in rows
    }
    said = " ".join(f"{name}: {answers}." for name, answers in told.items())
    chart.set_label(f"{title} {said}")
    return chart
