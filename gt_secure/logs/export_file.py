"""Groups of a count written to a file by the engine: through Python, many groups take longer than counting them."""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .engines.duckdb_store import Store, literal
from .table import FORMULA, writable

ExportFormat = Literal["csv", "json", "parquet"]

_ODD = r"[^ -~]"
"""Pattern of text that JSON for a terminal may have to escape."""


@dataclass
class Export:
    """File for the groups of :func:`~gt_secure.logs.count_hits`, as the methods of its table write them.

    Attributes
    ----------
    path : Path
    form : str
        ``csv``, ``json`` or ``parquet``.
    limit : int, optional
        Groups at most.
    written : bool
        Whether the engine wrote the file; else the table has the groups.
    """

    path: Path
    form: ExportFormat
    limit: int | None = None
    written: bool = False

    def write(self, store: Store, select: str) -> bool:
        """Write the rows of a query; return whether they were written."""
        kinds = {row[0]: str(row[1]) for row in store.query(f"DESCRIBE {select}")}
        if not store.query(f"SELECT 1 FROM ({select}) LIMIT 1"):
            return False
        if self.form == "json" and _has_odd(store, select, kinds):
            return False
        limited = select if self.limit is None else f"{select} LIMIT {int(self.limit)}"
        rows = f"SELECT {_picks(kinds, self.form)} FROM ({limited})"
        with writable(self.path):
            store.query(f"COPY ({rows}) TO {literal(self.path)} ({_options(kinds, self.form)})")
        self.written = True
        return True


def _has_odd(store: Store, select: str, kinds: dict[str, str]) -> bool:
    text = [f"regexp_matches(\"{name}\", '{_ODD}')" for name, kind in kinds.items() if kind == "VARCHAR"]
    return bool(text) and bool(store.query(f"SELECT 1 FROM ({select}) WHERE {' OR '.join(text)} LIMIT 1"))


def _options(kinds: dict[str, str], form: ExportFormat) -> str:
    if form == "parquet":
        return "FORMAT parquet"
    if form == "json":
        return "FORMAT json, ARRAY true"
    names = ",".join('"' + name.replace('"', '""') + '"' for name in kinds)
    # Lines are put together in the query: the engine cannot quote an absent number as a table does.
    options = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'"
    return f"{options}, PREFIX {literal(names + chr(10))}, SUFFIX {literal(chr(10))}"


def _picks(kinds: dict[str, str], form: ExportFormat) -> str:
    """Expressions for the columns of a file."""
    if form == "csv":
        return " || ',' || ".join(_cell(f'"{name}"', kind) for name, kind in kinds.items()) + " AS line"
    shown = {"TIMESTAMP": "strftime({0}, '%Y-%m-%dT%H:%M:%SZ') AS {0}"} if form == "json" else {}
    return ", ".join(shown.get(kind, "{0}").format(f'"{name}"') for name, kind in kinds.items())


def _cell(column: str, kind: str) -> str:
    """Expression: a cell of CSV, with its quotes."""
    if kind == "VARCHAR":
        text = f"replace({guarded(column)}, chr(34), chr(34) || chr(34))"
    elif kind == "BOOLEAN":
        text = f"CASE WHEN {column} THEN 'true' ELSE 'false' END"
    elif kind == "TIMESTAMP":
        text = f"strftime({column}, '%Y-%m-%dT%H:%M:%SZ')"
    else:
        return f"coalesce(CAST({column} AS VARCHAR), chr(34) || chr(34))"
    return f"CASE WHEN {column} IS NULL THEN chr(34) || chr(34) ELSE chr(34) || {text} || chr(34) END"


def guarded(column: str) -> str:
    """Expression: text of a cell that no spreadsheet runs as a formula."""
    pattern, apart = literal(FORMULA), literal(r"\1'\2\3")
    plain = f"replace({column}, chr(0), '\N{REPLACEMENT CHARACTER}')"
    return (
        f"CASE WHEN regexp_matches({column}, '^[\\t\\r]') THEN '''' ELSE '' END || "
        f"regexp_replace({plain}, {pattern}, {apart}, 'g')"
    )
