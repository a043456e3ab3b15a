"""Counting rows by any columns: each request once, one statement to group, one to format."""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...base.errors import InvalidInput
from ...base.network import read_address
from ..table import Table
from .log_columns import COLUMNS, FIELDS, GROUPED, unknown_column

if TYPE_CHECKING:
    from ..engines.duckdb_store import Store


def merged(store: Store, rows: str) -> str:
    """Rows of several kinds of log, each request once: the access log's row wins and takes the
    endpoint along.

    Only what the other kinds know of a request is kept in memory, and beyond the limit on disk.
    """
    name = store.new_name("seen")
    kept = (
        *FIELDS,
        "source_kind",
        "access_key",
        "presigned",
        "test_marker",
        "fingerprint",
        "signed_at",
        "expires_s",
    )
    columns = ", ".join(f'r."{column}"' for column in kept)
    added = ("endpoint", "error_message", "refused_by", "policy_arn")
    most = ", ".join(f"max({column}) AS {column}" for column in added)
    store.query(f"""CREATE TABLE {name}_apart AS SELECT request_id, {most},
        bool_or(source_kind = 'json-log') AS structured FROM ({rows})
        WHERE request_id IS NOT NULL AND source_kind <> 'access-log' GROUP BY request_id""")
    store.query(f"""CREATE TABLE {name} AS SELECT s.*, l.request_id IS NOT NULL AS logged
        FROM {name}_apart s LEFT JOIN (SELECT DISTINCT request_id
        FROM ({rows}) a SEMI JOIN {name}_apart
        USING (request_id) WHERE source_kind = 'access-log') l USING (request_id)""")
    store.query(f"DROP TABLE {name}_apart")
    picks = ", ".join(f"coalesce(r.{column}, seen.{column}) AS {column}" for column in added)
    return f"""SELECT r.source, r.pos, r.readable, {columns}, {picks}
        FROM ({rows}) r LEFT JOIN {name} seen USING (request_id)
        WHERE seen.request_id IS NULL OR r.source_kind = 'access-log' OR NOT seen.logged AND
            (r.source_kind = 'json-log' OR NOT seen.structured)"""


def distinct(store: Store, rows: str) -> str:
    """Rows without second deliveries. A copy and a batch delete share one request id, so that it is
    not enough.

    Of each request only a hash of 128 bits is kept in memory: grouping whole rows would need memory
    for all of them. Afterwards the places of the rows that go, or of those that stay, are: the
    fewer of both.
    """
    name = store.new_name("places")
    parts = ", ".join(
        f"coalesce({column}, chr(1))" for column in ("operation", "key", "version_id")
    )
    request = f"md5_number(concat_ws(chr(0), request_id, {parts}))"
    hashed = (
        f"SELECT source, pos, CASE WHEN request_id IS NOT NULL THEN {request} END AS request FROM"
        f" ({rows})"
    )
    place = "CAST(source AS HUGEINT) * 1152921504606846976 + pos"
    store.query(
        f"""CREATE TABLE {name}_twice AS SELECT request, min({place}) AS first, count(*) AS n
        FROM ({hashed}) WHERE request IS NOT NULL GROUP BY request HAVING n > 1"""
    )
    [(again, number)] = store.query(
        f"SELECT (SELECT sum(n - 1) FROM {name}_twice), (SELECT count(*) FROM ({rows}))"
    )
    if again:
        go = 2 * again <= number
        chosen = f"JOIN {name}_twice USING (request) WHERE {place} > first"
        if not go:
            chosen = (
                f"LEFT JOIN {name}_twice USING (request) WHERE first IS NULL OR {place} = first"
            )
        store.query(f"CREATE TABLE {name} AS SELECT source, pos FROM ({hashed}) {chosen}")
        rows = (
            f"SELECT r.* FROM ({rows}) r {'ANTI' if go else 'SEMI'} JOIN {name} USING (source, pos)"
        )
    store.query(f"DROP TABLE {name}_twice")
    return rows


