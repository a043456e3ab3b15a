"""Columns on the network of an address: its name, and the side of a restriction that it is on.

They are joined on the distinct addresses of a log, wherever its lines were counted. An IPv4 address
in its IPv6 form (``::ffff:203.0.113.7``) counts as the IPv4 address everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..base.allowed import Allowed
from ..base.network import Ranges, Source, parse_networks, read_address, scope, to_address
from .named_networks import Networks
from .sql.group_by import NEEDS_NETWORKS, lookup_table
from .sql.query import as_list
from .table import Table

if TYPE_CHECKING:
    from .engines.duckdb_store import Store

NAMES = NEEDS_NETWORKS
"""Columns that a networks file fills."""


def matching_addresses(texts: Iterable[str], address: Any, network: Any) -> list[str]:
    """Return the addresses that are among the wanted ones and in the wanted networks;
    None stands for any.
    """
    wanted = None if address is None else {to_address(each) for each in as_list(address)}
    ranges = None if network is None else Ranges(parse_networks(network))
    return [
        text
        for text in dict.fromkeys(texts)
        if (place := read_address(text)) is not None
        and (wanted is None or place in wanted)
        and (ranges is None or ranges.holds(place))
    ]


def name_table(store: Store, addresses: Sequence[str], networks: Networks) -> str:
    """Make a table of the names of addresses; what no file knows is NULL."""
    names = [networks.about(address).name or None for address in addresses]
    return lookup_table(store, "names", {"remote_ip": list(addresses), "network_name": names})


def without_names(by: Sequence[str]) -> list[str]:
    """Return the columns that have to be counted by,
    so that :func:`named_counts` can fill the names in.
    """
    plain = [name for name in by if name not in NAMES]
    needed = ["remote_ip"] if len(plain) < len(by) and "remote_ip" not in plain else []
    return [*plain, *needed]


def named_counts(table: Table, by: Sequence[str], networks: Networks) -> Table:
    """Return counts by address as counts by names; most hits first."""
    addresses = set(table.column("remote_ip"))
    names = {address: networks.about(address).name or None for address in addresses}
    counts: dict[tuple[object, ...], int] = {}
    for row in table:
        key = tuple(names[row["remote_ip"]] if name in NAMES else row[name] for name in by)
        counts[key] = counts.get(key, 0) + row["hits"]
    rows = [(*key, number) for key, number in counts.items()]
    rows.sort(key=lambda row: (-int(row[-1]), tuple((value is None, value) for value in row[:-1])))  # type: ignore[call-overload]
    return Table([*by, "hits"], rows, table.doubts)


def allowlist_of(text: str, endpoint: str | None, ranges: Ranges, allowed: Allowed) -> str:
    """``inside``, ``outside``, ``endpoint`` or ``unknown``, seen from a restriction.

    No log names the VPC of an endpoint.
    """
    if endpoint is not None:
        return {True: "endpoint", False: "outside", None: "unknown"}[
            allowed.admits(Source(None, endpoint))
        ]
    address = read_address(text)
    if address is None:
        return "unknown"
    if scope(address) == "private":
        return "endpoint"
    return "inside" if ranges.holds(address) else "outside"
