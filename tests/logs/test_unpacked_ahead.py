"""A large gzip file is unpacked by a thread of its own: the same bytes, the same errors, and no thread left behind."""

from __future__ import annotations

import gzip
import io
import random
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest

from gt_secure.errors import LogError
from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.ingest import chunks
from support import corpus

LINE = (corpus.case("x", **corpus.PRESIGNED).text + "\n").encode()


@pytest.fixture(autouse=True)
def always_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "AHEAD", 1000)


def unpackers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "gt-secure-unpack"]


def whole(packed: bytes, step: int = 777) -> tuple[bytes, BaseException | None]:
    """All bytes of a packed stream, read ahead, and the error at their end."""
    head, rest = chunks.unpacked(io.BytesIO(packed))
    data, buffer = bytearray(head), bytearray(step)
    with chunks.unpacked_ahead(rest, 0) as stream:
        assert unpackers()
        try:
            while got := stream.readinto(memoryview(buffer)):
                data += buffer[:got]
        except (EOFError, zlib.error) as error:
            with pytest.raises(type(error)):  # asked again, it says the same
                stream.readinto(memoryview(buffer))
            return bytes(data), error
    return bytes(data), None


@pytest.mark.parametrize("seed", range(8))
def test_the_same_bytes(seed: int) -> None:
    rng = random.Random(seed)
    text = b"".join(rng.randbytes(rng.randrange(40_000)) for _ in range(6)) + LINE * rng.randrange(500)
    cuts = sorted(rng.randrange(len(text)) for _ in range(rng.randrange(4)))
    members = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    packed = b"".join(gzip.compress(member, rng.choice((0, 1, 9))) for member in members) + b"\0" * rng.randrange(9)
    assert whole(packed, rng.choice((100, 5000, 1 << 20))) == (text, None)
    assert not unpackers()


def test_damage_comes_after_what_is_whole() -> None:
    text = random.Random(1).randbytes(300_000)
    packed = gzip.compress(text)
    data, error = whole(packed[:200_000])
    assert isinstance(error, EOFError)
    assert 150_000 < len(data) < len(text)
    assert text.startswith(data)
    broken = bytearray(packed)
    broken[-6] ^= 255  # the checksum
    data, error = whole(bytes(broken))
    assert error is not None
    assert text.startswith(data)
    assert not unpackers()


def test_who_stops_early_leaves_no_thread() -> None:
    _, rest = chunks.unpacked(io.BytesIO(gzip.compress(random.Random(2).randbytes(500_000))))
    with chunks.unpacked_ahead(rest, 0) as stream:
        assert stream.readinto(memoryview(bytearray(10))) == 10
    assert not unpackers()
    assert stream.readinto(memoryview(bytearray(10))) in (0, 10)  # and nobody waits for more for ever


def test_small_and_plain_files_need_no_thread() -> None:
    for packed, size in ((gzip.compress(LINE * 1000), 999), (LINE * 1000, 0)):
        _, rest = chunks.unpacked(io.BytesIO(packed))
        with chunks.unpacked_ahead(rest, size) as stream:
            assert stream is rest
            assert not unpackers()


@pytest.mark.parametrize("damaged", [False, True])
def test_reading_is_the_same(tmp_path: Path, damaged: bool) -> None:
    lines = b"".join(LINE.replace(b" 200 ", b" 403 ") if n % 3 else LINE for n in range(20_000))
    path = tmp_path / "log.gz"
    packed = gzip.compress(lines, 0)
    path.write_bytes(packed[: len(packed) // 2] if damaged else packed)
    table, coverage = count_hits(path, "http_status")
    with read_hits(path) as hits:
        assert hits.count("http_status").rows == table.rows
        assert [f.kind for f in hits.coverage.failures] == [f.kind for f in coverage.failures]
    assert [f.kind for f in coverage.failures] == (["damaged"] if damaged else [])
    assert coverage.adds_up
    if not damaged:
        assert coverage.hits == 20_000
    assert not unpackers()


def test_cancelled_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(LINE * 60_000, 0))
    stop = threading.Event()

    def told(_: Any) -> None:
        stop.set()

    with pytest.raises(LogError, match="cancelled"):
        count_hits(path, "http_status", progress=told, cancel=stop)
    assert not unpackers()
