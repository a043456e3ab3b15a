"""JSON logs mapped to the columns of access logs: CloudTrail data events, and access logs in their
JSON form.

Sources: CloudTrail User Guide, *CloudTrail record contents*; Amazon S3 User Guide, *Log format in
CloudWatch Logs* (sal-cw-log-format.html) and *Querying ... in S3 Tables*.
"""

from __future__ import annotations

import ipaddress
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from ...base.denials import KIND_NAMES, parse_denial
from ...base.text import Json
from ..sql.log_columns import FIELDS, REFUSAL_CODES
from .json_stream import CONTAINERS, Item
from .neighbours import neighbour_record

_ROWS = 1000
"""Rows that are written at a time."""
_S3 = "s3.amazonaws.com"
_OPERATIONS = {
    "GetObject": "REST.GET.OBJECT",
    "HeadObject": "REST.HEAD.OBJECT",
    "PutObject": "REST.PUT.OBJECT",
    "DeleteObject": "REST.DELETE.OBJECT",
    "CopyObject": "REST.COPY.OBJECT",
    "ListObjects": "REST.GET.BUCKET",
    "HeadBucket": "REST.HEAD.BUCKET",
    "GetObjectTagging": "REST.GET.OBJECT_TAGGING",
    "GetObjectAcl": "REST.GET.ACL",
    "CreateMultipartUpload": "REST.POST.UPLOADS",
    "UploadPart": "REST.PUT.PART",
    "CompleteMultipartUpload": "REST.POST.UPLOAD",
}
# CloudTrail has no status. For these codes S3 documents just one (Amazon S3 API, *Error
# responses*).
_CODES = {
    403: (
        "AccessDenied AllAccessDisabled InvalidAccessKeyId SignatureDoesNotMatch"
        " RequestTimeTooSkewed InvalidObjectState"
    ),
    400: "ExpiredToken InvalidToken InvalidArgument InvalidRequest",
    404: (
        "NoSuchKey NoSuchBucket NoSuchVersion NoSuchUpload NoSuchBucketPolicy"
        " NoSuchLifecycleConfiguration NoSuchCORSConfiguration NoSuchWebsiteConfiguration"
        " NoSuchTagSet NoSuchPublicAccessBlockConfiguration ReplicationConfigurationNotFoundError"
        " ServerSideEncryptionConfigurationNotFoundError ObjectLockConfigurationNotFoundError"
        " OwnershipControlsNotFoundError"
    ),
    405: "MethodNotAllowed",
    409: "BucketNotEmpty BucketAlreadyExists",
    412: "PreconditionFailed",
    416: "InvalidRange",
    304: "NotModified",
    500: "InternalError",
    501: "NotImplemented",
    503: "SlowDown ServiceUnavailable",
}
_STATUS = {code: status for status, codes in _CODES.items() for code in codes.split()}
_SIGNED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
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


ROOM = 1 << 20
"""Size of a line of JSON for which DuckDB makes room, and more where a line is longer.

DuckDB before 2.0.1 reserves several times that room, however small the file is.
"""


