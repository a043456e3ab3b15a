"""Synthetic access-log lines whose fields are known, because each line is written from them.

The writer knows nothing of the parser: a record is a dict of fields as the log shows them, a quirk
is a change in how the record is written down.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NAMES = [
    "bucket_owner",
    "bucket",
    "time",
    "remote_ip",
    "requester",
    "request_id",
    "operation",
    "key",
    "request_uri",
    "http_status",
    "error_code",
    "bytes_sent",
    "object_size",
    "total_time",
    "turn_around_time",
    "referer",
    "user_agent",
    "version_id",
    "host_id",
    "signature_version",
    "cipher_suite",
    "auth_type",
    "host_header",
    "tls_version",
    "access_point_arn",
    "acl_required",
    "source_region",
]
QUOTED = {"request_uri", "referer", "user_agent"}
NUMBERS = {"http_status", "bytes_sent", "object_size", "total_time", "turn_around_time"}

BASE: dict[str, Any] = {
    "bucket_owner": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be",
    "bucket": "gt-images",
    "time": datetime(2026, 11, 20, 9, 14, 7),
    "remote_ip": "203.0.113.7",
    "requester": None,
    "request_id": "3E57427F3EXAMPLE",
    "operation": "REST.GET.OBJECT",
    "key": "scans/0007.png",
    "request_uri": "GET /scans/0007.png HTTP/1.1",
    "http_status": 200,
    "error_code": None,
    "bytes_sent": 113,
    "object_size": 113,
    "total_time": 7,
    "turn_around_time": 5,
    "referer": None,
    "user_agent": "S3Console/0.4",
    "version_id": None,
    "host_id": "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234=",
    "signature_version": None,
    "cipher_suite": "ECDHE-RSA-AES128-GCM-SHA256",
    "auth_type": None,
    "host_header": "gt-images.s3.us-east-1.amazonaws.com",
    "tls_version": "TLSv1.3",
    "access_point_arn": None,
    "acl_required": None,
    "source_region": "us-east-1",
}
PRESIGNED = {
    "requester": "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/SageMaker",
    "signature_version": "SigV4",
    "auth_type": "QueryString",
    "request_uri": (
        "GET /scans/0007.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLEKEYID0001%2F20261120%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261120T091400Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLETOKEN&X-Amz-Signature=XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
        " HTTP/1.1"
    ),
}


@dataclass
class Case:
    """One line and what must be read from it (``None``: the line cannot be read)."""

    name: str
    text: str
    truth: dict[str, Any] | None
    tags: set[str] = field(default_factory=set)


def show(name: str, value: Any, bare: frozenset[str] = frozenset()) -> str:
    if name == "time":
        return value.strftime("[%d/%b/%Y:%H:%M:%S +0000]")
    if name in QUOTED and name not in bare:
        return f'"{"-" if value is None else value}"'
    return "-" if value is None else str(value)


def write(
    record: dict[str, Any], *, fields: int = 27, bare: tuple[str, ...] = (), extra: str = ""
) -> str:
    """The line of a record with the first ``fields`` fields;
    ``bare`` are nulls written without quotes.
    """
    words = [show(name, record[name], frozenset(bare)) for name in NAMES[:fields]]
    if extra:
        words.insert(NAMES.index("host_id"), extra)
    return " ".join(words)


def truth(record: dict[str, Any], fields: int = 27) -> dict[str, Any]:
    return {name: record[name] if i < fields else None for i, name in enumerate(NAMES)}


def case(
    name: str, fields: int = 27, bare: tuple[str, ...] = (), extra: str = "", **changes: Any
) -> Case:
    record = {**BASE, **changes}
    text = write(record, fields=fields, bare=bare, extra=extra)
    return Case(name, text, None if is_cut(fields) else truth(record, fields))


def is_cut(fields: int) -> bool:
    """Whether AWS published no record of so many fields."""
    return 18 < fields < 24


FORGED = '" 200 - 1 1 1 1 "-" "x" - h= SigV4 c QueryString'
BARE = ("request_uri", "referer", "user_agent")
_BATCH = {
    "operation": "BATCH.DELETE.OBJECT",
    "request_uri": None,
    "http_status": 204,
    "bytes_sent": None,
    "object_size": 1,
    "total_time": None,
    "turn_around_time": None,
    "user_agent": None,
    "signature_version": "SigV4",
    "auth_type": "AuthHeader",
}
_LIFE = {
    "remote_ip": None,
    "requester": "AmazonS3",
    "operation": "S3.EXPIRE.OBJECT",
    "request_uri": None,
    "http_status": None,
    "bytes_sent": None,
    "object_size": 1865,
    "total_time": None,
    "turn_around_time": None,
    "user_agent": None,
    "version_id": "Y7ufX4ilpyCWWkwfu.KaaRtIEBXLX.XZ",
    "signature_version": None,
    "cipher_suite": None,
    "host_header": None,
    "tls_version": None,
    "source_region": None,
}


def cases() -> list[Case]:
    """Every quirk once, with exact truth."""
    found = [case(f"fields-{n}", fields=n) for n in range(17, 28)]
    found += [case(f"presigned-{n}", fields=n, **PRESIGNED) for n in (17, 18, 22, 24, 26, 27)]
    found += [
        case("ipv6", remote_ip="2001:db8:40::1f"),
        case("endpoint", remote_ip="10.0.3.4"),
        case("refused", http_status=403, error_code="AccessDenied", **PRESIGNED),
        case("batch-delete", bare=BARE, **_BATCH),
        case(
            "copy-source",
            bare=BARE,
            **{**_BATCH, "operation": "REST.COPY.OBJECT_GET", "http_status": None},
        ),
        case(
            "copy-source-24",
            bare=BARE,
            fields=24,
            **{**_BATCH, "operation": "REST.COPY.OBJECT_GET"},
        ),
        case("batch-extra", bare=BARE, extra="AIDAISBTTLPGXGH6YFFAY", **_BATCH),
        case("lifecycle", **_LIFE),
        case("lifecycle-bare-uri", bare=("request_uri",), **_LIFE),
        case("lifecycle-cut-19", fields=19, **_LIFE),
        case("extra-token", extra="AIDAISBTTLPGXGH6YFFAY", **PRESIGNED),
        case("extra-token-role", extra="AROAISBTTLPGXGH6YFFA", **PRESIGNED),
        case("extra-token-anonymous", extra="AIDAISBTTLPGXGH6YFFAY"),
        case("bare-referer", bare=("referer",), **PRESIGNED),
        case(
            "bare-agent",
            bare=("user_agent",),
            **{**PRESIGNED, "user_agent": None, "referer": "https://x.example/"},
        ),
        case("bare-agent-anonymous", bare=("user_agent",), user_agent=None),
        case("bare-both", bare=("referer", "user_agent"), **{**PRESIGNED, "user_agent": None}),
        case("bare-agent-18", bare=("user_agent",), fields=18, user_agent=None),
        case(
            "uri-quotes",
            request_uri='GET /?a="x";b="y HTTP/1.1',
            **{k: v for k, v in PRESIGNED.items() if k != "request_uri"},
        ),
        case(
            "uri-quote-disposition",
            **{
                **PRESIGNED,
                "request_uri": (
                    PRESIGNED["request_uri"].replace(
                        "?", '?response-content-disposition=attachment;%20filename="a.png"&'
                    )
                ),
            },
        ),
        case("uri-no-version", request_uri='GET /"'),
        case("uri-only-quote", request_uri='"'),
        case("uri-long", request_uri="GET /" + "a" * 70_000 + " HTTP/1.1"),
        case("agent-open-quote", user_agent='"Mozilla/5.0 (X11)'),
        case("agent-close-quote", user_agent='Mozilla/5.0 (X11)"'),
        case("agent-quotes", user_agent='a "b" c'),
        case("agent-empty", user_agent=""),
        case("agent-double-space", user_agent="a  b   c"),
        case("agent-forges-auth", user_agent=f"x{FORGED} HTTP/1.1{FORGED}"),
        case("referer-space", referer="referer test"),
        case("referer-quotes", referer='https://x.example/?q="a"&b="c"'),
        case("referer-one-quote", referer='https://x.example/"'),
        case(
            "referer-forges-status",
            http_status=403,
            error_code="AccessDenied",
            user_agent="curl/8",
            referer='x" 200 - 1 1 1 1 "y',
        ),
        case("referer-forges-line", referer='GET / HTTP/1.1" 200 - 5 5 5 5 "r'),
        case("path-style", host_header="s3.amazonaws.com"),
        case(
            "arn",
            access_point_arn="arn:aws:s3:us-east-1:123456789012:accesspoint/ap",
            acl_required="Yes",
        ),
        case(
            "sigv2",
            signature_version="SigV2",
            auth_type="QueryString",
            request_uri=(
                "GET /a.png?AWSAccessKeyId=AKIAEXAMPLE&Expires=1286051333&Signature=E3e%2Fx%3D"
                " HTTP/1.1"
            ),
        ),
        case(
            "form",
            operation="REST.POST.BUCKET",
            signature_version="SigV4",
            auth_type="HtmlForm",
            http_status=204,
        ),
        case("plain-http", cipher_suite=None, tls_version=None),
        case("sheet", user_agent='=cmd|"/c calc"!A1'),
        case("unicode", user_agent="Ünïcödé ☃ \U0001f600"),
        case("tab-in-agent", user_agent="a\tb"),
        case("leap", time=datetime(2024, 2, 29, 23, 59, 59)),
        case("old", time=datetime(2006, 3, 14, 0, 0, 0), fields=18),
        case("big-object", object_size=5 * 2**40, bytes_sent=5 * 2**40, total_time=86_400_000),
    ]
    doubled = case("x", **PRESIGNED)
    found.append(Case("doubled-space-left", doubled.text.replace(" arn:", "  arn:"), doubled.truth))
    found.append(
        Case("doubled-space-tail", doubled.text.replace(" SigV4", "   SigV4"), doubled.truth)
    )
    found.append(
        Case("doubled-space-block", doubled.text.replace(" 200 - ", "  200  - "), doubled.truth)
    )
    found.append(
        Case("doubled-space-quotes", doubled.text.replace('"-" "S3', '"-"  "S3'), doubled.truth)
    )
    found.append(Case("trailing-space", doubled.text + "  ", doubled.truth))
    found.append(Case("leading-space", " " + doubled.text, doubled.truth))
    found.append(Case("future-fields", doubled.text + " new-one 17 -", doubled.truth))
    late = case("x", time=datetime(2026, 11, 20, 9, 14, 7))
    found.append(Case("zone", late.text.replace("09:14:07 +0000", "11:44:07 +0230"), late.truth))
    return found + broken()


def broken() -> list[Case]:
    """Lines that hold no whole record."""
    line = case("x", **PRESIGNED).text
    return [
        Case("cut-in-left", line[:100], None),
        Case("cut-in-uri", line[: line.index("X-Amz-Date")], None),
        Case("cut-in-block", line[: line.index(" 200 - ") + 9], None),
        Case("cut-in-agent", line[: line.index("Console")], None),
        Case("noise", "hello", None),
        Case("json", '{"Records": []}', None),
        Case("comment", "#Version: 1.0", None),
        Case("no-time", line.replace("[20/Nov/2026:09:14:07 +0000]", "[soon +0000]"), None),
        Case("no-such-day", line.replace("20/Nov/2026", "31/Nov/2026"), None),
        Case("status-word", line.replace(" 200 - ", " ok - "), None),
        Case("control", "\x01\x02\x00\x03", None),
        Case("quotes", '"' * 40, None),
    ]


def random_record(rng: random.Random, hostile: float = 0.1) -> dict[str, Any]:
    """A plausible record of any common kind; ``hostile`` is the share with hostile client text."""
    record = dict(BASE)
    record["time"] = datetime(2026, 11, 20) + timedelta(seconds=rng.randrange(86_400))
    record["remote_ip"] = (
        f"203.0.113.{rng.randrange(256)}"
        if rng.random() < 0.9
        else f"2001:db8::{rng.randrange(9999):x}"
    )
    record["request_id"] = f"{rng.getrandbits(64):016X}"
    record["key"] = f"scans/{rng.randrange(500):04d}.png"
    if rng.random() < 0.6:
        record.update(PRESIGNED)
    if rng.random() < 0.1:
        record.update(http_status=403, error_code="AccessDenied")
    evil = ['"', '" "', "  ", " - ", FORGED, "a", "SigV4", "QueryString", "[", "\\", "\t"]
    if rng.random() < hostile:
        record["user_agent"] = "".join(rng.choice(evil) for _ in range(rng.randrange(1, 6)))
    if rng.random() < hostile / 2:
        record["referer"] = "".join(rng.choice(evil) for _ in range(rng.randrange(1, 6)))
    return record


def presigned(*addresses: str) -> str:
    """Return the text of a log in which each address opened an object by a presigned URL."""
    return "".join(f"{write({**BASE, **PRESIGNED, 'remote_ip': each})}\n" for each in addresses)


def deliver(folder: Path, name: str, *addresses: str) -> None:
    """Put a whole log there: a rename is one step."""
    (folder / f".{name}").write_text(presigned(*addresses), encoding="utf-8")
    (folder / f".{name}").rename(folder / name)


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
