"""The bucket guard: a Deny for presigned requests from anywhere but the listed places."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from .conftest import ELSEWHERE, IN_VPC, OFFICE, VPCE


def guard_statement(networks=(), endpoints=(), prefix=""):
    condition = {
        "StringEquals": {"s3:authType": "REST-QUERY-STRING"},
        "BoolIfExists": {"aws:ViaAWSService": "false"},
    }
    if networks:
        condition["NotIpAddressIfExists"] = {"aws:SourceIp": list(networks)}
    if endpoints:
        condition["StringNotEqualsIfExists"] = {"aws:SourceVpce": list(endpoints)}
    return {
        "Sid": "Guard", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": f"arn:aws:s3:::gt-images/{prefix}*", "Condition": condition,
    }  # fmt: skip


CASES = [
    ({"networks": ["203.0.113.0/24"]}, {OFFICE: 200, ELSEWHERE: 403, IN_VPC: 403}),
    ({"endpoints": [VPCE]}, {OFFICE: 403, ELSEWHERE: 403, IN_VPC: 200}),
    (
        {"networks": ["203.0.113.0/24"], "endpoints": [VPCE]},
        {OFFICE: 200, ELSEWHERE: 403, IN_VPC: 200},
    ),
    (
        {"networks": ["203.0.113.0/24"], "endpoints": ["vpce-00000000"]},
        {OFFICE: 200, ELSEWHERE: 403, IN_VPC: 403},
    ),
    (
        {"networks": ["203.0.113.0/24"], "prefix": "other/"},
        {OFFICE: 200, ELSEWHERE: 200, IN_VPC: 200},
    ),
]


@pytest.mark.parametrize(("given", "expected"), CASES, ids=[str(case[0]) for case in CASES])
def test_guard_refuses_presigned_requests_from_elsewhere(box, guard, given, expected):
    url = box.presign()
    assert {source: box.fetch(url, source).status for source in expected} == dict.fromkeys(
        expected, 200
    )
    guard(guard_statement(**given))
    assert {source: box.fetch(url, source).status for source in expected} == expected


def test_guard_names_the_resource_based_policy(box, guard):
    guard(guard_statement(["203.0.113.0/24"]))
    answer = box.fetch(box.presign(), ELSEWHERE)
    assert answer.status == 403
    assert "with an explicit deny in a resource-based policy" in answer.text


def test_guard_binds_the_administrator_too(box, guard):
    guard(guard_statement(["203.0.113.0/24"]))
    params = {"Bucket": "gt-images", "Key": "scans/0001.png"}
    url = box.client("s3").generate_presigned_url("get_object", Params=params, ExpiresIn=60)
    assert (box.fetch(url, OFFICE).status, box.fetch(url, ELSEWHERE).status) == (200, 403)


def test_guard_leaves_header_signed_requests_alone(box, guard):
    guard(guard_statement(["203.0.113.0/24"]))
    for source in (ELSEWHERE, IN_VPC):
        s3 = box.client("s3", box.assume(), source)
        assert s3.get_object(Bucket="gt-images", Key="scans/0001.png")["ContentLength"] > 1000


def test_naive_deny_hits_everybody_behind_an_endpoint(box, guard):
    guard(
        {
            "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*",
            "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        }
    )  # fmt: skip
    credentials = box.assume()
    ok = box.client("s3", credentials, OFFICE)
    assert ok.head_object(Bucket="gt-images", Key="scans/0001.png")
    with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
        box.client("s3", credentials, IN_VPC).get_object(Bucket="gt-images", Key="scans/0001.png")


def test_session_arn_allow_opens_an_ip_locked_url(box, guard):
    """Documented, and the reason for a finding:
    a grant to the session itself is not limited by its session policy.
    """
    url = box.presign({"IpAddress": {"aws:SourceIp": OFFICE}})
    guard(
        {
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*",
            "Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/tester"},
        }
    )  # fmt: skip
    assert box.fetch(url, ELSEWHERE).status == 200


BROKEN = [
    ("not json", "Policies must be valid JSON"),
    ("[]", "Policies must be valid JSON"),
    ('{"Version":"2012-10-17"}', "Missing required field Statement"),
    ('{"Version":"2020-01-01","Statement":[]}', "valid version string"),
    (
        '{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::gt-images/*"}}',
        "field Principal",
    ),
    (
        '{"Statement":{"Effect":"Deny","Principal":"*","Resource":"arn:aws:s3:::gt-images/*"}}',
        "field Action",
    ),
    ('{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*"}}', "field Resource"),
    (
        '{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::other/*"}}',
        "invalid resource",
    ),
]


@pytest.mark.parametrize(("policy", "message"), BROKEN)
def test_broken_policy_is_refused(box, policy, message):
    with pytest.raises(ClientError, match=message) as caught:
        box.client("s3").put_bucket_policy(Bucket="gt-images", Policy=policy)
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"


def test_policy_over_20_kb_is_refused(box):
    statement = guard_statement([f"203.0.{n // 250}.{n % 250}/32" for n in range(1500)])
    with pytest.raises(ClientError, match="maximum allowed document size"):
        box.client("s3").put_bucket_policy(
            Bucket="gt-images", Policy=str({"Statement": [statement]}).replace("'", '"')
        )


def test_restricted_user_hears_access_denied_not_what_is_wrong_with_the_policy(box):
    keys = box.keys(
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}, name="policy-reader"
    )
    with pytest.raises(ClientError) as caught:
        box.client("s3", keys).put_bucket_policy(Bucket="gt-images", Policy="not json")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert "s3:PutBucketPolicy" in str(caught.value)
