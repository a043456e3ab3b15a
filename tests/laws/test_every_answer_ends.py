"""Every answer of a service ends in bounded time with an error that says so, however slowly its
bytes come.

A server on loopback sends its bytes one at a time, in each part of an answer, over each way by
which this package asks: calls of each service, pages and bodies of logs by boto3 and by the native
client, a proxy. How long a wait may be is scaled down; the sum is what a person would wait in the
unit of one time-out.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import IO

import boto3
import pytest

from gt_secure.account.principals import read_principals
from gt_secure.aws import client as aws_client
from gt_secure.aws.client import Aws, connect_aws
from gt_secure.aws.s3_opener import AwsOpener
from gt_secure.aws.teams import list_private_workteams
from gt_secure.base.errors import GtSecureError, Unreachable
from gt_secure.logs.storage.objects import ResumingBody, S3Object, transport_errors
from gt_secure.presign.origin import probe_origins
from support import drips
from support.drips import Answer, server
from support.sample import sample

LIMIT_S = 0.3
ERRORS = (GtSecureError, OSError, *transport_errors())


_PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n"
_OBJECT = b'HTTP/1.1 200 OK\r\nETag: "e"\r\n'
trickled_page = drips.dripping(_PAGE, b" ")
trickled_object = drips.dripping(_OBJECT + b"Content-Length: 90000\r\n\r\n" + b"x" * 600, b"x")
endless_object = drips.dripping(_OBJECT + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")


WAYS: dict[str, Answer] = {
    "status": drips.trickled_status,
    "headers": drips.trickled_headers,
    "interim answers": drips.endless_continue,
    "interim answers without a pause": drips.hurried_continue,
    "refusal": drips.trickled_body,
    "refusal in chunks": drips.trickled_chunks,
    "page": trickled_page,
    "object": trickled_object,
    "object in chunks": endless_object,
    "nothing": drips.silence,
}


def log_of(aws: Aws, size: int) -> IO[bytes]:
    return S3Object(AwsOpener(aws), "gt-logs", "a.log", "e", size).open()


def read_roles(aws: Aws) -> None:
    if (found := read_principals(aws)).missing:
        raise Unreachable(str(found.missing))


CALLS: dict[str, Callable[[Aws], object]] = {
    "sts": lambda aws: aws.account_id,
    "sagemaker": list_private_workteams,
    "iam": read_roles,
    "s3": lambda aws: AwsOpener(aws).log_target("gt-images"),
    "a page of logs": lambda aws: AwsOpener(aws).list_page(Bucket="gt-logs"),
    "a small log": lambda aws: log_of(aws, 90_000).read(),
    "a large log": lambda aws: log_of(aws, 90_000_000).read(),
    "origins of the sandbox": probe_origins,
}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for bytes alone, not between attempts."""
    monkeypatch.setattr(
        "botocore.endpoint.time", type("Time", (), {"sleep": staticmethod(lambda _: None)})
    )
    monkeypatch.setattr(
        ResumingBody, "_pause", lambda body, _: vars(body).update(_left=body._left - 1, _body=None)
    )
    monkeypatch.setattr("gt_secure.presign.origin._TIMEOUT_S", LIMIT_S)


def connected(port: int) -> Aws:
    session = boto3.Session(
        aws_access_key_id="x", aws_secret_access_key="y", region_name="us-east-1"
    )
    aws = connect_aws(boto3_session=session, endpoint_url=f"http://127.0.0.1:{port}")
    aws._timeout_s = LIMIT_S
    return aws


def hold(name: str, answer: Answer) -> None:
    drips.OUTLASTED.clear()
    with server(answer, most=50) as (port, _, _), pytest.raises(ERRORS) as caught:
        CALLS[name](connected(port))
    # the reader of logs names the object
    log = name.endswith("log") and not isinstance(caught.value, GtSecureError)
    assert log or "refusal" in str(caught.value) or isinstance(caught.value, Unreachable), repr(
        caught.value
    )
    assert "stopped" not in str(caught.value)
    assert not drips.OUTLASTED, "the answer was waited for until its end"


@pytest.mark.parametrize(
    ("name", "way"), sample([(name, way) for name in CALLS for way in WAYS], 9)
)
def test_an_answer_ends(name: str, way: str) -> None:
    hold(name, WAYS[way])


def test_a_fault_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_client, "paced", dict)
    monkeypatch.setattr(drips, "LONG_S", 2)
    with pytest.raises(AssertionError):
        hold("sts", WAYS["interim answers"])


def test_a_slow_answer_that_keeps_the_pace_is_read_whole() -> None:
    def slow(connection: socket.socket) -> None:
        connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 2000000\r\n\r\n')
        for _ in range(40):
            connection.sendall(b"x" * 50_000)
            time.sleep(LIMIT_S / 10)

    with server(slow) as (port, requests, _):
        assert len(log_of(connected(port), 2_000_000).read()) == 2_000_000
    assert len(requests) == 1


def test_the_time_of_the_reader_does_not_count() -> None:
    def large(connection: socket.socket) -> None:
        connection.sendall(
            b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 8000000\r\n\r\n' + b"x" * 8_000_000
        )

    with server(large) as (port, requests, _):
        body = log_of(connected(port), 8_000_000)
        size = len(body.read(10))
        time.sleep(2 * LIMIT_S)
        size += len(body.read())
    assert (size, len(requests)) == (8_000_000, 1)
