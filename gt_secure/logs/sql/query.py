"""One question about the logs as SQL for any engine, and its answer put into a database of this
kernel.

Every question is a count by some columns; rows are a count by all of them. So the lines are scanned
once, and the same scan counts what was unreadable, blank or out of the time range, with samples.
"""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through _literal

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ...base.errors import InvalidInput, LogError
from ...base.text import JsonLike, Texts, did_you_mean
from ...base.url_journal import UrlJournal
from ..coverage import Coverage
from ..engines.duckdb_store import Store
from ..ingest.json_records import ROOM
from .addresses import with_one_spelling
from .derived_columns import derived, masked
from .dialects import DUCKDB, Dialect
from .group_by import finish
from .log_columns import DERIVED, GROUPED, STORED
from .odd_lines import MAIN, ONLY
from .viewers import Viewers

Filters: TypeAlias = JsonLike
"""Values that a person looks for, by the name of the filter."""
MOST_ROWS = 2_000_000
"""Groups or rows that are taken into this kernel at most."""

SAMPLES = 20
_Place = tuple[str, int, str]
LOCAL = ("address", "network")
"""Filters that are applied here, to the addresses that came back."""

_SAME = (
    "endpoint",
    "auth_type",
    "requester",
    "operation",
    "bucket",
    "fingerprint",
    "application",
    "viewer",
)
_FLAGS = ("presigned", "refused", "test")
_THEN = {
    **dict.fromkeys(("since", "until"), "Pass since= and until= beside the filters."),
    "allowlist": "Read the hits first, then call with_restriction and filter.",
}
"""Next steps for filters that are elsewhere."""
_KINDS = {**STORED, **DERIVED, "hour": "TIMESTAMP", "day": "TIMESTAMP"}


@dataclass(frozen=True)
class Question:
    """A question: columns to count by, a time range in UTC,
    and filters with the names of ``Hits.filter``.
    """

    by: Texts
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    filters: Filters = field(default_factory=dict)
    test_urls: UrlJournal | None = None
    viewers: Viewers | None = None

    def __post_init__(self) -> None:
        check_filters(self.filters)

    @property
    def picked(self) -> Texts:
        """The columns that are counted by, with the address if a filter of this kernel needs it."""
        local = any(self.filters.get(name) is not None for name in LOCAL)
        return (*self.by, "remote_ip") if local and "remote_ip" not in self.by else self.by

    def columns(self, *, with_source: bool = False) -> list[str]:
        """The columns of an answer."""
        return [
            "state",
            *["source"] * with_source,
            *self.picked,
            "hits",
            "first_time",
            "last_time",
            "place",
        ]


def check_filters(filters: Filters) -> None:
    """Raise InvalidInput for a filter that cannot run with a query."""
    known = (*_SAME, *_FLAGS, *LOCAL, "status", "key", "key_prefix")
    if unknown := set(map(str, filters)) - set(known):
        name = min(unknown)
        raise InvalidInput(
            f'"{name[:40]}" is not a filter that can run with the query.',
            next_step=_THEN.get(name) or did_you_mean(name, known, form='"{}"'),
            field="filters",
        )
    _check_status(filters.get("status"))


def _check_status(status: Any) -> list[int] | None:
    if status is None:
        return None
    try:
        given = as_list(status)
        found = [int(str(each)) for each in given if not isinstance(each, bool)]
    except (TypeError, ValueError):
        found, given = [], [None]
    if len(found) < len(given):
        raise InvalidInput(
            f'status accepts HTTP statuses, not "{str(status)[:40]}".',
            next_step="Write a number such as 403, or several: [401, 403].",
            field="status",
        )
    return found


def all_rows(
    since: dt.datetime | None,
    until: dt.datetime | None,
    filters: Filters,
    test_urls: UrlJournal | None = None,
    viewers: Viewers | None = None,
) -> Question:
    """Return the question for all stored columns of the selected rows."""
    return Question(tuple(STORED), since, until, filters, test_urls, viewers)


