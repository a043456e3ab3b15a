"""Answers that AWS did not give are no answers: every call raises Unreachable,
and none reads them as 'nothing set'.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import FunctionType, SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from gt_secure.account.part_reader import part_of
from gt_secure.account.reader import read_bucket
from gt_secure.aws.buckets import read_policy
from gt_secure.aws.client import Aws, connect_aws
from gt_secure.aws.client_errors import aws_errors
from gt_secure.aws.endpoints import _vpc_names, list_s3_endpoints
from gt_secure.aws.teams import (
    list_workforces,
    list_workteams,
    read_team,
    read_workforce,
    team_from_api,
)
from gt_secure.base.errors import GtSecureError, NotFound, Unreachable

CALLS: dict[str, Callable[[Aws], object]] = {
    "policy": lambda aws: read_policy(aws, "gt-images"),
    "team": lambda aws: read_team(aws, "open-team"),
    "teams": list_workteams,
    "workforce": lambda aws: read_workforce(aws, "default"),
    "workforces": list_workforces,
    "endpoints": list_s3_endpoints,
    "identity": lambda aws: aws.identity(),
}
BODIES: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "object": b"{}",
    "list": b"[]",
    "null": b"null",
    "page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "xml page": b"<html><body>Sign in</body></html>",
    "bytes": b"\x00\xff\xfe",
    "half": b'{"Version": "2012-10-17", "Statem',
    "half xml": b"<VersioningConfiguration><Status>Ena",
    "deep": b"[" * 100_000,
    "other object": b'{"error": "no route to host"}',
    "text": b'"{}"',
}


@pytest.fixture(scope="module")
def answer() -> Iterator[tuple[Aws, list[tuple[int, bytes]]]]:
    answers: list[tuple[int, bytes]] = [(200, b"")]

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def _any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = answers[0]
            self.send_response(status)
            if self.command == "HEAD":
                self.send_header("x-amz-bucket-region", "us-east-1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_HEAD = _any

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    session = boto3.Session(
        aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )
    yield (
        connect_aws(
            boto3_session=session, endpoint_url=f"http://127.0.0.1:{server.server_address[1]}"
        ),
        answers,
    )
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("body", BODIES)
def test_an_odd_200_is_no_answer(
    answer: tuple[Aws, list[tuple[int, bytes]]], name: str, body: str
) -> None:
    aws, answers = answer
    answers[0] = (200, BODIES[body])
    with pytest.raises(Unreachable):
        CALLS[name](aws)


@pytest.mark.parametrize("body", BODIES)
def test_an_odd_200_leaves_a_bucket_unread(
    answer: tuple[Aws, list[tuple[int, bytes]]], body: str
) -> None:
    aws, answers = answer
    answers[0] = (200, BODIES[body])
    bucket = read_bucket(aws, "gt-images")
    for part in (
        bucket.policy,
        bucket.logging,
        bucket.cors,
        bucket.public_access_block,
        bucket.encryption,
    ):
        assert part.missing is not None
        assert part.missing.why == "no answer"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [302, 404, 407, 418, 500, 502])
def test_an_error_without_a_code_of_aws_is_one_of_ours(
    answer: tuple[Aws, list[tuple[int, bytes]]], name: str, status: int
) -> None:
    aws, answers = answer
    answers[0] = (status, BODIES["page"])
    with pytest.raises(GtSecureError):
        CALLS[name](aws)


def test_another_error_is_not_the_absence_of_a_policy(
    answer: tuple[Aws, list[tuple[int, bytes]]],
) -> None:
    aws, answers = answer
    answers[0] = (404, b"<Error><Code>NoSuchCORSConfiguration</Code><Message>odd</Message></Error>")
    with pytest.raises(GtSecureError):
        read_policy(aws, "gt-images")
    answers[0] = (404, b"<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>")
    assert read_policy(aws, "gt-images") is None


@pytest.mark.parametrize(
    "body", [BODIES["page"], b"404 page not found", b'{"message": "no route"}', b"", BODIES["deep"]]
)
@pytest.mark.parametrize("call", CALLS)
def test_a_404_of_a_proxy_is_no_missing_team(
    answer: tuple[Aws, list[Any]], call: str, body: bytes
) -> None:
    """AWS names the error; only answers to HEAD have no body."""
    aws, answers = answer
    answers[0] = (404, body)
    with pytest.raises(Unreachable):
        CALLS[call](aws)


def test_a_404_without_a_body_is_aws_in_answers_to_head() -> None:
    for operation, kind in (("HeadBucket", NotFound), ("GetBucketLocation", Unreachable)):
        with pytest.raises(kind), aws_errors("s3:ListBucket"):
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, operation)


@pytest.mark.parametrize("answer", [{}, {"Vpcs": None}, {"ResponseMetadata": {}}])
def test_names_of_networks_are_optional(answer: dict[str, Any]) -> None:
    aws = SimpleNamespace(client=lambda _: SimpleNamespace(describe_vpcs=lambda **_: answer))
    assert _vpc_names(cast("Aws", aws), {"vpc-1"}) == {}


@pytest.mark.parametrize("fault", [TypeError, AttributeError])
def test_a_fault_of_this_package_is_no_answer_that_cannot_be_read(fault: type[Exception]) -> None:
    def broken() -> str:
        raise fault("a fault of a reader")

    broken = FunctionType(
        broken.__code__, {"__name__": "gt_secure.account.reader"}, closure=broken.__closure__
    )
    with pytest.raises(fault, match="a fault of a reader"):
        part_of("the bucket policy", "s3:GetBucketPolicy", broken)


@pytest.mark.parametrize("fault", [TypeError, AttributeError, KeyError, ValueError])
def test_what_botocore_cannot_read_is_unknown(fault: type[Exception]) -> None:
    def odd() -> str:
        raise fault("an odd answer")

    assert part_of("the bucket policy", "s3:GetBucketPolicy", odd).missing is not None


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:sagemaker:us-east-1:111122223333:workforce/crowd", "crowd"),
        ("", "default"),
        (None, "default"),
    ],
)
def test_a_team_without_a_workforce_in_the_answer_is_of_the_default_one(
    arn: str | None, name: str
) -> None:
    answer = {
        "WorkteamName": "t",
        "WorkteamArn": "arn:aws:sagemaker:us-east-1:111122223333:workteam/crowd/t",
    }
    team = team_from_api(answer if arn is None else {**answer, "WorkforceArn": arn})
    assert team.workforce_name == name
