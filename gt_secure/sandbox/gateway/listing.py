"""Limits of S3 lists that the emulator does not keep: at most 1,000 keys a page, and only tokens that it gave out.

Code that reads one page and believes it has all works with an emulator and loses rows on AWS (Amazon S3 API Reference,
*ListObjectsV2*: ``max-keys``, ``continuation-token``).
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import quote, unquote_plus

from . import query_auth
from .http import HttpRequest, Message, Reply, Send

MAX_KEYS = 1000
_INT_MAX = 2**31 - 1
_NUMBERS = ("max-keys", "max-uploads", "max-parts")
_MORE = re.compile(
    rb"<NextContinuationToken>[^<]*</NextContinuationToken>|<NextMarker>[^<]*</NextMarker>|"
    rb"<Next(?:Key|VersionId|UploadId)Marker>[^<]*</Next(?:Key|VersionId|UploadId)Marker>"
)


def fault(request: HttpRequest) -> Reply | None:
    """Return the error for a limit or a token that S3 does not take, or None."""
    if request.method != "GET":
        return None
    for name in _NUMBERS:
        if name not in request.query:
            continue
        value = request.query[name][0]
        if not re.fullmatch(r"-?\d+", value) or int(value) > _INT_MAX or int(value) < -_INT_MAX:
            text = f"Provided {name} not an integer or within integer range"
        elif int(value) < 0:
            text = f"Argument {name.replace('-k', 'K')} must be an integer between 0 and {_INT_MAX}"
        else:
            continue
        return query_auth.error(request, 400, "InvalidArgument", text, ArgumentName=name, ArgumentValue=value)
    tokens = request.query.get("continuation-token", []) if request.query.get("list-type") == ["2"] else []
    if tokens and not _is_token(tokens[0]):
        text = "The continuation token provided is incorrect"
        return query_auth.error(request, 400, "InvalidArgument", text, ArgumentName="continuation-token")
    return None


def _is_token(token: str) -> bool:
    try:
        return bool(base64.b64decode(token, validate=True).decode("utf-8"))
    except (ValueError, binascii.Error):
        return False


def query(request: HttpRequest) -> str | None:
    """Return the query with the largest page that S3 gives, or None if it needs no change."""
    if request.method != "GET":
        return None
    large = {name for name in _NUMBERS if int((request.query.get(name) or ["0"])[0] or 0) > MAX_KEYS}
    if not large:
        return None
    parts = []
    for part in request.raw_query.split("&"):
        name = unquote_plus(part.partition("=")[0])
        parts.append(f"{quote(name)}={MAX_KEYS}" if name in large else part)
    return "&".join(parts)


def without_rest(request: HttpRequest, send: Send) -> Send:
    """Return a send function for a list of no keys at all: it is never truncated."""
    if request.method != "GET" or (request.query.get("max-keys") or [""])[0] != "0":
        return send
    head: list[Message] = []
    body = bytearray()

    async def through(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.append(message)
            return
        body.extend(message.get("body", b""))
        if message.get("more_body"):
            return
        text = _MORE.sub(b"", bytes(body).replace(b"<IsTruncated>true<", b"<IsTruncated>false<"))
        kept = [(n, v) for n, v in head[0]["headers"] if n.lower() != b"content-length"]
        await send({**head[0], "headers": [*kept, (b"content-length", str(len(text)).encode())]})
        await send({"type": "http.response.body", "body": text})

    return through
