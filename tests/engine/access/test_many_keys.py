"""Rows, answers and signers where keys or endpoints are more than can be told apart: one witness is
enough for *opened*, and nothing is refused.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from gt_secure.base.network import Source
from gt_secure.engine.access import Claim, Exposure, locks_of_policies, prove
from gt_secure.engine.access.expectation import Expectation
from gt_secure.engine.access.identities import Principals, principals_of
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.signers import signers_of
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import presigned_context
from gt_secure.engine.iam.request_space import WORDS
from support.answers import ACCOUNT

ARN, OFFICE, INSIDE, ELSEWHERE = (
    "arn:aws:s3:::gt-images",
    "203.0.113.0/24",
    "203.0.113.7",
    "198.51.100.9",
)
OWN = ("presigned", "header", "post-form")
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def deny(resource: str, **condition: Any) -> dict[str, Any]:
    outside = condition or {"NotIpAddress": {"aws:SourceIp": OFFICE}}
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": resource,
        "Condition": outside,
    }


def locks_with(*statements: dict[str, Any]) -> EffectiveLocks:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return locks_of_policies("gt-images", json.dumps(document), ACCOUNT)


MANY = [deny(f"{ARN}/*a{number}*/b*") for number in range(40)]
"""Forty patterns of keys, 2 to the power of 40 classes."""


def people(*names: str) -> Principals:
    document = {"Version": "2012-10-17", "Statement": [READ]}
    users = [
        {
            "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
            "UserId": f"AIDA{name}",
            "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": document}]
            if name != "poor"
            else [],
        }
        for name in names
    ]
    return principals_of([{"UserDetailList": users, "RoleDetailList": [], "GroupDetailList": []}])


_USER = f"arn:aws:iam::{ACCOUNT}:user/ann"


def test_one_key_that_is_opened_is_enough() -> None:
    locks = locks_with(*MANY)
    exposure = Exposure(locks, "", is_prefix=True)
    assert exposure.objects == ()
    for kind in OWN:
        answer, row = exposure.at(ELSEWHERE, kind), exposure.row(kind)
        assert (answer.answer, row.word) == ("opened", "opened")
        assert answer.key in row.opened.when[0]
    context = presigned_context(Source.parse(ELSEWHERE), age_ms=0, principal_arn=_USER)
    key = exposure.at(ELSEWHERE, "presigned").key
    request = Request("s3:GetObject", f"{ARN}/{key}", _USER, context, ACCOUNT)
    assert evaluate(request, Policies((FULL,), resource=locks.policy)).allowed
    assert prove(locks, Claim("")).proved is False


def test_what_some_keys_are_refused_is_refused_for_none() -> None:
    """The guard refuses every key elsewhere, but only some of them were asked about."""
    exposure = Exposure(locks_with(deny(f"{ARN}/*"), *MANY), "", is_prefix=True)
    for kind in (*OWN, "anonymous"):
        row = exposure.row(kind)
        assert (row.refused.is_empty, row.unknown.is_empty) == (True, False)
        assert exposure.at(ELSEWHERE, kind).answer == "unknown"
    assert exposure.row("presigned").opened.cidrs == (OFFICE,)
    for kind, source in (("refused", ELSEWHERE), ("allowed", INSIDE)):
        assert exposure.holds(Expectation(kind, (Source.parse(source),))).proved is None  # type: ignore[arg-type]


def test_who_signs_for_some_key_signs() -> None:
    found = signers_of(
        Exposure(locks_with(*MANY), "", is_prefix=True), people("ann", "ben", "poor")
    )
    answers = {each.arn.rpartition("/")[2]: each.answer for each in found}
    assert answers == {"ann": "opened", "ben": "opened", "poor": "unknown"}
    assert all(each.opened.keys for each in found if each.answer == "opened")
    assert "2 identities can sign URLs for gt-images, each for some keys only" in found.numbers


ENDPOINTS = [
    deny(f"{ARN}/*", StringLike={"aws:SourceVpce": f"vpce-*{number}x*"}) for number in range(12)
]
TAGGED = [
    deny(
        f"{ARN}/*{number}x*",
        StringLike={"s3:ExistingObjectTag/t": f"*{number}x*"},
        NotIpAddress={"aws:SourceIp": OFFICE},
    )
    for number in range(5)
]


@pytest.mark.parametrize("statements", [ENDPOINTS, TAGGED], ids=["endpoints", "tags and keys"])
def test_what_an_answer_decides_is_decided_in_the_row(statements: list[dict[str, Any]]) -> None:
    locks = locks_with(*statements)
    for key in ("scans/1.png", "scans/") if statements is ENDPOINTS else ("scans/",):
        exposure = Exposure(locks, key, is_prefix=key.endswith("/"))
        for kind in ("presigned", "other-account"):
            row = exposure.row(kind)
            for source in (ELSEWHERE, INSIDE):
                place = Source.parse(source)
                [word] = [word for word in WORDS if row.places(word).holds(place, row.labels)]
                assert word == exposure.at(source, kind).answer != "unknown"


def test_endpoints_that_are_too_many_stay_unknown() -> None:
    row = Exposure(locks_with(*ENDPOINTS), "scans/1.png").row("presigned")
    assert row.others == "unknown"
    assert row.unknown.depends_on == ("aws:SourceVpce",)


def test_a_counterexample_at_an_endpoint_names_its_vpc() -> None:
    vpc = "vpc-0a1b2c3d4e5f60718"
    guard = deny(f"{ARN}/*", StringNotEquals={"aws:SourceVpc": vpc})
    found = prove(locks_with({**guard, "Resource": [ARN, f"{ARN}/*"]}), Claim(""))
    assert f" of {vpc}, signed by" in found.text
