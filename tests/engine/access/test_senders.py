"""What requests carry by who sends them: nobody, a form, a URL.
Each policy here was once answered wrongly.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from gt_secure.base.network import parse_network
from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.proof import Claim, prove
from support.answers import exposed

BUCKET = "arn:aws:s3:::gt-images"
BOTH = [BUCKET, f"{BUCKET}/*"]
OUTSIDE = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
PUBLIC = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": BOTH,
}
SSO = [
    f"arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Team{i}_*"
    for i in range(8)
]


def deny(condition: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": BOTH,
        "Condition": condition,
    } | more


def locks(statements: list[dict[str, Any]], *facts: str) -> EffectiveLocks:
    return exposed({"Version": "2012-10-17", "Statement": statements}, "k", facts).locks


def exposure(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return Exposure(locks(statements), "k").to_dict()


def proof(statements: list[dict[str, Any]], *facts: str) -> dict[str, Any]:
    return prove(locks(statements, *facts), Claim("", (parse_network("203.0.113.0/24"),))).to_dict()


def answer(found: dict[str, Any], kind: str) -> str:
    row = next(row for row in found["requests"] if row["request"] == kind)
    [name] = [
        name
        for name in ("opened", "refused", "unknown")
        if row[name]["cidrs"] == ["0.0.0.0/0", "::/0"]
    ]
    return name


# the key and what AWS sends for nobody: IAM User Guide, AWS global condition context keys
@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([PUBLIC | {"Condition": {"StringEquals": {"aws:PrincipalType": "Anonymous"}}}], "opened"),
        (
            [PUBLIC | {"Condition": {"StringEquals": {"aws:PrincipalAccount": "anonymous"}}}],
            "opened",
        ),
        ([PUBLIC, deny({"Null": {"aws:PrincipalAccount": "true"}})], "opened"),
        ([PUBLIC, deny({"Null": {"aws:PrincipalType": "true"}})], "opened"),
        ([PUBLIC, deny({"Null": {"aws:PrincipalArn": "true"}})], "refused"),
        ([PUBLIC, deny({"Null": {"aws:PrincipalOrgID": "true"}})], "refused"),
        ([PUBLIC, deny({"StringEquals": {"aws:PrincipalType": "Anonymous"}})], "refused"),
        (
            [
                PUBLIC
                | {"Condition": {"StringEqualsIfExists": {"aws:PrincipalAccount": "111122223333"}}}
            ],
            "refused",
        ),
        ([PUBLIC, deny({"Null": {"aws:userid": "true"}})], "unknown"),
    ],
)
def test_anonymous_requests_carry_a_type_and_an_account(
    statements: list[Any], expected: str
) -> None:
    assert answer(exposure(statements), "anonymous") == expected


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"s3:signatureversion": ["AWS", "AWS4-HMAC-SHA256"]}},
        {"NumericGreaterThanEquals": {"s3:signatureAge": "0"}},
        {"Null": {"s3:signatureAge": "false"}},
        {"Null": {"s3:signatureversion": "false"}},
        {"StringNotEquals": {"aws:PrincipalType": "Anonymous"}},
    ],
)
def test_a_form_that_nobody_signed_has_no_signature(condition: dict[str, Any]) -> None:
    found = proof([PUBLIC, deny(OUTSIDE | condition)])
    assert found["proved"] is False
    case = found["counterexample"]
    assert (case["form"], case["request"]["principal"]) == ("post-form", "*")
    assert not {"s3:signatureAge", "s3:signatureversion"} & case["request"]["context"].keys()


@pytest.mark.parametrize(
    ("fact", "condition"),
    [
        ("aws:SecureTransport=true", {"Bool": {"aws:SecureTransport": "true"}}),
        ("s3:TlsVersion=1.3", {"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}}),
        (
            "aws:CurrentTime=2030-01-01T00:00:00Z",
            {"DateGreaterThan": {"aws:CurrentTime": "2027-06-01T00:00:00Z"}},
        ),
        ("aws:userid=AROAX:s", {"StringEquals": {"aws:userid": "AROAX:s"}}),
        ("aws:PrincipalIsAWSService=true", {"Bool": {"aws:PrincipalIsAWSService": "true"}}),
        ("aws:ViaAWSService=true", {"Bool": {"aws:ViaAWSService": "true"}}),
    ],
)
def test_a_proof_is_for_every_sender_and_time(fact: str, condition: dict[str, Any]) -> None:
    found = proof([deny(OUTSIDE | condition)], fact)
    assert found["proved"] is False
    assert any(
        fact.partition("=")[0] in sentence and "not used" in sentence
        for sentence in found["limits"]
    )


def test_the_payload_of_a_url_is_unknown() -> None:
    payload = {"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}
    statements = [
        deny(OUTSIDE | more)
        for more in (
            payload,
            {"StringEquals": {"s3:signatureversion": "AWS"}},
            {"StringEquals": {"s3:authType": "POST"}},
        )
    ]
    found = proof(statements)
    assert (found["proved"], found["depends_on"]) == (None, ["s3:x-amz-content-sha256"])


@pytest.mark.parametrize("several", [False, True])
def test_roles_of_identity_center_are_compared(several: bool) -> None:
    """In one condition they are decided exactly; in several they are too many,
    and the answer says so.
    """
    if several:
        found = proof([deny(OUTSIDE | {"ArnNotLike": {"aws:PrincipalArn": each}}) for each in SSO])
        assert (found["proved"], found["depends_on"]) in ((None, ["aws:PrincipalArn"]), (False, []))
        by_each = exposure([deny({"ArnNotLike": {"aws:PrincipalArn": each}}) for each in SSO])
        assert answer(by_each, "presigned") != "refused"
        return
    found = proof([deny(OUTSIDE | {"ArnNotLike": {"aws:PrincipalArn": SSO}})])
    assert found["proved"] is False
    assert "AWSReservedSSO_Team" in found["counterexample"]["request"]["principal"]
    assert (
        answer(exposure([deny({"ArnNotLike": {"aws:PrincipalArn": SSO}})]), "presigned") == "opened"
    )


def test_many_patterns_of_keys_are_compared() -> None:
    patterns = [f"{BUCKET}/*x{i}*" for i in range(12)]
    assert proof([deny(OUTSIDE, Resource=[BUCKET, *patterns])])["proved"] is False
    assert proof([deny(OUTSIDE, Resource=[*BOTH, *patterns])])["proved"] is True
    found = proof([deny(OUTSIDE, Resource=[BUCKET, each]) for each in patterns])
    assert found["depends_on"] in ([], ["the object's key"])
    assert found["proved"] is not True


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        {"Null": {"s3:x-amz-acl": "true"}},
        {"StringNotLike": {"s3:prefix": "scans/*"}},
        {"StringNotEquals": {"s3:x-amz-storage-class": "STANDARD"}},
        {"Null": {"s3:if-none-match": "true"}},
    ],
)
def test_a_deny_unless_a_key_that_no_get_has_shuts_readers_out(condition: dict[str, Any]) -> None:
    assert answer(exposure([deny(condition)]), "presigned") == "refused"


@pytest.mark.parametrize(
    "condition",
    [
        {"BoolIfExists": {"aws:ViaAWSMCPService": "false"}},
        {"Null": {"aws:CalledViaAWSMCP": "true"}},
    ],
)
def test_keys_of_mcp_servers_are_absent_on_direct_calls(condition: dict[str, Any]) -> None:
    assert proof([deny(OUTSIDE | condition)])["proved"] is True


_V2, _V4 = (
    {"StringEquals": {"s3:signatureversion": version}} for version in ("AWS", "AWS4-HMAC-SHA256")
)
_CAP = deny({"NumericGreaterThan": {"s3:signatureAge": 900000}})
_YOUNG = "with a signature not older than 15 minutes"
_ONLY_4 = "with signature version 4 only: version 2 is refused"
_ONLY_2 = "with signature version 2 only: version 4 is refused"


@pytest.mark.parametrize(
    ("statements", "when"),
    [
        ([_CAP], [_YOUNG, "with signature version 2 at any age as well"]),
        ([_CAP, deny(_V2)], [_YOUNG, _ONLY_4]),
        ([deny(_V2)], [_ONLY_4]),
        ([deny(_V4)], [_ONLY_2]),
        ([_CAP, deny(_V4)], [_ONLY_2]),
        ([deny({"StringNotLike": {"S3:SIGNATUREVERSION": "AWS4-*"}})], [_ONLY_4]),
        (
            [deny({"StringNotEqualsIfExists": {"s3:signatureversion": "AWS4-HMAC-SHA256"}})],
            [_ONLY_4],
        ),
        (
            [deny({"NumericLessThan": {"s3:signatureAge": "1000"}}), deny(_V2)],
            ["with a signature at least 1 second old", _ONLY_4],
        ),
        ([deny(_V2 | {"StringEquals": _V2["StringEquals"] | {"s3:authType": "REST-HEADER"}})], []),
        ([deny({"Null": {"s3:signatureversion": "true"}})], []),
    ],
)
def test_versions_of_the_signature_are_told_apart(statements: list[Any], when: list[str]) -> None:
    for kind in ("presigned", "post-form"):
        row = next(row for row in exposure(statements)["requests"] if row["request"] == kind)
        assert (row["opened"]["cidrs"], row["opened"]["when"]) == (["0.0.0.0/0", "::/0"], when)


def test_only_a_version_that_nobody_lists_is_left() -> None:
    any_version = deny({"StringLike": {"s3:signatureversion": "*"}})
    for kind in ("presigned", "header", "post-form"):
        assert answer(exposure([deny(_V2), deny(_V4)]), kind) == "unknown"
        assert answer(exposure([any_version]), kind) == "refused"


@pytest.mark.parametrize(
    ("version", "expected"), [("AWS", "opened"), ("AWS4-HMAC-SHA256", "refused")]
)
def test_ground_truth_signs_with_version_4(version: str, expected: str) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [deny({"StringEquals": {"s3:signatureversion": version}})],
    }
    locks = EffectiveLocks("gt-images", json.dumps(policy), has_portal=True, account="111122223333")
    exposure = Exposure(locks, "k")
    assert [exposure.at("198.51.100.9", kind).answer for kind in ("worker", "forwarded")] == [
        expected,
        expected,
    ]
    assert exposure.at("198.51.100.9", "presigned").answer == "opened"
    assert exposure.plain("198.51.100.9", "presigned").answer == expected


def test_who_is_no_signer_of_the_account_needs_a_bucket_policy() -> None:
    for policy in (None, {"Version": "2012-10-17", "Statement": [deny(OUTSIDE)]}):
        exposure = Exposure(locks_of_policies("gt-images", policy, "111122223333"), "k")
        assert {
            exposure.at("203.0.113.7", kind).lock for kind in ("anonymous", "other-account")
        } == {"bucket policy"}


def test_a_proof_is_for_every_age() -> None:
    found = proof(
        [deny(OUTSIDE | {"NumericLessThan": {"s3:signatureAge": "1000"}})], "s3:signatureAge=0"
    )
    assert found["proved"] is False
