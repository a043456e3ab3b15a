"""Refusals that the log does not explain, told apart as far as policies can:
for a prediction of the lock.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..base.text import JsonLike, count
from .sql.group_by import lookup_table

if TYPE_CHECKING:
    from .engines.duckdb_store import Store

PREDICTED = " (predicted)"
"""End of each lock that was not read in a log."""

MOST = 2000
"""Kinds of refusals that are decided, those with most requests first; the others stay empty,
and a note says so.
"""

_SAME = ("remote_ip", "endpoint", "requester", "bucket", "key", "auth_type", "expires_s")
_KEYS = (*_SAME, "version_2", "age_s")
_OLD = "CASE WHEN {row}age_s >= {row}expires_s THEN {row}expires_s ELSE {row}age_s END"


Refusal: TypeAlias = JsonLike
"""Refused requests that are alike: ``remote_ip``, ``endpoint``, ``requester`` as the log has them,
``bucket``, ``key``, ``auth_type`` (``QueryString``, ``HtmlForm``, ``AuthHeader``, or None if
unsigned), ``version_2`` for signature version 2, and ``age_s`` and ``expires_s``: the age of the
URL in whole seconds, at most its lifetime, and its lifetime."""


def predicted(
    store: Store, relation: str, decide: Callable[[Refusal], str | None]
) -> tuple[str, str | None]:
    """Return a relation whose ``refused_by`` is filled in with predictions,
    and a note on what was left out.
    """
    unexplained = "refused AND refused_by IS NULL AND coalesce(error_code = 'AccessDenied', true)"
    alike = (
        f"SELECT {', '.join(_SAME)}, coalesce(signature_version = 'SigV2', false) AS version_2, "
        f"{_OLD.format(row='')} AS age_s FROM ({relation}) WHERE {unexplained}"
    )
    order = f"n DESC, {', '.join(_KEYS)}"
    rows = store.query(
        f"WITH kinds AS MATERIALIZED (SELECT *, count(*) AS n FROM ({alike}) GROUP BY ALL) SELECT"
        f" *, (SELECT count(*) FROM kinds), (SELECT sum(n) FROM kinds) FROM kinds ORDER BY {order}"
        f" LIMIT {MOST}"
    )
    kinds = {"version_2": "BOOLEAN", "age_s": "BIGINT", "expires_s": "BIGINT"}
    columns = {name: [row[i] for row in rows] for i, name in enumerate(_KEYS)}
    locks = (decide(_refusal(row)) for row in rows)
    columns["lock"] = [None if each is None else f"{each}{PREDICTED}" for each in locks]
    table = lookup_table(store, "refusals", columns, kinds)
    same = " AND ".join(f"r.{name} IS NOT DISTINCT FROM p.{name}" for name in _SAME)
    explained = (
        f"SELECT r.* REPLACE (coalesce(r.refused_by, CASE WHEN {unexplained} THEN p.lock END) AS"
        f" refused_by) FROM ({relation}) r LEFT JOIN {table} p ON {same} AND"
        f" coalesce(r.signature_version = 'SigV2', false) = p.version_2 AND {_OLD.format(row='r.')}"
        " IS NOT DISTINCT FROM p.age_s"
    )
    return explained, _left_out(rows)


def _left_out(rows: Sequence[Sequence[Any]]) -> str | None:
    if not rows or rows[0][-2] <= len(rows):
        return None
    kinds, requests = (
        int(rows[0][-2]) - len(rows),
        int(rows[0][-1]) - sum(row[len(_KEYS)] for row in rows),
    )
    return (
        f"Only {len(rows):,} kinds of refused requests were predicted, the most frequent ones:"
        f" {count(requests, 'request')} of {count(kinds, 'more kind')} have no predicted lock. Read"
        " a shorter time."
    )


def _refusal(row: Sequence[Any]) -> Refusal:
    found = dict(zip(_KEYS, row[: len(_KEYS)], strict=True))
    return found | {name: found[name] or "" for name in ("bucket", "key")}
