"""S3 where clients look: pages, tokens, and the members of error documents."""

from __future__ import annotations

import re

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.rig import Rig as Box


@pytest.fixture(scope="module")
def many():
    with Box.running(log_delay_s=60) as box:
        s3 = box.client("s3")
        s3.create_bucket(Bucket="many-keys")
        for number in range(1005):
            s3.put_object(Bucket="many-keys", Key=f"k/{number:05d} +ü", Body=b"")
        yield box


@pytest.mark.parametrize("version", ["s3v4", "s3"])
@pytest.mark.parametrize("asked", [1001, 5000, 2**31 - 1])
def test_a_page_has_at_most_1000_keys(many, version, asked):
    s3 = many.session.client("s3", endpoint_url=many.url, config=Config(signature_version=version))
    page = s3.list_objects_v2(Bucket="many-keys", MaxKeys=asked, Prefix="k/")
    assert (len(page["Contents"]), page["IsTruncated"], page["MaxKeys"]) == (1000, True, 1000)
    rest = s3.list_objects_v2(
        Bucket="many-keys", MaxKeys=asked, Prefix="k/", ContinuationToken=page["NextContinuationToken"]
    )
    assert (len(rest["Contents"]), rest["IsTruncated"]) == (5, False)
    assert len({entry["Key"] for entry in page["Contents"] + rest["Contents"]}) == 1005
    old = s3.list_objects(Bucket="many-keys", MaxKeys=asked)
    assert (len(old["Contents"]), old["IsTruncated"]) == (1000, True)


def test_a_presigned_list_has_pages_too(many):
    params = {"Bucket": "many-keys", "MaxKeys": 3000}
    url = many.client("s3").generate_presigned_url("list_objects_v2", Params=params)
    assert many.fetch(url).text.count("<Contents>") == 1000


def test_a_page_of_nothing_is_not_truncated(many):
    page = many.client("s3").list_objects_v2(Bucket="many-keys", MaxKeys=0)
    assert (page.get("Contents", []), page["IsTruncated"], page["KeyCount"]) == ([], False, 0)
    assert "NextContinuationToken" not in page


@pytest.mark.parametrize("given", [{"MaxKeys": -1}, {"ContinuationToken": "garbage!"}, {"ContinuationToken": "%"}])
def test_bad_limits_and_tokens_are_refused(box, given):
    with pytest.raises(ClientError) as caught:
        box.client("s3").list_objects_v2(Bucket="gt-images", **given)
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"


@pytest.mark.parametrize("value", ["x", "1.5", "99999999999"])
def test_limits_that_are_no_numbers(box, value):
    url = box.client("s3").generate_presigned_url("list_objects_v2", Params={"Bucket": "gt-images", "MaxKeys": 7})
    answer = box.fetch(url.replace("max-keys=7", f"max-keys={value}"))
    assert answer.status in (400, 403)
    keys = box.client("s3").meta.events
    keys.register("before-sign.s3.ListObjectsV2", _with_limit(value), unique_id="limit")
    try:
        with pytest.raises(ClientError) as caught:
            box.client("s3").list_objects_v2(Bucket="gt-images")
        assert caught.value.response["Error"]["Code"] == "InvalidArgument"
    finally:
        keys.unregister("before-sign.s3.ListObjectsV2", unique_id="limit")


def _with_limit(value):
    def change(request, **_):
        request.url += f"&max-keys={value}"

    return change


@pytest.mark.parametrize(
    ("call", "params", "member"),
    [
        ("get_object", {"Bucket": "gt-images", "Key": "not there/ä&b"}, "<Key>not there/ä&amp;b</Key>"),
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
    answer = box.fetch(re.sub(r"(X-Amz-Signature=)\w", r"\g<1>x", box.presign()))
    assert answer.status == 403
    assert "<StringToSign>AWS4-HMAC-SHA256" in answer.text
    assert "<CanonicalRequest>GET" in answer.text
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
        lambda params, **_: params["headers"].update({"x-amz-copy-source": f"gt-images/copies/{spelled}"}),
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
        "s3", endpoint_url=box.url, config=Config(signature_version="s3v4", retries={"total_max_attempts": 1})
    )
    seen = []
    elsewhere.meta.events.register("before-parse.s3.GetObject", lambda response_dict, **_: seen.append(response_dict))
    elsewhere.get_object(Bucket="gt-images", Key="scans/0001.png")
    assert [answer["status_code"] for answer in seen] == [301, 200]
    assert seen[0]["headers"]["x-amz-bucket-region"] == "us-east-1"
    assert b"<Code>PermanentRedirect</Code>" in seen[0]["body"]
