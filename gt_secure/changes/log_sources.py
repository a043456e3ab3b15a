"""Users of a bucket in its access log: sources of presigned requests, and who signed them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..network import IPNetwork, Source, contains, parse_endpoint_id, read_address, scope
from ..text import count

if TYPE_CHECKING:
    from ..logs.hits import Hits

MOST = 200
"""Number of sources looked at, the busiest first."""
_MOST_READERS = 5


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


def other_readers(hits: Hits | None, bucket: str, prefix: str, networks: Iterable[IPNetwork]) -> tuple[str, ...]:
    """Name who reads the bucket by presigned URLs from outside the lists, in sentences with their counts."""
    if hits is None:
        return ()
    listed = tuple(networks)
    outside: dict[str, int] = {}
    for row in _answered(hits, bucket, prefix).count(by=["requester", "remote_ip", "endpoint"], limit=MOST):
        address = read_address(row["remote_ip"])
        if row["endpoint"] is not None or address is None or scope(address) != "public":
            continue  # through some endpoint; whether through a listed one, an access log does not say
        if not contains(listed, address):
            who = str(row["requester"] or "anonymous")
            outside[who] = outside.get(who, 0) + int(row["hits"])
    ranked = sorted(outside.items(), key=lambda item: -item[1])[:_MOST_READERS]
    return tuple(
        f"{who}: {count(number, 'presigned request')} from outside the lists in the log" for who, number in ranked
    )