def statement(
    question: Question, records: str, d: Dialect = DUCKDB, *, with_source: bool = False
) -> str:
    """Return the SQL of a question over records: a query for the columns of an answer.

    ``records`` are those of :func:`from_lines`. ``place`` has a few lines in doubt, each after its
    file and offset. Rows of odd lines have states of their own: ``odd hit`` of a line as it stands,
    ``other hit`` of its other reading.
    """
    inside, wanted = (
        in_scope(question.since, question.until, question.filters, d),
        conditions(question.filters, d),
    )
    state = (
        "CASE WHEN blank THEN 'blank' WHEN NOT readable THEN 'unreadable' "
        f"WHEN NOT ({inside}) THEN 'outside' WHEN {wanted} THEN 'hit' ELSE 'filtered' END"
    )
    names = [("source", "source")] * with_source + [
        (n, GROUPED.get(n, (n,))[0]) for n in question.picked
    ]
    inner = "".join(
        f", CASE WHEN state = 'hit' THEN {text} END AS by_{name}" for name, text in names
    )
    outer = "".join(
        f", {d.shown.format(f'by_{name}') if _KINDS.get(name) == 'TIMESTAMP' else f'by_{name}'} AS"
        f" by_{name}_"
        for name, _ in names
    )
    bad = f"CASE WHEN state = 'unreadable' OR reading = {MAIN} THEN {{}} END"
    kind = (
        f"CASE reading WHEN {ONLY} THEN state WHEN {MAIN} THEN 'odd ' || state ELSE 'other ' ||"
        " state END"
    )
    needed = set(re.findall(r"\w+", " ".join((inside, wanted, *(text for _, text in names)))))
    rows = derived(records, d, needed, test_urls=question.test_urls, viewers=question.viewers)
    # Bad lines are spread over a few groups, and one of each is kept.
    offset = f"coalesce(CAST(pos AS {d.string}), '-1')"
    text = masked("substr(line, 1, 160)", d)
    sample = bad.format(f"CAST(source AS {d.string}) || chr(10) || {offset} || chr(10) || {text}")
    part = bad.format(
        f"(length(line) + coalesce(pos, 0) + coalesce({d.integer.format('source')}, 0)) % {SAMPLES}"
    )
    return f"""SELECT kind{outer}, count(*) AS hits, {d.shown.format("min(time)")} AS first_time,
    {d.shown.format("max(time)")} AS last_time, min(place) AS place
FROM (SELECT {kind} AS kind, time{inner}, {sample} AS place, {part} AS part
FROM (SELECT *, {state} AS state FROM ({rows}) r4) r5) r6
GROUP BY {", ".join(["kind", "part", *(f"by_{name}" for name, _ in names)])}"""


def in_range(since: dt.datetime | None, until: dt.datetime | None) -> str:
    """Return the SQL condition for a range of time; ``true`` without one."""
    parts = [f"time >= TIMESTAMP '{since}'"] if since else []
    parts += [f"time < TIMESTAMP '{until}'"] if until else []
    return " AND ".join(parts) or "true"


def in_scope(
    since: dt.datetime | None,
    until: dt.datetime | None,
    filters: Filters,
    dialect: Dialect,
) -> str:
    """Return the condition that a row is in the requested time range and bucket."""
    parts = (in_range(since, until), conditions({"bucket": filters.get("bucket")}, dialect))
    return " AND ".join(part for part in parts if part != "true") or "true"


def conditions(filters: Filters, dialect: Dialect) -> str:
    """Filters as SQL that every engine understands; those of :data:`LOCAL` are left out."""
    parts = []
    for name, value in filters.items():
        if value is None or name in LOCAL:
            continue
        if name in _FLAGS:
            parts.append(f"{name} = {'true' if value else 'false'}")
        elif name == "key_prefix":
            parts.append(f"substr(key, 1, {len(str(value))}) = {_literal(value, dialect)}")
        elif name == "key":
            parts.append(
                "(" + (" OR ".join(_key(k, dialect) for k in as_list(value)) or "false") + ")"
            )
        else:
            column, values = (
                ("http_status", _check_status(value))
                if name == "status"
                else (name, as_list(value))
            )
            wanted = ", ".join(_literal(v, dialect) for v in values or ())
            parts.append(f"{column} IN ({wanted})" if wanted else "false")
    # A condition on an absent value is neither true nor false: such a row is no hit.
    return f"coalesce({' AND '.join(parts)}, false)" if parts else "true"


def _key(key: str, dialect: Dialect) -> str:
    if "*" not in key:
        return f"key = {_literal(key, dialect)}"
    pattern = key
    for special in "!%_":
        pattern = pattern.replace(special, f"!{special}")
    return f"key LIKE {_literal(pattern.replace('*', '%'), dialect)} ESCAPE '!'"


def as_list(value: Any) -> list[Any]:
    """Return a single value as a list, and several as one."""
    return [value] if isinstance(value, (str, int)) else list(value)


