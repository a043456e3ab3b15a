"""ACLs of objects and buckets: who sets one, and whom one opens, under each ownership."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ELSEWHERE, OFFICE, Box

NUMBERS = itertools.count(1)
OFF = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False
)
WITH_ACLS = ("ObjectWriter", "BucketOwnerPreferred")


@pytest.fixture
def bucket(box: Box, request: pytest.FixtureRequest) -> Iterator[str]:
    name, s3 = f"gt-acls-{next(NUMBERS)}", box.client("s3")
    s3.create_bucket(Bucket=name, ObjectOwnership=request.param)
    s3.delete_public_access_block(Bucket=name)
    yield name
    s3.delete_object(Bucket=name, Key="a")
    s3.delete_bucket(Bucket=name)


def code(call: Any, **more: Any) -> str:
    try:
        call(**more)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def block(box: Box, bucket: str, name: str) -> None:
    box.client("s3").put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={**OFF, name: True}
    )


@pytest.mark.parametrize("bucket", ["BucketOwnerEnforced"], indirect=True)
@pytest.mark.parametrize(
    "acl", ["public-read", "public-read-write", "authenticated-read", "aws-exec-read"]
)
def test_without_acls_an_upload_sets_none(box: Box, bucket: str, acl: str) -> None:
    s3, to = box.client("s3"), {"Bucket": bucket, "Key": "a"}
    assert code(s3.put_object, **to, ACL=acl) == "AccessControlListNotSupported"
    url = s3.generate_presigned_url("put_object", Params={**to, "ACL": acl})
    answer = box.fetch(url, ELSEWHERE, "PUT", {"x-amz-acl": acl}, body=b"x")
    assert (answer.status, "AccessControlListNotSupported" in answer.text) == (400, True)
    assert code(s3.put_object, **to, ACL="bucket-owner-full-control", Body=b"x") == ""
    assert code(s3.put_object_acl, **to, ACL=acl) == "AccessControlListNotSupported"
    assert (
        code(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == "AccessControlListNotSupported"
    )
    assert box.fetch(f"/{bucket}/a", ELSEWHERE).status == 403


@pytest.mark.parametrize("bucket", WITH_ACLS, indirect=True)
@pytest.mark.parametrize(
    ("acl", "opened"),
    [
        ("public-read", True),
        ("public-read-write", True),
        ("private", False),
        ("authenticated-read", False),
    ],
)
def test_the_acl_of_an_object_opens_it_to_everybody(
    box: Box, bucket: str, acl: str, opened: bool
) -> None:
    s3, place = box.client("s3"), f"/{bucket}/a"
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ACL=acl)

    def status() -> int:
        answers = {box.fetch(place, ELSEWHERE, method).status for method in ("GET", "HEAD")}
        assert len(answers) == 1
        return answers.pop()

    assert status() == (200 if opened else 403)
    assert box.fetch(place, ELSEWHERE, "PUT", body=b"y").status == 403
    block(box, bucket, "IgnorePublicAcls")
    assert status() == 403
    block(box, bucket, "BlockPublicAcls")  # keeps what is there
    assert status() == (200 if opened else 403)
    refused = code(s3.put_object, Bucket=bucket, Key="a", ACL=acl) == "AccessDenied"
    assert refused is (acl != "private")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")  # the new object has no public ACL
    assert status() == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OFF)
    s3.put_object_acl(Bucket=bucket, Key="a", ACL=acl)
    assert status() == (200 if opened else 403)
    rules = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
    assert status() == 403


@pytest.mark.parametrize("bucket", WITH_ACLS[:1], indirect=True)
def test_a_deny_of_the_policy_goes_before_an_acl(box: Box, bucket: str) -> None:
    s3, place = box.client("s3"), f"/{bucket}/a"
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ACL="public-read", Tagging="a=red")
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    conditions = (
        {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        {"StringEquals": {"s3:ExistingObjectTag/a": "red"}},
    )
    for condition, inside in zip(conditions, (200, 403), strict=True):
        policy = {"Version": "2012-10-17", "Statement": [{**deny, "Condition": condition}]}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        answers = [box.fetch(place, source).status for source in (OFFICE, ELSEWHERE)]
        assert answers == [inside, 403]
    s3.delete_bucket_policy(Bucket=bucket)
    assert box.fetch(place, ELSEWHERE).status == 200


@pytest.mark.parametrize("bucket", WITH_ACLS, indirect=True)
def test_the_acl_of_a_bucket_lists_and_writes_and_reads_no_object(box: Box, bucket: str) -> None:
    s3 = box.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    assert box.fetch(f"/{bucket}?list-type=2", ELSEWHERE).status == 200
    assert box.fetch(f"/{bucket}/a", ELSEWHERE).status == 403
    assert box.fetch(f"/{bucket}/a", ELSEWHERE, "PUT", body=b"y").status == 200
    block(box, bucket, "IgnorePublicAcls")
    assert box.fetch(f"/{bucket}?list-type=2", ELSEWHERE).status == 403
    assert box.fetch(f"/{bucket}/a", ELSEWHERE, "PUT", body=b"y").status == 403


@pytest.mark.parametrize("bucket", WITH_ACLS[:1], indirect=True)
@pytest.mark.parametrize("again", ["put_object", "copy_object", "form", "parts"])
def test_an_object_that_is_written_anew_has_no_acl_and_no_tag(
    box: Box, bucket: str, again: str
) -> None:
    s3, to = box.client("s3"), {"Bucket": bucket, "Key": "a"}
    s3.put_object(**to, Body=b"x", ACL="public-read", Tagging="a=red")
    assert box.fetch(f"/{bucket}/a", ELSEWHERE).status == 200
    if again == "form":
        form = s3.generate_presigned_post(bucket, "a")["fields"]
        start = '--x\r\nContent-Disposition: form-data; name="'
        parts = [f'{start}{name}"\r\n\r\n{value}\r\n' for name, value in form.items()]
        body = "".join([*parts, start, 'file"; filename="a"\r\n\r\ny\r\n--x--\r\n']).encode()
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        assert box.fetch(f"/{bucket}", ELSEWHERE, "POST", kind, body).status == 204
    elif again == "parts":
        upload = {**to, "UploadId": s3.create_multipart_upload(**to)["UploadId"]}
        part = {"ETag": s3.upload_part(**upload, PartNumber=1, Body=b"y")["ETag"], "PartNumber": 1}
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    else:
        more = {"CopySource": "gt-images/scans/0001.png"} if again == "copy_object" else {}
        getattr(s3, again)(**to, **more)
    assert box.fetch(f"/{bucket}/a", ELSEWHERE).status == 403
    assert s3.get_object_tagging(**to)["TagSet"] == []


@pytest.mark.parametrize("bucket", WITH_ACLS[:1], indirect=True)
def test_a_multipart_upload_with_an_acl_is_refused_aloud(box: Box, bucket: str) -> None:
    upload, to = box.client("s3").create_multipart_upload, {"Bucket": bucket, "Key": "a"}
    everybody = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'
    assert code(upload, **to, ACL="public-read") == "NotImplemented"
    assert code(upload, **to, GrantRead=everybody) == "NotImplemented"
    assert code(upload, **to, ACL="bucket-owner-full-control") == ""


@pytest.mark.parametrize("bucket", ["ObjectWriter"], indirect=True)
def test_a_url_that_carries_an_acl_in_its_query_sets_it(box: Box, bucket: str) -> None:
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    keys = box.keys({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    request = AWSRequest("PUT", f"{box.url}/{bucket}/a?x-amz-acl=public-read")
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"])
    S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=60).add_auth(request)
    assert box.fetch(request.url, ELSEWHERE, "PUT", body=b"x").status == 200
    assert box.fetch(f"/{bucket}/a", ELSEWHERE).status == 200
