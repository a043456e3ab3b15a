"""An HTTP proxy between a client and the sandbox that spoils chosen calls as
networks and middleboxes do.
"""

from __future__ import annotations

import http.client
import http.server
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

Fault = Literal[
    "drop before",
    "drop after",
    "delay",
    "500",
    "503",
    "throttled",
    "truncated",
    "garbage",
    "html",
    "{}",
    "empty 200",
    "wrong length",
    "reset",
    "denied",
    "gone",
    "no policy",
]
FAULTS: tuple[Fault, ...] = tuple(
    fault for fault in get_args(Fault) if fault not in ("denied", "gone", "no policy")
)
"""Accidents of networks. Not among them: "gone" was deleted in the middle,
"no policy" is a complete, false answer.
"""
DELAY_S = 0.7
"""Longer than the read time-out of the clients in these tests."""
LATE = "X-Fault-Late"
"""Header of a delayed answer, for clients that give up on it without a time-out:
see ``give_up_on_late_answers``.
"""

_PAGE = b"<!DOCTYPE html><html><body>Sign in to the hotel network</body></html>"
_BODIES: dict[str, tuple[int, bytes]] = {
    "500": (500, b"<Error><Code>InternalError</Code><Message>injected</Message></Error>"),
    "503": (503, b"<Error><Code>SlowDown</Code><Message>injected</Message></Error>"),
    "garbage": (200, b"\x00\xff\xfe not an answer"),
    "html": (200, _PAGE),
    "{}": (200, b"{}"),
    "denied": (403, b"<Error><Code>AccessDenied</Code><Message>injected</Message></Error>"),
    "empty 200": (200, b""),
    "gone": (404, b"<Error><Code>NoSuchBucket</Code><Message>injected</Message></Error>"),
    "no policy": (
        404,
        (
            b"<Error><Code>NoSuchBucketPolicy</Code><Message>The bucket policy does not"
            b" exist</Message></Error>"
        ),
    ),
}


@dataclass(frozen=True)
class Call:
    """One call of a run: its name, and how many calls of this name came before it.

    Calls made at the same time arrive in any order: a place among all calls would be another call
    each time.
    """

    name: str
    earlier: int = 0

    def __str__(self) -> str:
        return f"{self.name} ({self.earlier + 1})"


def calls_of(names: Iterable[str]) -> list[Call]:
    """The calls with these names, in their order."""
    seen: Counter[str] = Counter()
    calls = []
    for name in names:
        calls.append(Call(name, seen[name]))
        seen[name] += 1
    return calls


class FaultyProxy:
    """Forwards to the sandbox; ``at`` and ``fault`` choose the call that is spoiled, ``lasting``
    those that follow.

    ``at`` is a :class:`Call` or a place among all calls. With ``spoil`` every call of one name is
    spoiled. With ``update_s``, for which the sandbox's workforces are updated, each update answers
    when it is over, and exactly one reading shows it under way: how often a client has to look does
    not depend on how fast the machine is.
    """

    def __init__(self, url: str, *, update_s: float = 0) -> None:
        self.target = urlsplit(url).netloc
        self.at: Call | int = -1
        self.fault: Fault = "reset"
        self.update_s = update_s
        self.delay_s = DELAY_S
        self.lasting = False
        self.name = ""
        self.names: list[str] = []
        self.injected = 0
        self._reached = self._updating = False
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def arm(self, at: Call | int, fault: Fault, *, lasting: bool) -> None:
        self.at, self.fault, self.lasting, self.name = at, fault, lasting, ""
        self.names = []
        self.injected = 0
        self._reached = self._updating = False

    def spoil(self, name: str, fault: Fault) -> None:
        self.arm(-1, fault, lasting=False)
        self.name = name

    def disarm(self) -> None:
        self.arm(-1, "reset", lasting=False)

    def count(self, name: str) -> Fault | None:
        with self._lock:
            here = (
                len(self.names) if isinstance(self.at, int) else Call(name, self.names.count(name))
            )
            self.names.append(name)
            hit = here == self.at or (self.lasting and self._reached)
            self._reached |= here == self.at
            hit = hit and (
                self.fault != "no policy" or (name.startswith("GET ") and "?policy" in name)
            )
            hit = hit or bool(self.name and self.name == name)
            self.injected += hit
            return self.fault if hit else None

    def staged(self, name: str, status: int, answer: bytes) -> bytes:
        """The answer, with the course of an update as ``update_s`` has it."""
        if self.update_s and name == "UpdateWorkforce" and status == 200:
            time.sleep(self.update_s)
            self._updating = True
        elif self._updating and name == "DescribeWorkforce":
            self._updating = False
            assert b'"Active"' in answer
            return answer.replace(b'"Active"', b'"Updating"')
        return answer

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def give_up_on_late_answers(proxy: FaultyProxy, patch: pytest.MonkeyPatch) -> None:
    """Let clients time out at the delayed answers of a proxy,
    and at no other that a busy machine gives slowly.
    """
    real = URLLib3Session.send

    def send(session: URLLib3Session, request: Any) -> Any:
        answer = real(session, request)
        if LATE in answer.headers:
            raise ReadTimeoutError(endpoint_url=request.url)
        return answer

    patch.setattr(URLLib3Session, "send", send)
    proxy.delay_s = 0


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that give up are part of these tests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    owner: FaultyProxy
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = f"{self.command} {self.path}"
        if target := self.headers.get("X-Amz-Target"):
            name = target.rsplit(".", 1)[-1]
        elif action := parse_qs(body.decode("latin-1")).get("Action") if self.path == "/" else None:
            name = action[0]
        fault = self.owner.count(name)
        if fault == "drop before":
            return self._hang_up()
        if fault == "throttled":
            return self._throttle()
        if fault == "denied" and "X-Amz-Target" in self.headers:
            return self._send(400, [], b'{"__type":"AccessDeniedException","message":"injected"}')
        if fault == "gone" and "X-Amz-Target" in self.headers:
            return self._send(400, [], b'{"__type":"ResourceNotFound","message":"injected"}')
        if fault in _BODIES:
            status, answer = _BODIES[fault]
            return self._send(status, [("Content-Type", "text/html")], answer)
        status, headers, answer = self._forward(body)
        answer = self.owner.staged(name, status, answer)
        if fault == "drop after":
            return self._hang_up()
        if fault == "reset":
            return self._reset()
        if fault == "delay":
            headers = [*headers, (LATE, "true")]
            time.sleep(self.owner.delay_s)
        if fault == "truncated":
            answer = answer[: len(answer) // 2]
        if fault == "wrong length":
            self._send(status, headers, answer, length=len(answer) + 40)
            return self._hang_up()
        return self._send(status, headers, answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

    def _throttle(self) -> None:
        if "X-Amz-Target" in self.headers:
            return self._send(400, [], b'{"__type":"ThrottlingException","message":"injected"}')
        return self._send(503, [], _BODIES["503"][1])

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.owner.target, timeout=120)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _send(
        self, status: int, headers: list[tuple[str, str]], body: bytes, length: int | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
