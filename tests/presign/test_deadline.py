"""A probe ends at its deadline and takes few bytes, whatever the server does."""

from __future__ import annotations

import gzip
import socket

import pytest

from gt_secure.presign import probe
from support.box import until
from support.drips import (
    LONG_S,
    Answer,
    endless_continue,
    server,
    silence,
    silent_tls,
    trickled_body,
    trickled_chunks,
    trickled_headers,
)

QUERY = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLE%2F20261124%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20261124T120000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=SECRETSIG"
)
DEADLINE_S = 0.5


@pytest.mark.parametrize(
    ("scheme", "answer"),
    [
        ("http", trickled_body),
        ("http", trickled_chunks),
        ("http", trickled_headers),
        ("http", endless_continue),
        ("http", silence),
        ("https", silent_tls),
    ],
)
def test_one_deadline_for_everything(scheme: str, answer: Answer) -> None:
    with server(answer, tls=answer is silent_tls) as (port, _, gone):
        got = probe(f"{scheme}://127.0.0.1:{port}/gt-images/a.png?{QUERY}", timeout_s=DEADLINE_S)
        assert (got.status, got.failure) == (None, "time-out")
        until(gone.is_set)  # the connection is closed, so the thread ends


def test_a_compressed_answer_is_neither_asked_for_nor_unpacked() -> None:
    packed = gzip.compress(gzip.compress(b"\0" * 50_000_000))

    def bomb(connection: socket.socket) -> None:
        head = (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length:"
            f" {len(packed)}\r\n\r\n"
        )
        connection.sendall(head.encode() + packed)

    with server(bomb) as (port, requests, _):
        got = probe(f"http://127.0.0.1:{port}/gt-images/a.png?{QUERY}", timeout_s=LONG_S)
    assert b"accept-encoding: identity" in requests[0].lower()
    assert (got.status, got.bytes_read) == (200, len(packed))


def test_a_large_object_is_not_read_to_its_end() -> None:
    def large(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65_536)

    with server(large) as (port, _, gone):
        got = probe(f"http://127.0.0.1:{port}/gt-images/a.png?{QUERY}", timeout_s=LONG_S)
        assert (got.status, got.bytes_read) == (200, 65_536)
        until(gone.is_set)


def test_a_name_that_does_not_resolve() -> None:
    got = probe(f"http://no-such-host.invalid/gt-images/a.png?{QUERY}", timeout_s=LONG_S)
    assert (got.status, got.failure) == (None, "dns")


def test_a_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    got = probe(f"http://127.0.0.1:{port}/gt-images/a.png?{QUERY}", timeout_s=LONG_S)
    assert (got.status, got.failure) == (None, "refused")


def test_an_answer_in_time_is_read() -> None:
    body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

    def refuse(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )

    with server(refuse) as (port, _, _):
        got = probe(f"http://127.0.0.1:{port}/gt-images/a.png?{QUERY}", timeout_s=LONG_S)
    assert (got.status, got.error_code) == (403, "AccessDenied")
