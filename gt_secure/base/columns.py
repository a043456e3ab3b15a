"""Text in columns for terminals and ``str()``: aligned by the width that characters have,
wrapped to fit.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar

from .errors import MissingExtra
from .html import Chip, Tone, hint, output as cell_output, table as html_table
from .text import Json, Texts, printable

_NARROW = 12
_TIGHT = (8, 5)
"""Columns below which no column goes to keep the words of the others whole,
and then their parts.
"""
_SEPARATORS = "/:.-_"
_COMMAND = re.compile(
    r"(?:^gt-secure [a-z]+ .* --yes$|(?P<quote>[\"'`])gt-secure .*?(?P=quote)"
    r"|\(?gt-secure [a-z]+(?:(?<=[a-z])"
    r" (?:install|list|show|verify)\b)?"
    r"(?: -[-\w]+(?:=\S*[^\s.,;:)])?(?: (?![-(])\S*[^\s.,;:)])?"
    r"| (?=\S*[-/:=.\d])\S*[^\s.,;:)]| [A-Z]{2,}| [a-z]+(?= (?:--|s3:)))*)\S*"
)
"""A command line in a text, such as ``gt-secure plan s3://gt-images --allow RANGE``.

It ends with its last option, address, name with a hyphen or word of capitals, or with the quote
around it, or is a whole line. A half of it would be another command."""
_SEPARATED = re.compile(rf"[ ]|(?<=[{re.escape(_SEPARATORS)}])")
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
TableRows: TypeAlias = list[tuple[object, ...]]


def width(text: str) -> int:
    """Return the columns that a text needs on a terminal."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def lay_out(
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    room: int | None = None,
    *,
    whole: Collection[int] = (),
) -> list[str]:
    """Return the lines of a table, the titles first."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = _widths([*zip(head, *cells, strict=True)], room, whole)
    return [line for row in [[*map(_title, head)], *cells] for line in _lines(row, widths)]


def _title(words: str) -> str:
    """Return the title of a column in capitals; an address or an id keeps its case."""
    return words if any(map(str.isdigit, words)) else words.upper()


def _widths(
    columns: Sequence[Sequence[str]], room: int | None, whole: Collection[int]
) -> list[int]:
    """Return the widths of columns that fit together; those in ``whole`` do not shrink."""
    widths = [max(map(width, column)) for column in columns]
    if room is not None:
        free = [i for i in range(len(widths)) if i not in whole]
        words = [max(width(word) for cell in columns[i] for word in _words(cell)) for i in free]
        parts = [
            max(width(part) for cell in columns[i] for part in _SEPARATED.split(cell)) for i in free
        ]
        left = room - 2 * (len(widths) - 1) - sum(widths[i] for i in whole)
        for i, size in zip(
            free, _shrink([widths[i] for i in free], left, words, parts), strict=True
        ):
            widths[i] = size
    return widths


def _shrink(widths: Sequence[int], room: int, *least: Sequence[int]) -> list[int]:
    """Take from the widest column until all fit, or until none is wider than 12.

    A column keeps its first least width until no other has more than its own, then the second;
    words are cut last.
    """
    result = list(widths)
    for sizes, floor in zip(least, _TIGHT, strict=True):
        while sum(result) > room and any(
            size > max(sizes[i], floor) for i, size in enumerate(result)
        ):
            slack = [size if size > max(sizes[i], floor) else 0 for i, size in enumerate(result)]
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


def _words(text: str) -> list[str]:
    """Split a text at blanks; a command line in it is one word."""
    words, end = [""], 0
    for match in _COMMAND.finditer(text):
        first, *others = text[end : match.start()].split(" ")
        words = [*words[:-1], words[-1] + first, *others]
        words[-1] += match[0]
        end = match.end()
    first, *others = text[end:].split(" ")
    return [*words[:-1], words[-1] + first, *others]


def wrap(text: str, room: int) -> list[str]:
    """Break a line at blanks, into lines that fit; a command line stays whole,
    whatever its length.
    """
    lines, line = [], ""
    for word in _words(text):
        longer = f"{line} {word}" if line else word
        if width(longer) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = [word] if " " in word else _pieces(word, room)
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


def data_frames() -> Any:
    """Return pandas; raises :class:`MissingExtra` without it."""
    try:
        import pandas
    except ImportError as error:
        raise MissingExtra("pandas is not installed.", next_step="pip install pandas") from error
    return pandas


def stored(columns: Texts, rows: Sequence[Sequence[object]]) -> Any:
    """Return a connection to DuckDB with rows as the table t; all columns keep their type."""
    import duckdb

    values = {name: [row[place] for row in rows] for place, name in enumerate(columns)}
    kinds = {name: _sql_type(column) for name, column in values.items()}
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in columns}
    picks = ", ".join(f"unnest(?::{kind}[]) AS {quoted[name]}" for name, kind in kinds.items())
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE t AS SELECT {picks}", list(values.values()))
    return connection


def _sql_type(column: Sequence[object]) -> str:
    kinds = {type(value) for value in column if value is not None}
    types = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", datetime: "TIMESTAMP"}
    if kinds == {int, float}:
        return "DOUBLE"
    if kinds and kinds <= {tuple, list}:
        return "VARCHAR[]"
    return types.get(kinds.pop(), "VARCHAR") if len(kinds) == 1 else "VARCHAR"


class Tabular:
    """Rows with named columns, which are the same in every way out. A slice has the type of the
    whole; subclasses have the columns, and the cells of each row.
    """

    __slots__ = ()
    columns: Texts

    def _cells(self) -> Sequence[Sequence[object]]:
        raise NotImplementedError

    def head(self, number: int = 5) -> Self:
        """Return the first rows."""
        rows: Self = self[:number]  # type: ignore[index]
        return rows

    def to_dicts(self) -> list[Json]:
        """Return the rows as dictionaries."""
        return [dict(zip(self.columns, row, strict=True)) for row in self._cells()]

    def to_pandas(self) -> Any:
        """Return the rows as a pandas DataFrame;
        raises :class:`~gt_secure.errors.MissingExtra` without pandas.
        """
        rows = list(self._cells())
        return data_frames().DataFrame.from_records(rows, columns=list(self.columns))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give the rows to pandas, polars, pyarrow, DuckDB or Narwhals;
        all columns keep their type.
        """
        return stored(self.columns, self._cells()).table("t").__arrow_c_stream__(requested_schema)


