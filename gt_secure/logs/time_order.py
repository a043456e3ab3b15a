"""Rows in the order of their time, a range of time after the other: a sort of all of them is kept
in memory or on disk.

Logs are nearly in this order as they are delivered, so that a range is in a small part of them.
Rows that are in no order are sorted together: reading all of them for each range would take longer.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .engines.duckdb_store import copied
from .sql.literals import literal

if TYPE_CHECKING:
    from .engines.duckdb_store import Store

PART = 100_000
"""Rows of a range of time, about: these are sorted together."""
_PIECE = 16 << 20
"""Bytes of a log that are looked at together."""
_MOST_READ = 2
"""Times that rows may be read for all ranges, beyond which they are sorted together."""


@contextlib.contextmanager
def in_order(store: Store, rows: str, select: Callable[[str], str]) -> Iterator[str]:
    """SELECT of rows in their order, which are on disk if they are many.

    ``select`` returns the SELECT in order of the rows that fulfil a condition.
    """
    conditions = _ranges(store, rows)
    if not conditions:
        yield select("true")
        return
    folder = store.folder / store.new_name("ordered")
    folder.mkdir()
    try:
        for number, condition in enumerate(conditions):
            store.query(copied(select(condition), folder / f"{number:06}.parquet"))
        store.query("SET preserve_insertion_order = true")
        yield f"SELECT * FROM read_parquet({literal(folder / '*.parquet')})"
    finally:
        store.query("SET preserve_insertion_order = false")
        shutil.rmtree(folder)


def _ranges(store: Store, rows: str) -> list[str]:
    """Conditions on the time that few rows fulfil each, in their order;
    none where all rows are few.
    """
    [(size, read, conditions)] = store.query(f"""WITH pieces AS MATERIALIZED (
        SELECT count(*) AS n, min(time) AS first, max(time) AS last FROM ({rows})
        GROUP BY source, pos // {_PIECE}),
    parts AS (SELECT part, CASE WHEN part > 0 THEN min(first) END AS border FROM (
        SELECT first, sum(n) OVER (ORDER BY first) // {PART} AS part FROM pieces) GROUP BY part),
    ranges AS (SELECT part, border, concat_ws(' AND ', 'time >= TIMESTAMP ''' || border || '''',
        'time < TIMESTAMP ''' || lead(border) OVER (ORDER BY part) || '''') AS condition
        FROM parts),
    listed AS (SELECT list(border) AS borders, list(condition ORDER BY part) AS conditions
        FROM ranges)
    SELECT sum(n), sum(n * (1 + len(list_filter(borders, lambda b: b > first AND b <= last)))),
        any_value(conditions) FROM pieces, listed""")
    if (size or 0) <= PART:
        return []
    return [*conditions, "time IS NULL"] if read <= _MOST_READ * size else ["true"]
