"""Policies at the edges of the language: every surface gives the same answer,
and the sandbox over HTTP too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gt_secure import Connection, Restriction, check, expect
from gt_secure.engine.access.answer import MEANT
from support.answers import answer_of
from support.box import BUCKET, ELSEWHERE, IN_VPC, OFFICE, OFFICE_V6, ROLE, VPCE
from support.rig import Rig
from support.sample import sample

KEY = "scans/0001.png"
ACCOUNT = ROLE.split(":")[4]
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/GroundTruthExecution/tester"
OBJECTS = f"arn:aws:s3:::{BUCKET}/*"
CANONICAL = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
FACTS = {"aws:PrincipalArn": ROLE, "aws:SecureTransport": "false"}
OPEN, SHUT, DOUBT = "opened", "refused", "unknown"


def deny(condition: dict[str, Any] | None = None, **more: Any) -> str:
    statement: dict[str, Any] = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": OBJECTS,
    }
    statement |= more
    statement = {name: value for name, value in statement.items() if value is not None}
    if condition is not None:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def spared(*principals: str) -> str:
    return deny(Principal=None, NotPrincipal={"AWS": list(principals)})


@dataclass(frozen=True)
class Case:
    """A policy, and the answer to a presigned URL that a session of the role signed."""

    policy: str
    answer: str
    sources: tuple[str, ...] = (OFFICE,)
    depends_on: str = ""


CASES = {
    "the role alone is spared": Case(spared(ROLE), SHUT),
    "the account alone is spared": Case(spared(ACCOUNT), SHUT),
    "role, account and a session are spared": Case(spared(ROLE, ACCOUNT, SESSION), DOUBT, depends_on="aws:userid"),
    "one session is named": Case(deny(Principal={"AWS": SESSION}), DOUBT, depends_on="aws:userid"),
    "the role is named": Case(deny(Principal={"AWS": ROLE}), SHUT),
    "a canonical user is named": Case(
        deny(Principal={"CanonicalUser": CANONICAL}),
        DOUBT,
        depends_on="the canonical user ID of the signer's account",
    ),
    "the type of the principal": Case(deny({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}), SHUT),
    "the ARN of the principal": Case(
        deny({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/GroundTruth*"}}), OPEN
    ),
    "the role's tags": Case(deny({"StringNotEquals": {"aws:PrincipalTag/Team": "x"}}), SHUT),
    "a variable with a default": Case(
        deny(Resource=f"arn:aws:s3:::{BUCKET}/${{aws:PrincipalTag/team, 'scans'}}/*"), SHUT
    ),
    "credentials from before a day to come": Case(
        deny({"DateLessThan": {"aws:TokenIssueTime": "2099-01-01T00:00:00Z"}}), SHUT
    ),
    "credentials from before a day that is over": Case(
        deny({"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}), OPEN
    ),
    "unsigned payloads": Case(
        deny({"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}),
        DOUBT,
        depends_on="s3:x-amz-content-sha256",
    ),
    "signed payloads": Case(
        deny({"StringNotEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}),
        DOUBT,
        depends_on="s3:x-amz-content-sha256",
    ),
    "the owner of an endpoint": Case(
        deny({"StringNotEqualsIfExists": {"aws:VpceAccount": ACCOUNT}}), OPEN, sources=(IN_VPC,)
    ),
    "the owner of no endpoint": Case(deny({"StringNotEqualsIfExists": {"aws:VpceAccount": ACCOUNT}}), SHUT),
    "all values of a missing key": Case(deny({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}), SHUT),
    "any value of a missing key": Case(
        deny({"ForAnyValue:StringNotEquals": {"aws:SourceVpce": VPCE}}), OPEN, sources=(OFFICE, IN_VPC)
    ),
    "a mapped address": Case(deny({"IpAddress": {"aws:SourceIp": "::ffff:203.0.113.0/120"}}), OPEN),
    "every IPv4 address": Case(deny({"NotIpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), SHUT, sources=(OFFICE_V6,)),
    "an address that is none": Case(deny({"NotIpAddress": {"aws:SourceIp": "203.0.113.300/24"}}), DOUBT),
    "a key twice, in two cases": Case(
        deny({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24", "aws:sourceip": "198.51.100.0/24"}}),
        DOUBT,
        sources=(ELSEWHERE,),
    ),
    "an operator in lower case": Case(deny({"notipaddress": {"aws:SourceIp": "203.0.113.0/24"}}), DOUBT),
    "a key that is there or not": Case(deny({"Null": {"aws:userid": ["true", "false"]}}), SHUT),
    "a header that is there or not": Case(deny({"Null": {"aws:Referer": ["false", "true"]}}), SHUT),
    "no value": Case(deny({"StringNotEquals": {"aws:SourceVpce": []}}), SHUT),
    "no action but one": Case(deny(Action=None, NotAction="S3:getOBJECT"), OPEN),
    "no resource but one": Case(deny(Resource=None, NotResource=f"arn:aws:s3:::{BUCKET}/other/*"), SHUT),
}  # fmt: skip


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running(workforce_delay_s=0.1) as running:
        yield running


@pytest.fixture(scope="module")
def url(rig: Rig) -> str:
    """A URL that the session ``tester`` of the role signed."""
    client = rig.client("s3", rig.assume())
    return str(client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": KEY}))


@pytest.fixture(params=sample(CASES, 3))
def case(request: pytest.FixtureRequest, rig: Rig) -> Case:
    chosen = CASES[request.param]
    rig.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=chosen.policy)
    return chosen


def test_every_surface_agrees_with_http(rig: Rig, url: str, case: Case) -> None:
    gt: Connection = rig.gt
    exposed = {row.request: row for row in replace(gt, context=FACTS).who_can_open(BUCKET, KEY)}[
        "presigned"
    ].to_dict()
    for source in case.sources:
        row = replace(gt, context=FACTS).who_can_open(BUCKET, KEY).at(source, "presigned").to_dict()
        assert (row["answer"], answer_of(exposed, source)) == (case.answer, case.answer)
        assert not case.depends_on or case.depends_on in row["depends_on"]
        for kind in (expect.allowed, expect.refused):
            wish = Restriction(
                bucket=BUCKET, prefix="scans/", guard=None, expectations=[kind(source)]
            )
            [result] = replace(gt, context=FACTS).plan(wish).expectations
            assert [each.answer for each in result.answers] == [case.answer]
            passed = check.expectations_hold.look(gt, wish, context=FACTS).passed
            assert passed is (None if case.answer == DOUBT else MEANT[result.kind] == case.answer)
        if case.answer != DOUBT:
            assert rig.fetch(url, source).status == (200 if case.answer == OPEN else 403)
