"""Targets that read logs: the packing of lines, the SQL that reads a line,
and the records of JSON logs.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import json
import random
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from gt_secure.logs.engines.duckdb_store import from_records
from gt_secure.logs.ingest import batching as packing, converted, json_stream, reader
from gt_secure.logs.ingest.arrow_stream import LineStream
from gt_secure.logs.ingest.json_records import RecordSink
from gt_secure.logs.ingest.neighbours import is_other_text
from gt_secure.logs.ingest.reader import Reader
from gt_secure.logs.sql.derived_columns import derived, from_lines
from gt_secure.logs.sql.log_columns import STORED
from support import corpus
from support.fuzzing.mutation import mutate
from support.fuzzing.target import Target, check, landmark
from support.lines import PUBLISHED

SEPARATOR = b"\xfe\xff"


class _Halting:
    """A stream that gives a few bytes at a time, with or without ``readinto``, and may break."""

    def __init__(self, data: bytes, step: int, breaks_at: int | None) -> None:
        self._inner, self._step, self._left = io.BytesIO(data), step, breaks_at

    def read(self, size: int = -1) -> bytes:
        size = self._step if size < 0 else min(size, self._step)
        if self._left is not None:
            if not self._left:
                raise ConnectionResetError("broken")
            size = min(size, self._left)
            self._left -= size
        return self._inner.read(size)

    def __enter__(self) -> _Halting:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""


class _HaltingInto(_Halting):
    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@dataclass
class _File:
    """A log object of bytes."""

    data: bytes
    step: int = 1 << 20
    breaks_at: int | None = None
    into: bool = True
    name: str = "x"
    delivered: None = None
    identity: None = None

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> Any:
        return (_HaltingInto if self.into else _Halting)(self.data, self.step, self.breaks_at)


def _options(data: bytes) -> tuple[random.Random, bytes]:
    """Choices that an input makes, from its first four bytes, and the rest of it."""
    return random.Random(data[:4]), data[4:]


@contextlib.contextmanager
def _small(rng: random.Random) -> Iterator[int]:
    """Buffers so small that every border is met; yields the longest line."""
    longest, room = rng.choice((1, 7, 40, 300, 5000)), rng.choice((1, 2, 16, 200))
    batch, block = rng.choice((1, 64, 700, 100_000)), rng.choice((1, 3, 32, 4096))
    head = rng.randrange(2, max(3, max(longest, batch)))
    with contextlib.ExitStack() as stack:
        for module, name, value in (
            (packing, "MAX_LINE", longest), (packing, "_ROOM", room), (packing, "_BLOCK", block),
            (converted, "HEAD", head), (json_stream, "BLOCK", max(1, batch // 2)),
            (json_stream, "MAX_RECORD", max(64, longest)), (reader, "BATCH", batch),
        ):  # fmt: skip
            stack.enter_context(mock.patch.object(module, name, value))
        yield longest


def _lines_of(data: bytes) -> dict[int, bytes]:
    """Each line by its offset, as the engine is to see it."""
    found, at = {}, 0
    parts = data.split(b"\n")
    for line in parts[:-1] if not parts[-1] else parts:
        shown = (line[:-1] + b" " if line.endswith(b"\r") else line) + b" "
        found[at] = shown.decode("utf-8", "backslashreplace").encode()
        at += len(line) + 1
    return found


def _not_packed(data: bytes) -> bytes:
    """What does not begin as gzip does: such a file is rightly called damaged."""
    return data.lstrip(b"\x1f") if data[:2] == b"\x1f\x8b" else data


def _unzipped(data: bytes) -> bytes:
    """What of cut gzip data can be unpacked."""
    out = b""
    while data:
        one = zlib.decompressobj(wbits=31)
        out += one.decompress(data)
        data = one.unused_data
    return out


def _read(files: list[_File], sink: RecordSink) -> tuple[dict[tuple[int, int], bytes], Reader]:
    """All lines by object and offset."""
    found: dict[tuple[int, int], bytes] = {}
    lines = Reader(files, sink, threads=1)
    for batch in lines:
        check(
            len(batch.ends) == len(batch.source) + 1 == len(batch.offset) + 1,
            "a batch of one length",
        )
        text = bytes(batch.data)
        for i, place in enumerate(zip(batch.source.tolist(), batch.offset.tolist(), strict=True)):
            check(place not in found, "a line is handed on once", place)
            found[place] = text[batch.ends[i] : batch.ends[i + 1]]
        if batch.done is not None:
            batch.data[:] = 63  # whoever takes the buffer next finds other bytes in it
            batch.done()
    return found, lines


def run_packing(data: bytes) -> None:
    """Every line is handed on once, whole, at its place, whatever the buffers,
    the reads and the packing.
    """
    rng, rest = _options(data)
    files, plain, cut = [], [], []
    for part in rest.split(SEPARATOR)[:8]:
        packed, broken = rng.random() < 0.4, rng.random() < 0.2
        part = part if packed else _not_packed(part)
        body, at = part, None
        if packed:
            border = rng.randrange(len(part) + 1)
            body = gzip.compress(part[:border], 1) + gzip.compress(part[border:], 1)
            if broken:
                body = body[: rng.randrange(2, len(body))]
        elif broken:
            at = rng.randrange(len(part) + 1)
        files.append(_File(body, rng.choice((1, 2, 17, 1000, 1 << 20)), at, rng.random() < 0.7))
        plain.append(_unzipped(body) if packed else part if at is None else part[:at])
        cut.append(broken)
    with _small(rng) as longest, tempfile.TemporaryDirectory() as folder:
        sink = RecordSink(Path(folder) / "records")
        found, lines = _read(files, sink)
        sink.close()
    tally = lines.tally
    check(
        tally.lines == len(found) == sum(tally.per_object.values()),
        "lines are counted",
        tally.lines,
        len(found),
    )
    check(len(tally.names) == len(files) == tally.read + len(tally.failures), "objects are counted")
    check(tally.not_utf8 <= tally.lines, "lines that are no UTF-8")
    for number, content in enumerate(plain):
        mine = {at: text for (source, at), text in found.items() if source == number}
        long = [at for source, at in tally.too_long if source == number]
        expected = _lines_of(content)
        landmark(
            (
                bool(long),
                len(mine) > 9,
                number in tally.failed,
                number in sink.per_object,
                tally.not_utf8 > 0,
            )
        )
        if number in tally.left_out or is_other_text(content):
            continue
        if json_stream.looks_like_json(content) or content.startswith(codecs.BOM_UTF8):
            continue
        check(
            len(set(long)) == len(long) and not set(long) & set(mine), "a line is told once", long
        )
        seen = sorted([*mine, *long])
        check(
            seen == sorted(expected)[: len(seen)],
            "each line at its place",
            seen[:9],
            sorted(expected)[:9],
        )
        for at, text in mine.items():
            whole = expected[at] == text
            check(whole, "the text of a line", at, text, expected[at])
        for at in long:
            check(
                len(expected[at]) > longest,
                "a line that is called too long",
                at,
                len(expected[at]),
                longest,
            )
        if not cut[number]:
            check(len(seen) == len(expected), "no line is lost", len(seen), len(expected))
            check(number not in tally.failed, "a whole object is read", tally.failures)


_KEPT = ", ".join(f'"{name}"' for name in STORED)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect(config={"threads": "1", "autoinstall_known_extensions": "false"})
    engine.execute("SET enable_progress_bar = false")
    # The query is planned once: that takes longer than to read some lines.
    engine.execute("CREATE TEMP TABLE lines_in (line VARCHAR, source INTEGER, pos BIGINT)")
    query = (
        f"SELECT pos, readable, blank, line, {_KEPT} FROM ({derived(from_lines('lines_in'))}) ORDER"
        " BY pos"
    )
    engine.execute(f"PREPARE parse AS {query}")
    return engine


def parse_log(text: bytes) -> list[dict[str, Any]]:
    """Rows of a log in the order of the file, packed and read as in the product,
    with all columns.
    """
    lines = Reader([_File(text)], RecordSink(Path("/nonexistent/records")), threads=1)
    stream = LineStream(iter(lines))
    engine = _engine()
    engine.execute("TRUNCATE lines_in")
    engine.register("stream", stream)
    try:
        engine.execute("INSERT INTO lines_in SELECT line, source, pos FROM stream")
    finally:
        stream.close()
        engine.unregister("stream")
    cursor = engine.execute("EXECUTE parse")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def run_lines(data: bytes) -> None:
    """Any line is read or counted; what a client sent changes nothing but its own field."""
    texts = [line[:4000] for line in data.split(b"\n")[:40]]
    rng = random.Random(zlib.crc32(data))
    # A query costs more than its lines: some more of the same kind come almost for nothing.
    texts += [
        mutate(rng.choice(texts), rng, LOG_WORDS, texts, 4000).replace(b"\n", b" ")
        for _ in range(40)
    ]
    known, lines = _forged([rng.choice(texts) for _ in range(100)], rng)
    rows = parse_log(b"\n".join([b"first", *texts, *lines]) + b"\n")
    check(len(rows) == 1 + len(texts) + len(lines), "every line has a row", len(rows), len(texts))
    for row in rows:
        check(
            row["readable"] is not None and row["blank"] is not None, "a state that is known", row
        )
        check(not (row["readable"] and row["blank"]), "one state", row)
        left, _, rest = row["line"].partition('"')
        rest, _, tail = rest.rpartition('"')
        shape = (
            left.count(" "),
            min(rest.count('"'), 7),
            "  " in rest,
            tail.count(" "),
            "  " in tail,
            "Sig" in tail,
        )
        landmark((*shape, row["readable"], row["blank"], row["presigned"], row["signature_version"], row["auth_type"],
                  row["test_marker"] is not None, row["fingerprint"] is not None, row["referer"] is None,
                  row["user_agent"] is None, row["http_status"] is None))  # fmt: skip
    blank = sum(not text.strip(b" \r") for text in texts)
    check(sum(row["blank"] for row in rows) == blank, "blank lines are blank", blank)
    _check_known(known, lines, rows[1 + len(texts) :])


_SECRET = "IQoJSECRETSECRETSECRET"
_SIGNED = tuple(
    f"{mark}{name}={_SECRET}{rest}".encode()
    for mark in "?&"
    for name in ("X-Amz-Security-Token", "X-Amz-Signature")
    for rest in (
        "",
        "&X-Amz-Date=1",
        "&X-Amz-Credential=ASIAEXAMPLEKEYID0001%2F2026&X-Amz-Signature=1",
    )
)


def _forged(texts: list[bytes], rng: random.Random) -> tuple[list[dict[str, Any]], list[bytes]]:
    """What lines hold, and those lines with the texts where a client's text goes."""
    known, lines = [], []
    for text in texts:
        record = dict(corpus.BASE)
        if rng.random() < 0.6:
            record.update(corpus.PRESIGNED)
        record["http_status"], unsure = rng.choice((200, 403, 206)), set()
        other = rng.choice(texts)
        where = rng.randrange(6)
        fields = (
            {"referer": text}
            if where == 0
            else {"user_agent": text}
            if where == 1
            else {"request_uri": text}
        )
        if where > 2:
            fields = {"request_uri": text, "referer": other, "user_agent": rng.choice(texts)}
        marks = {}
        for i, (name, value) in enumerate(fields.items()):
            if name == "request_uri":
                value = (
                    b"GET /"
                    + value.replace(b" ", b"+")
                    + rng.choice((b"", *_SIGNED))
                    + b" HTTP/1.1"
                )
            elif rng.random() < 0.5:
                value += rng.choice(_SIGNED)
            marks[f"MARK{i}MARK"] = value
            record[name] = f"MARK{i}MARK"
        width = rng.choice((27, 27, 24, 18))
        bare = ("referer",) if record["referer"] is None and rng.random() < 0.2 else ()
        if where == 0 and width > 18 and rng.random() < 0.5:
            record["user_agent"], bare = None, ("user_agent",)
            record["version_id"] = rng.choice((None, "Y7ufX4ilpyCWWkwfu.KaaRtIEBXLX.XZ"))
            # the referer may look like two texts, and the dash like the version
            unsure = {"version_id"}
        line = corpus.write(record, bare=bare, fields=width).encode()
        for mark, value in marks.items():
            line = line.replace(mark.encode(), value)
        known.append(
            {name: v for name, v in corpus.truth(record, width).items() if name not in unsure}
        )
        lines.append(line)
    return known, lines


