"""Rows whose fields are parsed first, and whose costly columns are derived only when a query names them.

Only for local log files: the file of a read holds the fields, with texts of clients as they were logged. A
view derives the other columns, and the engine leaves out what a query does not name. The first query that names a
costly column writes all columns to another file, which the view shows from then on: later queries find them ready, and
the unmasked texts are deleted.
"""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through literal

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

from .. import activity
from ..sql.columns import EXTRA, FIELDS, STORED
from ..sql.derived_columns import MAY_NEED_QUERY, TEXTS, derived, from_lines
from .duckdb_store import SAMPLE, literal, write_rows

COSTLY = ("fingerprint", "minted", "expires_s", "age_s", "access_key", "request_uri")
"""Columns that take longer to derive than the row takes to read."""

_CHEAP = ("presigned", "test_marker")
_RAW = tuple(name for name in TEXTS if name != "request_uri")
_COSTLY = re.compile(rf"\b(?:{'|'.join(COSTLY)})\b")


def write_fields(path: Path) -> str:
    """Return the statement that parses ``lines_in`` into a file of fields."""
    kept = [*(name for name in (*FIELDS, *EXTRA) if name != "request_uri"), *_CHEAP]
    rows = derived(from_lines("lines_in"), needed=kept, known=_RAW, query_where=MAY_NEED_QUERY)
    return write_rows(path, f"SELECT *, {SAMPLE} AS sample FROM ({rows})", [*kept, "raw_uri AS request_uri"])


class DeferredRows:
    """The rows of a file of fields, as a view that derives what is missing.

    Parameters
    ----------
    view : str
        Name for the view, with the columns of a file of all columns.
    fields, rows : Path
        The file of fields, and the file for all columns.
    run : callable
        Runs a statement.

    Attributes
    ----------
    view : str
    """

    def __init__(self, view: str, fields: Path, rows: Path, run: Callable[[str], object]) -> None:
        self.view, self._fields, self._rows, self._run = view, fields, rows, run
        self._ready = False
        self._views = {view}
        self._show(f"({self._derived()})")

    def _derived(self) -> str:
        records = f"SELECT *, CAST(NULL AS VARCHAR) AS line, false AS blank FROM read_parquet({literal(self._fields)})"
        return derived(records, known=(*_CHEAP, "sample"))

    def _show(self, rows: str) -> None:
        picks = ", ".join(("source", "pos", "readable", "sample", *STORED))
        self._run(f"CREATE OR REPLACE VIEW {self.view} AS SELECT {picks} FROM {rows} WHERE readable IS NOT NULL")

    @property
    def ready(self) -> bool:
        """Return True if all columns are derived."""
        return self._ready

    def add_view(self, view: str) -> None:
        """Treat a view over these rows like the rows themselves."""
        self._views.add(view)

    def before(self, sql: str) -> None:
        """Derive all columns, if a statement is the first that names these rows and a costly one."""
        if not self._ready and _COSTLY.search(sql) and self._views.intersection(re.findall(r"\w+", sql)):
            self.derive()

    def derive(self) -> None:
        """Derive all columns now, once."""
        if self._ready:
            return
        with activity.step(activity.DERIVING):
            self._run(write_rows(self._rows, self._derived(), STORED))
        self._show(f"read_parquet({literal(self._rows)})")
        self._ready = True
        with contextlib.suppress(OSError):
            self._fields.unlink()
