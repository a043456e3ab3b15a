"""Text in columns for terminals and ``str()``: aligned by the width that characters have, wrapped to fit."""

from __future__ import annotations

import itertools
import textwrap
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from .errors import MissingExtra
from .html import Chip, Tone, hint, output as cell_output, table as html_table
from .text import printable

_NARROW = 12
_TIGHT = 8
_SEPARATORS = "/:.-_"
_TONES: dict[str, Tone] = {
    "critical": "no",
    "high": "no",
    "medium": "warn",
    "applied": "ok",
    "undone": "plain",
    "unfinished": "warn",
    "damaged": "no",
}
T = TypeVar("T")


def width(text: str) -> int:
    """Return the columns that a text needs on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def lay_out(
    head: Sequence[str], rows: Iterable[Sequence[object]], room: int | None = None, *, whole: Collection[int] = ()
) -> list[str]:
    """Return the lines of a table, the titles first."""
    cells = [[printable(cell) for cell in row] for row in rows]
    columns = list(zip(head, *cells, strict=True))
    widths = [max(map(width, column)) for column in columns]
    if room is not None:
        free = [i for i in range(len(widths)) if i not in whole]
        words = [max(width(word) for cell in columns[i] for word in cell.split(" ")) for i in free]
        left = room - 2 * (len(widths) - 1) - sum(widths[i] for i in whole)
        for i, size in zip(free, _shrink([widths[i] for i in free], left, words), strict=True):
            widths[i] = size
    return [line for row in [[title.upper() for title in head], *cells] for line in _lines(row, widths)]


def _shrink(widths: Sequence[int], room: int, words: Sequence[int]) -> list[int]:
    """Take from the widest column until all fit, or until none is wider than 12; words are cut last."""
    result = list(widths)
    while sum(result) > room and any(size > max(words[i], _TIGHT) for i, size in enumerate(result)):
        slack = [size if size > max(words[i], _TIGHT) else 0 for i, size in enumerate(result)]
        result[slack.index(max(slack))] -= 1
    while sum(result) > room and max(result) > _NARROW:
        result[result.index(max(result))] -= 1
    return result


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    parts = [wrap(cell, widths[i]) for i, cell in enumerate(row)]
    lines = []
    for number in range(max(map(len, parts))):
        words = [part[number] if number < len(part) else "" for part in parts]
        padded = [word + " " * (widths[i] - width(word)) for i, word in enumerate(words[:-1])]
        lines.append("  ".join([*padded, words[-1]]).rstrip())
    return lines


def wrap(text: str, room: int) -> list[str]:
    """Break a line at blanks, into lines that fit."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if width(longer) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = _pieces(word, room)
        lines += full
    return [*lines, line]


def _pieces(word: str, room: int) -> list[str]:
    """Cut a word that does not fit, after a separator in its second half if there is one."""
    pieces, piece = [], ""
    for char in word:
        if piece and width(piece + char) > room:
            end = max(piece.rfind(mark) for mark in _SEPARATORS) + 1
            end = end if end > len(piece) // 3 else len(piece)
            pieces.append(piece[:end])
            piece = piece[end:]
        piece += char
    return [*pieces, piece]


def data_frame(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Any:
    """Return rows as a pandas DataFrame; raises :class:`MissingExtra` without pandas."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtra("pandas is not installed.", next_step="pip install pandas") from error
    return pd.DataFrame.from_records(list(rows), columns=list(columns))


class ShownTable(Generic[T]):
    """The renderers of a sequence: subclasses have the titles, the cells, and the text of an empty one."""

    head: ClassVar[tuple[str, ...]]
    empty: str
    most: ClassVar[int | None] = None

    @staticmethod
    def row(item: Any) -> Sequence[object]:
        """Return the cells of one item."""
        raise NotImplementedError

    def _rows(self) -> list[Sequence[object]]:
        return [self.row(item) for item in itertools.islice(self, self.most)]  # type: ignore[call-overload]

    def _more(self) -> list[str]:
        size = len(self)  # type: ignore[arg-type]
        return [f"The first {self.most} of {size:,} are shown."] if size > (self.most or size) else []

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the cells of each row by their titles."""
        return [dict(zip(self.head, self.row(each), strict=True)) for each in self]  # type: ignore[attr-defined]

    def to_pandas(self) -> Any:
        """Return all rows as a pandas DataFrame; raises :class:`~gt_secure.errors.MissingExtra` without pandas."""
        return data_frame(self.head, [self.row(each) for each in self])  # type: ignore[attr-defined]

    def __str__(self) -> str:
        rows = self._rows()
        lines = lay_out(self.head, rows) if rows else [self.empty]
        return "\n".join([*lines, *self._more()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = self._rows()
        if not rows:
            return cell_output(hint(self.empty), *map(hint, self._more()))
        cells = [[chip(cell) for cell in row] for row in rows]
        return cell_output(html_table(self.head, cells), *map(hint, self._more()))


def chip(cell: object) -> object:
    """Return a chip for a word that has a tone, and any other cell unchanged."""
    tone = _TONES.get(str(cell))
    return cell if tone is None else Chip(tone, str(cell))


def wrapped(line: str, indent: int, room: int | None) -> Iterator[str]:
    """Yield a line, continued below where it has more columns than fit."""
    yield from [line] if room is None else textwrap.wrap(line, max(room, 30), subsequent_indent=" " * indent)
