"""Addresses of a log and the lists of a restriction.

An IPv4 address in its IPv6 form (``::ffff:203.0.113.7``) counts as the IPv4 address everywhere.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from ..network import IPAddress, Ranges, parse_network, scope, unmapped


def read_address(text: Any) -> IPAddress | None:
    """Return the address that text of a log holds; logs hold other things too."""
    try:
        return unmapped(ipaddress.ip_address(str(text).strip()))
    except ValueError:
        return None


def to_address(text: Any) -> Any:
    """An address in any notation; raises :class:`InvalidInput` with the reason."""
    return read_address(text) or parse_network(str(text)).network_address  # raises with the reason


def allowlist_of(text: str, endpoint: str | None, ranges: Ranges, allowed: set[str]) -> str:
    """``inside``, ``outside``, ``endpoint`` or ``unknown``, seen from a restriction."""
    if endpoint is not None:
        return "endpoint" if endpoint in allowed else "outside"
    address = read_address(text)
    if address is None:
        return "unknown"
    if scope(address) == "private":
        return "endpoint"
    return "inside" if ranges.holds(address) else "outside"
