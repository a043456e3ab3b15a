"""A DuckDB database on disk for one look at the logs: rows go in from a stream of lines, queries come out.

The file is compressed and may be larger than memory; it is deleted with the object.
"""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import LogError
from .arrow import LineBatch, LineStream
from .derive import derived, from_lines, masked
from .fields import EXTRA, FIELDS, STORED
from .reader import Reader

MEMORY_LIMIT = "400MB"
"""What DuckDB may use; beyond it, it writes to disk."""


def literal(value: object) -> str:
    """A SQL literal; DuckDB knows no escapes in one but the doubled quote."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


class Store:
    """One temporary database; safe to use from several threads, one query at a time."""

    def __init__(self, memory_limit: str = MEMORY_LIMIT, threads: int | None = None) -> None:
        import duckdb

        self.folder = Path(tempfile.mkdtemp(prefix="gt-secure-logs-"))
        config: dict[str, Any] = {
            "memory_limit": memory_limit,
            "temp_directory": str(self.folder / "spill"),
            "autoinstall_known_extensions": "false",
            "preserve_insertion_order": "false",
        }
        if threads:
            config["threads"] = str(threads)
        self._connection = duckdb.connect(str(self.folder / "hits.duckdb"), config=config)
        self._connection.execute("SET enable_progress_bar = false")  # in a notebook it would show a widget of its own
        self._lock = threading.RLock()
        self._names = 0
        self._finalizer = weakref.finalize(self, _discard, self._connection, self.folder)

    def close(self) -> None:
        """Close the database and delete its files."""
        with self._lock:
            self._finalizer()

    def new_name(self, stem: str) -> str:
        """A table name that is not in use yet."""
        with self._lock:
            self._names += 1
            return f"{stem}_{self._names}"

    def query(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and fetch all its rows."""
        with self._lock:
            return self._connection.execute(sql, list(parameters)).fetchall()

    def frame(self, sql: str) -> Any:
        """The result as a pandas DataFrame."""
        with self._lock:
            return self._connection.execute(sql).df()

    def run_on(self, reader: Reader, sql: str) -> None:
        """Run one statement over the lines of a reader, as relation ``lines_in``.

        Raises
        ------
        GtSecureError
            What the reader raised, for example when it was cancelled.
        """
        stream = LineStream(iter(reader))
        self.run_stream(stream, sql)

    def run_stream(self, stream: LineStream, sql: str) -> None:
        """Run one statement over an Arrow stream, as relation ``lines_in``."""
        import duckdb

        with self._lock:
            self._connection.register("lines_in", stream)
            try:
                self._connection.execute(sql)
            except duckdb.Error as error:
                if stream.error is not None:
                    raise stream.error from None
                raise LogError(
                    f"DuckDB could not read the logs: {str(error).splitlines()[0][:200]}",
                    next_step="Read a shorter time range; if it goes on, report it with the DuckDB version.",
                ) from error
            finally:
                stream.close()
                self._connection.unregister("lines_in")

    def create_rows(self, table: str) -> None:
        """Make an empty table for parsed rows."""
        columns = ", ".join(f'"{name}" {kind}' for name, kind in STORED.items())
        self.query(f"CREATE TABLE {table} (source INTEGER, pos BIGINT, readable BOOLEAN, sample VARCHAR, {columns})")


def insert_lines(table: str) -> str:
    """Statement that parses ``lines_in`` into a table of rows."""
    return _insert(table, derived(from_lines("lines_in")))


def insert_records(table: str, path: Path) -> str:
    """Statement that reads mapped JSON records (see :mod:`gt_secure.logs.records`) into a table of rows."""
    return _insert(table, derived(from_records(path)))


def from_records(path: Path) -> str:
    """SELECT of records from the file that a sink wrote."""
    kinds = {"source": "INTEGER", "pos": "BIGINT", "readable": "BOOLEAN", "line": "VARCHAR", **FIELDS, **EXTRA}
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
    return (
        f"SELECT *, false AS blank FROM read_json({literal(path)}, format='newline_delimited', columns={{{columns}}}, "
        "maximum_object_size=67108864)"
    )


def _insert(table: str, rows: str) -> str:
    names = ", ".join(f'"{name}"' for name in STORED)
    sample = f"CASE WHEN readable THEN NULL ELSE {masked('substr(line, 1, 160)')} END"
    return f"INSERT INTO {table} SELECT source, pos, readable, {sample}, {names} FROM ({rows}) WHERE NOT blank"


def _discard(connection: Any, folder: Path) -> None:
    connection.close()
    shutil.rmtree(folder, ignore_errors=True)


def batches_of(lines: Iterable[LineBatch]) -> LineStream:
    """A stream over batches that are at hand, for tests and other engines."""
    return LineStream(iter(lines))
