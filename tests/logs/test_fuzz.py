"""Whatever the bytes: no crash, no hang, and every line is counted."""

from __future__ import annotations

import gzip
import io
import random

from hypothesis import given, settings, strategies as st

from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.ingest.neighbours import is_other_text, neighbour_file
from gt_secure.logs.storage.objects import StandardInput
from support import corpus
from support.examples import examples

GOOD = [c.text.encode() for c in corpus.cases() if len(c.text) < 3000]


def mangle(line: bytes, rng: random.Random) -> bytes:
    out = bytearray(line)
    for _ in range(rng.randrange(6)):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            out[at:at] = rng.choice(
                [
                    b'"',
                    b" ",
                    b"  ",
                    b"-",
                    b'" "',
                    b"\r",
                    b"\xff",
                    b"\x00",
                    b"[",
                    b"%",
                    b"\\",
                    "é".encode(),
                ]
            )
        elif kind == 1:
            del out[at : at + rng.randrange(20)]
        elif kind == 2 and out:
            out[at % len(out)] = rng.randrange(256)
        elif kind == 3:
            out = out[:at]
        else:
            out[at:at] = rng.choice(GOOD)[: rng.randrange(50)]
    return bytes(out)


line = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(GOOD),
    st.builds(
        lambda text, seed: mangle(text, random.Random(seed)),
        st.sampled_from(GOOD),
        st.integers(0, 2**32),
    ),
    st.text(alphabet='" -[]:+0123456789abcXY%&=?/\\\t', max_size=80).map(str.encode),
)


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(line, max_size=30), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_every_line_is_counted(lines: list[bytes], end: bytes, packed: bool) -> None:
    data = end.join(lines)
    expected = data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))
    if data.lstrip()[:1] in (b"{", b"["):
        expected = None  # JSON counts records
    if neighbour_file(data) is not None:
        expected = None  # such as a CloudFront log: the object is refused as a whole
    body = gzip.compress(data) if packed else data
    if (not packed and data[:2] == b"\x1f\x8b") or is_other_text(data):
        return
    table, coverage = count_hits(
        StandardInput(io.BytesIO(body)), ["remote_ip", "http_status", "hour", "network"]
    )
    assert coverage.adds_up
    assert expected is None or coverage.lines == expected
    assert sum(table.column("hits")) == coverage.hits
    with read_hits(StandardInput(io.BytesIO(body))) as hits:
        assert hits.coverage.adds_up
        assert hits.coverage.hits == coverage.hits
        assert hits.coverage.lines == coverage.lines
        hits.leaks()
        hits.rows()


@settings(max_examples=examples(25), deadline=None)
@given(st.binary(max_size=600))
def test_any_gzip_header(data: bytes) -> None:
    _, coverage = _quiet(b"\x1f\x8b" + data)
    assert coverage is None or coverage.adds_up


def _quiet(data: bytes):
    from gt_secure.base.errors import LogError

    try:
        return count_hits(StandardInput(io.BytesIO(data)), "http_status")
    except LogError as error:  # one damaged object is all there is
        if "could be read" not in error.message:
            raise
        return None, None


NAMES = [
    "Records",
    "eventSource",
    "eventTime",
    "requestParameters",
    "request_time",
    "message",
    "http_status",
    "key",
    "operation",
    "remote_ip",
]
json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(NAMES), inner | st.just("s3.amazonaws.com") | st.just("2026-11-20T00:00:00Z"),
        max_size=5),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=examples(25), deadline=None)
@given(json_value, st.booleans())
def test_any_json(value: object, lines: bool) -> None:
    import json

    text = json.dumps(value)
    data = ((text + "\n") * 2 if lines else json.dumps(value, indent=1)).encode()
    _, coverage = count_hits(StandardInput(io.BytesIO(data)), "http_status")
    assert coverage.adds_up
