"""Watches S3 requests and turns each one, also a refused one, into rows for the buckets that log.

Amazon S3 User Guide, *Amazon S3 server access log format*: a field without a value is ``-``, keys
are URL-encoded twice, and the signature of a SigV4 presigned URL is masked (AWS Prescriptive
Guidance, *Presigned URL best practices*, "Logging interactions").
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_plus

from ...base.clock import utc_now
from .. import emulator
from ..gateway import auth
from ..gateway.http import HttpRequest, Message, Send
from ..gateway.mechanisms import AUTHENTICATION, VERSION
from ..settings import REGION, account_id
from .data_events import TRAIL, event_of
from .delivery import Delivery, LogSetting, parse

MASK = "X" * 32

_SIGNATURE = re.compile(r"(?i)(\bX-Amz-Signature=)[^&\s\"]*")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CODE = re.compile(rb"<Error>.*?<Code>([A-Za-z0-9]+)</Code>", re.DOTALL)
_UNAUTHENTICATED = frozenset(
    {
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "ExpiredToken",
        "InvalidToken",
        "AuthorizationQueryParametersError",
        "AuthorizationHeaderMalformed",
        "RequestTimeTooSkewed",
        "InvalidArgument",
    }
)


@dataclass(slots=True)
class RequestWatch:
    """One request on its way: what has been answered so far."""

    delivery: Delivery
    events: Delivery
    request: HttpRequest
    out: Send
    started: float = field(default_factory=time.monotonic)
    time: dt.datetime = field(default_factory=utc_now)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    sent: int = 0
    turnaround_ms: int = 0
    beginning: bytes = b""

    async def send(self, message: Message) -> None:
        """Send a message on, and note status, headers, bytes and time."""
        if message["type"] == "http.response.start":
            # the answer has the ids that its row will have, in the form of S3
            ids = {b"x-amz-request-id", b"x-amz-id-2", b"x-amzn-requestid"}
            headers = [
                *((n.lower(), v) for n, v in message["headers"] if n.lower() not in ids),
                (b"x-amz-request-id", self.request.id.encode()),
                (b"x-amz-id-2", self.request.host_id.encode()),
            ]
            message = {**message, "headers": headers}
            self.status = message["status"]
            self.headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in headers}
            self.turnaround_ms = int((time.monotonic() - self.started) * 1000)
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")
            self.sent += len(body)
            if len(self.beginning) < 2048:
                self.beginning += body[:2048]
        await self.out(message)

    async def finish(self) -> None:
        """Give the rows of an answered request to the delivery, if its bucket logs."""
        if not self.status:
            return
        request = self.request
        bucket, key = request.bucket, request.key
        target = await _target(bucket)
        copy_source = request.headers.get("x-amz-copy-source")
        name = operation(request.method, key, request.query, copy=copy_source is not None)
        error = _error(self)
        who = _requester(request, error, self.beginning)
        event = event_of(
            request,
            self.time,
            name,
            requester=who,
            error=error,
            answer=self.beginning,
            sent=self.sent,
        )
        if event is not None:
            self.events.add(TRAIL, bucket, self.time, event)
        if target is not None:
            self.delivery.add(target, bucket, self.time, _row(self, bucket, key, name))
        if copy_source and request.method == "PUT" and key:
            source_bucket, _, source_key = (
                unquote_plus(copy_source.split("?", 1)[0]).lstrip("/").partition("/")
            )
            source_target = await _target(source_bucket)
            if source_target is not None:
                row = _row(self, source_bucket, source_key, "REST.COPY.OBJECT_GET")
                self.delivery.add(source_target, source_bucket, self.time, row)


async def _target(bucket: str) -> LogSetting | None:
    if not bucket:
        return None
    status, _, document = await emulator.s3("GET", f"/{bucket}", query={"logging": [""]})
    return parse(document) if status == 200 else None


def _row(watch: RequestWatch, bucket: str, key: str, name: str) -> str:
    """Return the row of a request, in the 27 fields that S3 writes today."""
    request, status = watch.request, watch.status
    mechanism = request.mechanism
    error = _error(watch)
    query = f"?{request.raw_query}" if request.raw_query else ""
    size = (
        watch.headers.get("content-length", "")
        if name in ("REST.GET.OBJECT", "REST.HEAD.OBJECT")
        else ""
    )
    if watch.status >= 300:
        object_size = None
    elif name == "REST.PUT.OBJECT":
        decoded = watch.request.headers.get("x-amz-decoded-content-length", "")
        object_size = int(decoded) if decoded.isdigit() else len(watch.request.body)
    else:
        whole = watch.headers.get("content-range", "").rpartition("/")[2]
        text = whole or size
        object_size = int(text) if text.isdigit() else None
    fields = (
        hashlib.sha256(account_id().encode()).hexdigest(),  # the owner, as S3 shows it
        bucket,
        log_time(watch.time),
        _dash(str(request.source.address)),
        _dash(_requester(request, error, watch.beginning)),
        request.id,
        name,
        _dash(encode_key(key)),
        quoted(
            _SIGNATURE.sub(
                lambda found: found[1] + MASK,
                f"{request.method} {request.raw_path}{query} HTTP/{request.http_version}",
            )
        ),
        str(status),
        _dash(error),
        _dash(watch.sent),
        _dash(object_size),
        str(int((time.monotonic() - watch.started) * 1000)),
        _dash(watch.turnaround_ms),
        quoted(request.headers.get("referer", "")),
        quoted(request.headers.get("user-agent", "")),
        _dash((request.query.get("versionId") or [watch.headers.get("x-amz-version-id", "")])[0]),
        request.host_id,
        VERSION[mechanism.version] if mechanism else "-",
        "-",  # cipher suite: the sandbox speaks plain HTTP
        AUTHENTICATION[mechanism.kind] if mechanism else "-",
        _dash(request.headers.get("host", "")),
        "-",  # TLS version
        "-",  # access point ARN
        "-",  # aclRequired
        REGION,
    )
    return " ".join(fields)


def _error(watch: RequestWatch) -> str:
    if failed := _CODE.search(watch.beginning) if watch.status >= 300 else None:
        return failed[1].decode()
    return _HEAD_ERRORS.get(watch.status, "") if watch.request.method == "HEAD" else ""


_HEAD_ERRORS = {403: "AccessDenied", 404: "NoSuchKey", 412: "PreconditionFailed"}


def _requester(request: HttpRequest, error: str, beginning: bytes) -> str:
    """The ARN of the caller; nobody when the signature did not prove it."""
    key = request.access_key
    unproven = error in _UNAUTHENTICATED or b"Request has expired" in beginning
    if not key or unproven or auth.is_root_key(key):
        return ""
    return auth.caller_arn(key) or ""


def log_time(time: dt.datetime) -> str:
    """Write a time as ``[24/Nov/2026:15:04:05 +0000]``, whatever the locale."""
    utc = time.astimezone(dt.UTC)
    return f"[{utc:%d}/{_MONTHS[utc.month - 1]}/{utc:%Y:%H:%M:%S} +0000]"


def encode_key(key: str) -> str:
    """Return a key as S3 writes it in an access log: quoted twice."""
    return quote(quote(key, safe="/-_.~"), safe="/-_.~")


def _dash(value: str | int | None) -> str:
    return str(value) if value else "-"


def quoted(text: str) -> str:
    """Put a text between quotes; quotes inside stay raw, as in real logs,
    but no line end may split the row.
    """
    clean = re.sub(r"[\r\n]+", " ", text)
    return f'"{clean}"' if clean else '"-"'


_SUBRESOURCES = {
    "policy": "BUCKETPOLICY",
    "policystatus": "POLICY_STATUS",
    "logging": "LOGGING_STATUS",
    "versions": "BUCKETVERSIONS",
    "requestpayment": "REQUEST_PAYMENT",
    "publicaccessblock": "PUBLIC_ACCESS_BLOCK",
    "ownershipcontrols": "OWNERSHIP_CONTROLS",
    "object-lock": "OBJECT_LOCK_CONFIGURATION",
    "retention": "OBJECT_LOCK_RETENTION",
    "legal-hold": "OBJECT_LOCK_LEGALHOLD",
    "attributes": "OBJECT_ATTRIBUTES",
    "annotation": "OBJECT_ANNOTATION",  # AWS does not document the name
}
_SAME_NAME = {
    "cors",
    "location",
    "versioning",
    "uploads",
    "lifecycle",
    "notification",
    "encryption",
    "website",
}
_SAME_NAME |= {
    "replication",
    "accelerate",
    "analytics",
    "inventory",
    "metrics",
    "acl",
    "tagging",
    "torrent",
}
_SUBRESOURCES |= {name: name.upper() for name in sorted(_SAME_NAME)}


def operation(method: str, key: str, query: Collection[str], *, copy: bool = False) -> str:
    """Return the operation of a request as S3 names it in an access log."""
    names = {name.lower() for name in query}
    if method == "OPTIONS":
        return "REST.OPTIONS.PREFLIGHT"
    if method == "POST" and "delete" in names and not key:
        return "REST.POST.MULTI_OBJECT_DELETE"
    if key and "uploadid" in names:
        return f"REST.{method}.{'PART' if method == 'PUT' else 'UPLOAD'}"
    for name, label in _SUBRESOURCES.items():
        if name in names:
            if name == "tagging" and key:
                label = "OBJECT_TAGGING"
            return f"REST.{method}.{label}"
    if copy and method == "PUT":
        return "REST.COPY.OBJECT"
    return f"REST.{method}.{'OBJECT' if key else 'BUCKET'}"
