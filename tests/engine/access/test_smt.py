"""Exposure and proof put to z3 and to random requests:
the encoding shares no code with the package.
"""

from __future__ import annotations

import ipaddress
import json
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

pytest.importorskip("z3", reason="make check installs z3")

from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.policies.bucket_guard import build_guard
from support import smt
from support.examples import examples
from support.guards import without_forms
from support.policy_strategies import control_policies, policies

pytestmark = pytest.mark.needs("z3")

BUCKET, KEY, VPCE = "gt-images", "scans/0001.png", "vpce-0a1b2c3d"
OFFICE = "203.0.113.0/24"
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
PRINCIPALS = {
    smt.ME: f"arn:aws:sts::{smt.ME}:assumed-role/some-role/some-session", None: "*",
    **{account: f"arn:aws:sts::{account}:assumed-role/some-role/some-session" for account in smt.OTHERS},
}  # fmt: skip
few = settings(max_examples=examples(20), deadline=None, suppress_health_check=list(HealthCheck))
many = settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))


def st_(effect: str, condition: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    whole = ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]
    made = {"Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": whole, **more}
    return {**made, "Condition": condition} if condition else made


def guard(**more: Any) -> dict[str, Any]:
    return build_guard(BUCKET, **{"networks": [OFFICE], "endpoints": [VPCE], **more})


