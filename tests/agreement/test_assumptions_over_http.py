"""The key of the default encryption and tags of the bucket, which no answer may assume: the answer
of ``who`` against the same request over HTTP. Access points have a file of their own.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.box import ELSEWHERE
from support.rig import Rig

BUCKET, KEY = "gt-assumed", "k.txt"
KMS = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
EVERYTHING = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
OF_KEY = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}


@pytest.fixture
def s3(rig: Rig) -> Any:
    """A bucket that anybody may read."""
    s3 = rig.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.delete_public_access_block(Bucket=BUCKET)
    grant(s3)
    return s3


def grant(s3: Any, **condition: Any) -> None:
    """Let everybody read under a condition."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}  # fmt: skip
    statement |= {"Condition": condition} if condition else {}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


def anonymous(rig: Rig) -> tuple[int, str, str]:
    """Return the status of an anonymous GET, the answer of ``who``, and what it rests on."""
    exposure = rig.gt.who_can_open(BUCKET, key=KEY)
    answer = exposure.at(ELSEWHERE, "anonymous")
    assert exposure.row("anonymous").word == answer.answer
    said = ", ".join((*answer.when, *answer.depends_on, *answer.unless))
    return rig.fetch(f"/{BUCKET}/{KEY}", ELSEWHERE).status, answer.answer, said


@pytest.mark.check
def test_a_key_of_the_default_encryption_stands_in_the_line(rig: Rig, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x")
    status, word, said = anonymous(rig)
    assert (status, word) == (200, "opened")
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KMS}
    }
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(
        Bucket=BUCKET, Key=KEY, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=KMS
    )
    status, word, said = anonymous(rig)
    assert status != 200
    assert (word, "a KMS key encrypts the object" in said) == ("opened", True)


@pytest.mark.check
@pytest.mark.parametrize("statements", [(EVERYTHING,), (EVERYTHING, OF_KEY)])
def test_a_signer_without_the_key_is_not_listed_as_opened(
    rig: Rig, s3: Any, statements: tuple[dict[str, Any], ...]
) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KMS}
    }
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(
        Bucket=BUCKET, Key=KEY, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=KMS
    )
    keys = rig.keys(*statements, name="reader")
    signer = rig.client("s3", keys)
    url = signer.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": KEY})
    status = rig.fetch(url, ELSEWHERE).status
    listed = {
        each.arn.rpartition("/")[2]: each for each in rig.gt.who_can_open(BUCKET, KEY).signers
    }
    found = listed.get("reader")
    assert status == (200 if len(statements) == 2 else 403)
    assert not (status == 200 and (found is None or found.answer == "refused"))
    assert not (status == 403 and found is not None and found.answer == "opened")


@pytest.mark.check
def test_access_by_tags_of_the_bucket_cannot_be_switched_on_and_is_never_certain(
    rig: Rig, s3: Any
) -> None:
    """The sandbox has no attribute-based access control, so requests have no tags of the bucket."""
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x")
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "open", "Value": "yes"}]})
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.put_bucket_abac(Bucket=BUCKET, AbacStatus={"Status": "Enabled"})
    for condition, status in (
        ({"StringEquals": {"s3:BucketTag/open": "yes"}}, 403),
        ({"StringEquals": {"aws:ResourceTag/open": "yes"}}, 403),
        ({"StringNotEquals": {"s3:BucketTag/open": "yes"}}, 200),
        ({"Null": {"s3:BucketTag/open": "true"}}, 200),
    ):
        grant(s3, **condition)  # nobody said whether requests have the tags
        assert anonymous(rig)[:2] == (status, "unknown"), condition
