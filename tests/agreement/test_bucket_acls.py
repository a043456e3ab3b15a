"""The ACL of a bucket, and who pays: what the sandbox opens or refuses by them is what is said."""

from __future__ import annotations

from typing import Any

import pytest

from support.box import ELSEWHERE
from support.rig import Rig

from .conftest import IGNORING_ACLS

BUCKET, KEY = "gt-acl", "k.txt"
GROUPS = "http://acs.amazonaws.com/groups/global/"


@pytest.fixture
def s3(rig: Rig) -> Any:
    """A bucket with ACLs and without Block Public Access."""
    s3 = rig.client("s3")
    s3.create_bucket(Bucket=BUCKET, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x")
    return s3


def said(rig: Rig, request: str) -> str:
    """Return the answer to a kind of request, the same in its row and from one source."""
    exposure = rig.gt.who_can_open(BUCKET)
    answer = exposure.at(ELSEWHERE, request)
    assert exposure.row(request).word == answer.answer
    return ", ".join((answer.answer, *answer.when, *answer.depends_on))


def listed(rig: Rig) -> int:
    return rig.fetch(f"/{BUCKET}?list-type=2", ELSEWHERE).status


LISTING = "opened, at least to list the keys"


def test_a_public_acl_of_the_bucket_opens_the_list_of_its_keys(running_rig: Rig, s3: Any) -> None:
    assert (listed(running_rig), said(running_rig, "anonymous")) == (403, "unknown, object ACLs")
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    assert (listed(running_rig), said(running_rig, "anonymous")) == (200, LISTING)
    assert said(running_rig, "other-account") == LISTING
    access = running_rig.gt.who_can_open(BUCKET)
    assert access.row("presigned").opened.when == ()
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=IGNORING_ACLS)
    assert (listed(running_rig), said(running_rig, "anonymous")) == (403, "refused")


def test_a_group_of_signers_is_not_anonymous(running_rig: Rig, s3: Any) -> None:
    s3.put_bucket_acl(Bucket=BUCKET, ACL="authenticated-read")
    assert (listed(running_rig), said(running_rig, "anonymous")) == (403, "unknown, object ACLs")
    assert said(running_rig, "other-account") == LISTING


def test_an_acl_that_lets_everybody_write_opens_uploads(running_rig: Rig, s3: Any) -> None:
    s3.put_bucket_acl(Bucket=BUCKET, GrantWrite=f"uri={GROUPS}AllUsers")
    assert listed(running_rig) == 403
    assert said(running_rig, "anonymous") == LISTING.replace("list the keys", "upload")


def test_the_group_of_log_delivery_is_nobody(running_rig: Rig, s3: Any) -> None:
    s3.put_bucket_acl(
        Bucket=BUCKET, GrantWrite="uri=http://acs.amazonaws.com/groups/s3/LogDelivery"
    )
    assert said(running_rig, "anonymous") == "unknown, object ACLs"


def test_without_the_permission_the_answer_names_it(running_rig: Rig, s3: Any) -> None:
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    user = running_rig.user(
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:GetBucketAcl", "Resource": "*"},
    )
    found = user.who_can_open(BUCKET)
    assert found.at(ELSEWHERE, "anonymous").depends_on == ("object ACLs", "s3:GetBucketAcl")
    assert "s3:GetBucketAcl" in found.missing


def test_a_bucket_whose_requesters_pay_refuses_who_is_nobody(running_rig: Rig, s3: Any) -> None:
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    s3.put_bucket_request_payment(Bucket=BUCKET, RequestPaymentConfiguration={"Payer": "Requester"})
    assert (listed(running_rig), said(running_rig, "anonymous")) == (403, "refused")
    assert said(running_rig, "other-account") == LISTING


def test_the_finding_of_acls_names_public_objects_among_the_first(
    running_rig: Rig, s3: Any
) -> None:
    def found() -> list[str]:
        every = running_rig.gt.findings(bucket=BUCKET)
        return [each.detail for each in every if each.code == "bucket-acl-public"]

    assert found() == []
    s3.put_object(Bucket=BUCKET, Key="open.txt", Body=b"x", ACL="public-read")
    assert running_rig.fetch(f"/{BUCKET}/open.txt", ELSEWHERE).status == 200
    assert found() == ["The first 20 objects have public ones: open.txt."]
