"""Keys that only some requests have: where the path or the signer is not known,
such a key may be absent.
"""

from __future__ import annotations

from typing import Any

import pytest

from gt_secure.engine.iam import Policies, Request, evaluate
from gt_secure.engine.iam.evaluate import decide
from gt_secure.engine.iam.three_valued import bounds

OBJECT = "arn:aws:s3:::gt-images/scans/1.png"
ROLE = "arn:aws:sts::111122223333:assumed-role/GT/s"
OPEN: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": OBJECT,
}

OF_ENDPOINTS = [
    "aws:SourceVpce",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpcSourceIp",
]
OF_SIGNERS = [
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalTag/team",
    "aws:userid",
    "aws:username",
    "s3:authType",
    "s3:signatureversion",
]
ENDPOINT = {"aws:SourceVpce": "vpce-0a1b2c3d4e5f60718"}


def decision(
    principal: str, unknown: str, context: dict[str, str], *, denied_if_absent: bool
) -> str:
    deny = OPEN | {
        "Effect": "Deny",
        "Condition": {"Null": {unknown: "true" if denied_if_absent else "false"}},
    }
    policies = Policies(resource={"Version": "2012-10-17", "Statement": [OPEN, deny]})
    request = Request("s3:GetObject", OBJECT, principal, context, "111122223333", unknown=[unknown])
    return evaluate(request, policies).decision


@pytest.mark.parametrize("denied_if_absent", [True, False])
@pytest.mark.parametrize("key", OF_ENDPOINTS)
def test_a_key_of_endpoints_is_unknown_with_the_path(key: str, denied_if_absent: bool) -> None:
    assert decision(ROLE, key, {}, denied_if_absent=denied_if_absent) == "unknown"


@pytest.mark.parametrize("key", ["aws:SourceVpc", "aws:SourceVpcArn", "aws:VpceAccount"])
def test_behind_an_endpoint_its_keys_are_there(key: str) -> None:
    assert decision(ROLE, key, ENDPOINT, denied_if_absent=True) == "allow"
    assert decision(ROLE, key, ENDPOINT, denied_if_absent=False) == "explicit-deny"


@pytest.mark.parametrize("key", OF_SIGNERS)
def test_nothing_is_certain_about_keys_of_signers_that_nobody_may_have(key: str) -> None:
    assert decision("*", key, {}, denied_if_absent=True) != "allow"


@pytest.mark.parametrize(
    "key", ["aws:PrincipalArn", "s3:authType", "s3:signatureversion", "aws:userid"]
)
def test_a_signer_has_what_every_signer_has(key: str) -> None:
    assert decision(ROLE, key, {}, denied_if_absent=True) == "allow"
    assert decision(ROLE, key, {}, denied_if_absent=False) == "explicit-deny"


@pytest.mark.parametrize(
    ("key", "value"), [("aws:PrincipalType", "Anonymous"), ("aws:PrincipalAccount", "anonymous")]
)
def test_nobody_has_a_type_and_an_account(key: str, value: str) -> None:
    assert decision("*", key, {}, denied_if_absent=True) == "allow"
    deny = OPEN | {"Effect": "Deny", "Condition": {"StringEquals": {key: value}}}
    policies = Policies(resource={"Version": "2012-10-17", "Statement": [OPEN, deny]})
    request = Request("s3:GetObject", OBJECT, "*", {}, "111122223333", unknown=[key])
    assert evaluate(request, policies).decision == "explicit-deny"


def test_a_policy_at_two_places_is_one() -> None:
    """Two levels of an organization may share one document, and so may two attached policies."""
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    tagged = everything | {"Condition": {"StringEquals": {"aws:PrincipalTag/t": "x"}}}
    version = "2012-10-17"
    policies = Policies(
        identity=[{"Version": version, "Statement": everything}],
        scp=[{"Version": version, "Statement": tagged}],
    ).compiled
    twice = policies._replace(identity=policies.identity * 2, scp=policies.scp * 2)
    request = Request(
        "s3:GetObject", OBJECT, ROLE, {}, "111122223333", unknown=["aws:PrincipalTag/t"]
    )
    assert [bounds(request, each, decide).decision for each in (policies, twice)] == [
        "unknown",
        "unknown",
    ]
