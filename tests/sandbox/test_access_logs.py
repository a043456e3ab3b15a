"""Rows of the server access log, field by field, and their delivery."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from urllib.parse import unquote

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, strategies as st

from gt_secure.sandbox.accesslog import delivery, recorder
from gt_secure.sandbox.accesslog.recorder import operation
from support.past import in_the_past

from .conftest import ELSEWHERE, IN_VPC, OFFICE, OFFICE_V6, Box

FIELD = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')
NAMES = tuple(
    "owner bucket time ip requester request_id operation key uri status error bytes size total turnaround referer"  # noqa: SIM905
    " agent version host_id signature cipher auth host tls arn acl region".split()
)


def split(row):
    fields = FIELD.findall(row)
    assert len(fields) == 27, row
    return dict(zip(NAMES, fields, strict=True))


@pytest.fixture
def delivered(box):
    """Deliver what is waiting, and afterwards return only the rows of the test."""
    box.flush()

    def read(marker=""):
        s3 = box.client("s3")
        found = []
        for uri in box.flush()["objects"]:
            bucket, key = uri.removeprefix("s3://").split("/", 1)
            found += s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()
        return [split(row) for row in found if marker in row]

    return read


def test_a_presigned_get_in_27_fields(box, delivered):
    url = box.presign({"IpAddress": {"aws:SourceIp": OFFICE}}, ResponseContentType="image/x")
    agent = {"User-Agent": "Mozilla/5.0 (test)", "Referer": "https://portal.example/task?a=b c"}
    begun = dt.datetime.now(dt.UTC).replace(microsecond=0)
    ok = box.fetch(url, OFFICE, headers=agent)
    no = box.fetch(url, ELSEWHERE)
    raw = delivered()
    assert len(raw) == 2
    first, second = raw
    assert re.fullmatch("[0-9a-f]{64}", first["owner"])
    assert first["bucket"] == "gt-images"
    moment = dt.datetime.strptime(first["time"], "[%d/%b/%Y:%H:%M:%S %z]")
    assert begun <= moment <= dt.datetime.now(dt.UTC)
    assert (first["ip"], second["ip"]) == (OFFICE, ELSEWHERE)
    assert (
        first["requester"] == "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/tester"
    )
    assert first["request_id"] == ok.headers["x-amz-request-id"]
    assert f"<RequestId>{second['request_id']}</RequestId>" in no.text
    assert (first["operation"], first["key"]) == ("REST.GET.OBJECT", "scans/0001.png")
    assert (first["status"], first["error"], second["status"], second["error"]) == (
        "200",
        "-",
        "403",
        "AccessDenied",
    )
    assert first["bytes"] == first["size"] == str(len(ok.body))
    assert (second["bytes"], second["size"]) == (str(len(no.body)), "-")
    assert (first["signature"], first["auth"]) == ("SigV4", "QueryString")
    assert first["host"] == box.url.removeprefix("http://")
    assert [first[name] for name in ("cipher", "tls", "arn", "acl", "version")] == ["-"] * 5
    assert first["region"] == "us-east-1"
    assert (first["agent"], first["referer"]) == tuple(
        f'"{agent[name]}"' for name in ("User-Agent", "Referer")
    )
    assert (second["agent"], second["referer"]) == ('"-"', '"-"')


def test_raw_quotes_of_clients_reach_the_log_as_on_aws(box):
    box.flush()
    box.fetch(box.presign(), headers={"User-Agent": 'a "b" c', "Referer": 'x"'})
    (uri,) = box.flush()["objects"]
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    (row,) = (
        box.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()
    )
    assert '"x"" "a "b" c" - ' in row
    assert row.rsplit('"', 1)[1].split()[4] == "QueryString"


def test_the_signature_is_masked_and_nothing_else(box, delivered):
    url = box.presign()
    signature = re.search("X-Amz-Signature=([0-9a-f]{64})", url)[1]
    box.fetch(url)
    (row,) = delivered()
    assert signature not in str(row)
    sent = url.removeprefix(box.url).replace(signature, "X" * 32)
    assert row["uri"] == f'"GET {sent} HTTP/1.1"'


@pytest.mark.parametrize(
    ("source", "ip"), [(IN_VPC, "10.0.3.4"), (OFFICE_V6, OFFICE_V6), ("192.0.2.10", "192.0.2.10")]
)
def test_the_address_is_what_s3_sees(box, delivered, source, ip):
    box.fetch(box.presign(), source)
    assert [row["ip"] for row in delivered()] == [ip]


def test_requests_that_fail_authentication_have_no_requester(box, delivered, monkeypatch):
    box.fetch(box.presign().replace("0001.png", "0002.png"))
    box.fetch("/gt-images/scans/0001.png")
    box.fetch(in_the_past(monkeypatch, 120, lambda: box.presign(life_s=60)))
    found = [(row["requester"], row["status"], row["error"], row["auth"]) for row in delivered()]
    assert found == [
        ("-", "403", "SignatureDoesNotMatch", "QueryString"),
        ("-", "403", "AccessDenied", "-"),
        ("-", "403", "AccessDenied", "QueryString"),
    ]


def test_operations_of_a_stock_client(box, delivered):
    s3 = box.client("s3")
    key = "logged/a b+ü.txt"
    s3.put_object(Bucket="gt-images", Key=key, Body=b"12345")
    s3.head_object(Bucket="gt-images", Key=key)
    s3.get_object(Bucket="gt-images", Key=key, Range="bytes=0-1")
    s3.copy_object(
        Bucket="gt-images", Key="logged/copy", CopySource={"Bucket": "gt-images", "Key": key}
    )
    s3.list_objects_v2(Bucket="gt-images")
    s3.get_bucket_location(Bucket="gt-images")
    s3.get_bucket_logging(Bucket="gt-images")
    s3.get_bucket_cors(Bucket="gt-images")
    with pytest.raises(ClientError):
        s3.get_bucket_policy(Bucket="gt-images")
    with pytest.raises(ClientError):
        s3.get_object(Bucket="gt-images", Key="logged/none")
    with pytest.raises(ClientError):
        s3.head_object(Bucket="gt-images", Key="logged/none")
    s3.delete_object(Bucket="gt-images", Key=key)
    found = delivered()
    assert [(row["operation"], row["status"], row["error"]) for row in found] == [
        ("REST.PUT.OBJECT", "200", "-"),
        ("REST.HEAD.OBJECT", "200", "-"),
        ("REST.GET.OBJECT", "206", "-"),
        ("REST.COPY.OBJECT", "200", "-"),
        ("REST.COPY.OBJECT_GET", "200", "-"),
        ("REST.GET.BUCKET", "200", "-"),
        ("REST.GET.LOCATION", "200", "-"),
        ("REST.GET.LOGGING_STATUS", "200", "-"),
        ("REST.GET.CORS", "200", "-"),
        ("REST.GET.BUCKETPOLICY", "404", "NoSuchBucketPolicy"),
        ("REST.GET.OBJECT", "404", "NoSuchKey"),
        ("REST.HEAD.OBJECT", "404", "NoSuchKey"),
        ("REST.DELETE.OBJECT", "204", "-"),
    ]
    put, head, part = found[:3]
    assert unquote(unquote(put["key"])) == key
    assert put["key"] == "logged/a%2520b%252B%25C3%25BC.txt"
    assert (put["size"], head["bytes"], head["size"]) == ("5", "-", "5")
    assert (part["bytes"], part["size"]) == ("2", "5")
    assert {row["auth"] for row in found} == {"AuthHeader"}
    assert {row["requester"] for row in found} == {"arn:aws:iam::111122223333:user/sandbox-admin"}
    assert len({row["request_id"] for row in found}) == len(found) - 1, (
        "a copy is two rows of one request"
    )


def logging_to(prefix, **layout):
    more = {"TargetObjectKeyFormat": layout} if layout else {}
    return {"LoggingEnabled": {"TargetBucket": "gt-logs", "TargetPrefix": prefix, **more}}


LAYOUTS = [
    ({}, r"s3/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}"),
    ({"SimplePrefix": {}}, r"s3/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}"),
    (
        {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}},
        r"s3/111122223333/us-east-1/gt-images/\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\d-00-00-00-[0-9A-F]{16}",
    ),
    (
        {"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}},
        r"s3/111122223333/us-east-1/gt-images/\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}",
    ),
]


@pytest.mark.parametrize(("layout", "pattern"), LAYOUTS, ids=[str(layout) for layout, _ in LAYOUTS])
def test_key_layouts(box, layout, pattern):
    s3 = box.client("s3")
    box.flush()
    status = logging_to("s3/", **layout)
    try:
        s3.put_bucket_logging(Bucket="gt-images", BucketLoggingStatus=status)
        box.flush()
        stored = s3.get_bucket_logging(Bucket="gt-images")["LoggingEnabled"]
        assert stored["TargetPrefix"] == "s3/"
        box.fetch(box.presign())
        (uri,) = box.flush()["objects"]
        assert re.fullmatch(f"s3://gt-logs/{pattern}", uri)
    finally:
        s3.put_bucket_logging(Bucket="gt-images", BucketLoggingStatus=logging_to("s3/"))


def test_logging_can_be_turned_off(box, delivered):
    s3 = box.client("s3")
    try:
        s3.put_bucket_logging(Bucket="gt-images", BucketLoggingStatus={})
        delivered()
        box.fetch(box.presign())
        assert delivered() == []
    finally:
        s3.put_bucket_logging(Bucket="gt-images", BucketLoggingStatus=logging_to("s3/"))


def test_target_must_exist(box):
    with pytest.raises(ClientError) as caught:
        box.client("s3").put_bucket_logging(
            Bucket="gt-images",
            BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "no-such", "TargetPrefix": ""}},
        )
    assert caught.value.response["Error"]["Code"] == "InvalidTargetBucketForLogging"
    assert caught.value.response["Error"]["TargetBucket"] == "no-such"


DENY = {
    "Sid": "NoLogs",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::gt-logs/*",
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda policy: policy["Statement"].append(DENY), "a Deny statement"),
        (lambda policy: policy["Statement"].append(
            {**DENY, "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}), "a Deny statement"),
        (lambda policy: policy["Statement"][0].update(Resource="arn:aws:s3:::gt-logs/other/*"), "no statement"),
        (lambda policy: policy["Statement"][0]["Condition"]["ArnLike"].update(
            {"aws:SourceArn": "arn:aws:s3:::other"}), "no statement"),
        (lambda policy: policy["Statement"].append({**DENY, "Condition": {
            "StringEquals": {"s3:authType": "REST-QUERY-STRING"}}}), None),
    ],
)  # fmt: skip
def test_the_target_policy_decides_about_delivery(box, change, reason):
    s3 = box.client("s3")
    box.flush()
    original = s3.get_bucket_policy(Bucket="gt-logs")["Policy"]
    policy = json.loads(original)
    change(policy)
    try:
        s3.put_bucket_policy(Bucket="gt-logs", Policy=json.dumps(policy))
        box.fetch(box.presign())
        outcome = box.flush()
    finally:
        s3.put_bucket_policy(Bucket="gt-logs", Policy=original)
    if reason is None:
        assert (outcome["rows"], outcome["refused"]) == (1, [])
    else:
        assert outcome["rows"] == 0
        (refused,) = outcome["refused"]
        assert reason in refused["reason"]


def test_a_bucket_without_policy_receives_no_logs(box):
    s3 = box.client("s3")
    s3.create_bucket(Bucket="bare-logs")
    s3.create_bucket(Bucket="logging-bucket")
    s3.put_bucket_logging(
        Bucket="logging-bucket",
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "bare-logs", "TargetPrefix": ""}},
    )
    s3.list_objects_v2(Bucket="logging-bucket")
    reasons = [item["reason"] for item in box.flush()["refused"] if item["target"] == "bare-logs"]
    assert reasons == ["no bucket policy allows logging.s3.amazonaws.com to put objects"]


def test_rows_arrive_by_themselves_after_the_delay():
    with Box.running(log_delay_s=1.0) as box:
        url = box.presign()
        start = time.monotonic()
        box.fetch(url)
        s3 = box.client("s3")
        keys = box.until(lambda: s3.list_objects_v2(Bucket="gt-logs", Prefix="s3/").get("Contents"))
        assert time.monotonic() - start > 0.9
        body = s3.get_object(Bucket="gt-logs", Key=keys[0]["Key"])["Body"].read().decode()
        assert body.endswith(" us-east-1\n")
        assert [split(row)["operation"] for row in body.splitlines()] == ["REST.GET.OBJECT"]


@pytest.mark.parametrize(
    ("method", "key", "query", "copy", "expected"),
    [
        ("GET", "", ["list-type", "prefix"], False, "REST.GET.BUCKET"),
        ("GET", "k", ["X-Amz-Signature"], False, "REST.GET.OBJECT"),
        ("GET", "k", ["tagging"], False, "REST.GET.OBJECT_TAGGING"),
        ("GET", "", ["tagging"], False, "REST.GET.TAGGING"),
        ("GET", "k", ["annotation", "annotationName"], False, "REST.GET.OBJECT_ANNOTATION"),
        ("POST", "k", ["uploads"], False, "REST.POST.UPLOADS"),
        ("PUT", "k", ["partNumber", "uploadId"], False, "REST.PUT.PART"),
        ("POST", "k", ["uploadId"], False, "REST.POST.UPLOAD"),
        ("POST", "", ["delete"], False, "REST.POST.MULTI_OBJECT_DELETE"),
        ("OPTIONS", "k", [], False, "REST.OPTIONS.PREFLIGHT"),
        ("PUT", "k", [], True, "REST.COPY.OBJECT"),
        ("PUT", "", ["policy"], False, "REST.PUT.BUCKETPOLICY"),
        ("DELETE", "", ["policy"], False, "REST.DELETE.BUCKETPOLICY"),
    ],
)
def test_operation_names(method, key, query, copy, expected):
    assert operation(method, key, query, copy=copy) == expected


@given(st.text(min_size=1, max_size=60))
def test_any_key_is_one_word_and_comes_back(key):
    encoded = recorder.encode_key(key.encode("utf-8", "replace").decode())
    assert not re.search(r"[\s\"]", encoded)
    assert unquote(unquote(encoded)) == key.encode("utf-8", "replace").decode()


@given(st.text(max_size=80))
def test_no_client_text_can_break_a_line(text):
    assert "\n" not in recorder.quoted(text)
    assert "\r" not in recorder.quoted(text)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<",
        b"<a/>",
        b"<BucketLoggingStatus/>",
        b"<x><TargetPrefix>a</TargetPrefix></x>",
        b"\xff",
    ],
)
def test_broken_configuration_means_no_logging(document):
    assert delivery.parse(document) is None
