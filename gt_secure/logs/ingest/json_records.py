"""JSON logs mapped to the columns of access logs: CloudTrail data events, and access logs in their JSON form.

Sources: CloudTrail User Guide, *CloudTrail record contents*; Amazon S3 User Guide, *Log format in CloudWatch Logs*
(sal-cw-log-format.html) and *Querying ... in S3 Tables*.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from ..sql.columns import FIELDS
from .chunks import Chunk

MAX_DOCUMENT = 256 << 20
"""Unpacked bytes of one JSON document; CloudTrail files have a few megabytes."""

_OPERATIONS = {
    "GetObject": "REST.GET.OBJECT", "HeadObject": "REST.HEAD.OBJECT", "PutObject": "REST.PUT.OBJECT",
    "DeleteObject": "REST.DELETE.OBJECT", "CopyObject": "REST.COPY.OBJECT", "ListObjects": "REST.GET.BUCKET",
    "HeadBucket": "REST.HEAD.BUCKET", "GetObjectTagging": "REST.GET.OBJECT_TAGGING", "GetObjectAcl": "REST.GET.ACL",
    "CreateMultipartUpload": "REST.POST.UPLOADS", "UploadPart": "REST.PUT.PART",
    "CompleteMultipartUpload": "REST.POST.UPLOAD",
}  # fmt: skip
# CloudTrail has no status; these are the statuses that S3 gives with these codes (Amazon S3 API, *Error responses*).
_STATUS = {
    "AccessDenied": 403, "NoSuchKey": 404, "NoSuchBucket": 404, "NoSuchVersion": 404, "NotModified": 304,
    "PreconditionFailed": 412, "InvalidRange": 416, "MethodNotAllowed": 405, "SlowDown": 503, "InternalError": 500,
    "InvalidObjectState": 403, "SignatureDoesNotMatch": 403, "ExpiredToken": 400, "InvalidAccessKeyId": 403,
    "ObjectLockConfigurationNotFoundError": 404, "NoSuchTagSet": 404, "InvalidArgument": 400, "InvalidRequest": 400,
}  # fmt: skip
_SIGNED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "x-gt-secure-test",
    "response-content-disposition",
    "response-content-type",
    "versionId",
)
_JSON_NAMES = {
    "bucket_owner": ("bucket_owner", "bucket_owner_id"),
    "bucket": ("bucket", "bucket_name"),
    "time": ("request_time", "time"),
    "remote_ip": ("remote_ip", "remoteip"),
    "key": ("key", "object_key"),
    "request_uri": ("request_uri", "requesturi"),
    "http_status": ("http_status", "httpstatus", "http_status_code"),
    "error_code": ("error_code", "errorcode"),
    "object_size": ("object_size", "objectsize"),
    "total_time": ("total_time", "totaltime", "total_time_ms"),
    "turn_around_time": ("turn_around_time", "turnaroundtime", "turn_around_time_ms"),
    "referer": ("referer", "referrer"),
    "user_agent": ("user_agent", "useragent"),
    "version_id": ("version_id", "versionid"),
    "host_id": ("host_id", "hostid"),
    "signature_version": ("signature_version", "sigv"),
    "cipher_suite": ("cipher_suite", "ciphersuite"),
    "auth_type": ("auth_type", "authentication_type", "authtype"),
    "host_header": ("host_header", "endpoint"),
    "tls_version": ("tls_version", "tlsversion"),
    "access_point_arn": ("access_point_arn", "accesspointarn"),
    "acl_required": ("acl_required", "aclrequired"),
}


# Offset, the record or None, and the text of what is none.
_Found = tuple[int, Mapping[str, Any] | None, str | None]


class RecordSink:
    """Takes JSON logs from the reading threads and writes mapped records to one file, for DuckDB to read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.other = 0  # CloudTrail events that are not about S3
        self.per_object: dict[int, int] = {}
        self._file: IO[str] | None = None
        self._lock = threading.Lock()

    def take(self, source: int, first: Chunk, rest: Iterator[Chunk]) -> tuple[Chunk | None, Iterator[Chunk]]:
        """Take an object if it is JSON; else give its chunks back, to be read as lines."""
        head, _, _ = first.data.partition(b"\n")
        known = _loads(head)
        if isinstance(known, dict) and _records(known) is not None:
            for part in itertools.chain([first], rest):
                self._lines(source, part)
            return None, rest
        parts, size = [first], len(first.data)
        for part in rest:
            parts.append(part)
            size += len(part.data)
            if size > MAX_DOCUMENT:
                break
        document = _loads(b"".join(part.data for part in parts))
        found = _records(document) if size <= MAX_DOCUMENT and document is not None else None
        if found is None:
            back = itertools.chain(parts, rest)
            return next(back), back
        self._write(source, [(0, record, None) for record in found])
        return None, rest

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()

    def _lines(self, source: int, part: Chunk) -> None:
        place = part.start
        found: list[_Found] = []
        for line in part.data.splitlines(keepends=True):
            if line.strip():
                document = _loads(line)
                records = _records(document)
                if records is None:
                    found.append((place, None, line.decode("utf-8", "backslashreplace")))
                else:
                    found += [(place, record, None) for record in records]
            place += len(line)
        if part.skipped:
            found.append((place, None, "a line of several megabytes"))
        self._write(source, found)

    def _write(self, source: int, found: list[_Found]) -> None:
        rows = []
        for place, record, text in found:
            row = map_record(record) if record is not None else None
            if (
                row is None
                and record is not None
                and "eventSource" in record
                and record.get("eventSource") != "s3.amazonaws.com"
            ):
                self.other += 1
                continue
            line = (
                text
                if row is None and text is not None
                else ("" if row else "a record without the fields of a request")
            )
            rows.append(
                {"source": source, "pos": place, "readable": row is not None, "line": line[:200], **(row or {})}
            )
        with self._lock:
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8")
            for row in rows:
                self._file.write(json.dumps({name: _clean(value) for name, value in row.items()}) + "\n")
            self.count += len(rows)
            self.per_object[source] = self.per_object.get(source, 0) + len(rows)


