"""One request as a row of a server access log, in the 27 fields that S3 writes today.

Amazon S3 User Guide, *Amazon S3 server access log format*: a field without a value is ``-``, keys are URL-encoded
twice, and the signature of a SigV4 presigned URL is masked (AWS Prescriptive Guidance, *Presigned URL best
practices*, "Logging interactions").
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

FIELDS = 27
MASK = "X" * 32

_SIGNATURE = re.compile(r"(?i)(\bX-Amz-Signature=)[^&\s\"]*")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class LogRow:
    """The values of one row; an empty text or None becomes ``-``."""

    owner: str
    bucket: str
    time: dt.datetime
    remote_ip: str
    requester: str
    request_id: str
    operation: str
    key: str
    request_uri: str
    status: int
    error: str
    bytes_sent: int
    object_size: int | None
    total_ms: int
    turnaround_ms: int
    referer: str
    user_agent: str
    version_id: str
    host_id: str
    signature_version: str
    authentication: str
    host: str
    region: str

    def text(self) -> str:
        """Return the row without its line end."""
        fields = (
            self.owner,
            self.bucket,
            log_time(self.time),
            dash(self.remote_ip),
            dash(self.requester),
            self.request_id,
            self.operation,
            dash(encode_key(self.key)),
            quoted(mask(self.request_uri)),
            str(self.status),
            dash(self.error),
            dash(self.bytes_sent),
            dash(self.object_size),
            str(self.total_ms),
            dash(self.turnaround_ms),
            quoted(self.referer),
            quoted(self.user_agent),
            dash(self.version_id),
            self.host_id,
            dash(self.signature_version),
            "-",  # cipher suite: the sandbox speaks plain HTTP
            dash(self.authentication),
            dash(self.host),
            "-",  # TLS version
            "-",  # access point ARN
            "-",  # aclRequired
            self.region,
        )
        return " ".join(fields)


def log_time(time: dt.datetime) -> str:
    """Write a time as ``[24/Nov/2026:15:04:05 +0000]``, whatever the locale."""
    utc = time.astimezone(dt.UTC)
    return f"[{utc:%d}/{_MONTHS[utc.month - 1]}/{utc:%Y:%H:%M:%S} +0000]"


def mask(uri: str) -> str:
    """Replace the value of a SigV4 signature by 32 X, as S3 does."""
    return _SIGNATURE.sub(lambda found: found[1] + MASK, uri)


def encode_key(key: str) -> str:
    """URL-encode an object key twice; slashes stay."""
    return quote(quote(key, safe="/-_.~"), safe="/-_.~")


def dash(value: str | int | None) -> str:
    """Return the text of a value, or ``-`` for nothing and for 0."""
    return str(value) if value else "-"


def quoted(text: str) -> str:
    """Put a text between quotes; quotes inside stay raw, as in real logs, but no line end may split the row."""
    clean = re.sub(r"[\r\n]+", " ", text)
    return f'"{clean}"' if clean else '"-"'


_SUBRESOURCES = {
    "policy": "BUCKETPOLICY",
    "policystatus": "POLICY_STATUS",
    "logging": "LOGGING_STATUS",
    "cors": "CORS",
    "location": "LOCATION",
    "versioning": "VERSIONING",
    "versions": "BUCKETVERSIONS",
    "uploads": "UPLOADS",
    "lifecycle": "LIFECYCLE",
    "notification": "NOTIFICATION",
    "encryption": "ENCRYPTION",
    "website": "WEBSITE",
    "replication": "REPLICATION",
    "requestpayment": "REQUEST_PAYMENT",
    "accelerate": "ACCELERATE",
    "publicaccessblock": "PUBLIC_ACCESS_BLOCK",
    "ownershipcontrols": "OWNERSHIP_CONTROLS",
    "object-lock": "OBJECT_LOCK_CONFIGURATION",
    "analytics": "ANALYTICS",
    "inventory": "INVENTORY",
    "metrics": "METRICS",
    "acl": "ACL",
    "tagging": "TAGGING",
    "torrent": "TORRENT",
    "retention": "OBJECT_LOCK_RETENTION",
    "legal-hold": "OBJECT_LOCK_LEGALHOLD",
    "attributes": "OBJECT_ATTRIBUTES",
}


def operation(method: str, key: str, query: Collection[str], *, copy: bool = False) -> str:
    """Name the operation of a REST request."""
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
