"""S3 where clients look: the members of error documents, copies, and redirects."""

from __future__ import annotations

import html
import re
from hashlib import sha256

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("call", "params", "member"),
    [
        (
            "get_object",
            {"Bucket": "gt-images", "Key": "not there/ä&b"},
            "<Key>not there/ä&amp;b</Key>",
        ),
        ("get_bucket_policy", {"Bucket": "gt-images"}, "<BucketName>gt-images</BucketName>"),
        ("list_objects_v2", {"Bucket": "not-there"}, "<BucketName>not-there</BucketName>"),
        ("get_object", {"Bucket": "not-there", "Key": "k"}, "<BucketName>not-there</BucketName>"),
    ],
)
def test_errors_name_what_they_are_about(box, call, params, member):
    answer = box.fetch(box.client("s3").generate_presigned_url(call, Params=params))
    assert answer.status == 404
    assert member in answer.text
    assert "<Resource" not in answer.text
    ids = re.search(r"<RequestId>([^<]+)</RequestId><HostId>([^<]+)</HostId>", answer.text)
    assert ids[1] == answer.headers["x-amz-request-id"]
    assert ids[2] == answer.headers["x-amz-id-2"]


def test_a_wrong_signature_shows_what_should_have_been_signed(box):
    url = re.sub(r"(X-Amz-Signature=)\w", r"\g<1>x", box.presign())
    answer = box.fetch(url)
    assert answer.status == 403
    said = {
        name: html.unescape(text) for name, text in re.findall(r"<(\w+)>([^<]*)</", answer.text)
    }
    assert said["Code"] == "SignatureDoesNotMatch"
    assert said["Message"].startswith("The request signature we calculated does not match")
    assert said["AWSAccessKeyId"] == re.search(r"X-Amz-Credential=(\w+)%2F", url)[1]
    assert said["SignatureProvided"] == re.search(r"X-Amz-Signature=(\w+)", url)[1]
    assert said["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
    assert said["CanonicalRequest"].startswith("GET\n/gt-images/scans/0001.png\n")
    assert said["StringToSign"].endswith(
        f"\n{sha256(said['CanonicalRequest'].encode()).hexdigest()}"
    )
    for name in ("StringToSign", "CanonicalRequest"):
        assert bytes.fromhex(said[f"{name}Bytes"]).decode() == said[name]
    ids = re.search(r"<RequestId>([^<]+)</RequestId><HostId>([^<]+)</HostId>", answer.text)
    assert (ids[1], ids[2]) == (answer.headers["x-amz-request-id"], answer.headers["x-amz-id-2"])


@pytest.mark.parametrize(
    ("spelled", "exists"),
    [("a+b%2Bc.txt", True), ("a%20b%2Bc.txt", True), ("a%20b+c.txt", False)],
)
def test_a_plus_in_the_source_of_a_copy_is_a_blank(box, spelled, exists):
    box.client("s3").put_object(Bucket="gt-images", Key="copies/a b+c.txt", Body=b"x")
    s3 = box.session.client("s3", endpoint_url=box.url)
    s3.meta.events.register(  # botocore would encode the sign
        "before-call.s3.CopyObject",
        lambda params, **_: params["headers"].update(
            {"x-amz-copy-source": f"gt-images/copies/{spelled}"}
        ),
    )
    given = {"Bucket": "gt-images", "Key": "copies/copy.txt", "CopySource": "gt-images/replaced"}
    if exists:
        s3.copy_object(**given)
        assert s3.get_object(Bucket="gt-images", Key="copies/copy.txt")["Body"].read() == b"x"
    else:
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.copy_object(**given)


def test_a_bucket_of_another_region_is_named_by_a_redirect(box):
    elsewhere = box.session_of(region="eu-west-1").client(
        "s3",
        endpoint_url=box.url,
        config=Config(signature_version="s3v4", retries={"total_max_attempts": 1}),
    )
    seen = []
    elsewhere.meta.events.register(
        "before-parse.s3.GetObject", lambda response_dict, **_: seen.append(response_dict)
    )
    elsewhere.get_object(Bucket="gt-images", Key="scans/0001.png")
    assert [answer["status_code"] for answer in seen] == [301, 200]
    assert seen[0]["headers"]["x-amz-bucket-region"] == "us-east-1"
    assert b"<Code>PermanentRedirect</Code>" in seen[0]["body"]
