"""Authentication: expired, altered, future, unknown and root; S3 says so from wherever the URL is fetched."""

from __future__ import annotations

import datetime as dt
import re
import time
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from .conftest import ELSEWHERE, OFFICE

LOCKED = {"IpAddress": {"aws:SourceIp": OFFICE}}


def change(url, name, value):
    return re.sub(rf"({name}=)[^&]*", rf"\g<1>{value}", url)


def code(answer):
    found = re.search(r"<Code>(\w+)</Code>", answer.text)
    return found and found[1]


@pytest.mark.parametrize("source", [OFFICE, ELSEWHERE])
@pytest.mark.parametrize(
    "alter",
    [
        lambda url: change(url, "X-Amz-Signature", "0" * 64),
        lambda url: change(url, "X-Amz-Expires", "3600"),
        lambda url: url.replace("0001.png", "0002.png"),
        lambda url: url + "&versionId=null",
        lambda url: url.replace("us-east-1", "eu-west-1"),
    ],
    ids=["signature", "expiry", "key", "added parameter", "region"],
)
def test_altered_url_is_refused(box, alter, source):
    answer = box.fetch(alter(box.presign(LOCKED)), source)
    assert (answer.status, code(answer)) == (403, "SignatureDoesNotMatch")


def test_other_method_and_other_host_are_refused(box):
    url = box.presign()
    assert box.fetch(url, method="HEAD").status == 403
    assert box.fetch(url.replace("127.0.0.1", "localhost")).status == 403


@pytest.mark.parametrize("source", [OFFICE, ELSEWHERE])
def test_expired_url_says_so_from_anywhere(box, source):
    url = box.presign(LOCKED, life_s=1)
    time.sleep(1.2)
    answer = box.fetch(url, source)
    assert (answer.status, code(answer)) == (403, "AccessDenied")
    assert "<Message>Request has expired</Message><X-Amz-Expires>1</X-Amz-Expires><Expires>" in answer.text
    assert "<ServerTime>" in answer.text


def test_token_must_belong_to_the_key(box):
    mine, other = box.presign(), box.presign()
    token = parse_qs(urlsplit(other).query)["X-Amz-Security-Token"][0]
    answer = box.fetch(change(mine, "X-Amz-Security-Token", token))
    assert (answer.status, code(answer)) == (400, "InvalidToken")


@pytest.mark.parametrize(
    ("name", "value", "status", "expected"),
    [
        ("X-Amz-Date", "yesterday", 400, "AuthorizationQueryParametersError"),
        ("X-Amz-Date", "20990101T000000Z", 403, "AccessDenied"),
        ("X-Amz-Expires", "-1", 400, "AuthorizationQueryParametersError"),
        ("X-Amz-Expires", "604801", 400, "AuthorizationQueryParametersError"),
        ("X-Amz-Expires", "many", 400, "AuthorizationQueryParametersError"),
        ("X-Amz-Algorithm", "AWS5", 400, "AuthorizationQueryParametersError"),
        ("X-Amz-Credential", "x", 400, "AuthorizationQueryParametersError"),
        ("X-Amz-SignedHeaders", "", 400, "AuthorizationQueryParametersError"),
    ],
)
def test_bad_parameters(box, name, value, status, expected):
    answer = box.fetch(change(box.presign(), name, value))
    assert (answer.status, code(answer)) == (status, expected)


@pytest.mark.parametrize("key", ["test", "111122223333", "AKIANOBODY0000000000"])
def test_root_and_unknown_keys_open_nothing(box, key):
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key="test", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=box.url, config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "gt-images", "Key": "scans/0001.png"})
    answer = box.fetch(url)
    assert (answer.status, code(answer)) == (403, "InvalidAccessKeyId")
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="gt-images", Key="scans/0001.png")
    assert caught.value.response["Error"]["Code"] == "InvalidAccessKeyId"
    for service, call in (("sts", "get_caller_identity"), ("iam", "list_users"), ("sagemaker", "list_workteams"),
                          ("ec2", "describe_vpcs")):  # fmt: skip
        with pytest.raises(ClientError):
            getattr(session.client(service, endpoint_url=box.url), call)()


def test_anonymous_gets_nothing(box):
    assert box.fetch("/gt-images/scans/0001.png").status == 403
    assert box.fetch("/gt-images").status == 403
    assert box.fetch("/").status == 403
    assert box.fetch("/new-bucket", method="PUT").status == 403
    assert box.fetch("/gt-images/new.png", method="PUT").status == 403
    assert "new-bucket" not in {bucket["Name"] for bucket in box.client("s3").list_buckets()["Buckets"]}


@pytest.mark.parametrize(
    "path", ["/_ministack/reset", "/_ministack/config", "/_localstack/health", "/_ministack/health"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_emulators_own_pages_are_closed(box, path, method):
    assert box.fetch(path, method=method).status in (403, 404)
    assert box.client("s3").head_bucket(Bucket="gt-images")


def sigv2(box, life_s=60):
    keys = box.sandbox.environment()
    s3 = boto3.client(
        "s3", endpoint_url=box.url, region_name="us-east-1", config=Config(signature_version="s3"),
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    params = {"Bucket": "gt-images", "Key": "scans/0001.png"}
    return s3.generate_presigned_url("get_object", Params=params, ExpiresIn=life_s)


def test_signature_version_2(box, guard):
    url = sigv2(box)
    assert box.fetch(url).status == 200
    assert box.fetch(change(url, "Signature", "AAAA")).status == 403
    expired = re.sub(r"Expires=\d+", f"Expires={int(dt.datetime.now().timestamp()) - 5}", url)
    assert "Request has expired" in box.fetch(expired).text
    guard(
        {
            "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-images/*",
            "Condition": {"StringEquals": {"s3:signatureversion": "AWS"}},
        }
    )  # fmt: skip
    assert box.fetch(url).status == 403
    assert box.fetch(box.presign()).status == 200


def test_signature_age_is_in_milliseconds_and_grows(box, guard):
    guard(
        {
            "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-images/*",
            "Condition": {"NumericGreaterThan": {"s3:signatureAge": "2000"}},
        }
    )  # fmt: skip
    url = box.presign()
    assert box.fetch(url).status == 200
    time.sleep(2.1)
    assert box.fetch(url).status == 403
    assert box.fetch(sigv2(box)).status == 200, "a SigV2 URL has age 0 for ever"


def test_forwarded_headers_do_not_move_a_request(box):
    url = box.presign(LOCKED)
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert box.fetch(url, ELSEWHERE, headers={name: OFFICE}).status == 403


def test_a_page_may_read_why_it_was_refused(box):
    answer = box.fetch(box.presign(LOCKED), ELSEWHERE, headers={"Origin": "https://studio.example"})
    assert answer.status == 403
    assert answer.headers["access-control-allow-origin"] == "*"
    preflight = {"Origin": "https://studio.example", "Access-Control-Request-Method": "GET"}
    assert box.fetch(box.presign(), method="OPTIONS", headers=preflight).status == 200
