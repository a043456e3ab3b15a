"""Exposures of policies without an account, and the answer of one for a source, to compare it with other surfaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from gt_secure.account import locks_of
from gt_secure.account.state import State
from gt_secure.base.network import Source
from gt_secure.changes.targets import TARGETS
from gt_secure.engine.access import Exposure, locks_of_files
from gt_secure.engine.iam.facts import parse_facts, supplied_facts

ACCOUNT = "111122223333"
WORDS = ("opened", "refused", "unknown")


def exposed(
    policy: Any, key: str = "scans/0001.png", facts: Iterable[str] = (), *, account: str = ACCOUNT, **layers: Any
) -> Exposure:
    """Return the exposure of an object of gt-images under policies; ``facts`` are KEY=VALUE."""
    known = supplied_facts(parse_facts(facts))
    return Exposure(locks_of_files("gt-images", policy, account, known, **layers), key)


def exposure_of(state: State, key: str = "scans/", planned: Mapping[str, Any] | None = None) -> Exposure:
    """Return the exposure under the locks of a state after planned values; a key with a final slash is a prefix."""
    names = {"bucket-guard": "gt-images", "url-lock": "radiology-team", "portal-lock": "default"}
    for kind, value in (planned or {}).items():
        state = TARGETS[kind](names[kind]).put(value, state)
    return Exposure(locks_of(state), key, is_prefix=key.endswith("/"))


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
