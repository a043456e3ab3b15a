"""CORS headers: those of a bucket's rules on refusals too, and none on the answers of other services.

A page that may read an answer of S3 may also read why it was refused.
"""

from __future__ import annotations

from ..accesslog.recorder import bucket_and_key
from .http import HttpRequest, Message, Send


def allowed(request: HttpRequest, send: Send) -> Send:
    """Return a send function that adds the headers of the bucket's CORS rules where they are missing."""
    if "origin" not in request.headers:
        return send

    async def through(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": _with_cors(request, list(message["headers"]))}
        await send(message)

    return through


def without(send: Send) -> Send:
    """Return a send function that drops CORS headers: the emulator lets every page read STS and IAM."""

    async def through(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(n, v) for n, v in message["headers"] if not n.lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return through


def _with_cors(request: HttpRequest, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    from ministack.services import s3

    if any(name.lower() == b"access-control-allow-origin" for name, _ in headers):
        return headers
    bucket, _ = bucket_and_key(request)
    found = s3.cors_response_headers(bucket, request.method, request.headers)
    return headers + [(name.lower().encode(), value.encode()) for name, value in found.items()]
