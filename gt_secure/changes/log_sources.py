"""Users of a bucket in its access log: sources of presigned requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..network import Source, parse_endpoint_id, read_address, scope

if TYPE_CHECKING:
    from ..logs.hits import Hits

MOST = 200
"""Number of sources looked at, the busiest first."""


def users(hits: Hits | None, bucket: str | None, prefix: str) -> tuple[Source, ...]:
    """Return the sources of presigned requests that were answered.

    Our own test requests are left out. An address in private space came through an endpoint that an access log does
    not name: such a row proves nothing here.
    """
    found: list[Source] = []
    if hits is None:
        return ()
    answered = _answered(hits, bucket, prefix).filter(status=[200, 206, 304])
    for row in answered.count(by=["remote_ip", "endpoint"], limit=MOST):
        address = read_address(row["remote_ip"])  # AWS itself has no address in the log
        if row["endpoint"] is not None:
            found.append(Source(None, parse_endpoint_id(str(row["endpoint"]))))
        elif address is not None and scope(address) == "public":
            found.append(Source(address))
    return tuple(dict.fromkeys(found))


def _answered(hits: Hits, bucket: str | None, prefix: str) -> Hits:
    chosen = hits.filter(presigned=True, refused=False, test=False)
    if bucket is not None:
        chosen = chosen.filter(bucket=bucket)
    return chosen.filter(key_prefix=prefix) if prefix else chosen


def strangers(hits: Hits | None, bucket: str | None, prefix: str) -> frozenset[str]:
    """Return the addresses that opened only URLs which another address had opened in an earlier second."""
    if hits is None:
        return frozenset()
    rows = _answered(hits, bucket, prefix).query(
        "SELECT remote_ip FROM (SELECT remote_ip, first, min(first) OVER (PARTITION BY fingerprint) AS earliest FROM "
        "(SELECT fingerprint, remote_ip, min(time) AS first FROM {hits} GROUP BY ALL)) "
        "GROUP BY remote_ip HAVING bool_and(coalesce(first > earliest, false))"
    )
    return frozenset(str(address) for (address,) in rows)
