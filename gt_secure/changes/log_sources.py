"""Users of a bucket in its access log: sources of presigned requests, and who signed them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import InvalidInput
from ..network import IPNetwork, Source, contains, parse_endpoint_id, read_address, scope
from ..text import count

MOST = 200
"""Number of sources looked at, the busiest first."""


def users(hits: object, bucket: str | None = None, prefix: str = "") -> tuple[Source, ...]:
    """Return the sources of users: those given, or of hits the sources of presigned requests that were answered.

    Our own test requests are left out. An address in private space came through an endpoint that an access log does
    not name: such a row proves nothing here.
    """
    if hits is None:
        return ()
    if hasattr(hits, "filter") and hasattr(hits, "count"):
        found = _from_hits(hits, bucket, prefix)
    elif isinstance(hits, str):
        found = [Source.parse(hits)]
    elif isinstance(hits, Iterable):
        found = [Source.parse(one if isinstance(one, Source) else str(one)) for one in hits]
    else:
        raise InvalidInput(
            f"hits are Hits or a list of sources, not {type(hits).__name__}.",
            next_step="Pass gt.hits(...), or addresses.",
            field="hits",
        )
    usable = [one for one in found if one.is_endpoint or (one.address is not None and scope(one.address) == "public")]
    return tuple(dict.fromkeys(usable))


def _answered(hits: Any, bucket: str | None, prefix: str) -> Any:
    chosen = hits.filter(presigned=True, refused=False, test=False)
    if bucket is not None:
        chosen = chosen.filter(bucket=bucket)
    return chosen.filter(key_prefix=prefix) if prefix else chosen


def _from_hits(hits: Any, bucket: str | None, prefix: str) -> list[Source]:
    counted = _answered(hits, bucket, prefix).filter(status=[200, 206, 304])
    found: list[Source] = []
    for row in counted.count(by=["remote_ip", "endpoint"], limit=MOST):
        if row["endpoint"] is not None:
            found.append(Source(None, parse_endpoint_id(str(row["endpoint"]))))
            continue
        address = read_address(row["remote_ip"])
        if address is not None:  # AWS itself has no address in the log
            found.append(Source(address))
    return found


def strangers(hits: object, bucket: str | None, prefix: str) -> frozenset[str]:
    """Return the addresses that opened only URLs which another address had opened in an earlier second."""
    if not hasattr(hits, "query"):
        return frozenset()
    rows = _answered(hits, bucket, prefix).query(
        "SELECT remote_ip FROM (SELECT remote_ip, first, min(first) OVER (PARTITION BY fingerprint) AS earliest FROM "
        "(SELECT fingerprint, remote_ip, min(time) AS first FROM {hits} GROUP BY ALL)) "
        "GROUP BY remote_ip HAVING bool_and(coalesce(first > earliest, false))"
    )
    return frozenset(str(address) for (address,) in rows)


def other_readers(
    hits: object, bucket: str, prefix: str, networks: Iterable[IPNetwork], *, most: int = 5
) -> tuple[str, ...]:
    """Name who reads the bucket by presigned URLs from outside the lists, in sentences with their counts."""
    if hits is None or not hasattr(hits, "count") or not hasattr(hits, "filter"):
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
    ranked = sorted(outside.items(), key=lambda item: -item[1])[:most]
    return tuple(
        f"{who}: {count(number, 'presigned request')} from outside the lists in the log" for who, number in ranked
    )
