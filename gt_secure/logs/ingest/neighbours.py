"""Files and records beside the logs: named and left out,
so that they are not counted as unreadable.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ...base.text import Json

HEAD = 4096
"""Bytes of a file that tell its kind."""

_LZ4, _SNAPPY, _LZMA = "lz4 file", "snappy file", "lzma file"
_CONFIG = "AWS Config file"
_INVENTORY = "S3 Inventory file"
_LAKE = "CSV file of CloudTrail Lake"
_LAKE_COLUMNS = (
    "eventVersion|eventTime|eventName|eventSource|eventID|userIdentity|sourceIPAddress"
    "|requestParameters|eventJson"
)
_HISTORY = "CSV file of CloudTrail's event history"
_TYPED = "output of the AWS CLI in another form than JSON"
_INSIGHTS = "CSV file of Logs Insights"
_ROWS = "answer of CloudTrail Lake or Logs Insights"
_TABLE = "CSV file of Athena"
_FILES = (
    (re.compile(r'\{.*?"config(?:SnapshotId|urationItems)"\s*:', re.DOTALL), _CONFIG),
    (
        re.compile(
            r'\{.*?"(?:inventorySchema|destinationBucket"\s*:.*"fileSchema)"\s*:', re.DOTALL
        ),
        _INVENTORY,
    ),
    (
        re.compile(
            r'\{.{0,999}?"(?:QueryResultRows"|results"\s*:\s*\[\s*\[\s*\{\s*"field")', re.DOTALL
        ),
        _ROWS,
    ),
    (
        re.compile(r'\{.{0,999}?"files"\s*:.*"queryCompleteTime"\s*:', re.DOTALL),
        "signature file of CloudTrail Lake",
    ),
    (re.compile(r"#(?:Version|Fields): "), "CloudFront log"),
    (
        re.compile(
            r"version (?:vpc-id |account-id |resource-type )|\d account-id|\d \d{12} eni-[0-9a-f]+ "
        ),
        "VPC flow log",
    ),
    (re.compile(r"(?:https?|h2|grpcs?|wss?|tls) \d{4}-\d\d-\d\dT"), "load balancer log"),
    (re.compile(r"Permission Check Successful\s*$"), "test file of a CloudWatch export"),
    (re.compile(r'"?@(?:timestamp|message|ptr|logStream|log)"?[,\r\n]'), _INSIGHTS),
    (re.compile(r'"[a-z_][a-z0-9_]*"(?:,"[a-z_][a-z0-9_]*")*\r?\n'), _TABLE),
    (re.compile(rf'(?:"?[\w.]+"?,){{0,60}}"?(?:{_LAKE_COLUMNS})"?[,\r\n]', re.IGNORECASE), _LAKE),
    (re.compile(r'\ufeff?"?Event (?:ID|name|time)"?,', re.IGNORECASE), _HISTORY),
    (re.compile(r"EVENTS\t|[Ee]vents:\s*\n *- |-{9,}\r?\n\| "), _TYPED),
    (re.compile(r"[a-z_][a-z0-9_]*(?:,[a-z_][a-z0-9_]*){2,}\r?\n"), _TABLE),
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
    (b"\x04\x22\x4d\x18", _LZ4),
    (b"\x02\x21\x4c\x18", _LZ4),
    (b"\xff\x06\x00\x00sNaPpY", _SNAPPY),
    (b"7z\xbc\xaf\x27\x1c", "7z file"),
    (b"\x5d\x00\x00", _LZMA),
    (b"\x1f\x9d", "compress file"),
    (b"Rar!\x1a\x07", "RAR file"),
)
_ENDINGS = {".br": "brotli file", ".lz4": _LZ4, ".snappy": _SNAPPY, ".sz": _SNAPPY, ".lzma": _LZMA}
"""Endings of names of packed files; some of these begin with any bytes."""
_TAR = "tar file"
_UNPACK = "Unpack or convert it to text."
NOT_READ = dict.fromkeys([*(kind for _, kind in _BINARY), *_ENDINGS.values(), _TAR], _UNPACK) | {
    _LAKE: "Read the log files of the trail, or export the event data store as JSON.",
    _INSIGHTS: "Export the log group to S3, and read that.",
    _ROWS: "Read the log files of the trail, or export the log group to S3.",
    _TABLE: "Read the log objects that the table is made of.",
    _HISTORY: "Download the event history as JSON.",
    _TYPED: "Run the command again with '--output json'.",
}
"""Kinds that may hold requests, which nobody has looked for, and what to do with one."""
_DIGEST = re.compile(r"(?:.*[/\\])?\d{12}_CloudTrail-Digest_[^/\\]*\.json(?:\.gz)?", re.DOTALL)
"""Names that CloudTrail gives its digest files, which hold hashes of log files."""
_RECORD = re.compile(rb"[0-9a-f]{64} ")
"""Nearly every access log begins with the canonical id of the bucket's owner."""


_OTHER_TEXT = re.compile(
    rb"\xff\xfe|\xfe\xff|\0\0\xfe\xff|(?:[\t-~]\0){4}|(?:\0[\t-~]){4}|(?:[\t-~]\0{3}){2}|(?:\0{3}[\t-~]){2}"
)
"""Text in UTF-16 or UTF-32 begins with a byte order mark, or with ASCII between zeros."""


def is_other_text(head: bytes) -> bool:
    """Return whether a file begins as text in UTF-16 or UTF-32 does."""
    return _OTHER_TEXT.match(head) is not None


def is_record(head: bytes) -> bool:
    """Return whether a file begins with a canonical id, as nearly every access log does."""
    return _RECORD.match(head) is not None


def neighbour_file(head: bytes, name: str = "") -> str | None:
    """Kind of a file that is no log of requests to S3, by its first bytes and its name;
    None for any other.
    """
    # a header of tar has a right checksum, whatever made it
    written = re.fullmatch(rb" *([0-7]+)[ \0]+", head[148:156])
    if (
        len(head) >= 512
        and written is not None
        and sum(head[:148]) + sum(head[156:512]) + 8 * 32 == int(written[1], 8)
    ):
        return _TAR
    if (packed := _ENDINGS.get(PurePosixPath(name).suffix.lower())) and not head[:256].isascii():
        return packed
    for magic, kind in _BINARY:
        if head.startswith(magic):
            return kind
    text = head[:HEAD].decode("utf-8", "replace").lstrip()
    if text.startswith("{"):
        if re.match(r'\{\s*"(?:Records|eventVersion)"', text):
            return None
        if _DIGEST.fullmatch(name):
            return "CloudTrail digest file"
    return next((kind for pattern, kind in _FILES if pattern.match(text)), None)


def neighbour_record(record: Json) -> str | None:
    """Return the name of the log that a JSON record belongs to; None if it may be an S3 request."""
    category, kind = record.get("eventCategory"), record.get("eventType")
    if "insightDetails" in record or category == "Insight" or kind == "AwsCloudTrailInsight":
        return "CloudTrail Insight event"
    if category == "Aggregated" or kind == "AwsAggregatedEvent":
        return "CloudTrail aggregated event"
    if record.get("eventSource") == "aws:s3" or (
        "reason" in record and "object" in record and "bucket" in record
    ):
        return "S3 event notification"
    if record.get("messageType") == "CONTROL_MESSAGE":
        return "health check of CloudWatch Logs"
    if "@ptr" in record:  # chosen fields, not the message
        return _ROWS
    if record.get("Event") == "s3:TestEvent":
        return "S3 event notification"
    if "configSnapshotId" in record or "configurationItems" in record:
        return _CONFIG
    return None