def _check_known(
    known: list[dict[str, Any]], lines: list[bytes], rows: list[dict[str, Any]]
) -> None:
    for truth, line, row in zip(known, lines, rows, strict=True):
        check(row["readable"], "a line with hostile text is read", line)
        kept = [name for name, value in row.items() if name != "line" and _SECRET in str(value)]
        check(not kept, "a token or signature is masked", kept, line)
        for name in truth:
            if name not in corpus.QUOTED:
                check(
                    row[name] == truth[name],
                    f"{name} is as S3 wrote it",
                    row[name],
                    truth[name],
                    line,
                )


def run_records(data: bytes) -> None:
    """JSON of any kind gives rows that the engine takes, or lines; all are counted."""
    rng, rest = _options(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records"
        sink = RecordSink(path)
        with _small(rng) if rng.random() < 0.5 else contextlib.nullcontext():
            found, lines = _read([_File(_not_packed(rest), rng.choice((50, 1 << 20)))], sink)
        sink.close()
        check(lines.tally.lines == len(found), "lines are counted")
        check(not lines.tally.failures or is_other_text(rest), "read", lines.tally.failures)
        check(sum(sink.per_object.values()) == sink.count, "records are counted")
        landmark((sink.count > 0, sink.other > 0, len(found) > 0))
        if not sink.count:
            check(
                len(found) + len(lines.tally.too_long) == len(_lines_of(rest))
                or sink.other
                or sink.left_out
                or lines.tally.left_out
                or is_other_text(rest)
                or rest.startswith(codecs.BOM_UTF8)
                or json_stream.looks_like_json(rest),
                "lines",
            )
            return
        written = path.read_text(encoding="utf-8").split("\n")
        check(len(written) == sink.count + 1, "one line a record", len(written), sink.count)
        names = json.loads(written[0])
        rows = (
            _engine()
            .execute(f"SELECT readable, time, {_KEPT} FROM ({derived(from_records(sink))})")
            .fetchall()
        )
        check(len(rows) == sink.count, "every record has a row", len(rows), sink.count)
        for row in rows:
            check(row[0] is not None, "a state that is known", row)
            check(not row[0] or row[1] is not None, "a record that is read has a time", row, names)


LOG_WORDS = tuple(
    word.encode()
    for word in (
        '"', " ", "-", '" "', '"-"', ' "-" ', '" 200 - ', '" 403 AccessDenied 243 - 8 - ', '" 200 - 1 1 1 1 "',
        " 200 - 1 1 1 1 ",
        '" - - - - - - ', "[20/Nov/2026:09:14:07 +0000]", "+0230]", "SigV4", "SigV2", "SigV4A", "QueryString",
        "AuthHeader",
        "HtmlForm", "AIDAISBTTLPGXGH6YFFAY", "AROAISBTTLPGXGH6YFFA", "TLSv1.3", "ECDHE-RSA-AES128-GCM-SHA256",
        "us-east-1",
        "REST.GET.OBJECT", "BATCH.DELETE.OBJECT", "HTTP/1.1", "GET /", "?X-Amz-Algorithm=", "&X-Amz-Credential=",
        "&X-Amz-Expires=",
        "&X-Amz-Signature=", "&X-Amz-Security-Token=", "&x-gt-secure-test=1", "AKIAIOSFODNN7EXAMPLE",
        "ASIAEXAMPLEKEYID0001",
        "%2F", "%3D", "%253D", "&", "=", "?", "HTTP/1.0\"", corpus.FORGED, ' - "', '" - - ', "\\", "'",
    )
)  # fmt: skip


@cache
def good_lines() -> tuple[bytes, ...]:
    """Every known quirk; and, where they are at hand, the lines that others have published."""
    found = [case.text.encode() for case in corpus.cases() if len(case.text) < 3000]
    if PUBLISHED.exists():
        found += PUBLISHED.read_bytes().splitlines()
    return tuple(found)


def _seeds_packing() -> list[bytes]:
    lines = good_lines()
    short = [b"a", b"", b"bb\r", b"ccc" * 9, b"\xff\xfe", "é".encode(), b"d" * 400, b"\0"]
    rng = random.Random(1)
    found = []
    for i in range(40):
        pool = short if i % 2 else lines
        files = [
            rng.choice((b"\n", b"\r\n")).join(rng.choices(pool, k=rng.randrange(9)))
            for _ in range(rng.randrange(1, 5))
        ]
        found.append(i.to_bytes(4, "big") + SEPARATOR.join(files))
    return [*found, b"\0\0\0\0", b'\0\0\0\1{"Records": [{"eventSource": "s3.amazonaws.com"}]}']


def _seeds_lines() -> list[bytes]:
    lines = good_lines()
    texts = [corpus.FORGED.encode(), b'x" 200 - 1 1 1 1 "y', b'"', b'" "', b"a" * 99]
    return (
        [b"\n".join(lines[i : i + 4]) for i in range(0, len(lines), 4)]
        + [b"\n".join(texts)]
        + texts
    )


EVENT = {
    "eventVersion": "1.11", "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
    "eventTime": "2026-11-20T09:14:07Z",
    "awsRegion": "us-east-1", "sourceIPAddress": "203.0.113.7", "userAgent": "[curl/8]",
    "requestID": "3E57427F3EXAMPLE",
    "requestParameters": {"bucketName": "gt-images", "key": "a b.png", "X-Amz-Expires": "600",
    "X-Amz-Date": "20261120T091400Z"},
    "additionalEventData": {"SignatureVersion": "SigV4", "AuthenticationMethod": "QueryString",
    "bytesTransferredOut": 113.0},
    "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/a/b"},
    "vpcEndpointId": "vpce-0a1b2c3d",
    "tlsDetails": {"tlsVersion": "TLSv1.3"}, "errorCode": "AccessDenied",
}  # fmt: skip
JSON_LOG = {
    "bucket_owner": "79a5", "bucket_name": "gt-images", "request_time": "2026-11-20T09:14:07.000Z",
    "remote_ip": "203.0.113.7",
    "operation": "REST.GET.OBJECT", "object_key": "a.png", "http_status": "200", "bytes_sent": 113,
    "request_uri": "GET /a HTTP/1.1",
    "authentication_type": "QueryString", "vpc_endpoint_id": None, "total_time_ms": "7",
}  # fmt: skip


