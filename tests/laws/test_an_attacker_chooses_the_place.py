"""A worker's URL is called refused elsewhere only if no place opens it that a stranger can choose.

Accounts are drawn: a setting of the URL lock, a portal in a VPC or not, a guard, statements of
others, and S3 endpoints in two VPCs. A worker gets a URL, under a session policy that is written
here. A stranger uses it from addresses, VPCs and endpoints of their own choice, among them the same
private address in another VPC: only in the VPC of the portal is the address of the worker taken.
Single requests are decided with ``evaluate``.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import pytest

from gt_secure.base.network import Source
from gt_secure.engine.access.exposure import ANY_VPC, Exposure
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.source_sets import EVERYWHERE, NOWHERE
from gt_secure.engine.access.vpc_endpoint import VpcEndpoint
from gt_secure.engine.iam import Policies, Request, evaluate, presigned_context
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from support.answers import ACCOUNT

exposures = import_module("gt_secure.engine.access.exposure")
SEED, ARN = 20261129, "arn:aws:s3:::gt-images"
OWN, OTHER, FOREIGN = "vpce-0a1b2c3d4e5f60718", "vpce-0fedcba9876543210", "vpce-0000beef0000beef0"
VPCS = {OWN: "vpc-1", OTHER: "vpc-2", FOREIGN: "vpc-9"}
WORKERS = ("203.0.113.7", f"10.0.3.4 via {OWN}")
STRANGERS = (
    "203.0.113.8",
    "198.51.100.9",
    "8.8.8.8",
    *(f"{ip} via {e}" for e in VPCS for ip in ("10.0.3.4", "10.0.9.9")),
)
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
MODES = (UrlLock(), UrlLock(True), *[UrlLock(False, True)] * 4, UrlLock(True, True))
LISTS: tuple[dict[str, Any], ...] = (
    {"endpoints": [OWN]}, {"endpoints": [OTHER]}, {"endpoints": [OWN, OTHER]}, {"endpoints": [FOREIGN]},
    {"networks": ["203.0.113.0/24"]}, {"networks": ["203.0.113.0/24"], "endpoints": [OWN]},
)  # fmt: skip
DENIED: tuple[dict[str, Any], ...] = (
    {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}},
    {"StringEquals": {"aws:SourceVpc": "vpc-2"}},
    {"NotIpAddress": {"aws:VpcSourceIp": "10.0.3.0/24"}},
    {"Null": {"aws:SourceVpce": "false"}},
)


@dataclass(frozen=True)
class Drawn:
    locks: EffectiveLocks
    policy: str | None


def draw(seed: int) -> Drawn:
    dice = random.Random(SEED + seed)
    statements: list[Any] = (
        [build_guard("gt-images", **dice.choice(LISTS))] if dice.random() < 0.6 else []
    )
    if dice.random() < 0.3:
        statements.append(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": f"{ARN}/*",
                "Condition": dice.choice(DENIED),
            }
        )
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None
    known = dice.sample([OWN, OTHER], dice.randint(0, 2))
    locks = EffectiveLocks(
        "gt-images",
        policy,
        url_lock=dice.choice(MODES),
        has_portal=True,
        account=ACCOUNT,
        endpoints={each: VpcEndpoint(each, VPCS[each], "Gateway", "available") for each in known},
        portal_vpc=dice.choice(("vpc-1", "vpc-1", "")),
    )
    return Drawn(locks, policy)


def opened(drawn: Drawn, worker: str, stranger: str) -> bool:
    """Return whether a stranger opens the URL of a worker,
    whose own machine has its address in the portal's VPC.
    """
    owner, place = Source.parse(worker), Source.parse(stranger)
    in_portal = place.endpoint is not None and VPCS[place.endpoint] == drawn.locks.portal_vpc
    if owner.address == place.address and in_portal:
        return False
    lock = drawn.locks.url_lock
    assert lock is not None
    names = {"aws:SourceIp": lock.source_ip, "aws:VpcSourceIp": lock.vpc_source_ip}
    only = (
        {"IpAddress": {name: [f"{owner.address}/32"] for name, on in names.items() if on}}
        if lock.on
        else {}
    )
    session = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"{ARN}/a.png",
        **({"Condition": only} if only else {}),
    }
    policies = Policies(
        (FULL,), json.dumps({"Version": "2012-10-17", "Statement": [session]}), drawn.policy
    )
    context = presigned_context(
        Source(place.address, place.endpoint, VPCS.get(place.endpoint or ""))
    )
    context |= {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/r"}
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/w"
    return evaluate(
        Request("s3:GetObject", f"{ARN}/a.png", who, context, ACCOUNT), policies
    ).allowed


def judge(seed: int) -> tuple[Counter[str], list[str]]:
    drawn, counts, bad = draw(seed), Counter[str](), []
    exposure = Exposure(drawn.locks, "a.png")
    row = exposure.row("forwarded")
    for stranger in STRANGERS:
        opens = any(opened(drawn, worker, stranger) for worker in WORKERS)
        answer = exposure.at(stranger, "forwarded")
        endpoint = Source.parse(stranger).endpoint
        counts[f"{'opened' if opens else 'refused'}, called {answer.answer}"] += 1
        if opens and answer.answer == "refused":
            bad.append(f"{stranger} opens it, called refused")
        if endpoint is not None and opens and row.at_endpoint(endpoint) == "refused":
            bad.append(f"{stranger} opens it, and the row refuses {endpoint}")
        if answer.answer == "opened" and drawn.locks.url_lock != UrlLock():
            bad.append(f"{stranger} is called opened under a URL lock")
        if answer.answer == "unknown" and not (
            endpoint and {ANY_VPC, "aws:SourceVpc"} & {*answer.depends_on}
        ):
            bad.append(f"{stranger} is unknown for no reason of an attacker: {answer.depends_on}")
    return counts, [
        f"seed {seed}: {drawn.locks.url_lock}, {drawn.locks.portal_vpc}, {drawn.policy}: {each}"
        for each in bad
    ]


def law(seeds: Any) -> Counter[str]:
    results = [judge(seed) for seed in seeds]
    assert not [text for _, bad in results for text in bad]
    return sum((counts for counts, _ in results), Counter[str]())


def enough(counts: Counter[str], cases: int) -> None:
    """Demand a share of each outcome: what nobody opens is mostly called refused."""
    print(counts)
    assert min(counts["opened, called unknown"], counts["opened, called opened"]) >= cases // 12
    assert counts["refused, called refused"] >= 2 * counts["refused, called unknown"] > 0


def test_no_stranger_opens_what_is_called_refused() -> None:
    enough(law(range(8)), 12)


def test_the_law_finds_a_private_address_that_is_taken_for_one_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault = lambda row, lock, **_: replace(lock, unknown=NOWHERE, refused=EVERYWHERE)  # noqa: E731 - as it was
    monkeypatch.setattr(exposures, "combined", fault)
    with pytest.raises(AssertionError, match="opens it"):
        law(range(8))


def test_of_two_hundred_and_more() -> None:
    enough(law(range(1000, 1200)), 200)


@pytest.mark.slow
def test_of_two_thousand() -> None:
    enough(law(range(2000, 4000)), 2000)
