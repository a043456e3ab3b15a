"""Parts of a plot that a person can press: where each is in the figure,
and which requests it stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..sql.literals import literal
from .theme import Chart, Mark

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hits import Hits


def set_marks(
    chart: Chart, marks: Sequence[Mark], *, spans: Sequence[tuple[float, float]] | None = None
) -> None:
    """Keep the marks of a chart: one per row,
    or with ``spans`` one for each range of the x axis.
    """
    places = spans if spans is not None else [(row - 0.5, row + 0.5) for row in range(len(marks))]
    chart.marks = [(mark, *place) for mark, place in zip(marks, places, strict=True)], spans is None


def marks_of(figure: Figure) -> tuple[Mark, ...]:
    """Return the marks of a figure that was drawn, with their places;
    empty for a plot without any.
    """
    if not isinstance(figure, Chart) or figure.marks is None:
        return ()
    (placed, are_rows), axes = figure.marks, figure.parts.axes
    position = axes.get_position()
    low, high = axes.get_ylim() if are_rows else axes.get_xlim()
    result = []
    for mark, *ends in placed:
        first, last = sorted((value - low) / (high - low) for value in ends)
        if are_rows:  # the whole row, with its label and its numbers
            box = (
                0.0,
                1 - position.y0 - position.height * last,
                1.0,
                position.height * (last - first),
            )
        else:
            box = (
                position.x0 + position.width * first,
                1 - position.y1,
                position.width * (last - first),
                position.height,
            )
        result.append(replace(mark, box=box))
    return tuple(result)


def hits_of_mark(hits: Hits, mark: Mark) -> Hits:
    """Return the requests that a mark of a plot of these hits stands for."""
    return hits.where(mark.condition)


def one_of(columns: Sequence[str], values: Iterable[Sequence[Any]]) -> str:
    """Return the condition that a row has one of these combinations;
    a missing value counts as empty text.
    """
    names = ", ".join(f"coalesce({column}, '')" for column in columns)
    listed = ", ".join(f"({', '.join(literal(value) for value in each)})" for each in values)
    return f"({names}) IN ({listed})" if listed else "false"
