"""What AWS or the network can answer, over real HTTP, and the sentence a person gets for it."""

import datetime as dt
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from gt_secure.aws import client as aws_module
from gt_secure.aws.client import all_items, connect_aws
from gt_secure.base.errors import (
    AccessDenied,
    Conflict,
    CredentialsError,
    GtSecureError,
    InvalidInput,
    NotFound,
    Throttled,
    Unreachable,
)
from gt_secure.base.network import is_loopback_url
from gt_secure.connection import connect


@pytest.fixture
def answering():
    """A server that gives every request the same answer;
    returns a function that sets it and gives the URL.
    """
    said = {"status": 200, "body": b"{}", "delay": 0.0, "requests": 0}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            said["requests"] += 1
            self.rfile.read(int(self.headers.get("content-length", 0)))
            time.sleep(said["delay"])
            self.send_response(said["status"])
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(said["body"])))
            self.end_headers()
            self.wfile.write(said["body"])

        do_GET = do_HEAD = do_PUT = do_POST

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def answer(status, code="", message="", delay=0.0):
        body = json.dumps({"__type": code, "message": message}).encode() if code else b"{}"
        said.update(status=status, body=body, delay=delay)
        return f"http://127.0.0.1:{server.server_port}", said

    yield answer
    server.shutdown()
    server.server_close()


def session(**more):
    return boto3.session.Session("AKIAEXAMPLE", "secret", region_name="us-east-1", **more)


@pytest.mark.parametrize(
    ("status", "code", "message", "error"),
    [
        (400, "AccessDeniedException", "User x is not authorized", AccessDenied),
        (
            403,
            "ExpiredTokenException",
            "The security token included in the request is expired",
            CredentialsError,
        ),
        (403, "UnrecognizedClientException", "The security token is invalid", CredentialsError),
        (403, "InvalidSignatureException", "Signature expired", CredentialsError),
        (400, "ThrottlingException", "Rate exceeded", Throttled),
        (400, "ConflictException", "update in progress", Conflict),
        (400, "ValidationException", "1 validation error detected", InvalidInput),
        (500, "InternalFailure", "", GtSecureError),
    ],
)
def test_answers_become_sentences(answering, status, code, message, error):
    url, said = answering(status, code, message)
    gt = connect(boto3_session=session(), endpoint_url=url)
    with pytest.raises(error) as caught:
        gt.workteams()
    assert "sagemaker:ListWorkteams" in str(caught.value) or error is CredentialsError
    assert caught.value.__cause__ is not None
    assert "AKIAEXAMPLE" not in str(caught.value)
    assert said["requests"] <= 2 * aws_module.ATTEMPTS, "two lists, asked for at once"


def test_a_denied_call_carries_the_policy_for_an_administrator(answering):
    url, _ = answering(400, "AccessDeniedException", "no")
    with pytest.raises(AccessDenied) as caught:
        connect(boto3_session=session(), endpoint_url=url).workteam("radiology-team")
    statement = caught.value.policy["Statement"][0]
    assert statement["Action"] == "sagemaker:DescribeWorkteam"
    assert statement["Resource"].endswith("workteam/private-crowd/radiology-team")
    assert isinstance(caught.value, PermissionError)


def test_a_missing_team_is_told_apart_from_bad_input(answering):
    url, _ = answering(400, "ValidationException", "The work team nope does not exist.")
    with pytest.raises(NotFound, match="no private workteam 'nope'"):
        connect(boto3_session=session(), endpoint_url=url).workteam("nope")


def test_silence_ends_soon(answering, monkeypatch):
    monkeypatch.setattr(aws_module, "READ_TIMEOUT_S", 0.2)
    monkeypatch.setattr(aws_module, "ATTEMPTS", 2)
    url, answers = answering(200, delay=1.0)
    with pytest.raises(Unreachable, match="No response from"):
        connect(boto3_session=session(), endpoint_url=url).workteams()
    assert 2 <= answers["requests"] <= 4, "two lists of teams, two attempts at each"


def test_no_credentials(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(CredentialsError, match="No AWS credentials") as caught:
        connect(region="us-east-1", endpoint_url="http://127.0.0.1:9").workteams()
    assert "gt-secure sandbox" in caught.value.next_step


def test_no_region(monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(InvalidInput, match="No AWS region"):
        connect_aws()


@pytest.mark.parametrize("region", ["moon 1", "us_east_1", "../etc", ""])
def test_bad_regions(region, monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(InvalidInput, match="region"):
        connect_aws(region=region)


def test_bad_profile():
    with pytest.raises(InvalidInput, match="nonsuch-profile"):
        connect_aws(profile="nonsuch-profile", region="us-east-1")


@pytest.mark.parametrize("url", ["127.0.0.1:4566", "ftp://x", "http://", "file:///etc/passwd"])
def test_bad_endpoint_urls(url):
    with pytest.raises(InvalidInput, match="not an endpoint URL"):
        connect_aws(region="us-east-1", endpoint_url=url)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("https://s3.us-east-1.amazonaws.com", False),
        ("http://127.0.0.1.evil.example", False),
    ],
)
def test_what_is_local(url, local):
    assert is_loopback_url(url) is local


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "us-west-2", "eu-central-1"])
def test_presigning_is_sigv4_on_the_regional_host(region):
    client = connect_aws(boto3_session=session(), region=region).client("s3")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "gt-images", "Key": "k"})
    assert url.startswith(
        f"https://gt-images.s3.{region}.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    )


def test_dotted_buckets_go_into_the_path():
    client = connect_aws(boto3_session=session(), region="eu-west-1").client("s3")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "a.b.c", "Key": "k"})
    assert url.startswith("https://s3.eu-west-1.amazonaws.com/a.b.c/k?")


