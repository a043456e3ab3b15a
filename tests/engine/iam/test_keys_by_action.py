"""The keys that requests of an action can have, against the Service Authorization Reference."""

from __future__ import annotations

import json
from pathlib import Path

import botocore.session
import pytest

from gt_secure.engine.iam.request_keys import (
    ABSENT,
    BUCKET_ACTIONS,
    OBJECT_ACTIONS,
    is_absent_for,
    is_unlisted,
)
from support.subjects import subjects

REFERENCE = json.loads(
    (Path(__file__).parents[2] / "data" / "s3-authorization-reference.json").read_text()
)["actions"]
ANNOTATIONS = (
    "PutObjectAnnotation",
    "GetObjectAnnotation",
    "ListObjectAnnotations",
    "DeleteObjectAnnotation",
)
NEWER = {*ANNOTATIONS, "UpdateBucketMetadataAnnotationTableConfiguration"}
"""Actions that S3 has since 2026-06-16, after the reference was collected."""
KEYS = sorted({key for about in REFERENCE.values() for key in about["keys"]})

ALL = [action.removeprefix("s3:") for action in (*OBJECT_ACTIONS, *BUCKET_ACTIONS)]
OURS = [action for action in ALL if action not in NEWER]

OF_ALMOST_ALL = {
    # a fact about the caller, who may have got the credentials from S3 Access Grants
    "s3:AccessGrantsInstanceArn",
    "s3:ResourceAccount",
    "s3:TlsVersion",
    "s3:authType",
    "s3:signatureAge",
    "s3:signatureversion",
    "s3:x-amz-content-sha256",
}
OF_OTHER_RESOURCES = (
    "s3:AccessGrant",
    "s3:AccessPointTag/",
    "s3:ExistingJob",
    "s3:JobSuspended",
    "s3:RequestJob",
    "s3:destinationRegion",
)
LOCKS = {"BypassGovernanceRetention", "PutObjectLegalHold", "PutObjectRetention", "ReplicateObject"}
VERSIONS = {
    "GetObjectLegalHold",
    "GetObjectRetention",
    "GetObjectVersionForReplication",
    "PutObjectLegalHold",
}
COPIES = {"ReplicateObject"}
MORE = {
    "s3:RequestObjectTag/<key>": {"ReplicateTags"},
    "s3:RequestObjectTagKeys": {"ReplicateTags"},
    "s3:object-lock-legal-hold": LOCKS - {"PutObjectLegalHold"},
    "s3:object-lock-mode": LOCKS - {"PutObjectRetention"},
    "s3:object-lock-remaining-retention-days": LOCKS - {"PutObjectRetention"},
    "s3:object-lock-retain-until-date": LOCKS - {"PutObjectRetention"},
    "s3:versionid": VERSIONS | {"PutObjectRetention", "RestoreObject"},
    "s3:x-amz-copy-source": COPIES,
    "s3:x-amz-metadata-directive": COPIES,
    "s3:x-amz-server-side-encryption-customer-algorithm": {"UpdateObjectEncryption"},
    "s3:x-amz-storage-class": COPIES,
    "s3:x-amz-website-redirect-location": COPIES,
}
"""Actions that may have a key though the reference does not list it: what the S3 User Guide names,
and requests that write an object as PutObject does. A key that is wrongly taken for possible costs
exactness, never a false proof."""


HAVING = {key: [action for action in OURS if key in REFERENCE[action]["keys"]] for key in KEYS}


@pytest.mark.parametrize("key", subjects((key for key, actions in HAVING.items() if actions), 44))
def test_no_key_of_the_reference_is_taken_for_absent(key: str) -> None:
    lower = key.replace("<key>", "a").lower()
    assert not [action for action in HAVING[key] if is_absent_for(f"s3:{action}", lower)]


@pytest.mark.parametrize(
    "key",
    subjects(
        (
            key
            for key in KEYS
            if key not in OF_ALMOST_ALL and not key.startswith(OF_OTHER_RESOURCES)
        ),
        30,
    ),
)
def test_every_other_action_is_without_the_key(key: str) -> None:
    lower = key.replace("<key>", "a").lower()
    ours = {
        action
        for action in OURS
        if not is_absent_for(f"s3:{action}", lower) and lower not in ABSENT - {"s3:versionid"}
    }
    theirs = {action for action in OURS if key in REFERENCE[action]["keys"]}
    assert ours - theirs == MORE.get(key, set())


@pytest.mark.parametrize(
    "key",
    [
        "s3:prefix",
        "s3:x-amz-acl",
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-storage-class",
        "s3:if-none-match",
    ],
)
def test_a_get_has_no_key_of_lists_and_writes(key: str) -> None:
    assert is_absent_for("s3:GetObject", key)
    assert not is_absent_for("s3:PutObject", key) or key == "s3:prefix"


def test_the_actions_on_buckets_and_objects_are_all_there() -> None:
    ours = set(ALL)
    theirs = {
        action
        for action, about in REFERENCE.items()
        if {"bucket", "object"} & set(about["resources"])
    }
    assert theirs - ours == set()
    assert ours - set(REFERENCE) == NEWER


OTHERWISE = {
    "CompleteMultipartUpload": "PutObject", "CopyObject": "PutObject", "CreateMultipartUpload": "PutObject",
    "HeadObject": "GetObject", "ListParts": "ListMultipartUploadParts", "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject", "UploadPartCopy": "PutObject",
    "RenameObject": "s3express:CreateSession",  # of directory buckets only
}  # fmt: skip
"""Operations whose action has another name (S3 User Guide,
*Required permissions for Amazon S3 API operations*).
"""


def test_every_operation_on_an_object_has_an_action_of_the_table() -> None:
    """A newer botocore with an operation that we do not know fails here: add its action,
    its keys and the date.
    """
    model = botocore.session.get_session().get_service_model("s3")
    operations = [
        name
        for name in model.operation_names
        if "{Key" in model.operation_model(name).http["requestUri"]
    ]
    assert len(operations) >= 30
    known = {action.removeprefix("s3:") for action in OBJECT_ACTIONS} | {"s3express:CreateSession"}
    assert [name for name in operations if OTHERWISE.get(name, name) not in known] == []
    assert set(OTHERWISE) <= set(operations)


def test_the_bucket_operations_with_an_action_of_their_own_name_are_known() -> None:
    """Most other operations on buckets use an action of another name,
    so only a new subject is noticed.
    """
    model = botocore.session.get_session().get_service_model("s3")
    ours = {action.removeprefix("s3:") for action in BUCKET_ACTIONS}
    assert {name for name in model.operation_names if "Annotation" in name} <= set(ALL) | ours


@pytest.mark.parametrize("action", ANNOTATIONS)
def test_an_annotation_may_have_tags_and_a_version(action: str) -> None:
    assert not is_absent_for(f"s3:{action}", "s3:existingobjecttag/a")
    assert not is_absent_for(f"s3:{action}", "s3:versionid")
    assert is_absent_for(f"s3:{action}", "s3:x-amz-object-if-match") == (
        action[:3] not in ("Put", "Del")
    )
    assert is_absent_for("s3:PutObject", "s3:x-amz-object-if-match")


def test_an_action_that_is_not_listed_may_have_every_key() -> None:
    assert is_unlisted("s3:getobjectfoo")
    assert not is_unlisted("s3:getobject")
    assert not is_unlisted("ec2:runinstances")
    assert not is_absent_for("s3:GetObjectFoo", "s3:prefix")
    assert is_absent_for("kms:Decrypt", "s3:prefix")
