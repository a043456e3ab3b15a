"""Parts of a plot that a person can press: where each is in the figure, and which requests it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..logs.engines.duckdb_store import literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..logs.hits import Hits
    from .layout import Parts


@dataclass(frozen=True, slots=True)
class Mark:
    """One bar of a plot.

    Attributes
    ----------
    label, words : str
        The label of the bar, and its numbers in words.
    condition : str
        SQL condition on the rows that the bar counts.
    address, endpoint : str or None
        The source, where the bar stands for exactly one.
    box : tuple of float
        Left, top, width and height as fractions of the figure as last drawn, from its top left corner.
    """

    label: str
    words: str
    condition: str = field(repr=False)
    address: str | None = None
    endpoint: str | None = None
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Placed:
    mark: Mark
    start: float
    """Its beginning on its axis, in units of the data."""
    end: float


def set_marks(
    figure: Figure, parts: Parts, marks: Iterable[Mark], *, spans: Sequence[tuple[float, float]] | None = None
) -> None:
    """Keep the marks of a figure: one per row, or with ``spans`` one for each range of the x axis."""
    found = list(marks)
    places = spans if spans is not None else [(row - 0.5, row + 0.5) for row in range(len(found))]
    placed = [_Placed(mark, *place) for mark, place in zip(found, places, strict=True)]
    figure.marks = placed, parts, spans is None  # type: ignore[attr-defined]


def marks_of(figure: Figure) -> tuple[Mark, ...]:
    """Return the marks of a figure that was drawn, with their places; empty for a plot without any."""
    kept: tuple[list[_Placed], Parts, bool] | None = getattr(figure, "marks", None)
    if kept is None:
        return ()
    placed, parts, are_rows = kept
    position = parts.axes.get_position()
    low, high = parts.axes.get_ylim() if are_rows else parts.axes.get_xlim()

    def part(value: float) -> float:
        return float((value - low) / (high - low))

    result = []
    for each in placed:
        first, last = part(each.start), part(each.end)
        if are_rows:  # the whole row, with its label and its numbers
            bottom, top = (position.y0 + position.height * at for at in sorted((first, last)))
            box = (0.0, 1 - top, 1.0, top - bottom)
        else:
            left, right = (position.x0 + position.width * at for at in sorted((first, last)))
            box = (left, 1 - position.y1, right - left, position.height)
        result.append(replace(each.mark, box=box))
    return tuple(result)


def hits_of_mark(hits: Hits, mark: Mark) -> Hits:
    """Return the requests that a mark of a plot of these hits stands for."""
    return hits.where(mark.condition)


def one_of(columns: Sequence[str], values: Iterable[Sequence[Any]]) -> str:
    """Return the condition that a row has one of these combinations; a missing value counts as empty text."""
    names = ", ".join(f"coalesce({column}, '')" for column in columns)
    listed = ", ".join(f"({', '.join(literal(value) for value in each)})" for each in values)
    return f"({names}) IN ({listed})" if listed else "false"
