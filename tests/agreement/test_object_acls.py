"""Object ACLs: what the sandbox opens through them is never said to be refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gt_secure.account import access_under
from support.box import ELSEWHERE
from support.rig import Rig

from .conftest import IGNORING_ACLS

BUCKET, KEY = "gt-acl", "public.txt"
READ = "s3:GetBucketOwnershipControls"


def bucket(rig: Rig, ownership: str = "") -> Any:
    """Make a bucket without Block Public Access; returns a client for S3."""
    s3 = rig.client("s3")
    s3.create_bucket(Bucket=BUCKET, **({"ObjectOwnership": ownership} if ownership else {}))
    s3.delete_public_access_block(Bucket=BUCKET)
    return s3


def anonymous(rig: Rig) -> tuple[int, str, tuple[str, ...]]:
    """Return the status of an anonymous GET, and what is said of it."""
    answer = rig.gt.who_can_open(BUCKET, key=KEY).at(ELSEWHERE, "anonymous")
    return rig.fetch(f"/{BUCKET}/{KEY}", ELSEWHERE).status, answer.answer, answer.depends_on


def test_a_public_object_of_a_bucket_with_acls_is_not_said_to_be_refused(rig: Rig) -> None:
    s3 = bucket(rig, "ObjectWriter")
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x", ACL="public-read")
    assert anonymous(rig) == (200, "unknown", ("object ACLs",))
    whole = rig.gt.who_can_open(BUCKET)
    assert [whole.row(kind).word for kind in ("anonymous", "other-account")] == [
        "unknown",
        "unknown",
    ]
    assert access_under(whole.locks).tone != "good"
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=IGNORING_ACLS)
    assert anonymous(rig) == (403, "refused", ())
    assert rig.gt.who_can_open(BUCKET).row("other-account").unknown.depends_on == ("object ACLs",)


def test_a_new_bucket_has_no_acls_and_its_answers_are_certain(rig: Rig) -> None:
    s3 = bucket(rig)
    assert s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerEnforced"}
    ]
    with pytest.raises(ClientError, match="AccessControlListNotSupported"):
        s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x", ACL="public-read")
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x")
    assert anonymous(rig) == (403, "refused", ())


def test_ownership_that_is_enforced_later_turns_acls_off(rig: Rig) -> None:
    s3 = bucket(rig, "ObjectWriter")
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x", ACL="public-read")
    assert anonymous(rig)[:2] == (200, "unknown")
    rules = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=rules)
    assert anonymous(rig) == (403, "refused", ())
    # what a bucket from before April 2023 reports
    s3.delete_bucket_ownership_controls(Bucket=BUCKET)
    assert anonymous(rig)[1:] == ("unknown", ("object ACLs",))


def test_without_the_permission_the_answer_names_it(rig: Rig) -> None:
    s3 = bucket(rig, "ObjectWriter")
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x")
    user = rig.user(
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": READ, "Resource": "*"},
    )
    found = user.who_can_open(BUCKET, key=KEY)
    assert found.at(ELSEWHERE, "anonymous").depends_on == (READ,)
    assert READ in found.missing
    assert found.at(ELSEWHERE, "presigned").answer == "opened"


def test_a_public_policy_closes_a_bucket_only_to_what_the_policy_grants(rig: Rig) -> None:
    """Block Public Access says nothing of ACLs there, and the sandbox opens what they grant."""
    s3 = bucket(rig, "ObjectWriter")
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x", ACL="public-read")
    s3.put_object(Bucket=BUCKET, Key="private.txt", Body=b"x")
    of_all = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [of_all]})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    restricting = {**IGNORING_ACLS, "IgnorePublicAcls": False, "RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=restricting)
    assert rig.fetch(f"/{BUCKET}/private.txt", ELSEWHERE).status == 403
    assert anonymous(rig)[:2] == (200, "unknown")
    whole = rig.gt.who_can_open(BUCKET)
    assert [whole.row(kind).word for kind in ("anonymous", "other-account")] == [
        "unknown",
        "unknown",
    ]
    rules = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=rules)
    assert anonymous(rig) == (403, "refused", ())