IP, NOT_IP = {"aws:SourceIp": [OFFICE, "2001:db8::/32"]}, {"aws:SourceIp": [OFFICE]}
QUERY = {"s3:authType": "REST-QUERY-STRING"}
PUBLIC = st_("Allow", Action="s3:GetObject", Resource="arn:aws:s3:::gt-images/*")
HAND: dict[str, list[dict[str, Any]]] = {
    "guard": [guard()],
    "guard with a prefix": [guard(prefix="scans/")],
    "guard without forms": [without_forms(guard())],
    "guard without forms with a prefix": [without_forms(guard(prefix="scans/"))],
    "guard and public": [guard(), PUBLIC],
    "public": [PUBLIC],
    "public from the range": [st_("Allow", {"IpAddress": IP})],
    "public over HTTPS only": [PUBLIC, st_("Deny", {"Bool": {"aws:SecureTransport": "false"}})],
    "naive deny": [st_("Deny", {"NotIpAddress": NOT_IP})],
    "naive deny with IfExists": [st_("Deny", {"NotIpAddressIfExists": NOT_IP})],
    "deny of a range": [st_("Deny", {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.128/25"]}})],
    "deny of IPv6": [st_("Deny", {"IpAddress": {"aws:SourceIp": "::/0"}})],
    "mapped addresses are IPv6": [st_("Deny", {"NotIpAddress": {"aws:SourceIp": ["::ffff:0:0/96", "0.0.0.0/0"]}})],
    "endpoint only": [st_("Deny", {"StringNotEquals": {"aws:SourceVpce": VPCE}})],
    "endpoint if there is one": [st_("Deny", {"StringNotEqualsIfExists": {"aws:SourceVpce": VPCE}})],
    "not through endpoints": [st_("Deny", {"Null": {"aws:SourceVpce": "false"}})],
    "organization": [st_("Deny", {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})],
    "organization in the allow": [st_("Allow", {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})],
    "organization from outside the range": [
        st_("Deny", {"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}, "NotIpAddress": NOT_IP})],
    "tagged object": [st_("Deny", {"StringEquals": {"s3:ExistingObjectTag/class": "secret"}}), PUBLIC],
    "fresh URLs": [st_("Deny", {"NumericGreaterThan": {"s3:signatureAge": "900000"}, "NotIpAddress": NOT_IP})],
    "referer": [st_("Allow", {"StringLike": {"aws:Referer": "https://portal.example/*"}})],
    "query strings only": [st_("Deny", {"StringEquals": QUERY, "NotIpAddressIfExists": NOT_IP})],
    "all but header": [st_("Deny", {"StringNotEquals": {"s3:authType": "REST-HEADER"}, "NotIpAddress": NOT_IP})],
    "guard for the other account": [guard() | {"Principal": {"AWS": smt.OTHER}}],
    "another account by name": [st_("Deny", Principal={"AWS": smt.OTHER}), PUBLIC],
    "the account if there is one": [st_("Allow", {"StringEqualsIfExists": {"aws:PrincipalAccount": smt.ME}})],
    "two guards": [guard(), guard(prefix="scans/", networks=["203.0.113.0/25"]) | {"Sid": "Second"}],
}  # fmt: skip


def locks(policy: dict[str, Any], rcp: dict[str, Any] | None = None) -> EffectiveLocks:
    return locks_of_policies(BUCKET, policy, "111122223333", rcp=[rcp] if rcp else [])


def document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def rows_of(policy: dict[str, Any], rcp: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [row.to_dict() for row in Exposure(locks(policy, rcp), KEY)]


def domain_of(policy: dict[str, Any], rcp: dict[str, Any] | None) -> smt.Domain:
    return smt.Domain((policy, rcp) if rcp else (policy,))


def check_exposure(policy: dict[str, Any], rcp: dict[str, Any] | None = None) -> None:
    domain = domain_of(policy, rcp)
    for row in rows_of(policy, rcp):
        kind = smt.kind_named(row["request"])
        assert list(smt.disagreements(domain, kind, row)) == []
        if not smt.values_of(domain.policies, "aws:SourceVpc"):
            for endpoint in domain.endpoints():
                assert smt.endpoint_states(domain, kind, endpoint) == {state_of(row, endpoint)}


def state_of(row: dict[str, Any], endpoint: str) -> str:
    sets = ("opened", "refused", "unknown")
    named = [
        name
        for name in sets
        if row[name]["endpoints"] != "any" and endpoint in row[name]["endpoints"]
    ]
    (state,) = named or [name for name in sets if row[name]["endpoints"] == "any"]
    return state


def check_proof(
    policy: dict[str, Any], rcp: dict[str, Any] | None, prefix: str, allow: list[str]
) -> None:
    claim = Claim(prefix, (*allow, VPCE))
    surely, possibly = smt.counterexamples(domain_of(policy, rcp), BUCKET, prefix, allow, [VPCE])
    expected = False if surely else None if possibly else True
    assert prove(locks(policy, rcp), claim).proved is expected


@pytest.mark.parametrize("name", HAND)
def test_exposure_of_policies_written_by_hand(name: str) -> None:
    check_exposure(document(HAND[name]))


@pytest.mark.parametrize("prefix", ["", "scans/"])
@pytest.mark.parametrize("name", HAND)
def test_proof_of_policies_written_by_hand(name: str, prefix: str) -> None:
    check_proof(document(HAND[name]), None, prefix, [OFFICE])


rcps = st.one_of(st.none(), st.none(), control_policies())
claims = st.tuples(
    st.sampled_from(["", "scans/"]), st.sampled_from([[OFFICE], ["203.0.113.0/25"], ["0.0.0.0/0"]])
)


def guarded(policy: dict[str, Any], prefix: str) -> dict[str, Any]:
    return document([*policy["Statement"], guard(prefix=prefix)])


@few
@given(policies(), rcps)
def test_exposure_of_generated_policies(policy: dict[str, Any], rcp: dict[str, Any] | None) -> None:
    check_exposure(policy, rcp)


@few
@given(policies(3), rcps, claims, st.booleans())
def test_proof_of_generated_policies(
    policy: dict[str, Any],
    rcp: dict[str, Any] | None,
    claim: tuple[str, list[str]],
    with_guard: bool,
) -> None:
    check_proof(guarded(policy, claim[0]) if with_guard else policy, rcp, *claim)


@pytest.mark.slow
@many
@given(policies(), rcps)
def test_exposure_of_many_generated_policies(
    policy: dict[str, Any], rcp: dict[str, Any] | None
) -> None:
    check_exposure(policy, rcp)


@pytest.mark.slow
@many
@given(policies(3), rcps, claims, st.booleans())
def test_proof_of_many_generated_policies(
    policy: dict[str, Any],
    rcp: dict[str, Any] | None,
    claim: tuple[str, list[str]],
    with_guard: bool,
) -> None:
    check_proof(guarded(policy, claim[0]) if with_guard else policy, rcp, *claim)


@settings(max_examples=examples(60), deadline=None)
@given(policies(), rcps)
def test_the_sets_are_disjoint_minimal_and_cover_everything(
    policy: dict[str, Any], rcp: dict[str, Any] | None
) -> None:
    for row in rows_of(policy, rcp):
        sets = [
            [ipaddress.ip_network(c) for c in row[name]["cidrs"]]
            for name in ("opened", "refused", "unknown")
        ]
        for version, size in ((4, 32), (6, 128)):
            family = sorted(n for networks in sets for n in networks if n.version == version)
            assert sum(network.num_addresses for network in family) == 2**size
            assert all(one.broadcast_address < two.network_address for one, two in pairwise(family))
        for networks in sets:
            for version in (4, 6):
                own: list[Any] = [n for n in networks if n.version == version]
                assert own == list(ipaddress.collapse_addresses(own))


def request_of(kind: smt.Kind, account: str | None, keys: dict[str, Any]) -> Request:
    context = {key: value for key, value in keys.items() if value is not None}
    return Request(kind.action, kind.resource, PRINCIPALS[account], context, smt.ME)


class Sampler:
    """Random requests under one policy, held against its exposure and its proof."""

    def __init__(self, policy: dict[str, Any], rcp: dict[str, Any] | None, seed: int) -> None:
        self.policy, self.rcp, self.random = policy, rcp, random.Random(seed)
        self.domain = domain_of(policy, rcp)
        self.rows = rows_of(policy, rcp)
        layers = {"resource": policy, "rcp": (rcp,) if rcp else ()}
        self.own, self.nobody = Policies(identity=(FULL,), **layers), Policies(**layers)

    def address(self, row: dict[str, Any]) -> str:
        chosen = self.random.choice(
            [c for name in ("opened", "refused", "unknown") for c in row[name]["cidrs"]]
        )
        network = ipaddress.ip_network(chosen)
        offset = self.random.choice(
            [0, network.num_addresses - 1, self.random.randrange(network.num_addresses)]
        )
        return str(network[offset])

    def check(self, requests: int) -> None:
        for _ in range(requests):
            row = self.random.choice(self.rows)
            kind, address = smt.kind_named(row["request"]), self.address(row)
            account = self.random.choice(smt.OTHERS) if kind.account == smt.OTHER else kind.account
            facts = self.random.choice(self.domain.facts(kind))
            keys = {
                **kind.keys,
                "aws:PrincipalAccount": account or "anonymous",
                "aws:SourceIp": address,
                **facts,
            }
            choice = self.random.choice(self.domain.choices(kind))
            policies_ = self.own if account else self.nobody
            allowed = evaluate(request_of(kind, account, {**keys, **choice}), policies_).allowed
            inside = next(
                n for n in ("opened", "refused", "unknown") if holds(row[n]["cidrs"], address)
            )
            assert not (allowed and inside == "refused"), (
                row["request"],
                address,
                keys,
                choice,
                json.dumps(self.policy),
            )
            if inside == "opened" and not allowed:
                assert self.some_choice(kind, keys, policies_), (
                    row["request"],
                    address,
                    keys,
                    json.dumps(self.policy),
                )

    def some_choice(self, kind: smt.Kind, keys: dict[str, Any], policies_: Policies) -> bool:
        accounts = smt.OTHERS if kind.account == smt.OTHER else (kind.account,)
        return any(
            evaluate(
                request_of(
                    kind,
                    account,
                    {**keys, "aws:PrincipalAccount": account or "anonymous", **choice},
                ),
                policies_,
            ).allowed
            for account in accounts
            for choice in self.domain.choices(kind)
        )


def holds(cidrs: list[str], address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return any(parsed in ipaddress.ip_network(cidr) for cidr in cidrs)


@settings(max_examples=examples(40), deadline=None)
@given(policies(), rcps, st.integers(0, 2**32))
def test_exposure_agrees_with_the_evaluator(
    policy: dict[str, Any], rcp: dict[str, Any] | None, seed: int
) -> None:
    Sampler(policy, rcp, seed).check(25)


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(policies(), rcps, st.integers(0, 2**32))
def test_exposure_agrees_with_the_evaluator_on_100_000_requests(
    policy: dict[str, Any], rcp: dict[str, Any] | None, seed: int
) -> None:
    Sampler(policy, rcp, seed).check(200)


@settings(max_examples=examples(40), deadline=None)
@given(policies(3), rcps, claims, st.booleans(), st.integers(0, 2**32))
def test_no_random_request_contradicts_a_proof(
    policy: dict[str, Any],
    rcp: dict[str, Any] | None,
    claim: tuple[str, list[str]],
    with_guard: bool,
    seed: int,
) -> None:
    prefix, allow = claim
    policy = guarded(policy, prefix) if with_guard else policy
    proof = prove(locks(policy, rcp), Claim(prefix, (*allow, VPCE)))
    if proof.proved is not True:
        return
    domain, chance = domain_of(policy, rcp), random.Random(seed)
    layers = Policies(identity=(FULL,), resource=policy, rcp=(rcp,) if rcp else ())
    kinds = list(smt.proof_kinds(BUCKET, prefix))
    for _ in range(150):
        kind = chance.choice(kinds)
        source = chance.choice([
            {"aws:SourceIp": str(ipaddress.IPv4Address(chance.getrandbits(32)))},
            {"aws:SourceIp": str(ipaddress.IPv6Address(chance.getrandbits(128)))},
            {"aws:SourceVpce": smt.OTHER_ENDPOINT, "aws:SourceVpc": smt.OTHER_VPC, "aws:VpcSourceIp": "10.0.0.1"},
        ])  # fmt: skip
        if "aws:SourceIp" in source and holds(allow, source["aws:SourceIp"]):
            continue
        keys = {
            **kind.keys,
            **source,
            **chance.choice(domain.facts(kind)),
            **chance.choice(domain.choices(kind)),
        }
        verdict = evaluate(request_of(kind, kind.account, keys), layers)
        assert not verdict.allowed, (keys, kind, json.dumps(policy))
