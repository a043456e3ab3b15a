"""Authentication: expired, altered, future, unknown and root;
S3 says so from wherever the URL is fetched.
"""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.past import aged, in_the_past

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
    ],
    ids=["signature", "expiry", "key", "added parameter"],
)
def test_altered_url_is_refused(box, alter, source):
    answer = box.fetch(alter(box.presign(LOCKED)), source)
    assert (answer.status, code(answer)) == (403, "SignatureDoesNotMatch")


def test_other_method_and_other_host_are_refused(box):
    url = box.presign()
    assert box.fetch(url, method="HEAD").status == 403
    assert box.fetch(url.replace("127.0.0.1", "localhost")).status == 403


@pytest.mark.parametrize("source", [OFFICE, ELSEWHERE])
def test_expired_url_says_so_from_anywhere(box, source, monkeypatch):
    url = in_the_past(monkeypatch, 5, lambda: box.presign(LOCKED, life_s=1))
    answer = box.fetch(url, source)
    assert (answer.status, code(answer)) == (403, "AccessDenied")
    assert (
        "<Message>Request has expired</Message><X-Amz-Expires>1</X-Amz-Expires><Expires>"
        in answer.text
    )
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
    session = boto3.Session(
        aws_access_key_id=key, aws_secret_access_key="test", region_name="us-east-1"
    )
    s3 = session.client("s3", endpoint_url=box.url, config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": "scans/0001.png"}
    )
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
    assert "new-bucket" not in {
        bucket["Name"] for bucket in box.client("s3").list_buckets()["Buckets"]
    }


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


def test_signature_age_is_in_milliseconds_and_grows(box, guard, monkeypatch):
    guard(
        {
            "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-images/*",
            "Condition": {"NumericGreaterThan": {"s3:signatureAge": "60000"}},
        }
    )  # fmt: skip
    assert [box.fetch(aged(box, monkeypatch, seconds)).status for seconds in (0, 20, 62)] == [
        200,
        200,
        403,
    ]
    url = aged(box, monkeypatch, 58)
    box.until(lambda: box.fetch(url).status == 403)
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


def test_a_url_of_another_region_says_which_is_right(box):
    answer = box.fetch(box.presign(LOCKED).replace("us-east-1", "eu-west-1"))
    assert (answer.status, code(answer)) == (400, "AuthorizationQueryParametersError")
    assert "the region 'eu-west-1' is wrong; expecting 'us-east-1'" in answer.text
    assert "<Region>us-east-1</Region>" in answer.text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("-1", "must be non-negative"),
        ("x", "should be a number"),
        ("604801", "less than a week"),
        ("1.5", "a number"),
    ],
)
def test_limits_of_the_life_of_a_url(box, given, text):
    answer = box.fetch(change(box.presign(), "X-Amz-Expires", given))
    assert (answer.status, code(answer)) == (400, "AuthorizationQueryParametersError")
    assert text in answer.text


def test_a_header_that_was_not_signed_is_refused(box):
    answer = box.fetch(box.presign(), headers={"x-amz-acl": "public-read"})
    assert answer.status == 403
    assert "There were headers present in the request which were not signed" in answer.text
    assert "<HeadersNotSigned>x-amz-acl</HeadersNotSigned>" in answer.text


V2 = {
    "get_object": {"Bucket": "gt-images", "Key": "scans/0001.png", "ResponseContentType": "text/x-own",
                   "ResponseContentDisposition": 'attachment; filename="a b.png"', "ResponseExpires": 0},
    "get_object_tagging": {"Bucket": "gt-images", "Key": "scans/0001.png"},
    "get_object_acl": {"Bucket": "gt-images", "Key": "scans/0001.png"},
    "list_object_versions": {"Bucket": "gt-images"},
    "get_bucket_policy_status": None,
    "list_objects_v2": {"Bucket": "gt-images", "Prefix": "scans/ü+ "},
    "get_bucket_location": {"Bucket": "gt-images"},
    "put_object": {"Bucket": "gt-images", "Key": "v2/ä b+c.txt"},
}  # fmt: skip


@pytest.mark.parametrize("operation", [name for name, params in V2.items() if params])
@pytest.mark.parametrize("session", [True, False])
def test_signature_version_2_of_sub_resources_and_response_headers(box, operation, session):
    keys = (
        box.assume()
        if session and operation == "get_object"
        else box.client("iam")._request_signer._credentials
    )
    s3 = sigv2_client(box, keys)
    url = s3.generate_presigned_url(operation, Params=V2[operation], ExpiresIn=60)
    answer = box.fetch(url, method="PUT" if operation == "put_object" else "GET")
    assert answer.status == 200, answer.text
    if operation == "get_object":
        assert answer.headers["content-type"] == "text/x-own"
        wrong = box.fetch(url.replace("text%2Fx-own", "text%2Fhtml"))
        assert (wrong.status, code(wrong)) == (403, "SignatureDoesNotMatch")


def sigv2_client(box, keys):
    given = keys if isinstance(keys, dict) else {
        "AccessKeyId": keys.access_key, "SecretAccessKey": keys.secret_key, "SessionToken": keys.token,
    }  # fmt: skip
    return boto3.client(
        "s3", endpoint_url=box.url, region_name="us-east-1", config=Config(signature_version="s3"),
        aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )  # fmt: skip


def test_signature_version_2_in_a_header(box):
    s3 = sigv2_client(box, box.client("iam")._request_signer._credentials)
    assert s3.get_object_acl(Bucket="gt-images", Key="scans/0001.png")["Owner"]
    s3.put_object(Bucket="gt-images", Key="v2/header.txt", Body=b"x", Metadata={"a": "b"})
    assert s3.head_object(Bucket="gt-images", Key="v2/header.txt")["Metadata"] == {"a": "b"}
    wrong = sigv2_client(
        box, {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x", "SessionToken": None}
    )
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        wrong.list_buckets()
