"""The requests that this process sends to AWS, watched below botocore: each try of each call."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.httpsession import URLLib3Session

_READS = ("Get", "List", "Describe", "Lookup", "Simulate", "Head")
_PURE = ("GetCallerIdentity",)
"""Reads although they are sent as forms."""


@dataclass(frozen=True)
class Sent:
    """One request: its method, what it asks for, and its body."""

    method: str
    target: str
    body: str
    signer: str = ""

    @property
    def is_write(self) -> bool:
        """Whether it changes something: by its method, or by the name of its operation."""
        name = self.operation
        if name:
            return not name.startswith(_READS)
        return self.method not in ("GET", "HEAD")

    @property
    def operation(self) -> str:
        """The name of the operation where the request has one; empty for S3."""
        if self.target.startswith("op:"):
            return self.target[3:]
        return ""

    def __str__(self) -> str:
        return f"{self.method} {self.target} {self.body}".strip()


@dataclass
class Requests:
    """The requests in their order."""

    sent: list[Sent] = field(default_factory=list)

    def repeated(self) -> Counter[Sent]:
        """Return each read that was sent again before anything was written, and how often."""
        again: Counter[Sent] = Counter()
        seen: set[Sent] = set()
        for each in self.sent:
            if each.is_write:
                seen.clear()
            elif each in seen:
                again[each] += 1
            seen.add(each)
        return again


def _sent(request: Any) -> Sent:
    headers = {str(name).lower(): value for name, value in request.headers.items()}
    target, body = headers.get("x-amz-target"), request.body or b""
    body = body if isinstance(body, bytes) else str(body).encode()
    text = body.decode("utf-8", "replace")
    url = urlsplit(request.url)
    what = f"{url.path}?{url.query}"
    if target:
        name = target.decode() if isinstance(target, bytes) else str(target)
        what = f"op:{name.rsplit('.', 1)[-1]}"
    elif text.startswith("Action="):
        what = f"op:{text[7:].split('&', 1)[0]}"
    authorization = headers.get("authorization", b"")
    signed = authorization.decode() if isinstance(authorization, bytes) else str(authorization)
    scope = signed.partition("Credential=")[2].partition(",")[0].split("/")
    return Sent(str(request.method), what, text, "/".join([*scope[:1], *scope[2:3]]))


@contextmanager
def watched() -> Iterator[Requests]:
    """Note each request of every client, as long as the block lasts."""
    seen, lock = Requests(), threading.Lock()
    send: Callable[..., Any] = URLLib3Session.send

    def noting(session: URLLib3Session, request: Any) -> Any:
        with lock:
            seen.sent.append(_sent(request))
        return send(session, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(URLLib3Session, "send", noting)
        yield seen
