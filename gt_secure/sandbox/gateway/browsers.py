"""Limits for web pages: a browser may send only the requests here that it could send to AWS.

Any page can make a browser call a loopback port, with a form or by giving its own name this
machine's address (DNS rebinding). So the ``Host`` header must name this machine, and whatever needs
no signature (the sandbox's own pages) or is no business of a page (STS, IAM, SageMaker, EC2) is
refused to other sites. S3 stays open to pages: there a signature or the bucket's policy decides,
and its CORS rules say who may read, as on AWS. A page that may read an answer of S3 may also read
why it was refused; answers of other services have no CORS headers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from typing import TypeAlias

from .http import HttpRequest, Message, Reply, Send, json_reply

Headers: TypeAlias = list[tuple[bytes, bytes]]


def with_cors(request: HttpRequest, send: Send) -> Send:
    """Return a send function that completes the CORS headers of an answer to a browser."""
    return (
        _changed(send, lambda headers: _completed(request, headers))
        if "origin" in request.headers
        else send
    )


def without_cors(send: Send) -> Send:
    """Return a send function that drops CORS headers:
    the emulator lets every page read STS and IAM.
    """
    return _changed(
        send,
        lambda headers: [
            each for each in headers if not each[0].lower().startswith(b"access-control-")
        ],
    )


def _changed(send: Send, change: Callable[[Headers], Headers]) -> Send:
    async def through(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": change(list(message["headers"]))}
        await send(message)

    return through


def _completed(request: HttpRequest, headers: Headers) -> Headers:
    from ministack.services import s3

    if any(name.lower() == b"access-control-allow-origin" for name, _ in headers):
        return headers
    found = s3.cors_response_headers(request.bucket, request.method, request.headers)
    return headers + [(name.lower().encode(), value.encode()) for name, value in found.items()]


def is_this_machine(name: str, more: Collection[str] = ()) -> bool:
    """Return True if a host name can only mean this machine: a loopback address,
    ``localhost`` or a name below it.
    """
    try:
        return ipaddress.ip_address(name).is_loopback or name in more
    except ValueError:
        return any(name == own or name.endswith(f".{own}") for own in ("localhost", *more))


def foreign_host(request: HttpRequest, more: Collection[str] = ()) -> Reply | None:
    """Return the refusal of a request whose Host header does not name this machine;
    None if it does.
    """
    host = request.headers.get("host", "").strip().lower()
    if host.startswith("["):
        name = host[1:].partition("]")[0]
    else:
        name = host.partition(":")[0].rstrip(".")
    if request.raw_path.startswith("/") and is_this_machine(name, more):
        return None
    return _forbidden(
        "The Host header of the request does not name this machine, so the sandbox does not answer."
    )


def foreign_site(request: HttpRequest, *, may_navigate: bool = False) -> Reply | None:
    """Return the refusal of a request that another web site makes; None for others."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    if site in ("none", "same-origin") and origin in (
        None,
        f"http://{request.headers.get('host', '')}",
    ):
        return None
    follows_link = (
        request.method in ("GET", "HEAD")
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
    )
    if may_navigate and follows_link and origin is None:
        return None
    return _forbidden("A page of another site caused this request, so the sandbox does not answer.")


def _forbidden(message: str) -> Reply:
    return json_reply({"error": "Forbidden", "message": message}, 403)