def test_sts_is_asked_in_the_region():
    assert connect_aws(boto3_session=session(), region="eu-west-1").client(
        "sts"
    ).meta.endpoint_url == ("https://sts.eu-west-1.amazonaws.com")


def test_clients_are_made_once():
    aws = connect_aws(boto3_session=session())
    assert aws.client("s3") is aws.client("s3")
    assert aws.client("s3") is not aws.client("s3", "eu-west-1")


def test_the_repr_holds_no_key():
    assert "AKIA" not in repr(connect_aws(boto3_session=session())) + repr(
        connect(boto3_session=session())
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-24T11:00:00.123Z", dt.datetime(2026, 11, 24, 11, 0, 0, 123000, dt.UTC)),
        ("2026-11-24T11:00:00Z", dt.datetime(2026, 11, 24, 11, tzinfo=dt.UTC)),
        ("Tue, 24 Nov 2026 11:00:00 GMT", dt.datetime(2026, 11, 24, 11, tzinfo=dt.UTC)),
        ("2026-11-24T11:00:00+01:00", dt.datetime(2026, 11, 24, 10, tzinfo=dt.UTC)),
        (1795518000, dt.datetime.fromtimestamp(1795518000, dt.UTC)),
        ("1795518000", dt.datetime.fromtimestamp(1795518000, dt.UTC)),
        (1795518000.5, dt.datetime.fromtimestamp(1795518000.5, dt.UTC)),
    ],
)
def test_times_are_read_as_botocore_reads_them(written: Any, read: dt.datetime) -> None:
    from botocore.utils import parse_timestamp

    from gt_secure.aws.client import _read_time

    assert _read_time(written) == read == parse_timestamp(written)
    assert _read_time(written).tzinfo is not None
    for bad in ("2026-13-24T11:00:00.123Z", "yesterday, or the dayZ"):
        with pytest.raises(ValueError, match=r"time|date|month|format|string"):
            _read_time(bad)


def test_a_session_that_was_handed_over_is_left_alone() -> None:
    mine = boto3.session.Session(region_name="eu-west-1")
    assert connect_aws(boto3_session=mine)._session is mine


def test_there_is_a_connection_for_each_thread_that_fetches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gt_secure.aws import s3_opener
    from gt_secure.logs.storage.objects import S3Object

    monkeypatch.setattr(s3_opener, "native_bucket", lambda *_: None)
    client = connect_aws(region="us-east-1", endpoint_url="http://127.0.0.1:1").client("s3")
    item = S3Object(s3_opener.AwsOpener(client), "b", "k", "e", 1)
    assert client.meta.config.max_pool_connections >= item.most_requests >= 16


def test_other_credentials_use_the_endpoints_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile hub]\nregion = us-east-1\nca_bundle = /etc/ssl/hub.pem\nservices = hub\n"
        "[services hub]\nec2 =\n  endpoint_url = https://ec2.hub.example\n"
        "sagemaker =\n  endpoint_url = https://vpce-0a1b.api.sagemaker.us-east-1.vpce.amazonaws.com\n"
        "s3 =\n  endpoint_url = https://s3.hub.example\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "https://sts.hub.example")
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    hub = connect_aws(profile="hub")
    hub.use_endpoint("sagemaker", "https://vpce-0a1b.api.sagemaker.us-east-1.vpce.amazonaws.com")
    hub.use_endpoint("iam", "https://iam.hub.example")
    monkeypatch.setenv("AWS_PROFILE", "default")
    for region in ("us-east-1", "eu-west-1"):
        aws = hub.with_keys("ASIAEXAMPLE", "secret", "token", region, timeout_s=1, calls=[])
        urls = {name: aws.client(name).meta.endpoint_url for name in ("ec2", "iam", "s3", "sts")}
        assert urls == {name: f"https://{name}.hub.example" for name in urls}
        assert aws.client("ec2").meta.region_name == region
        assert aws._session._session.get_config_variable("ca_bundle") == "/etc/ssl/hub.pem"
        assert aws._session.get_credentials().access_key == "ASIAEXAMPLE"
    monkeypatch.delenv("AWS_PROFILE")
    plain = connect_aws(boto3_session=session(), endpoint_url="https://all.hub.example")
    plain.use_endpoint("sagemaker", "https://vpce-0a1b.api.sagemaker.us-east-1.vpce.amazonaws.com")
    here, there = (
        plain.with_keys("ASIAEXAMPLE", "secret", "token", region, timeout_s=1, calls=[])
        for region in ("us-east-1", "eu-west-1")
    )
    assert "vpce-0a1b" in here.client("sagemaker").meta.endpoint_url
    assert there.client("sagemaker").meta.endpoint_url == "https://all.hub.example"


class _Pages:
    """A client whose listings note what they are asked."""

    asked: Any = None

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **asked: Any) -> Any:
        self.asked = asked
        return iter([{"Workteams": [{"WorkteamName": "a"}]}])


@pytest.mark.parametrize(("service", "most"), [("sagemaker", {"MaxResults": 100}), ("ec2", {})])
def test_a_page_of_sagemaker_is_as_large_as_it_can_be(service: str, most: dict[str, int]) -> None:
    """By default a page has ten items, so that the list of 500 teams would take 50 calls."""
    pages = _Pages()
    aws: Any = SimpleNamespace(client=lambda _: pages)
    assert all_items(aws, service, "list_workteams", "Workteams", Other=1) == [
        {"WorkteamName": "a"}
    ]
    assert pages.asked == {"Other": 1, **most}