class RecordSink:
    """Takes JSON logs from the reading threads and writes mapped records to one file, for DuckDB to
    read.

    It counts the records of each object, CloudTrail events about other services, and records of
    neighbours of the logs, and knows the length of the longest line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.other = 0
        self.longest = ROOM
        self.left_out: Counter[str] = Counter()
        self.per_object: dict[int, int] = {}
        self._file: IO[str] | None = None
        self._lock = threading.Lock()

    def take(self, source: int, items: Iterable[Item], line: Callable[[Item], object]) -> None:
        """Write the records of one source, and hand lines that are not JSON to ``line``."""
        rows: list[Json] = []
        try:
            for item in items:
                if item.line:
                    line(item)
                    continue
                found = [None] if item.text is not None else unwrapped(item.value)
                rows += [
                    row for record in found if (row := self._row(source, item, record)) is not None
                ]
                if len(rows) >= _ROWS:
                    self._write(source, rows)
                    rows = []
        finally:  # a file that is cut in its last bytes has all records before them
            self._write(source, rows)

    def close(self) -> None:
        """Close the file of records, if there is one."""
        if self._file is not None:
            self._file.close()

    def _row(self, source: int, item: Item, record: Any) -> Json | None:
        """The row of a record, readable or not; None for one that is none of ours."""
        known: Json = record if isinstance(record, dict) else {}
        kind = neighbour_record(known)
        row = _map_record(known) if kind is None else None
        if row is not None:
            return {"source": source, "pos": item.offset, "readable": True, "line": "", **row}
        if kind is not None:
            with self._lock:
                self.left_out[kind] += 1
            return None
        if known.get("eventSource") not in (None, _S3):
            with self._lock:
                self.other += 1
            return None
        text = item.text if item.text is not None else "a record without the fields of a request"
        return {"source": source, "pos": item.offset, "readable": False, "line": text[:200]}

    def _write(self, source: int, rows: list[Json]) -> None:
        if not rows:
            return
        lines = [
            json.dumps({name: _clean(value) for name, value in row.items()}) + "\n" for row in rows
        ]
        with self._lock:
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8")
            self._file.writelines(lines)
            self.longest = max(self.longest, *map(len, lines))
            self.count += len(rows)
            self.per_object[source] = self.per_object.get(source, 0) + len(rows)


def _clean(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def unwrapped(document: Any, depth: int = 6) -> list[Any]:
    """The records in a document, out of whatever envelopes they came in.

    Envelopes are CloudTrail's ``Records``, arrays, events of EventBridge (``detail``), exports and
    subscriptions of CloudWatch Logs (``message``, ``logEvents``), Logs Insights (``@message``, a
    text or an object), answers of ``lookup-events`` (``CloudTrailEvent``), and S3 Select (a record
    under one name).
    """
    if not depth:
        return [document]
    if isinstance(document, list):
        return [record for item in document for record in unwrapped(item, depth - 1)]
    if (
        not isinstance(document, dict)
        or "eventSource" in document
        or {"eventName", "eventTime"} <= document.keys()
        or document.get("messageType") == "CONTROL_MESSAGE"
    ):
        return [document]
    for name in CONTAINERS:
        if isinstance(document.get(name), list):
            return unwrapped(document[name], depth - 1)
    for name in ("CloudTrailEvent", "message", "@message"):
        if isinstance(document.get(name), str):
            try:
                inner = json.loads(document[name])
            except (ValueError, RecursionError):
                inner = None
            return unwrapped(inner, depth - 1)
    for inner in (document.get("@message"), document.get("detail"), *_only(document)):
        if isinstance(inner, dict):
            return unwrapped(inner, depth - 1)
    return [document]


def _only(document: Json) -> Iterable[Any]:
    """The only value of a document, if it is an event: S3 Select writes what it selects so."""
    values = document.values() if len(document) == 1 else ()
    return (each for each in values if isinstance(each, dict) and "eventName" in each)


def _map_record(record: Json) -> Json | None:
    try:
        row = (
            _cloudtrail(record)
            if "eventSource" in record or "eventName" in record
            else _json_log(record)
        )
    except (AttributeError, TypeError, ValueError, KeyError, OverflowError, OSError):
        return None
    return row if row and row.get("time") else None


def _cloudtrail(event: Json) -> Json | None:
    if event.get("eventSource") != _S3:
        return None
    asked = event.get("requestParameters") or {}
    more = event.get("additionalEventData") or {}
    who = event.get("userIdentity") or {}
    name = str(event.get("eventName", ""))
    operation = _OPERATIONS.get(name, name)
    error = event.get("errorCode")
    agent = event.get("userAgent")
    return {
        "bucket": _text(asked.get("bucketName")),
        "time": _time(event.get("eventTime")),
        "remote_ip": _address(event.get("sourceIPAddress")),
        "requester": _text(who.get("arn") or who.get("principalId") or who.get("invokedBy")),
        "request_id": _text(event.get("requestID")),
        "operation": operation,
        "key": _text(asked.get("key")),
        "request_uri": _uri(operation, asked),
        "http_status": _STATUS.get(str(error)),
        "error_code": _text(error),
        "error_message": _text(event.get("errorMessage")),
        **_refusal(error, _text(event.get("errorMessage"))),
        "bytes_sent": _int(more.get("bytesTransferredOut")),
        "user_agent": str(agent).removeprefix("[").removesuffix("]") if agent else None,
        "host_id": _value(more.get("x-amz-id-2")),
        "signature_version": _value(more.get("SignatureVersion")),
        "cipher_suite": _value(more.get("CipherSuite")),
        "auth_type": _value(more.get("AuthenticationMethod")),
        "host_header": _text(asked.get("Host")),
        "tls_version": _text((event.get("tlsDetails") or {}).get("tlsVersion")),
        "source_region": _text(event.get("awsRegion")),
        "endpoint": _text(event.get("vpcEndpointId")),
        "source_kind": "cloudtrail",
    }


def _refusal(code: object, message: str | None) -> dict[str, str | None]:
    """The policy that AWS names in the message of a refusal: its kind and its ARN."""
    if str(code) == "VpceAccessDenied":
        return {"refused_by": KIND_NAMES["endpoint"], "policy_arn": None}
    denial = parse_denial(message or "") if str(code) in REFUSAL_CODES else None
    if denial is None or not denial.kind:
        return {"refused_by": None, "policy_arn": None}
    return {"refused_by": KIND_NAMES[denial.kind], "policy_arn": denial.policy_arn or None}


def _uri(operation: str, asked: Json) -> str:
    """The request line as far as CloudTrail tells it:
    it gives the signed parameters without signature.
    """
    parts = operation.split(".")
    method = parts[1] if len(parts) > 1 else "-"
    # What begins with x- is custom; names of headers stand there too, and begin with x-amz-.
    own = (name for name in asked if name.startswith("x-") and not name.startswith("x-amz-"))
    names = [*(name for name in _SIGNED if name in asked), *own]
    query = "&".join(f"{name}={quote(_text(asked[name]) or '', safe='')}" for name in names)
    return f"{method} /{quote(_text(asked.get('key')) or '')}{'?' + query if query else ''} -"


def _json_log(record: Json) -> Json | None:
    row: Json = {}
    for name, kind in FIELDS.items():
        value = _first(record, name)
        if value in (None, "-", ""):
            continue
        if name == "time":
            row[name] = _time(value)
        elif kind in _LIMITS:
            row[name] = _int(value, kind)
        else:
            row[name] = _text(value)
    row["remote_ip"] = _address(row.get("remote_ip"))
    row["endpoint"] = _text(record.get("vpc_endpoint_id"))
    row["source_kind"] = "json-log"
    return row if "http_status" in row or "operation" in row else None


def _first(record: Json, name: str) -> Any:
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


def _value(value: Any) -> str | None:
    """Return the text of a field that AWS writes as a dash where a request has none."""
    return None if value == "-" else _text(value)


def _address(value: Any) -> str | None:
    text = (_text(value) or "").strip()
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return None
    return text


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
