"""Each request once: rows of several kinds of log, and records that were delivered twice."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from typing import TYPE_CHECKING

from .columns import FIELDS

if TYPE_CHECKING:
    from ..engines.duckdb_store import Store


def merged(store: Store, rows: str) -> str:
    """Rows of several kinds of log, each request once: the access log's row wins and takes the endpoint along."""
    name = store.new_name("merged")
    kept = (*FIELDS, "source_kind", "access_key", "presigned", "test_marker", "fingerprint", "minted", "expires_s")
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