def names_of(titles: Iterable[str]) -> Texts:
    """Return titles as the names of columns, such as ``url_lock``."""
    return tuple(re.sub(r"\W+", "_", title.lower()).strip("_") for title in titles)


class ShownTable(Tabular, Generic[T]):
    """The renderers of a sequence: subclasses have the titles, the cells,
    and the text of an empty one.
    """

    titles: ClassVar[Texts] = ()
    empty: str
    most: ClassVar[int | None] = None

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        cls.columns = names_of(cls.titles)

    @staticmethod
    def row(item: Any) -> Sequence[object]:
        """Return the cells of one item."""
        raise NotImplementedError

    def _rows(self) -> list[Sequence[object]]:
        return [self.row(item) for item in itertools.islice(self, self.most)]  # type: ignore[call-overload]

    def _more(self) -> list[str]:
        size = len(self)  # type: ignore[arg-type]
        return (
            [f"The first {self.most} of {size:,} are shown."] if size > (self.most or size) else []
        )

    def _cells(self) -> list[Sequence[object]]:
        return [self.row(each) for each in self]  # type: ignore[attr-defined]

    def __str__(self) -> str:
        rows = self._rows()
        lines = lay_out(self.titles, rows) if rows else [self.empty]
        return "\n".join([*lines, *self._more()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = self._rows()
        if not rows:
            return cell_output(hint(self.empty), *map(hint, self._more()))
        cells = [[chip(cell) for cell in row] for row in rows]
        return cell_output(html_table(self.titles, cells), *map(hint, self._more()))


def chip(cell: object) -> object:
    """Return a chip for a word that has a tone, and any other cell unchanged."""
    tone = _TONES.get(str(cell))
    return cell if tone is None else Chip(tone, str(cell))


def wrapped(line: str, indent: int, room: int | None) -> Iterator[str]:
    """Yield a line, continued below, ``indent`` columns to the right,
    where it has more columns than fit.
    """
    if room is None or width(line) <= room:
        yield line
        return
    start = " " * (len(line) - len(line.lstrip()))
    first, *rest = wrap(line.lstrip(), room - max(indent, len(start)))
    yield start + first
    yield from (" " * indent + part for part in rest)
