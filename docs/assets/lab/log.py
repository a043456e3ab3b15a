"""Counts and leaks of access logs in the policy lab: the SQL of gt_secure, run by the DuckDB of the
page.

The page's worker imports this module and hands over a log in parts. All SQL is that of
:mod:`gt_secure.logs`; only how a text becomes lines is written here.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable
from typing import Any

from gt_secure.base import html
from gt_secure.logs.coverage import Coverage
from gt_secure.logs.leaks import Leaks, find_leaks
from gt_secure.logs.sql.derived_columns import derived, from_lines
from gt_secure.logs.sql.group_by import finish, group_parts
from gt_secure.logs.sql.log_columns import DERIVED, STORED
from gt_secure.logs.sql.odd_lines import MAIN, OTHER
from gt_secure.logs.table import Table

FILE = "lines"
"""Name under which the worker registers a part of a log."""
_LINES = (
    "(SELECT 0 AS source, NULL AS pos, unnest(string_split(content, chr(10))) AS line FROM"
    f" read_text('{FILE}')) l"
)
_COLUMNS = (
    *(
        "time",
        "remote_ip",
        "endpoint",
        "http_status",
        "operation",
        "bucket",
        "key",
        "requester",
        "user_agent",
    ),
    *(
        "presigned",
        "refused",
        "test",
        "fingerprint",
        "signed_at",
        "expires_s",
        "viewer",
        "auth_type",
        "access_key",
        "error_code",
    ),
)
_BY = ("remote_ip", "http_status", "presigned")
_AS_THEY_STAND, _OTHERWISE = f"reading < {OTHER}", f"reading <> {MAIN}"
"""The rows of each reading of lines that can be read in two ways."""
_MOST = 50
_TONES: dict[str, html.Tone] = {"leak": "no", "preview": "warn", "refused": "ok"}
_EPOCH = dt.datetime(1970, 1, 1)


class Rows:
    """The rows of the logs that were read:
    what :func:`~gt_secure.logs.leaks.find_leaks` and counts ask.
    """

    def __init__(self, query: Callable[[str], str]) -> None:
        self._query = query
        self._names = 0
        kinds = {**STORED, **DERIVED}
        columns = ", ".join(f'"{name}" {kinds[name]}' for name in _COLUMNS)
        self._readings = _AS_THEY_STAND
        self.query(
            "CREATE OR REPLACE TABLE rows (readable BOOLEAN, blank BOOLEAN, reading INTEGER,"
            f" {columns})"
        )

    def query(self, sql: str, _: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement in the page's DuckDB,
        with ``{hits}`` for the readable rows of one reading of odd lines.
        """
        rows = f"(SELECT * FROM rows WHERE readable AND {self._readings})"
        answer = json.loads(self._query(sql.replace("{hits}", rows)))
        return [tuple(map(_value, answer["kinds"], row)) for row in answer["rows"]]

    def new_name(self, stem: str) -> str:
        """Return the name of a table that is not in use."""
        self._names += 1
        return f"{stem}_{self._names}"

    def add(self) -> None:
        """Read the part of a log that the worker has registered."""
        columns = ", ".join(f'"{name}"' for name in _COLUMNS)
        rows = derived(from_lines(_LINES, reads="both"), needed=_COLUMNS)
        self.query(f"INSERT INTO rows SELECT readable, blank, reading, {columns} FROM ({rows})")

    def _answers(self, readings: str) -> tuple[Table, Leaks]:
        """Return the counts and the leaks in one reading of the odd lines."""
        self._readings = readings
        counted = self.new_name("counted")
        parts = ", ".join(group_parts(_BY))
        self.query(
            f"CREATE TABLE {counted} AS SELECT {parts}, count(*) AS hits FROM {{hits}} GROUP BY ALL"
        )
        return finish(self, counted, _BY), find_leaks(self)  # type: ignore[arg-type]

    def result(self, files: int = 1) -> str:
        """Return the counts and the leaks as JSON with HTML; everything from the log is escaped.

        What was not read, or an empty log, makes the summary unknown, as on the command line.
        """
        [(lines, hits, blank, presigned, odd)] = self.query(
            "SELECT count(*), count(*) FILTER (readable), count(*) FILTER (NOT readable AND"
            f" blank), count(*) FILTER (readable AND presigned), count(*) FILTER (reading = {MAIN})"
            f" FROM rows WHERE {_AS_THEY_STAND}"
        )
        unreadable = lines - hits - blank
        answers = [self._answers(each) for each in (_AS_THEY_STAND, _OTHERWISE)[: 2 if odd else 1]]
        table, leaks = max(answers, key=lambda answer: len(answer[1]))
        coverage = Coverage(
            objects=files, objects_read=files, lines=lines, hits=hits, unreadable=unreadable,
            blank=blank, odd=odd, ambiguous=answers[0] != answers[-1],
        )  # fmt: skip
        leaks.unread = coverage.doubts
        shown = [
            (html.code(_shown(ip)), _shown(status), _YES[signed], f"{number:,}")
            for ip, status, signed, number in table.rows
        ]
        caption = "Requests by address, status and signature"
        more = f"{len(shown) - _MOST:,} more rows" if len(shown) > _MOST else ""
        found = [(html.Chip(_TONES[leak.kind], leak.kind), leak.sentence) for leak in leaks]
        head = ("address", "status", "presigned", "requests")
        tables = (
            *(html.notice("warn", "Unknown.", each) for each in coverage.doubts),
            html.table(("kind", "presigned URL"), found[:_MOST], caption="Leaks") if found else "",
            html.table(head, shown[:_MOST], caption=caption) if shown else "",
            html.hint(more) if more else "",
        )
        numbers = {
            "lines": lines,
            "hits": hits,
            "unreadable": unreadable,
            "presigned": presigned,
            "odd": odd,
        }
        rows = {
            "table": [list(row) for row in table.rows],
            "leaks": [leak.sentence for leak in leaks],
        }
        unknown = {"unknown": bool(coverage.doubts), "summary": leaks.summary}
        return json.dumps({**numbers, **rows, **unknown, "html": html.output(*tables)})


_YES = {True: "yes", False: "no", None: "unknown"}


def _shown(value: Any) -> str:
    """Return a value as S3 writes it: an empty one is a hyphen."""
    return "-" if value is None else str(value)


def _value(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "timestamp":
        return _EPOCH + dt.timedelta(milliseconds=value)
    if kind == "integers":
        return [int(each) for each in value]
    return int(value) if kind == "integer" else value
