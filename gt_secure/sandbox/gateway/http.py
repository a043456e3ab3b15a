"""Requests and responses as the parts of the sandbox pass them on,
and the ASGI messages they come from.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs, quote

from ...base.network import Source
from .mechanisms import Mechanism, form_fields, mechanisms

AsgiScope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

MAX_BODY, MAX_UNSIGNED = 1 << 30, 64 << 20
"""Largest body of a request that names its caller in a header or in the query,
and of any other one, in bytes.
"""


class BodyTooLarge(ValueError):
    """A request body is larger than the sandbox takes."""


@dataclass(slots=True)
class HttpRequest:
    """One HTTP request; ``form`` holds the fields of a form upload,
    ``mechanisms`` is set once the body was read.
    """

    method: str
    path: str
    raw_path: str
    raw_query: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    raw_headers: list[tuple[bytes, bytes]]
    source: Source
    http_version: str = "1.1"
    body: bytes = b""
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:16].upper())
    host_id: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    form: dict[str, str] | None = None
    mechanisms: tuple[Mechanism, ...] = ()

    @property
    def mechanism(self) -> Mechanism | None:
        """The one way in which the request names its caller; None for none, or for several."""
        return self.mechanisms[0] if len(self.mechanisms) == 1 else None

    @property
    def access_key(self) -> str:
        """The access key id of that one way, or an empty text."""
        return self.mechanism.access_key if self.mechanism else ""

    @property
    def virtual_bucket(self) -> str:
        """The bucket that the Host header names, as the emulator reads it, or an empty text."""
        from ministack.app import _NON_S3_VHOST_NAMES, _extract_s3_vhost_bucket

        bucket = str(_extract_s3_vhost_bucket(self.headers.get("host", "")) or "")
        return "" if bucket in _NON_S3_VHOST_NAMES else bucket

    @property
    def bucket(self) -> str:
        """The bucket in the host or path; empty without one."""
        return self.virtual_bucket or self.path.removeprefix("/").partition("/")[0]

    @property
    def key(self) -> str:
        """The object key in the path; empty without one."""
        path = self.path.removeprefix("/")
        return path if self.virtual_bucket else path.partition("/")[2]

    @property
    def arn(self) -> str:
        """The ARN of the object, or of the bucket."""
        return (
            f"arn:aws:s3:::{self.bucket}/{self.key}" if self.key else f"arn:aws:s3:::{self.bucket}"
        )

    @property
    def long_id(self) -> str:
        """The id of the request as a UUID, as other services write it."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.id))

    async def read(self, receive: Receive) -> None:
        """Read the body, and find out how the request names its caller;
        BodyTooLarge before anything is read of it.
        """
        most = MAX_BODY if mechanisms(self.headers, self.query) else MAX_UNSIGNED
        announced = self.headers.get("content-length", "")
        self.body = body = await _read_body(
            receive, most, int(announced) if announced.isdecimal() else 0
        )
        self.form = form_fields(self.method, self.headers, body)
        self.mechanisms = mechanisms(self.headers, self.query, self.form)


@dataclass(slots=True)
class Reply:
    """One HTTP response."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def read_head(scope: AsgiScope, source: Source) -> HttpRequest:
    """Return the request without its body."""
    raw_query = scope.get("query_string", b"").decode("latin-1")
    headers: dict[str, str] = {}
    for name, value in scope.get("headers", []):
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
    return HttpRequest(
        method=scope["method"],
        path=scope["path"],
        raw_path=raw_path.decode("latin-1").split("?", 1)[0],
        raw_query=raw_query,
        query=parse_qs(raw_query, keep_blank_values=True),
        headers=headers,
        raw_headers=list(scope.get("headers", [])),
        source=source,
        http_version=scope.get("http_version", "1.1"),
    )


async def _read_body(receive: Receive, most: int, size: int) -> bytes:
    chunks = []
    while size <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client closed the connection")
        chunks.append(message.get("body", b""))
        size = max(size, sum(map(len, chunks)))
        if not message.get("more_body"):
            return b"".join(chunks)
    raise BodyTooLarge(f"The sandbox takes at most {most} bytes of such a request.")


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a receiver that gives a body that was read before."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def respond(send: Send, reply: Reply, *, head: bool = False) -> None:
    """Send a whole answer; without its body to a HEAD request."""
    headers = {
        "content-length": str(len(reply.body)),
        **{k.lower(): v for k, v in reply.headers.items()},
    }
    encoded = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})


def json_reply(value: Any, status: int = 200, content_type: str = "application/json") -> Reply:
    """Return an answer with JSON."""
    return Reply(
        status,
        json.dumps(value).encode(),
        {"content-type": content_type, "cache-control": "no-store"},
    )


AWS_JSON = "application/x-amz-json-1.1"
"""Content type of the services whose operation is named in a header (CloudTrail, WAF)."""


def aws_json_error(code: str, message: str) -> Reply:
    """Return an error of an AWS service that speaks JSON."""
    reply = json_reply({"__type": code, "message": message}, 400, AWS_JSON)
    reply.headers["x-amzn-errortype"] = code
    return reply


def parsed_json(body: bytes) -> Any:
    """Return the JSON of a body; None if it is malformed."""
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
