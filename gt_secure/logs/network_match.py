"""Addresses of a log and the lists of a restriction."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from ..network import IPAddress, IPNetwork, collapse, parse_network, scope


def is_address(text: Any) -> bool:
    """Return whether text is an address; logs hold other things too."""
    try:
        ipaddress.ip_address(str(text).strip())
    except ValueError:
        return False
    return True


def to_address(text: Any) -> Any:
    """An address in any notation; raises :class:`InvalidInput` with the reason."""
    if is_address(text):
        return ipaddress.ip_address(str(text).strip())
    return parse_network(str(text)).network_address  # raises with the reason


class Ranges:
    """Networks as sorted number ranges: looking up one of 600,000 addresses takes a microsecond."""

    def __init__(self, networks: Iterable[IPNetwork]) -> None:
        self._starts: dict[int, list[int]] = {4: [], 6: []}
        self._ends: dict[int, list[int]] = {4: [], 6: []}
        for network in sorted(collapse(networks), key=lambda n: (n.version, int(n.network_address))):
            self._starts[network.version].append(int(network.network_address))
            self._ends[network.version].append(int(network.broadcast_address))

    def holds(self, address: IPAddress) -> bool:
        """Return whether a network holds the address."""
        import bisect

        place = bisect.bisect_right(self._starts[address.version], int(address)) - 1
        return place >= 0 and int(address) <= self._ends[address.version][place]


def allowlist_of(text: str, endpoint: str | None, ranges: Ranges, allowed: set[str]) -> str:
    """``inside``, ``outside``, ``endpoint`` or ``unknown``, seen from a restriction."""
    if endpoint is not None:
        return "endpoint" if endpoint in allowed else "outside"
    if not is_address(text):
        return "unknown"
    address = ipaddress.ip_address(text)
    if scope(address) == "private":
        return "endpoint"
    return "inside" if ranges.holds(address) else "outside"
