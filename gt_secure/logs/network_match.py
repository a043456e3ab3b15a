"""Addresses of a log and the lists of a restriction."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..network import Ranges, parse_network, scope


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
