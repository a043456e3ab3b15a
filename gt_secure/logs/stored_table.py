"""A table that stays in the engine's database: many groups are written by the engine,
in less time and memory.
"""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.text import REPLACEMENT, shown_json
from .sql.group_by import in_no_order, order_of
from .sql.literals import literal
from .table import CONTROL, FORMULA, SqlRows, Table, writable

if TYPE_CHECKING:
    from .engines.duckdb_store import Store

MANY = 5_000
"""Rows from which on a table stays in the database."""
_APART = r"\1'\2\3"
_RISKY = f"{FORMULA}|{CONTROL}"
"""Regular expression: in such a cell something is replaced. Few cells are,
and a search costs less than to replace.
"""
_BLOCK = 1 << 20
"""Characters of rows that are made ready together."""
_TEXT = "CAST({} AS VARCHAR)"
_QUOTED = {"VARCHAR": _TEXT, "BOOLEAN": _TEXT, "TIMESTAMP": "strftime({}, '%Y-%m-%dT%H:%M:%SZ')"}
"""Text of the kinds of cells that are always quoted."""


class StoredTable(Table):
    """The rows of a query. They are fetched when somebody asks for them; CSV and Parquet are
    written without.

    The database is deleted with the table.
    """

    def __init__(self, store: Store, select: str, size: int) -> None:
        self._store, self._select, self._size = store, select, size
        self._kinds = {name: str(kind) for name, kind, *_ in store.query(f"DESCRIBE {select}")}
        self.columns = tuple(self._kinds)
        self._fetched: SqlRows | None = None

    @property
    def rows(self) -> SqlRows:  # type: ignore[override]
        """The rows, fetched once."""
        if self._fetched is None:
            self._fetched = self._store.query(self._select)
            self._store.close()
        return self._fetched

    def __len__(self) -> int:
        return self._size

    def head(self, number: int = 5) -> Any:
        """Return the first rows as a table."""
        if number >= self._size or self._fetched is not None:
            return self[:number]
        return Table(self.columns, self._store.query(f"{self._select} LIMIT {number:d}"))

    def to_csv(self) -> str:
        """CSV as any table writes it."""
        if self._fetched is not None:
            return super().to_csv()
        cells = ", ".join(f'{_cell(name, kind)} AS "{name}"' for name, kind in self._kinds.items())
        quoted = ", ".join(f'"{name}"' for name, kind in self._kinds.items() if kind in _QUOTED)
        forced = f", FORCE_QUOTE ({quoted})" if quoted else ""
        head = ",".join(f'"{name}"' for name in self.columns) + "\n"
        path = self._copied(cells, f"PREFIX {literal(head)}, SUFFIX '\n'{forced}")
        text = path.read_bytes().decode("utf-8")
        path.unlink()
        return text

    def json_parts(self) -> Iterator[str]:
        """Yield JSON as any table writes it, some rows at a time."""
        if self._fetched is not None:
            yield from super().json_parts()
            return
        starts = itertools.chain(["{"], itertools.repeat(", "))
        cells = [
            f"{literal(f'{start}{json.dumps(name)}: ')}, {_json_cell(name, kind)}"
            for start, (name, kind) in zip(starts, self._kinds.items(), strict=False)
        ]
        # JSON escapes control characters, so that a row is a line without a delimiter.
        row = f"concat({', '.join(cells)}, '}}')"
        path = self._copied(row, "QUOTE '', ESCAPE '', DELIMITER '\x01'")
        start = "["
        with path.open(encoding="utf-8", newline="\n") as lines:
            while rows := lines.readlines(_BLOCK):
                text = "".join(rows).removesuffix("\n").replace("\n", ", ")
                yield start + shown_json(text)
                start = ", "
        path.unlink()
        yield "]"

    def _copied(self, cells: str, options: str) -> Path:
        """Return the file to which the engine has written the rows."""
        path = self._store.folder / "table.csv"
        self._store.query(
            f"COPY (SELECT {cells} FROM ({self._select})) TO {literal(path)} (FORMAT csv, HEADER"
            f" false, {options})"
        )
        return path

    def to_parquet(self, path: str | Path) -> None:
        """Write a Parquet file; all columns keep their type."""
        if self._fetched is not None:
            super().to_parquet(path)
            return
        with writable(path):
            # the rows of a group are in memory for each thread
            self._store.query("SET threads = 1")
            try:
                self._store.query(
                    f"COPY ({self._select}) TO {literal(path)} (FORMAT parquet, ROW_GROUP_SIZE"
                    " 20480)"
                )
            finally:
                self._store.query("RESET threads")


def grouped_table(
    store: Store, table: str, by: Sequence[str], *, once: bool, doubts: Sequence[str]
) -> Table:
    """Return a grouped table of ``by`` columns and ``hits``, most hits first; ``once``: each group
    has one row.

    The database is deleted with the table, or at once where the rows are few.
    """
    rows = in_no_order(store, table, by, once=once)
    [(size,)] = store.query(f"SELECT count(*) FROM ({rows})") if by else [(1,)]
    stored = StoredTable(store, f"{rows} {order_of(by)}", size)
    return stored if size >= MANY else Table(stored.columns, stored.rows, doubts)


def _cell(name: str, kind: str) -> str:
    """Expression: text of a cell, as :meth:`Table.to_csv` writes it;
    the engine quotes empty text of a number, too.
    """
    column = f'"{name}"'
    text = guarded(column) if kind == "VARCHAR" else _QUOTED.get(kind, _TEXT).format(column)
    return f"coalesce({text}, '')"


def _json_cell(name: str, kind: str) -> str:
    """Expression: a cell in JSON."""
    column = f'"{name}"'
    text = _QUOTED.get(kind, _TEXT).format(column)
    if kind in ("VARCHAR", "TIMESTAMP"):
        text = f"CAST(to_json({text}) AS VARCHAR)"
    return f"coalesce({text}, 'null')"


def guarded(column: str) -> str:
    """Expression: text of a cell, as :func:`~gt_secure.logs.table.safe_cell` writes it."""
    plain = f"regexp_replace({column}, {literal(CONTROL)}, {literal(REPLACEMENT)}, 'g')"
    apart = f"regexp_replace({plain}, {literal(FORMULA)}, {literal(_APART)}, 'g')"
    return f"CASE WHEN regexp_matches({column}, {literal(_RISKY)}) THEN {apart} ELSE {column} END"