def _literal(value: Any, dialect: Dialect) -> str:
    if isinstance(value, int):
        return str(int(value))
    text = str(value).replace("\\", "\\\\") if dialect.escape else str(value)
    return "'" + text.replace("'", "\\'" if dialect.escape else "''") + "'"


def load_rows(
    store: Store, question: Question, rows: Iterable[Sequence[Any]], *, with_source: bool = False
) -> str:
    """Put the answer of an engine into a table: state, columns, hits, first_time,
    last_time, place.
    """
    table = store.new_name("answer")
    path = store.folder / f"{table}.ndjson"
    names = question.columns(with_source=with_source)
    kinds = {
        **_KINDS,
        "source": "VARCHAR",
        "hits": "BIGINT",
        "first_time": "TIMESTAMP",
        "last_time": "TIMESTAMP",
    }
    longest = ROOM
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows):
            if number >= MOST_ROWS:
                raise LogError(
                    f"More than {MOST_ROWS:,} rows came back, which is more than this kernel"
                    " takes.",
                    next_step="Count by fewer columns, filter, or ask for a shorter time.",
                )
            line = json.dumps({f"c{i}": _text(value) for i, value in enumerate(row)})
            longest = max(longest, file.write(f"{line}\n"))
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(names)))
    picks = ", ".join(
        f'CAST(c{i} AS {kinds.get(n, "VARCHAR")}) AS "{n}"' for i, n in enumerate(names)
    )
    store.query(
        f"CREATE TABLE {table} AS SELECT {picks} FROM read_json('{path}',"
        f" format='newline_delimited', columns={{{columns}}}, maximum_object_size={longest})"
    )
    path.unlink()
    return table


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def update_coverage(
    coverage: Coverage, store: Store, table: str
) -> tuple[list[_Place], list[_Place]]:
    """Count the states of an answer, and return some unreadable and some odd lines:
    file, offset, text.
    """
    for kind, number, first, last in store.query(
        f"SELECT state, CAST(sum(hits) AS BIGINT), min(first_time), max(last_time) FROM {table}"
        " GROUP BY state"
    ):
        reading, _, state = kind.rpartition(" ")
        if reading == "other":
            continue
        coverage.lines += number
        coverage.odd += number if reading else 0
        if state in ("hit", "filtered"):
            coverage.hits += number
            coverage.first_hit = min((t for t in (coverage.first_hit, first) if t), default=None)
            coverage.last_hit = max((t for t in (coverage.last_hit, last) if t), default=None)
        else:
            setattr(coverage, state, getattr(coverage, state) + number)
    return _places(store, f"{table} WHERE state LIKE '%unreadable'"), _places(
        store, f"{table} WHERE state LIKE 'odd %'"
    )


def _places(store: Store, rows: str) -> list[_Place]:
    places = store.query(
        f"SELECT place FROM {rows} AND state NOT LIKE 'other %' AND place IS NOT NULL"
    )
    found = (place.split("\n", 2) for (place,) in places)
    return sorted((source, int(pos), text) for source, pos, text in found)[:SAMPLES]


def readings_agree(store: Store, table: str, by: Sequence[str]) -> bool:
    """Return whether an answer is the same in both readings of its odd lines."""
    answers = []
    for state in ("odd hit", "other hit"):
        name = store.new_name("reading")
        store.query(f"CREATE TEMP TABLE {name} AS SELECT * FROM {table} WHERE state = '{state}'")
        answers.append(finish(store, name, by).rows)
    return answers[0] == answers[1]


def spell_anew(store: Store, table: str, by: Sequence[str]) -> bool:
    """Spell the addresses of an answer in one way; return whether one was spelled otherwise."""
    changed = False
    for name in {"remote_ip", "network"} & {*by}:  # a network is grouped by its addresses
        rows = with_one_spelling(f'(SELECT DISTINCT "{name}" AS remote_ip FROM {table})')
        others = store.new_name("spelled")
        store.query(
            f"CREATE TEMP TABLE {others} AS SELECT remote_ip, address FROM ({rows}) WHERE address"
            " <> remote_ip"
        )
        if store.query(f"SELECT 1 FROM {others} LIMIT 1"):
            changed = True
            store.query(
                f'UPDATE {table} SET "{name}" = s.address FROM {others} s WHERE {table}."{name}" ='
                " s.remote_ip"
            )
    return changed
