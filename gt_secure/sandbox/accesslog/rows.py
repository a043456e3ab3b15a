"""The fields of a server access log: times, keys, masked signatures, and the names of operations.

Amazon S3 User Guide, *Amazon S3 server access log format*: a field without a value is ``-``, keys are URL-encoded
twice, and the signature of a SigV4 presigned URL is masked (AWS Prescriptive Guidance, *Presigned URL best
practices*, "Logging interactions").
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from urllib.parse import quote

MASK = "X" * 32

_SIGNATURE = re.compile(r"(?i)(\bX-Amz-Signature=)[^&\s\"]*")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def log_time(time: dt.datetime) -> str:
    """Write a time as ``[24/Nov/2026:15:04:05 +0000]``, whatever the locale."""
    utc = time.astimezone(dt.UTC)
    return f"[{utc:%d}/{_MONTHS[utc.month - 1]}/{utc:%Y:%H:%M:%S} +0000]"


def mask(uri: str) -> str:
    return _SIGNATURE.sub(lambda found: found[1] + MASK, uri)


def encode_key(key: str) -> str:
    return quote(quote(key, safe="/-_.~"), safe="/-_.~")


def dash(value: str | int | None) -> str:
    return str(value) if value else "-"


def quoted(text: str) -> str:
    """Put a text between quotes; quotes inside stay raw, as in real logs, but no line end may split the row."""
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
}
_SAME_NAME = {"cors", "location", "versioning", "uploads", "lifecycle", "notification", "encryption", "website"}
_SAME_NAME |= {"replication", "accelerate", "analytics", "inventory", "metrics", "acl", "tagging", "torrent"}
_SUBRESOURCES |= {name: name.upper() for name in sorted(_SAME_NAME)}


def operation(method: str, key: str, query: Collection[str], *, copy: bool = False) -> str:
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
