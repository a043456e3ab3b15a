"""JSON logs of any size and in any envelope, and the files beside them."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import LogError
from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.coverage import Coverage
from gt_secure.logs.ingest import json_stream
from gt_secure.logs.ingest.json_records import unwrapped
from gt_secure.logs.ingest.json_stream import JsonStream
from gt_secure.logs.ingest.neighbours import neighbour_file
from support import corpus
from support.sample import sample

EVENT = {
    "eventVersion": "1.10", "eventTime": "2026-11-20T09:14:07Z", "eventSource": "s3.amazonaws.com",
    "eventName": "GetObject", "awsRegion": "us-east-1", "sourceIPAddress": "10.0.3.4", "requestID": "R0",
    "requestParameters": {"bucketName": "gt-images", "key": "scans/1.png"},
    "additionalEventData": {"AuthenticationMethod": "QueryString"},
}  # fmt: skip


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {**EVENT, "requestID": f"R{number}", **changes}


def read(folder: Path, content: bytes, name: str = "x.json") -> tuple[list[Any], Coverage]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    with read_hits(folder) as hits:
        assert hits.coverage.adds_up
        found = sorted(hits.count("request_id").column("request_id"))
    table, coverage = count_hits(folder, "request_id")
    assert sorted(table.column("request_id")) == found
    assert (coverage.unreadable, coverage.lines) == (hits.coverage.unreadable, hits.coverage.lines)
    return found, hits.coverage


def ids(number: int) -> list[str]:
    return sorted(f"R{i}" for i in range(number))


SHAPES = ("records", "later", "array", "lines", "joined", "pretty")
PACKED = [
    pytest.param(shape, True, marks=() if shape == "later" else pytest.mark.slow)
    for shape in SHAPES
]


@pytest.mark.parametrize(
    ("shape", "packed"), [*sample(((shape, False) for shape in SHAPES), 3), *PACKED]
)
def test_many_megabytes_on_one_line(tmp_path: Path, shape: str, packed: bool) -> None:
    events = [event(i, userAgent="x" * 30_000) for i in range(220)]
    document = (
        {"Version": "1", "other": {"Records": []}, "Records": events}
        if shape == "later"
        else {"Records": events}
    )
    text = {
        "array": lambda: json.dumps(events),
        "lines": lambda: "\n".join(map(json.dumps, events)),
        "joined": lambda: "".join(map(json.dumps, events)),
        "pretty": lambda: json.dumps(document, indent=1),
    }.get(shape, lambda: json.dumps(document))()
    assert len(text) > 6_000_000
    found, coverage = read(tmp_path, gzip.compress(text.encode(), 1) if packed else text.encode())
    assert found == ids(220)
    assert coverage.unreadable == 0


def test_a_long_line_is_never_held_whole() -> None:
    record = json.dumps(event(1, userAgent="x" * 1000)).encode()

    class Endless(io.RawIOBase):
        left = 40_000

        def read(self, size: int = -1) -> bytes:
            count = min(self.left, max(1, size // len(record)))
            self.left -= count
            return b",".join([record] * count) + (b"," if self.left else b"") if count else b""

    tracemalloc.start()
    try:
        found = sum(1 for _ in JsonStream(b'{"Records":[', Endless(), lambda: False))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == 40_001  # and the end that is missing
    assert peak < 12 * json_stream.BLOCK


@pytest.mark.parametrize("block", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("seed", range(6))
def test_any_cut_of_the_stream_gives_the_same_records(
    monkeypatch: pytest.MonkeyPatch, seed: int, block: int
) -> None:
    """Whole and in parts, from windows of any size, the same values at the same offsets."""
    monkeypatch.setattr(json_stream, "BLOCK", block)
    rng = random.Random(seed)
    values = [_value(rng, 3) for _ in range(12)]
    document = {"note": _value(rng, 2), "Records": values, "n": 12} if seed % 2 else values
    parts = [
        json.dumps(document, ensure_ascii=seed % 3 > 0, indent=rng.choice([None, 2])),
        json.dumps({"z": 1.5}),
    ]
    data = rng.choice(["\n", "", " "]).join(parts).encode()
    cut = rng.randrange(1, 40)
    items = list(JsonStream(data[:cut], io.BytesIO(data[cut:]), lambda: False))
    assert [item.text for item in items if item.value is None] == []
    found = [one for item in items for one in unwrapped(item.value)]
    assert found == [*(value for value in values if value is not None), {"z": 1.5}]
    if len(items) > 2:
        for item in items:
            text = data[item.offset :].decode()
            assert json.JSONDecoder().raw_decode(text)[0] == item.value or not isinstance(
                item.value, (dict, list)
            )


def _value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(6 if depth else 4)
    if kind < 2:
        return {"k": rng.choice(['a"b\\', "é\u2028", "}]{[", "", "\\" * 3])}
    if kind < 4:
        return {"n": rng.choice([1, -2.5e7, True, None, 10**12])}
    if kind == 4:
        return {"l": [_value(rng, depth - 1) for _ in range(3)]}
    return {"o": _value(rng, depth - 1)}


BROKEN = [
    '{"eventName": "GetObject", "x": bad}', '{"eventName": "Get\\qObject"}', '{"eventName": "a" "b"}', "{]}",
    '{"eventName": NaNo}', "{'eventName': 1}", '{"eventName": "GetObject"', "", "word", '{"eventName": "a\tb"}',
]  # fmt: skip


def streamed(text: str) -> tuple[list[str], int]:
    """Return the ids of the records in a text, and how many parts of it are unreadable."""
    items = list(JsonStream(text[:30].encode(), io.BytesIO(text[30:].encode()), lambda: False))
    found = [
        record["requestID"] for item in items if item.value for record in unwrapped(item.value)
    ]
    return sorted(found), sum(item.value is None for item in items)


def document(*records: str) -> str:
    return f'{{"Records":[{",".join(records)}]}}'


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("size", [10, 400])
def test_a_document_is_read_up_to_what_is_malformed(broken: str, size: int) -> None:
    parts = [
        json.dumps(event(i, userAgent="x" * (600 if size == 10 else 8000))) for i in range(size)
    ]
    parts.insert(size // 2, broken)
    lines = [document(*parts), document(json.dumps(event(size // 2)))]
    assert streamed("\n".join(lines)) == (ids(size // 2 + 1), 1), (
        "the next line is another document"
    )


def test_a_record_inside_what_is_malformed_is_not_made_up() -> None:
    first, inner = json.dumps(event(0)), json.dumps(event(9))
    for text in (
        document(first, f'{{"a": bad, "requestParameters": {inner}}}', inner),
        f'{document(first)} {{"a": ] {inner} }}',
        f'{{"Records":[{first}], bad, "Records":[{inner}]}}',
        f'{{"Records":[{first}] {inner}',
    ):
        assert streamed(text) == (ids(1), 1)


@pytest.mark.parametrize("end", sample(range(1, 333), 12))
def test_a_line_that_is_cut_costs_no_other(end: int) -> None:
    line = json.dumps(event(8))
    for ending in ("\n", ",\r\n", " \n \n"):
        text = f"{json.dumps(event(0))}\n{line[:end]}{ending}{json.dumps(event(1))}\n{json.dumps(event(2))}\n"
        found, unreadable = streamed(text)
        assert unreadable == 1
        assert set(found) <= set(ids(3))
        assert len(found) == 3 or (len(found) == 2 and line[:end].rstrip().endswith('":')), (
            "taken for the value"
        )


def test_records_of_a_long_broken_line_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_RECORD", 1 << 20)
    rest = io.BytesIO(b'"' + b"x" * (20 << 20) + b"\n" + b'{"n": 1}')
    tracemalloc.start()
    try:
        lost, last = JsonStream(b"[bad ", rest, lambda: False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (lost.value, last.value) == (None, {"n": 1})
    assert peak < 12 * json_stream.BLOCK


@pytest.mark.parametrize("size", [400, 900, 4000])
def test_a_document_is_read_up_to_a_record_beyond_the_limit(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(json_stream, "MAX_RECORD", 1000)
    monkeypatch.setattr(json_stream, "BLOCK", 100)
    text = json.dumps([{"n": 1}, {"x": "x" * (size - 9)}, {"n": 2}]).encode()
    one, large, *other = JsonStream(text[:10], io.BytesIO(text[10:]), lambda: False)
    assert one.value == {"n": 1}
    assert (large.value is None) == (size > 1000)
    assert [item.value for item in other] == [{"n": 2}] * (size < 1000)


@pytest.mark.parametrize("text", ["[" * 100_000, "[\n" * 100_000, '{"a":\n' * 100_000])
def test_what_is_nested_too_deeply_is_left_at_once(text: str) -> None:
    assert streamed(text) == ([], 1)


@pytest.mark.parametrize("size", sample([3, 2000], 2))
@pytest.mark.parametrize("end", [1, 2, 40, 300])
def test_a_cut_file_counts_the_lost_record(tmp_path: Path, size: int, end: int) -> None:
    text = json.dumps({"Records": [event(i, userAgent="x" * 600) for i in range(size)]}).encode()
    found, coverage = read(tmp_path, text[:-end])
    assert found == ids(size if end < 3 else size - 1)
    assert coverage.unreadable == 1
    if size < 1000:
        return
    (tmp_path / "x.json").unlink()
    packed = gzip.compress(text)
    (tmp_path / "y.json.gz").write_bytes(packed[:-12])
    with read_hits(tmp_path) as hits:
        assert [failure.kind for failure in hits.coverage.failures] == ["damaged"]
        assert hits.coverage.unreadable == 1 or hits.coverage.hits == size


@pytest.mark.parametrize(
    "text",
    sample(
        [
            '{"Records": ',
            '{"Records"',
            '{"Records": [',
            '{"Records": [{',
            '{"a": "',
            "{",
            "[",
            "[1,",
        ],
        3,
    ),
)
def test_a_document_that_only_begins(tmp_path: Path, text: str) -> None:
    found, coverage = read(tmp_path, text.encode())
    assert found == []
    assert coverage.unreadable == 1 + (text == "[1,")
    assert coverage.unread


def test_a_broken_line_among_lines_costs_itself_only(tmp_path: Path) -> None:
    lines = [json.dumps(event(i)) for i in range(4)]
    text = "\r\n".join(
        [lines[0], lines[1], lines[2][:-30], lines[2], "not json", lines[3], lines[0][:50]]
    )
    found, coverage = read(tmp_path, text.encode())
    assert found == ids(4)
    assert coverage.unreadable == 3


def test_lines_of_an_access_log_behind_json_are_read(tmp_path: Path) -> None:
    line = corpus.case("x", **{**corpus.PRESIGNED, "request_id": "LINE"}).text
    found, coverage = read(
        tmp_path, f"{json.dumps(event(0))}\n{line}\n{json.dumps(event(1))}\n".encode()
    )
    assert found == ["LINE", "R0", "R1"]
    assert (coverage.lines, coverage.unreadable) == (3, 0)


def test_a_byte_order_mark(tmp_path: Path) -> None:
    found, coverage = read(
        tmp_path, codecs.BOM_UTF8 + json.dumps({"Records": [event(0), event(1)]}).encode()
    )
    assert (found, coverage.unreadable) == (ids(2), 0)


LINES = f"{corpus.case('x', **corpus.PRESIGNED).text}\r\n" * 3
OTHER_TEXTS = [
    (encoding, mark, text)
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    for mark, text in (("\ufeff", "["), ("", LINES), ("", json.dumps({"Records": [event(0)]})))
]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("encoding", "mark", "text"), sample(OTHER_TEXTS, 4))
def test_text_in_another_encoding_is_not_read_and_named(
    tmp_path: Path, encoding: str, mark: str, text: str, packed: bool
) -> None:
    data = (mark + text).encode(encoding)
    (tmp_path / "other.log").write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(LogError, match="None of 1 log objects") as error:
        count_hits(tmp_path, "request_id")
    assert "iconv" in str(error.value.next_step)
    (tmp_path / "good.json").write_text(json.dumps({"Records": [event(7)]}))
    found, coverage = count_hits(tmp_path, "request_id")
    assert found.column("request_id") == ["R7"]
    [failure] = coverage.failures
    assert (Path(failure.name).name, failure.kind) == ("other.log", "not UTF-8")
    assert (coverage.objects_read, coverage.lines, coverage.unreadable, coverage.left_out) == (
        1,
        1,
        0,
        {},
    )
    assert "other.log (not UTF-8)." in coverage.unread[0]
    assert any("must be converted to UTF-8" in sentence for sentence in coverage.limits())


def test_a_byte_order_mark_before_lines(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(
        codecs.BOM_UTF8 + corpus.case("x", bucket_owner="OWNER").text.encode() + b"\n"
    )
    with read_hits(tmp_path) as hits:
        assert [row["bucket_owner"] for row in hits.rows()] == ["OWNER"]


@pytest.mark.parametrize(
    "wrap",
    sample(
        [
            lambda e: {
                "version": "0",
                "detail-type": "AWS API Call via CloudTrail",
                "source": "aws.s3",
                "detail": e,
            },
            lambda e: {"detail": e},
            lambda e: {
                "Events": [
                    {"EventId": "1", "EventName": "GetObject", "CloudTrailEvent": json.dumps(e)}
                ]
            },
            lambda e: {
                "messageType": "DATA_MESSAGE",
                "logEvents": [{"id": "1", "message": json.dumps(e)}],
            },
            lambda e: {
                "events": [{"timestamp": 1, "message": json.dumps(e)}],
                "searchedLogStreams": [],
            },
            lambda e: {"timestamp": 1, "message": json.dumps({"detail": e})},
            lambda e: {"@timestamp": "x", "@message": json.dumps(e)},
            lambda e: {"_1": e},
            lambda e: {"@timestamp": "x", "@message": e, "@ptr": "y"},
        ],
        3,
    ),
)
def test_envelopes(tmp_path: Path, wrap: Any) -> None:
    found, coverage = read(tmp_path, json.dumps(wrap(event(0))).encode())
    assert (found, coverage.unreadable) == (ids(1), 0)
    found, coverage = read(
        tmp_path, "\n".join(json.dumps(wrap(event(i))) for i in range(3)).encode()
    )
    assert (found, coverage.unreadable) == (ids(3), 0)


@pytest.mark.parametrize(
    "start",
    [
        "2026-11-20T09:14:07.000Z ",
        "2026-11-20T09:14:07 ",
        "2026-11-20T09:14:07+00:00 111122223333_CloudTrail_us-east-1 ",
        "2026-11-20T09:14:07.123000+00:00 111122223333_CloudTrail_us-east-1_3 ",
    ],
)
def test_messages_behind_their_times(tmp_path: Path, start: str) -> None:
    """An export to S3, and what 'aws logs tail' prints, have a time before each message."""
    lines = "\n".join(f"{start}{json.dumps(event(i))}" for i in range(3))
    found, coverage = read(tmp_path, lines.encode())
    assert (found, coverage.unreadable) == (ids(3), 0)


@pytest.mark.parametrize(
    "answer",
    [
        {"QueryStatus": "FINISHED", "QueryStatistics": {"BytesScanned": 1, "ResultsCount": 1},
         "QueryResultRows": [[{"eventTime": "2026-11-20 09:14:07.000"}, {"eventName": "GetObject"}]]},
        {"results": [[{"field": "@timestamp", "value": "x"}, {"field": "@message", "value": "{}"}]],
         "statistics": {"recordsMatched": 1.0}, "status": "Complete"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("indent", [None, 4])
def test_answers_of_queries_are_named(tmp_path: Path, answer: Any, indent: int | None) -> None:
    (tmp_path / "answer.json").write_text(json.dumps(answer, indent=indent))
    with read_hits(tmp_path) as hits:
        assert "answer of CloudTrail Lake or Logs Insights" in " ".join(hits.coverage.unread)
        assert hits.coverage.unreadable == 0


DIGEST = json.dumps(
    {"awsAccountId": "111122223333", "digestS3Bucket": "t", "logFiles": []}
).encode()
DIGEST_NAME = "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20261120T090000Z.json"
INSIGHT = event(
    7, eventType="AwsCloudTrailInsight", insightDetails={"state": "Start"}, eventCategory="Insight"
)
NOTIFICATION = {
    "Records": [
        {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {}}
    ]
}
HISTORY = "CSV file of CloudTrail's event history"
TYPED = "output of the AWS CLI in another form than JSON"
ROWS = "answer of CloudTrail Lake or Logs Insights"
SIGNATURE = json.dumps(
    {"version": "1.0", "files": [{"fileName": "result_1.csv.gz"}], "queryCompleteTime": "x"}
).encode()
CONTROL = json.dumps(
    {"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "message": "CWL CONTROL MESSAGE"}]}
).encode()


@pytest.mark.parametrize(
    ("content", "kind"),
    sample(
        [
            (json.dumps({"Records": [INSIGHT]}).encode(), "CloudTrail Insight event"),
            (json.dumps(NOTIFICATION).encode(), "S3 event notification"),
            (
                json.dumps(
                    {"fileVersion": "1.0", "configSnapshotId": "x", "configurationItems": []}
                ).encode(),
                "AWS Config file",
            ),
            (b"#Version: 1.0\n#Fields: date time\n2026-11-20\t09:00\n", "CloudFront log"),
            (b"version account-id interface-id srcaddr\n2 1 eni-1 10.0.0.1\n", "VPC flow log"),
            (
                b"2 111122223333 eni-1235b8ca 10.0.0.1 10.0.0.2 443 1 6 1 1 1 1 ACCEPT OK\n",
                "VPC flow log",
            ),
            (
                b"https 2026-11-20T09:00:00.186641Z app/x/1 10.0.0.1:1 - 0 0 0 200 200 1 1 x\n",
                "load balancer log",
            ),
            (b"Event name,Event time,User name\nGetObject,x,bob\n", HISTORY),
            (b'\xef\xbb\xbf"Event ID","Event time"\n"1","x"\n', HISTORY),
            (b"EVENTS\tASIA\t{}\t1\tGetObject\n", TYPED),
            (b"Events:\n- AccessKeyId: ASIA\n  CloudTrailEvent: '{}'\n", TYPED),
            (b"-----------------\n|  LookupEvents |\n+---------------+\n", TYPED),
            (b'eventJson\n"{}"\n', "CSV file of CloudTrail Lake"),
            (SIGNATURE, "signature file of CloudTrail Lake"),
            (CONTROL, "health check of CloudWatch Logs"),
            (b'{"eventName": "GetObject", "@ptr": "y"}\n', ROWS),
            (b"PAR1\x15\x04\n\n\x00", "Parquet file"),
            (b"<?xml version='1.0'?>\n<Error/>\n", "XML or HTML file"),
        ],
        3,
    ),
)
def test_neighbours_are_named_and_left_out(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "other").write_bytes(content)
    found, coverage = read(tmp_path, json.dumps({"Records": [event(0)]}).encode())
    assert found == ids(1)
    assert (coverage.unreadable, coverage.left_out) == (0, {kind: 1})
    assert any(kind in sentence for sentence in coverage.limits())
    assert coverage.to_dict()["left_out"] == {kind: 1}


@pytest.mark.parametrize("name", [DIGEST_NAME, f"{DIGEST_NAME}.gz"])
def test_a_digest_of_cloudtrail_is_no_log_by_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(DIGEST) if name.endswith("gz") else DIGEST)
    (tmp_path / "x.json").write_text(json.dumps(event(0)))
    found, coverage = count_hits(tmp_path, "request_id")
    assert found.column("request_id") == ids(1)
    assert (coverage.lines, coverage.left_out, coverage.unread) == (
        1,
        {"CloudTrail digest file": 1},
        [],
    )
    assert "Left out, because they hold no requests: 1 CloudTrail digest file." in coverage.limits()


def test_no_other_name_makes_a_file_a_digest(tmp_path: Path) -> None:
    """A file that is renamed is an unreadable log, and a log with such a name is read."""
    (tmp_path / "CloudTrail-Digest").mkdir()
    for name in ("digest.json", f"copy-of-{DIGEST_NAME}"):
        (tmp_path / "CloudTrail-Digest" / name).write_bytes(DIGEST)
    (tmp_path / DIGEST_NAME).write_text(json.dumps({"Records": [event(0)]}))
    (tmp_path / DIGEST_NAME.replace("09", "10")).write_text(json.dumps([event(1)]))
    found, coverage = count_hits(tmp_path, "request_id")
    assert sorted(found.column("request_id")) == ids(2)
    assert (coverage.unreadable, coverage.left_out) == (2, {})
    assert coverage.unread


def test_no_log_is_taken_for_a_neighbour() -> None:
    lines = [case.text.encode() for case in corpus.cases() if not case.text.startswith("#")]
    documents = [
        json.dumps({"Records": [event(0, userAgent='"digestS3Bucket": #Version: ')]}).encode()
    ]
    documents += [json.dumps(event(0, userAgent='"digestS3Bucket": "configSnapshotId":')).encode()]
    assert [line for line in lines + documents if neighbour_file(line)] == []


def test_a_packed_file_that_is_cut_at_its_end_keeps_its_records(tmp_path: Path) -> None:
    packed = gzip.compress("\n".join(json.dumps(event(i)) for i in range(1500)).encode())
    (tmp_path / "x.json.gz").write_bytes(packed[:-9])
    with read_hits(tmp_path) as hits:
        assert len(hits) > 1400
        assert [failure.kind for failure in hits.coverage.failures] == ["damaged"]


ADDRESSES = [
    ("10.0.3.4", "10.0.3.4"), ("2001:db8::7", "2001:db8::7"), ("AWS Internal", None), ("aws internal", None),
    ("cloudfront.amazonaws.com", None), ("s3.amazonaws.com.cn", None), ("sagemaker", None), ("", None),
    (None, None), ("-", None), ("300.1.2.3", None), (17, None), (["10.0.3.4"], "10.0.3.4"),
]  # fmt: skip


def test_only_addresses_are_addresses(tmp_path: Path) -> None:
    events = [event(i, sourceIPAddress=address) for i, (address, _) in enumerate(ADDRESSES)]
    (tmp_path / "x.json").write_text(json.dumps({"Records": events}))
    with read_hits(tmp_path) as hits:
        kept = {row["request_id"]: row["remote_ip"] for row in hits.rows()}
    assert [(address, kept[f"R{i}"]) for i, (address, _) in enumerate(ADDRESSES)] == ADDRESSES