NEEDS_NETWORKS = ("network_name",)
"""Columns that exist only with names of networks."""


def check_columns(by: str | Sequence[str], more: Sequence[str] = ()) -> list[str]:
    """Return the names to group by; an unknown one is an :class:`InvalidInput`
    with the nearest name.
    """
    names = (
        [word.strip() for word in by.split(",")]
        if isinstance(by, str)
        else [str(word) for word in by]
    )
    known = tuple(dict.fromkeys((*COLUMNS, *more)))
    for name in names:
        if name in NEEDS_NETWORKS and name not in known:
            raise InvalidInput(
                f'"{name}" needs names of networks.',
                next_step="Pass networks='FILE'.",
                field="by",
            )
        if name not in known:
            raise unknown_column(name, known, "by")
    return list(dict.fromkeys(names))


def group_parts(by: Sequence[str]) -> list[str]:
    """Expressions to group by, each named after its column;
    ``network`` is grouped by address first.
    """
    own = ((name, f'"{name}"') for name in by)
    return [f"{GROUPED.get(name, (column,))[0]} AS {column}" for name, column in own]


def shown(name: str, table: str) -> str:
    """Return the SQL for a column as the answer shows it."""
    column = f'{table}."{name}"'
    return GROUPED[name][1].format(column) if name in GROUPED else column


def check_limit(limit: object) -> int | None:
    """Return the largest number of rows that is wanted, or None for all."""
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidInput(
            "limit accepts whole numbers from 1.", next_step="None is no limit.", field="limit"
        )
    return limit


def finish(
    store: Store,
    table: str,
    by: Sequence[str],
    limit: int | None = None,
    *,
    once: bool = False,
    doubts: Sequence[str] = (),
) -> Table:
    """Format a grouped table of ``by`` columns and ``hits``, most hits first; ``once``:
    each group has one row.
    """
    most = "" if limit is None else f" LIMIT {limit}"
    return Table(
        [*by, "hits"],
        store.query(f"{in_no_order(store, table, by, once=once)} {order_of(by)}{most}"),
        doubts,
    )


def order_of(by: Sequence[str]) -> str:
    """Return the ORDER BY of :func:`finish`."""
    return "ORDER BY " + ", ".join(["hits DESC", *(f'"{name}" NULLS LAST' for name in by)])


def in_no_order(store: Store, table: str, by: Sequence[str], *, once: bool = False) -> str:
    """Return the SELECT of a grouped table."""
    join = ""
    if "network" in by:
        rows = store.query(f"SELECT DISTINCT network FROM {table} WHERE network IS NOT NULL")
        found = [row[0] for row in rows]
        names = {"remote_ip": found, "network": [network_of(address) for address in found]}
        addresses = lookup_table(store, "addresses", names)
        join = f'LEFT JOIN {addresses} AS addresses ON addresses.remote_ip = {table}."network"'
    picks = "".join(f'{shown(name, table)} AS "{name}", ' for name in by)
    ready = once and bool(by) and "network" not in by
    groups = "GROUP BY ALL" if by and not ready else ""
    hits = "hits" if ready else "CAST(coalesce(sum(hits), 0) AS BIGINT) AS hits"
    return f"SELECT {picks}{hits} FROM {table} {join} {groups}"


def network_of(text: str | None) -> str | None:
    """The network that stands for an address in groups: /24 for IPv4, /64 for IPv6;
    other text stays.
    """
    if text is None:
        return None
    address = read_address(text)
    if address is None:
        return text
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False))


def lookup_table(
    store: Store, stem: str, columns: dict[str, list[Any]], kinds: dict[str, str] | None = None
) -> str:
    """Create a temporary table from columns, and return its name."""
    name = store.new_name(stem)
    picks = ", ".join(f'unnest(?::{(kinds or {}).get(c, "VARCHAR")}[]) AS "{c}"' for c in columns)
    store.query(f"CREATE TEMP TABLE {name} AS SELECT {picks}", list(columns.values()))
    return name
