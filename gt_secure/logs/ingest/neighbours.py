"""Files and records beside the logs: named and left out, so that they are not counted as unreadable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .json_stream import byte_order_mark

HEAD = 4096
"""Bytes of a file that tell its kind."""

_DIGEST = "CloudTrail digest file"
_CONFIG = "AWS Config file"
_INVENTORY = "S3 Inventory file"
_FILES = (
    (re.compile(r'\{.*?"digest(?:S3Bucket|StartTime|EndTime|PublicKeyFingerprint)"\s*:', re.DOTALL), _DIGEST),
    (re.compile(r'\{.*?"config(?:SnapshotId|urationItems)"\s*:', re.DOTALL), _CONFIG),
    (re.compile(r'\{.*?"(?:inventorySchema|destinationBucket"\s*:.*"fileSchema)"\s*:', re.DOTALL), _INVENTORY),
    (re.compile(r"#(?:Version|Fields): "), "CloudFront log"),
    (
        re.compile(r"version (?:vpc-id |account-id |resource-type )|\d account-id|\d \d{12} eni-[0-9a-f]+ "),
        "VPC flow log",
    ),
    (re.compile(r"(?:https?|h2|grpcs?|wss?|tls) \d{4}-\d\d-\d\dT"), "load balancer log"),
    (re.compile(r"Permission Check Successful\s*$"), "test file of a CloudWatch export"),
    (re.compile(r"\s*<(?:\?xml|!doctype|html)", re.IGNORECASE), "XML or HTML file"),
)
_BINARY = (
    (b"PAR1", "Parquet file"),
    (b"ORC", "ORC file"),
    (b"PK\x03\x04", "ZIP file"),
    (b"Obj\x01", "Avro file"),
    (b"BZh", "bzip2 file"),
    (b"\xfd7zXZ\x00", "xz file"),
    (b"\x28\xb5\x2f\xfd", "Zstandard file"),
)
NOT_READ = frozenset(kind for _, kind in _BINARY)
"""Kinds that may hold requests, which nobody has looked for."""
_KINDS = ("digest", "insight")
_RECORD = re.compile(rb"[0-9a-f]{64} ")
"""Nearly every access log begins with the canonical id of the bucket's owner."""


def is_record(head: bytes) -> bool:
    """Return whether a file begins with a canonical id, as nearly every access log does."""
    return _RECORD.match(head) is not None


def neighbour_file(head: bytes) -> str | None:
    """Kind of a file that is no log of requests to S3, as far as its first bytes tell; None for any other."""
    for magic, kind in _BINARY:
        if head.startswith(magic):
            return kind
    mark, encoding = byte_order_mark(head)
    text = head[len(mark) : HEAD].decode(encoding, "replace").lstrip()
    if text.startswith("{") and re.match(r'\{\s*"(?:Records|eventVersion)"', text):
        return None
    return next((kind for pattern, kind in _FILES if pattern.match(text)), None)


def neighbour_record(record: Mapping[str, Any]) -> str | None:
    """Return the name of the log that a JSON record belongs to; None if it may be an S3 request."""
    category, kind = record.get("eventCategory"), record.get("eventType")
    if "insightDetails" in record or category == "Insight" or kind == "AwsCloudTrailInsight":
        return "CloudTrail Insight event"
    if category == "Aggregated" or kind == "AwsAggregatedEvent":
        return "CloudTrail aggregated event"
    if record.get("eventSource") == "aws:s3" or ("reason" in record and "object" in record and "bucket" in record):
        return "S3 event notification"
    if record.get("Event") == "s3:TestEvent":
        return "S3 event notification"
    if "digestS3Bucket" in record or "digestPublicKeyFingerprint" in record:
        return _DIGEST
    if "configSnapshotId" in record or "configurationItems" in record:
        return _CONFIG
    return None