def _seeds_records() -> list[bytes]:
    event, log = json.dumps(EVENT), json.dumps(JSON_LOG)
    bodies = [
        json.dumps({"Records": [EVENT, EVENT, {**EVENT, "eventSource": "kms.amazonaws.com"}]}), f"{event}\n{event}\n",
        log, f"{log}\n\n{log}\nx\n",
        json.dumps([JSON_LOG, JSON_LOG], indent=1), json.dumps({**JSON_LOG, "request_time": 1795166047000}), "{}",
        "[]", "{",
        '{"Records": []}', json.dumps({"message": log}), json.dumps({"logEvents": [{"message": log,
        "timestamp": 1795166047000}]}),
        json.dumps({"Records": [{**EVENT, "eventTime": "0001-01-01T00:00:00Z"}]}), json.dumps({**JSON_LOG,
        "http_status": 10**30}),
    ]  # fmt: skip
    return [bytes([0, 0, 0, i]) + body.encode() for i, body in enumerate(bodies)]


RECORD_WORDS = tuple(
    word.encode()
    for word in (
        *(f'"{name}": ' for name in (*EVENT, *JSON_LOG, "Records", "message", "logEvents", "key", "bucketName",
        "time")),
        '"s3.amazonaws.com"', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59-12:00"', '"2026-11-20"', '"2026-W47"',
        "1e400", "-1e18",
        "1795166047000", "253402300800000", "-62135596801", "9223372036854775808", "2147483648", "1.5", '"NaN"',
        "NaN", "Infinity", '"-"',
        "null", "true", "{}", "[]", '"\\ud800"', '"\\u0000"', '"a\\nb"', "{", "}", "[", "]", ",", ": ", '"', "\n",
        "\r", "\r\n", "\x0b", "\u2028",
    )
)  # fmt: skip

TARGETS = (
    Target(
        "packing",
        run_packing,
        _seeds_packing,
        (b"\n", b"\r\n", b"\r", SEPARATOR, b"\n\n", b"x" * 50, b"\xff", b"{", b"[", b" "),
        10,
    ),
    Target("lines", run_lines, _seeds_lines, LOG_WORDS, 25),
    Target("records", run_records, _seeds_records, RECORD_WORDS, 10),
)
