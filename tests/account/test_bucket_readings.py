"""Each part of a bucket is read by one call, has a name and an action, and a setting that AWS does
not return has its default.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from gt_secure.account.bucket import READINGS, Bucket, read_part
from gt_secure.aws.client import Aws

READ: dict[str, tuple[str, str, str, str, Any]] = {
    "policy": ("the policy", "s3:GetBucketPolicy", "get_bucket_policy", "NoSuchBucketPolicy", None),
    "logging": ("the log target", "s3:GetBucketLogging", "get_bucket_logging", "", ""),
    "cors": ("the CORS rules", "s3:GetBucketCORS", "get_bucket_cors", "NoSuchCORSConfiguration", ()),
    "public_access_block": (
        "Block Public Access", "s3:GetBucketPublicAccessBlock", "get_public_access_block",
        "NoSuchPublicAccessBlockConfiguration", {},
    ),
    "ownership": (
        "Object Ownership", "s3:GetBucketOwnershipControls", "get_bucket_ownership_controls",
        "OwnershipControlsNotFoundError", "ObjectWriter",
    ),
    "encryption": (
        "the encryption", "s3:GetEncryptionConfiguration", "get_bucket_encryption",
        "ServerSideEncryptionConfigurationNotFoundError", {},
    ),
    "website": ("the website", "s3:GetBucketWebsite", "get_bucket_website", "NoSuchWebsiteConfiguration", False),
    "replicas": (
        "the replication", "s3:GetReplicationConfiguration", "get_bucket_replication",
        "ReplicationConfigurationNotFoundError", (),
    ),
    "acl_grants": ("the ACL", "s3:GetBucketAcl", "get_bucket_acl", "", ""),
    "object_acls": ("ACLs of objects", "s3:GetObjectAcl", "list_objects_v2", "", ""),
    "access_points": ("the access points", "s3:ListAccessPoints", "list_access_points", "", ""),
    "object_lock": (
        "the default retention", "s3:GetBucketObjectLockConfiguration", "get_object_lock_configuration",
        "ObjectLockConfigurationNotFoundError", False,
    ),
    "requester_pays": (
        "who pays for requests", "s3:GetBucketRequestPayment", "get_bucket_request_payment", "", "",
    ),
    "tags": ("the tags", "s3:GetBucketTagging", "get_bucket_tagging", "NoSuchTagSet", {}),
    "folders": ("the folders", "s3:ListBucket", "list_objects_v2", "", ""),
}  # fmt: skip
"""For each part: its name, action and call, the code of AWS for a setting that is not there,
and the value then.
"""


class Answers:
    """An account whose every call has one answer; it keeps what was called."""

    region, partition, account_id = "us-east-1", "aws", "111122223333"
    meta = SimpleNamespace(region_name="eu-west-1")

    def __init__(self, answer: Any) -> None:
        self.answer, self.calls = answer, list[tuple[str, dict[str, Any]]]()

    def client(self, _: str, region: str | None = None) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        def call(**given: Any) -> Any:
            self.calls.append((name, given))
            if isinstance(self.answer, str):
                raise ClientError({"Error": {"Code": self.answer, "Message": "-"}}, name)
            return self.answer

        return call


def read(name: str, answer: Any) -> tuple[Any, list[tuple[str, dict[str, Any]]]]:
    aws = Answers(answer)
    part = read_part(cast(Aws, aws), Bucket("gt-images", "eu-west-1"), name)
    return part, aws.calls


def test_each_reading_is_in_the_table() -> None:
    assert list(READ) == list(READINGS)


@pytest.mark.parametrize("name", READ)
def test_a_part_that_is_denied_says_what_and_by_which_action(name: str) -> None:
    what, action, call, *_ = READ[name]
    part, calls = read(name, "AccessDenied")
    missing = part.missing
    assert (missing.what, missing.action, missing.why, missing.resource) == (
        f"{what} of gt-images", action, "denied", "arn:aws:s3:::gt-images"
    )  # fmt: skip
    assert [each for each, _ in calls] == [call]
    assert "gt-images" in calls[0][1].values()


@pytest.mark.parametrize("name", [name for name, row in READ.items() if row[3]])
def test_a_setting_that_aws_does_not_return_has_its_default(name: str) -> None:
    _, _, _, absent, default = READ[name]
    part, _ = read(name, absent)
    assert (part.missing, part.value) == (None, default)
    assert type(part.value) is type(default)
    assert read(name, "NoSuchOtherThing")[0].missing is not None


ANSWERS: dict[str, list[tuple[dict[str, Any], Any]]] = {
    "cors": [({"CORSRules": [{"ID": "a"}]}, ({"ID": "a"},))],
    "public_access_block": [({"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}, {"BlockPublicAcls": True})],
    "ownership": [
        ({"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}, "BucketOwnerEnforced")
    ],
    "encryption": [({"ServerSideEncryptionConfiguration": {"Rules": []}}, {"Rules": []})],
    "website": [({"IndexDocument": {}}, True), ({}, False)],
    "replicas": [
        (
            {"ReplicationConfiguration": {"Rules": [
                {"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::a"}},
                {"Status": "Disabled", "Destination": {"Bucket": "arn:aws:s3:::b"}},
                {"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::a"}},
            ]}},
            ("arn:aws:s3:::a",),
        )
    ],
    "object_lock": [({"ObjectLockConfiguration": {"Rule": {"x": 1}}}, True), ({"ObjectLockConfiguration": {}}, False)],
    "requester_pays": [({"Payer": "Requester"}, True), ({"Payer": "BucketOwner"}, False), ({}, False)],
    "tags": [({"TagSet": [{"Key": "team", "Value": "radiology"}]}, {"team": "radiology"})],
    "folders": [({"CommonPrefixes": [{"Prefix": "a/"}, {"Prefix": "b/"}]}, ("a/", "b/")), ({}, ())],
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_a_part_has_the_value_of_its_answer(name: str) -> None:
    for answer, value in ANSWERS[name]:
        part, _ = read(name, answer)
        assert part.value == value


def test_the_grants_of_an_acl_are_those_of_others() -> None:
    grants = [
        {"Grantee": {"ID": "owner"}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"URI": "http://all", "ID": "x"}, "Permission": "READ"},
        {"Grantee": {"ID": "partner", "EmailAddress": "p@example.com"}, "Permission": "WRITE"},
        {"Grantee": {"EmailAddress": "q@example.com"}},
    ]
    part, _ = read("acl_grants", {"Owner": {"ID": "owner"}, "Grants": grants})
    found = [(each.grantee, each.permission) for each in part.value]
    assert found == [("http://all", "READ"), ("partner", "WRITE"), ("q@example.com", "")]


def test_folders_that_are_too_many_are_not_read() -> None:
    part, calls = read("folders", {"IsTruncated": True, "CommonPrefixes": [{"Prefix": "a/"}]})
    assert (part.missing.what, part.missing.action, part.missing.why) == (
        "the folders of gt-images", "s3:ListBucket", "in part"
    )  # fmt: skip
    assert part.missing.reason == "The bucket has more than 1,000 keys and folders at its top."
    assert calls[0][1] == {"Bucket": "gt-images", "Delimiter": "/"}


@pytest.mark.parametrize(
    ("answer", "why"), [({"IsTruncated": True}, "in part"), ({"IsTruncated": False}, "")]
)
def test_acls_of_more_objects_than_are_looked_at_are_not_read(
    answer: dict[str, Any], why: str
) -> None:
    part, calls = read("object_acls", answer)
    assert (part.missing.why if part.missing else "") == why
    assert calls[0][1] == {"Bucket": "gt-images", "MaxKeys": 20}