def _clean(value: Any) -> Any:
    """Text that DuckDB takes: no lone surrogates, no NUL."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _loads(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _records(document: Any) -> list[Mapping[str, Any]] | None:
    """The log records in a JSON document, if it is a log that we know."""
    if isinstance(document, list):
        items = document
    elif isinstance(document, dict) and isinstance(document.get("Records"), list):
        items = document["Records"]
    elif isinstance(document, dict) and isinstance(document.get("message"), str) and "eventSource" not in document:
        return _records(_loads(document["message"].encode("utf-8", "replace")))  # exported from CloudWatch Logs
    else:
        items = [document]
    if not all(isinstance(item, dict) for item in items):
        return None
    known = all("eventSource" in item or "eventName" in item or _first(item, "time") for item in items)
    return items if known else None


def map_record(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """One record as access-log columns; None if it is not about a request to S3."""
    try:
        row = _cloudtrail(record) if "eventSource" in record or "eventName" in record else _json_log(record)
    except (AttributeError, TypeError, ValueError, KeyError, OverflowError, OSError):
        return None
    return row if row and row.get("time") else None


def _cloudtrail(event: Mapping[str, Any]) -> dict[str, Any] | None:
    if event.get("eventSource") != "s3.amazonaws.com":
        return None
    asked = event.get("requestParameters") or {}
    more = event.get("additionalEventData") or {}
    who = event.get("userIdentity") or {}
    name = str(event.get("eventName", ""))
    operation = _OPERATIONS.get(name, name)
    error = event.get("errorCode")
    address = event.get("sourceIPAddress")
    agent = event.get("userAgent")
    return {
        "bucket": _text(asked.get("bucketName")),
        "time": _time(event.get("eventTime")),
        "remote_ip": None if address and "amazonaws.com" in str(address) else _text(address),
        "requester": _text(who.get("arn") or who.get("principalId") or who.get("invokedBy")),
        "request_id": _text(event.get("requestID")),
        "operation": operation,
        "key": _text(asked.get("key")),
        "request_uri": _uri(operation, asked),
        "http_status": _STATUS.get(str(error), 400) if error else 200,
        "error_code": _text(error),
        "bytes_sent": _int(more.get("bytesTransferredOut")),
        "user_agent": str(agent).removeprefix("[").removesuffix("]") if agent else None,
        "host_id": _text(more.get("x-amz-id-2")),
        "signature_version": _text(more.get("SignatureVersion")),
        "cipher_suite": _text(more.get("CipherSuite")),
        "auth_type": _text(more.get("AuthenticationMethod")),
        "host_header": _text(asked.get("Host")),
        "tls_version": _text((event.get("tlsDetails") or {}).get("tlsVersion")),
        "source_region": _text(event.get("awsRegion")),
        "endpoint": _text(event.get("vpcEndpointId")),
        "source_kind": "cloudtrail",
    }


def _uri(operation: str, asked: Mapping[str, Any]) -> str:
    """The request line as far as CloudTrail tells it: it gives the signed parameters without signature."""
    parts = operation.split(".")
    method = parts[1] if len(parts) > 1 else "-"
    query = "&".join(f"{name}={quote(_text(asked[name]) or '', safe='')}" for name in _SIGNED if name in asked)
    return f"{method} /{quote(_text(asked.get('key')) or '')}{'?' + query if query else ''} -"


def _json_log(record: Mapping[str, Any]) -> dict[str, Any] | None:
    row: dict[str, Any] = {}
    for name, kind in FIELDS.items():
        value = _first(record, name)
        if value in (None, "-", ""):
            continue
        row[name] = _time(value) if name == "time" else _int(value, kind) if kind in _LIMITS else _text(value)
    row["endpoint"] = _text(record.get("vpc_endpoint_id"))
    row["source_kind"] = "json-log"
    return row if "http_status" in row or "operation" in row else None


def _first(record: Mapping[str, Any], name: str) -> Any:
    for alias in _JSON_NAMES.get(name, (name,)):
        if alias in record:
            return record[alias]
    return None


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or isinstance(value, dict):
        return None
    return str(value)


_LIMITS = {"INTEGER": 2**31, "BIGINT": 2**62}


def _int(value: Any, kind: str = "BIGINT") -> int | None:
    if value is None or isinstance(value, bool):
        return None
    number = int(float(value))
    return number if abs(number) < _LIMITS[kind] else None


def _time(value: Any) -> str | None:
    """UTC as DuckDB reads it, from ISO 8601 or milliseconds since 1970."""
    import datetime as dt

    if isinstance(value, (int, float)):
        moment = dt.datetime.fromtimestamp(value / 1000 if value > 1e11 else value, dt.UTC)
    else:
        moment = dt.datetime.fromisoformat(str(value))
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")
