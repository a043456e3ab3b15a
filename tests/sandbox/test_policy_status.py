"""GetBucketPolicyStatus: whether a bucket policy is public."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

NAME = "status-of-policies"
GRANT = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{NAME}/*",
}


@pytest.fixture(scope="module")
def s3(box) -> Iterator[Any]:
    client = box.client("s3")
    client.create_bucket(Bucket=NAME)
    client.delete_public_access_block(Bucket=NAME)
    yield client
    client.delete_bucket_policy(Bucket=NAME)
    client.delete_bucket(Bucket=NAME)


def put(s3: Any, *statements: dict[str, Any]) -> None:
    s3.put_bucket_policy(
        Bucket=NAME, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    )


@pytest.mark.parametrize(
    ("condition", "public"),
    [
        (None, True),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/1"]}}, True),
        ({"IpAddress": {"aws:SourceIp": "2001:db8::/31"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-abc123"}}, False),
        ({"StringLike": {"aws:SourceVpce": "vpce-*"}}, True),
        ({"StringNotEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
    ],
)
def test_whether_a_policy_is_public(s3, condition, public):
    put(s3, GRANT if condition is None else {**GRANT, "Condition": condition})
    answer = s3.get_bucket_policy_status(Bucket=NAME)
    assert answer["PolicyStatus"]["IsPublic"] is public
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/xml"


def test_a_named_principal_is_not_everybody(s3):
    put(s3, {**GRANT, "Principal": {"AWS": "999988887777"}})
    assert s3.get_bucket_policy_status(Bucket=NAME)["PolicyStatus"]["IsPublic"] is False


def test_without_a_policy_and_without_a_permission(box, s3):
    s3.delete_bucket_policy(Bucket=NAME)
    with pytest.raises(ClientError, match="NoSuchBucketPolicy") as caught:
        s3.get_bucket_policy_status(Bucket=NAME)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert caught.value.response["Error"]["BucketName"] == NAME
    with pytest.raises(ClientError, match="AccessDenied"):
        box.client("s3", box.keys()).get_bucket_policy_status(Bucket=NAME)
