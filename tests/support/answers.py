"""The answer of an exposure to one source, to compare it with what other surfaces say."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from gt_secure.network import Source

WORDS = {"opened": "allowed", "refused": "refused", "unknown": "unknown"}
"""The words of an exposure, and those of an expectation."""


def answer_of(row: Mapping[str, Any], text: str) -> str:
    """Return the answer of an exposure to one source."""
    source = Source.parse(text)
    for answer in WORDS:
        places = row[answer]
        if source.endpoint is not None and source.endpoint in places["endpoints"]:
            return answer
        if source.endpoint is None and source.address is not None and _holds(places["cidrs"], str(source.address)):
            return answer
    return next(answer for answer in WORDS if row[answer]["endpoints"] == "any")


def _holds(cidrs: list[str], address: str) -> bool:
    return any(ip_address(address) in ip_network(cidr) for cidr in cidrs)
