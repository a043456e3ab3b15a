"""Objects that are encrypted with a KMS key: the caller's policies decide about the key, too."""

from __future__ import annotations

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from .conftest import OFFICE

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
S3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


@pytest.fixture(scope="module")
def secret(box):
    """An object under a customer's key."""
    box.client("s3").put_object(
        Bucket="gt-images",
        Key="kms/0001.png",
        Body=b"x",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=KEY,
    )
    return {"Bucket": "gt-images", "Key": "kms/0001.png"}


def allow(action, **more):
    return {"Effect": "Allow", "Action": action, "Resource": KEY, **more}


@pytest.mark.parametrize(
    ("statements", "opened"),
    [
        ([], False),
        ([allow("kms:Decrypt")], True),
        ([allow("kms:Encrypt")], False),
        ([{**allow("kms:Decrypt"), "Resource": KEY + "x"}], False),
        ([allow("kms:*"), {**allow("kms:Decrypt"), "Effect": "Deny"}], False),
        ([allow("kms:Decrypt", Condition={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}})], True),
        ([allow("kms:Decrypt", Condition={"StringEquals": {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}})], False),
        ([allow("kms:Decrypt", Condition={"Bool": {"aws:ViaAWSService": "true"}})], True),
        ([allow("kms:Decrypt", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})], False),
        ([allow("kms:*"), {"Effect": "Deny", "Action": "*", "Resource": "*",
                           "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}], False),
    ],
)  # fmt: skip
def test_reading_needs_decrypt(box, secret, statements, opened):
    s3 = box.client("s3", box.keys(S3, *statements))
    answer = box.fetch(s3.generate_presigned_url("get_object", Params=secret), OFFICE)
    assert answer.status == (200 if opened else 403)
    assert ("kms:Decrypt" in answer.text) is not opened
    if not opened:
        assert answer.body != b"x"
        with pytest.raises(ClientError):
            s3.head_object(**secret)


def test_writing_needs_a_data_key(box):
    put = {"Bucket": "gt-images", "Key": "kms/new.png", "Body": b"y", "ServerSideEncryption": "aws:kms",
           "SSEKMSKeyId": KEY}  # fmt: skip
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        box.client("s3", box.keys(S3)).put_object(**put)
    with pytest.raises(ClientError, match="s3:PutObject"):
        box.client("s3", box.keys(allow("kms:*"))).put_object(**put)
    box.client("s3", box.keys(S3, allow("kms:GenerateDataKey"))).put_object(**put)


@pytest.fixture
def default(box):
    """The key of the default encryption of the bucket."""
    of_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": of_default}]}
    s3 = box.client("s3")
    s3.put_bucket_encryption(Bucket="gt-images", ServerSideEncryptionConfiguration=rules)
    yield KEY
    s3.delete_bucket_encryption(Bucket="gt-images")


def by_put(s3, key, source):
    s3.put_object(Bucket="gt-images", Key=key, Body=b"y")


def by_parts(s3, key, source):
    s3.create_multipart_upload(Bucket="gt-images", Key=key)


def by_copy(s3, key, source):
    s3.copy_object(Bucket="gt-images", Key=key, CopySource=f"gt-images/{source}")


@pytest.mark.parametrize("upload", [by_put, by_parts, by_copy])
def test_the_key_of_the_default_encryption_is_asked_for(box, default, upload):
    source = "kms/source.png"
    box.client("s3").put_object(Bucket="gt-images", Key=source, Body=b"y", ServerSideEncryption="AES256")  # fmt: skip
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        upload(box.client("s3", box.keys(S3)), "kms/default.png", source)
    upload(box.client("s3", box.keys(S3, allow("kms:GenerateDataKey"))), "kms/default.png", source)
    plain = box.client("s3", box.keys(S3))
    plain.put_object(Bucket="gt-images", Key="kms/p.png", Body=b"y", ServerSideEncryption="AES256")
    plain.put_object_tagging(Bucket="gt-images", Key="kms/p.png", Tagging={"TagSet": []})


def test_a_key_id_is_the_key_of_this_account(box):
    put = {
        "Bucket": "gt-images",
        "Key": "kms/by-id.png",
        "Body": b"y",
        "ServerSideEncryption": "aws:kms",
    }
    s3 = box.client("s3", box.keys(S3, allow("kms:*")))
    s3.put_object(**put, SSEKMSKeyId=KEY.rpartition("/")[2])
    with pytest.raises(ClientError, match="key/other"):
        s3.put_object(**put, SSEKMSKeyId="other")


def test_signature_version_2_and_nobody_open_nothing(box, secret):
    old = box.session.client("s3", endpoint_url=box.url, config=Config(signature_version="s3"))
    answer = box.fetch(old.generate_presigned_url("get_object", Params=secret))
    assert answer.status == 400
    assert "require AWS Signature Version 4" in answer.text
    assert "<Code>InvalidArgument</Code>" in answer.text


def test_plain_objects_need_no_key(box):
    s3 = box.client("s3", box.keys(S3))
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": "scans/0001.png"}
    )
    assert box.fetch(url, OFFICE).status == 200
