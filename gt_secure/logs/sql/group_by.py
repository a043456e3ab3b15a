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
    """Rows of several kinds of log, each request once: the access log's row wins and takes the endpoint along."""
    name = store.new_name("merged")
    kept = (*FIELDS, "source_kind", "access_key", "presigned", "test_marker", "fingerprint", "signed_at", "expires_s")
    columns = ", ".join(f'r."{column}"' for column in kept)
    store.query(f"""CREATE TABLE {name} AS
        WITH r AS (SELECT * FROM ({rows})),
        seen AS (SELECT request_id, max(endpoint) AS endpoint, max(error_message) AS error_message,
            max(refused_by) AS refused_by, max(policy_arn) AS policy_arn,
            bool_or(source_kind = 'access-log') AS logged,
            bool_or(source_kind = 'json-log') AS structured FROM r WHERE request_id IS NOT NULL GROUP BY request_id)
        SELECT r.source, r.pos, r.readable, {columns}, coalesce(r.endpoint, seen.endpoint) AS endpoint,
            coalesce(r.error_message, seen.error_message) AS error_message,
            coalesce(r.refused_by, seen.refused_by) AS refused_by,
            coalesce(r.policy_arn, seen.policy_arn) AS policy_arn
        FROM r LEFT JOIN seen USING (request_id)
        WHERE seen.request_id IS NULL OR r.source_kind = 'access-log' OR NOT seen.logged AND
            (r.source_kind = 'json-log' OR NOT seen.structured)""")
    return f"SELECT * FROM {name}"


def distinct(store: Store, rows: str) -> str:
    """Rows without second deliveries. A copy and a batch delete share one request id, so that it is not enough."""
    name = store.new_name("once")
    store.query(f"""CREATE TABLE {name} AS SELECT * FROM ({rows}) WHERE request_id IS NULL UNION ALL BY NAME
        SELECT DISTINCT ON (request_id, operation, key, version_id) * FROM ({rows}) WHERE request_id IS NOT NULL""")
    return f"SELECT * FROM {name}"


NEEDS_NETWORKS = ("network_name", "network_source", "asn", "country")
"""Columns that exist only with names of networks."""


def check_columns(by: str | Sequence[str], more: Sequence[str] = ()) -> list[str]:
    """Return the names to group by; an unknown one is an :class:`InvalidInput` with the nearest name."""
    names = [word.strip() for word in by.split(",")] if isinstance(by, str) else [str(word) for word in by]
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
    """Expressions to group by, each named after its column; ``network`` is grouped by address first."""
    return [f'{_expression(name)} AS "{name}"' for name in by]


def _expression(name: str) -> str:
    return GROUPED[name][0] if name in GROUPED else f'"{name}"'


def shown(name: str, table: str) -> str:
    """Return the SQL for a column as the answer shows it."""
    column = f'{table}."{name}"'
    return GROUPED[name][1].format(column) if name in GROUPED else column


def check_limit(limit: object) -> int | None:
    """Return the largest number of rows that is wanted, or None for all."""
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidInput("limit accepts whole numbers from 1.", next_step="None is no limit.", field="limit")
    return limit


def finish(
    store: Store,
    table: str,
    by: Sequence[str],
    limit: int | None = None,
    *,
    once: bool = False,
) -> Table:
    """Format a grouped table of ``by`` columns and ``hits``, most hits first; ``once``: each group has one row."""
    join = ""
    if "network" in by:
        join = f"LEFT JOIN {_address_table(store, f'SELECT DISTINCT network AS remote_ip FROM {table}')} AS addresses "
        join += f'ON addresses.remote_ip = {table}."network"'
    picks = ", ".join(f'{shown(name, table)} AS "{name}"' for name in by)
    ready = once and bool(by) and "network" not in by
    groups = "GROUP BY ALL" if by and not ready else ""
    hits = "hits" if ready else "CAST(coalesce(sum(hits), 0) AS BIGINT) AS hits"
    order = ", ".join(["hits DESC", *(f'"{name}" NULLS LAST' for name in by)])
    comma = ", " if by else ""
    select = (
        f"SELECT {picks}{comma}{hits} FROM {table} {join} {groups} "
        f"ORDER BY {order} {f'LIMIT {limit}' if limit is not None else ''}"
    )
    return Table([*by, "hits"], store.query(select))


def network_of(text: str | None) -> str | None:
    """The network that stands for an address in groups: /24 for IPv4, /64 for IPv6; other text stays."""
    if text is None:
        return None
    address = read_address(text)
    if address is None:
        return text
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False))


def _address_table(store: Store, addresses: str) -> str:
    found = [row[0] for row in store.query(f"SELECT DISTINCT remote_ip FROM ({addresses}) WHERE remote_ip IS NOT NULL")]
    return lookup_table(store, "addresses", {"remote_ip": found, "network": [network_of(a) for a in found]})


def lookup_table(store: Store, stem: str, columns: dict[str, list[Any]], kinds: dict[str, str] | None = None) -> str:
    """Create a temporary table from columns, and return its name."""
    name = store.new_name(stem)
    picks = ", ".join(f'unnest(?::{(kinds or {}).get(c, "VARCHAR")}[]) AS "{c}"' for c in columns)
    store.query(f"CREATE TEMP TABLE {name} AS SELECT {picks}", list(columns.values()))
    return name
