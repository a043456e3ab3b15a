"""A small result table, and its ways out: text, CSV, JSON, HTML, pandas, Arrow, Parquet."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ..base import html as markup
from ..base.columns import Tabular, stored
from ..base.errors import InvalidInput
from ..base.html import Markup
from ..base.text import REPLACEMENT, Json, json_text, printable

SqlRows: TypeAlias = list[tuple[Any, ...]]
"""Rows as a query returns them."""
FORMULA = r"""(^|[;|])([ '"]*)([=+@-])"""
"""Pattern of text that begins a formula, for every separator of lists but the comma,
which the quotes keep.
"""
CONTROL = (
    r"[\x00-\x1f\x7f-\x9f"
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Pattern of what a terminal obeys, turns text around, or shows nothing. Python and the engine know
different versions of Unicode, so it names no class."""
_FORMULA, _CONTROL = re.compile(FORMULA), re.compile(CONTROL)
NO_ADDRESS = "(no address)"
"""Text in place of an address that a row of the log does not have."""


@contextlib.contextmanager
def writable(path: str | Path) -> Iterator[None]:
    """Turn what DuckDB or the system says of a file that cannot be written into our error."""
    import duckdb

    try:
        yield
    except (duckdb.IOException, duckdb.PermissionException, OSError) as error:
        raise InvalidInput(
            f"{path} cannot be written.",
            next_step="Name a file in a folder that exists.",
            field="output",
        ) from error


_MOST_ROWS = 200
"""Rows that a cell of a notebook shows."""


class Table(Tabular):
    """Rows with named columns.

    Attributes
    ----------
    columns : tuple of str
    rows : list of tuple
    doubts : sequence of str
        Why it is unknown which rows there are, apart from those that were read; without a row, JSON
        is null then. A total of 0 is unknown then, and no row.
    """

    doubts: Sequence[str] = ()

    def __init__(
        self, columns: Sequence[str], rows: Sequence[Sequence[Any]], doubts: Sequence[str] = ()
    ) -> None:
        self.columns = tuple(columns)
        self.rows: SqlRows = [tuple(row) for row in rows]
        if doubts:
            self.doubts = doubts
            self.rows = [row for row in self.rows if self.columns != ("hits",) or row[0]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and vars(self) == vars(other)

    def _cells(self) -> SqlRows:
        return self.rows

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Json]:
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)

    def __getitem__(self, index: Any) -> Any:
        rows = self.rows[index]
        if not isinstance(index, slice):
            return dict(zip(self.columns, rows, strict=True))
        return Table(self.columns, rows, self.doubts)

    def __repr__(self) -> str:
        rows = f"{len(self)} rows" if len(self) or not self.doubts else self.doubts[0]
        return f"Table({', '.join(self.columns)}; {rows})"

    def __str__(self) -> str:
        return self.to_text()

    def column(self, name: str) -> list[Any]:
        """The values of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def to_text(self) -> str:
        """Aligned columns for a terminal; control characters are shown, not obeyed."""
        columns = []
        for name in self.columns:
            values = self.column(name)
            texts = [name, *(_cell(name, value) for value in values)]
            is_number = all(isinstance(value, int | float) for value in values)
            pad, size = str.rjust if is_number else str.ljust, max(map(len, texts))
            columns.append([pad(text, size) for text in texts])
        lines = ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
        return "\n".join([*lines, *(() if self.rows else map(printable, self.doubts))])

    def to_csv(self) -> str:
        """CSV with a header; absent is empty, and no cell is a formula for a spreadsheet."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(self.columns)
        # By column: values repeat, and a look into a dictionary costs less than a search.
        columns = [
            [cells[value] for value in column]
            for column in zip(*self.rows, strict=True)
            for cells in [{value: safe_cell(value) for value in set(column)}]
        ]
        writer.writerows(zip(*columns, strict=True))
        return out.getvalue()

    def to_json(self) -> str:
        """A JSON array of objects; times are ISO 8601 UTC."""
        return "".join(self.json_parts())

    def json_parts(self) -> Iterator[str]:
        """Yield the parts of :meth:`to_json`."""
        rows = [
            {
                name: iso(value) if isinstance(value, dt.datetime) else value
                for name, value in row.items()
            }
            for row in self
        ]
        yield "null" if self.doubts and not rows else json_text(rows)

    def to_parquet(self, path: str | Path) -> None:
        """Write a Parquet file; all columns keep their type."""
        with stored(self.columns, self.rows) as connection, writable(path):
            target = str(path).replace("'", "''")
            connection.execute(f"COPY t TO '{target}' (FORMAT parquet)")

    def markup(self) -> list[Markup]:
        """The first rows as a table for people, and how many more there are."""
        rows = [[*map(_cell, self.columns, row)] for row in self.rows[:_MOST_ROWS]]
        left = len(self.rows) - _MOST_ROWS
        more = [markup.hint(f"{left:,} more rows")] if left > 0 else []
        doubts = (markup.hint(f"Unknown: {each}") for each in self.doubts)
        return [markup.table(self.columns, rows), *more, *doubts]

    def _repr_html_(self) -> str:
        return markup.output(*self.markup())


def safe_cell(value: Any) -> Any:
    """A CSV cell: no text drives a terminal,
    and what a spreadsheet would run as a formula gets an apostrophe.
    """
    if isinstance(value, str):
        text = value if value.isprintable() else _CONTROL.sub(REPLACEMENT, value)
        # most text has no sign, and needs no search
        if "=" in text or "-" in text or "+" in text or "@" in text:
            return _FORMULA.sub(r"\1'\2\3", text)
        return text
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return iso(value) if isinstance(value, dt.datetime) else value


def iso(value: dt.datetime) -> str:
    """ISO 8601 in UTC, with ``Z``."""
    return value.isoformat(timespec="seconds") + "Z"


def _cell(column: str, value: Any) -> str:
    """Return a value for people; S3 itself sends requests that have no address."""
    if value is None:
        return NO_ADDRESS if column in ("remote_ip", "network") else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return iso(value)
    return printable(value)
