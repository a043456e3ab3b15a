"""Exposures of policies and locks without an account, and their answers for a source,
to compare with others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from gt_secure.base.network import Source
from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.vpc_endpoint import VpcEndpoint
from gt_secure.engine.iam.facts import parse_facts, supplied_facts

ACCOUNT = "111122223333"
ENDPOINT = "vpce-0a1b2c3d4e5f60718"
S3_ENDPOINT = VpcEndpoint(ENDPOINT, "vpc-0a1b2c3d", "Gateway", "available")
WORDS = ("opened", "refused", "unknown")


def exposed(
    policy: Any,
    key: str = "scans/0001.png",
    facts: Iterable[str] = (),
    *,
    account: str = ACCOUNT,
    **layers: Any,
) -> Exposure:
    """Return the exposure of an object of gt-images under policies; ``facts`` are KEY=VALUE."""
    known = supplied_facts(parse_facts(facts))
    return Exposure(locks_of_policies("gt-images", policy, account, known, **layers), key)


def team_locks(policy: str | None = None, **values: Any) -> EffectiveLocks:
    """Return the locks of a private workteam and of gt-images, all read:
    there are none but those that are given.
    """
    none: dict[str, Any] = {
        "bucket": "gt-images",
        "has_portal": True,
        "account": ACCOUNT,
        "region": "us-east-1",
    }
    none |= {"endpoints": {ENDPOINT: S3_ENDPOINT}, "restricts_public": False}
    return EffectiveLocks(policy=policy, **(none | values))


def exposure_under(locks: EffectiveLocks, key: str = "scans/") -> Exposure:
    """Return the exposure under locks; a key with a final slash is a prefix."""
    return Exposure(locks, key, is_prefix=key.endswith("/"))


def answer_of(row: Mapping[str, Any], text: str) -> str:
    """Return the answer of an exposure to one source."""
    source = Source.parse(text)
    for answer in WORDS:
        places = row[answer]
        if source.endpoint is not None and source.endpoint in places["endpoints"]:
            return answer
        if (
            source.endpoint is None
            and source.address is not None
            and _holds(places["cidrs"], str(source.address))
        ):
            return answer
    return next(answer for answer in WORDS if row[answer]["endpoints"] == "any")


def _holds(cidrs: list[str], address: str) -> bool:
    return any(ip_address(address) in ip_network(cidr) for cidr in cidrs)
