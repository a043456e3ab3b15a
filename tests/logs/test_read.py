"""Reading: any file, counts that add up, and what is said about what could not be read."""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pytest

from gt_secure.base.errors import GtSecureError, InvalidInput, LogError, MissingExtra, NotFound
from gt_secure.base.text import size_text
from gt_secure.logs import count_hits, read as reading, read_hits
from gt_secure.logs.engines import duckdb_store
from gt_secure.logs.engines.duckdb_store import Store, sweep
from gt_secure.logs.ingest import arrow_stream, batching as packing, converted
from gt_secure.logs.ingest.reader import Reader
from gt_secure.logs.read import _Job
from gt_secure.logs.storage.cache import open_cache
from gt_secure.logs.storage.objects import StandardInput
from support import corpus
from support.sample import sample

LINE = corpus.case("x", **corpus.PRESIGNED).text


def coverages(source):
    """Both ways of reading must tell the same."""
    table, one = count_hits(source, "http_status")
    with read_hits(source) as hits:
        other = hits.coverage
        assert hits.count("http_status").rows == table.rows
        for name in (
            "lines",
            "hits",
            "outside",
            "unreadable",
            "blank",
            "objects",
            "objects_read",
            "not_utf8",
            "bytes",
        ):
            assert getattr(one, name) == getattr(other, name), name
    assert one.adds_up
    assert other.adds_up
    return one


@pytest.mark.parametrize(
    ("content", "hits", "unreadable", "blank"),
    sample(
        [
            (b"", 0, 0, 0),
            (b"\n\n", 0, 0, 2),
            (LINE.encode(), 1, 0, 0),
            (LINE.encode() + b"\r\n\r\n" + LINE.encode() + b"\r\n", 2, 0, 1),
            (LINE.encode() + b"\n" + LINE.encode()[:120], 1, 1, 0),
            (bytes(range(256)) * 50, 0, 51, 0),
            (LINE.encode() + b"\n\x00\x00\x00\n" + LINE.encode() + b"\n", 2, 1, 0),
            (
                LINE.replace("S3Console", "S3\udcff\udcfeConsole").encode(
                    "utf-8", "surrogateescape"
                )
                + b"\n",
                1,
                0,
                0,
            ),
            ("\ufeff".encode() + LINE.encode() + b"\n", 1, 0, 0),
            (b"hello\nworld\n", 0, 2, 0),
        ],
        3,
    ),
)
@pytest.mark.parametrize("packed", [False, True])
def test_any_content(
    tmp_path: Path, content: bytes, hits: int, unreadable: int, blank: int, packed: bool
) -> None:
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(content) if packed else content)
    coverage = coverages(path)
    assert (coverage.hits, coverage.unreadable, coverage.blank) == (hits, unreadable, blank)
    assert coverage.bytes == len(content)


def test_samples_name_file_and_offset(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(LINE + "\n")
    bad = LINE[:300]
    (tmp_path / "b.log").write_text(f"{LINE}\n{bad}\n{LINE}\n")
    coverage = coverages(tmp_path)
    [sample] = coverage.samples
    assert sample.name == str(tmp_path / "b.log")
    assert (tmp_path / "b.log").read_bytes()[sample.offset :].startswith(bad.encode())
    assert bad.startswith(sample.text[:100])
    assert "cut" in sample.why


def test_samples_hold_no_secret(tmp_path: Path) -> None:
    secret = "q?X-Amz-Security-Token=IQoSECRET&X-Amz-Signature=abcdef0123 AKIA" + "Q3EGRZ5NV7B2YTKD"
    (tmp_path / "a.log").write_text(secret + "\n")
    coverage = coverages(tmp_path / "a.log")
    text = str(coverage.to_dict())
    assert "SECRET" not in text
    assert "abcdef" not in text
    assert "Q3EGRZ5NV7" not in text
    assert "X-Amz-Security-Token=***" in text


def test_a_huge_line_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(
        LINE.encode() + b"\n" + b"x" * (3 * packing.MAX_LINE) + b"\n" + LINE.encode() + b"\n"
    )
    coverage = coverages(path)
    assert (coverage.hits, coverage.unreadable) == (2, 1)
    assert coverage.samples[0].offset == len(LINE) + 1
    path.write_bytes(LINE.encode() + b"\n" + b"x" * (2 * packing.MAX_LINE))
    assert coverages(path).unreadable == 1


def test_members_of_gzip_are_one_stream() -> None:
    text = b"".join(b"line %d of many\n" % i for i in range(20_000))
    for packed in (
        text,
        gzip.compress(text),
        gzip.compress(text[:5000]) + gzip.compress(text[5000:]) + b"\0" * 9,
    ):
        head, rest = converted.unpacked(io.BytesIO(packed))
        assert head + b"".join(iter(lambda stream=rest: stream.read(999), b"")) == text


class Trickle:
    """A stream that gives a few bytes at a time."""

    def __init__(self, content: bytes, step: int) -> None:
        self._stream, self._step = io.BytesIO(content), step

    def read(self, size: int) -> bytes:
        return self._stream.read(min(size, self._step))


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
@pytest.mark.parametrize("text", [b"", b"x", b"line 1 of 2\nline 2 of 2\n"])
def test_a_log_is_unpacked_however_few_bytes_arrive_at_a_time(text: bytes, step: int) -> None:
    for content in (text, gzip.compress(text), gzip.compress(text[:9]) + gzip.compress(text[9:])):
        stream = Trickle(content, step)
        head, rest = converted.unpacked(stream)
        assert head + b"".join(iter(lambda stream=rest: stream.read(999), b"")) == text


def test_each_batch_of_lines_is_given_back_when_duckdb_has_read_it() -> None:
    kept, given_back = len(arrow_stream._alive), []
    places = np.array([0, 4], dtype=np.int64)
    batches = [
        arrow_stream.LineBatch(
            b"one\ntwo\n",
            np.array([0, 4, 8]),
            np.full(2, n, np.int32),
            places,
            lambda n=n: given_back.append(n),
        )
        for n in range(3)
    ]
    with duckdb.connect() as connection:
        connection.register("lines_in", arrow_stream.LineStream(iter(batches)))
        rows = connection.execute("SELECT source, pos, line FROM lines_in").fetchall()
    assert sorted(rows) == [
        (n, at, text) for n in range(3) for at, text in ((0, "one\n"), (4, "two\n"))
    ]
    assert sorted(given_back) == [0, 1, 2]
    assert len(arrow_stream._alive) == kept


def test_a_long_log_is_not_read_whole_to_see_what_it_is() -> None:
    for content in (b"x" * (4 * converted.HEAD), gzip.compress(b"x" * (4 * converted.HEAD))):
        head, _ = converted.unpacked(Trickle(content, converted.HEAD))
        assert head == b"x" * converted.HEAD


@pytest.mark.parametrize("seed", range(12))
def test_lines_across_buffers(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Any files through small buffers that are used again: every line once, at its place,
    unless it is too long.
    """
    rng = random.Random(seed)
    longest, room = rng.choice([(40, 8), (100, 30), (700, 64)])
    monkeypatch.setattr(packing, "MAX_LINE", longest)
    monkeypatch.setattr(packing, "_ROOM", room)
    monkeypatch.setattr(packing, "_BLOCK", rng.choice([16, 64, 1000]))
    files = [
        b"".join(
            rng.choice([b"x", b"\xff", b"\xc3\xa9", b"ab c"])
            * rng.randrange(rng.choice([3, 30, 300]))
            + rng.choice([b"\n", b"\r\n", b"\n\n"])
            for _ in range(rng.randrange(40))
        )
        + rng.choice([b"", b"the end"])
        for _ in range(rng.randrange(1, 12))
    ]
    found, too_long = [], []

    def put(packed: packing.Packed) -> None:
        data, ends, source, offset, done = packed.batch
        raw = bytes(data)
        found.extend(
            (int(source[i]), int(offset[i]), raw[ends[i] : ends[i + 1]]) for i in range(len(source))
        )
        assert sum(count for _, count in packed.per_object) == len(source)
        if done is not None:
            data[:] = 35  # whoever still looks at it will see
            done()

    buffers = packing.Buffers(packing.buffer_size(longest))
    packer = packing.Packer(put, buffers, lambda: False)
    for number, content in enumerate(files):
        cut = rng.randrange(min(len(content), room) + 1)
        stream = _Slow(content[cut:], rng)
        total = packer.read(
            number, stream, lambda at, n=number: too_long.append((n, at)), content[:cut]
        )
        assert total == len(content)
    packer.flush()

    skipped = set(too_long)
    at_least = longest + 1
    for number, content in enumerate(files):
        place = 0
        for line in _lines(content):
            if (number, place) in skipped:
                assert len(line) >= at_least - room
                skipped.discard((number, place))
            else:
                source, offset, text = found.pop(0)
                assert (source, offset) == (number, place)
                body = line.rstrip(b"\n")
                body = body[:-1] if body.endswith(b"\r") and line.endswith(b"\n") else body
                assert text.rstrip(b" ") == body.decode(
                    "utf-8", "backslashreplace"
                ).encode().rstrip(b" ")
            place += len(line)
    assert not found
    assert not skipped


def _lines(content: bytes) -> list[bytes]:
    return [line + b"\n" for line in content.split(b"\n")[:-1]] + [
        last for last in content.split(b"\n")[-1:] if last
    ]


class _Slow:
    """A stream that gives as much as it likes at a time."""

    def __init__(self, content: bytes, rng: random.Random) -> None:
        self._stream, self._rng = io.BytesIO(content), rng

    def readinto(self, buffer: memoryview) -> int:
        return self._stream.readinto(buffer[: self._rng.randrange(1, len(buffer) + 1)])


def test_damaged_gzip_is_named_and_read_up_to_the_damage(tmp_path: Path) -> None:
    rng = random.Random(1)
    body = "".join(corpus.write(corpus.random_record(rng, 0)) + "\n" for _ in range(5000)).encode()
    packed = gzip.compress(body)
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "good.log").write_text(LINE + "\n")
    coverage = coverages(tmp_path)
    assert [(f.name, f.kind) for f in coverage.failures] == [(str(tmp_path / "cut.gz"), "damaged")]
    assert coverage.hits > 100
    assert coverage.objects == 2
    assert coverage.objects_read == 1
    assert any("damaged" in said for said in coverage.limits())


def test_exact_counts_over_many_small_files(tmp_path: Path) -> None:
    rng = random.Random(5)
    truth: dict[tuple[str, int], int] = {}
    for n in range(300):
        records = [corpus.random_record(rng) for _ in range(rng.randrange(4))]
        for record in records:
            pair = record["remote_ip"], record["http_status"]
            truth[pair] = truth.get(pair, 0) + 1
        text = "\n".join(corpus.write(r) for r in records)
        path = tmp_path / f"d{n % 7}" / f"2026-11-20-00-00-{n:03d}.log"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if n % 3 == 0 else text.encode())
    table, coverage = count_hits(tmp_path, ["remote_ip", "http_status"])
    assert {row[:2]: row[2] for row in table.rows} == truth
    assert coverage.objects == 300
    assert coverage.adds_up
    globbed, _ = count_hits(str(tmp_path / "d*" / "*.log"), ["remote_ip", "http_status"])
    assert globbed.rows == table.rows


def test_time_range_counts_what_is_outside(tmp_path: Path) -> None:
    times = [
        "2026-11-19T23:59:59",
        "2026-11-20T00:00:00",
        "2026-11-20T12:00:00",
        "2026-11-21T00:00:00",
    ]
    from datetime import datetime

    text = "\n".join(corpus.case("x", time=datetime.fromisoformat(t)).text for t in times)
    (tmp_path / "log").write_text(text)
    table, coverage = count_hits(
        tmp_path, "hour", since="2026-11-20", until="2026-11-21T01:00+01:00"
    )
    assert table.rows == [("2026-11-20T00", 1), ("2026-11-20T12", 1)]
    assert (coverage.hits, coverage.outside) == (2, 2)
    with read_hits(tmp_path, since="2026-11-20", until="2026-11-21") as hits:
        assert len(hits) == 2
        assert hits.coverage.outside == 2
        assert hits.coverage.adds_up


def test_nothing_found_says_what_it_does_not_prove(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    with read_hits(tmp_path) as hits:
        assert len(hits) == 0
        assert any("does not prove" in said for said in hits.coverage.limits())


@pytest.mark.parametrize(
    ("sources", "options", "kind"),
    [
        ([], {}, InvalidInput),
        (["/no/such/file"], {}, NotFound),
        (["/no/such/*.log"], {}, NotFound),
        (["s3://bucket/x"], {}, InvalidInput),
        ([3], {}, InvalidInput),
        (["-"], {"since": "yesterday-ish"}, InvalidInput),
        (["-"], {"since": "2026-01-02", "until": "2026-01-01"}, InvalidInput),
        (["-"], {"engine": "abacus"}, InvalidInput),
    ],
)
def test_bad_input_is_told(sources, options, kind) -> None:
    with pytest.raises(kind) as caught:
        read_hits(sources, **options)
    assert caught.value.message
    assert isinstance(caught.value, GtSecureError)


def test_standard_input() -> None:
    source = StandardInput(io.BytesIO((LINE + "\n").encode() * 3))
    table, coverage = count_hits(source, "presigned")
    assert table.rows == [(True, 3)]
    assert coverage.objects == 1


def test_cancel_stops_and_leaves_no_thread(tmp_path: Path) -> None:
    (tmp_path / "log").write_text((LINE + "\n") * 20000)
    cancel = threading.Event()
    seen = []

    def progress(state) -> None:
        seen.append(state)
        cancel.set()

    with pytest.raises(LogError, match="cancelled"):
        read_hits([tmp_path / "log"] * 40, progress=progress, cancel=cancel)
    assert seen
    assert not [t for t in threading.enumerate() if "_work" in t.name and t.is_alive()]


def test_temporary_files_go_away(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LINE)
    hits = read_hits(tmp_path)
    folder = hits._store.folder
    assert folder.exists()
    del hits
    import gc

    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize("limit", ["", "lots", "2", "-1GB", "1GB; ATTACH 'x'"])
def test_a_memory_limit_is_a_size(tmp_path: Path, limit: str) -> None:
    with pytest.raises(InvalidInput, match="not a size"):
        count_hits(tmp_path, "key", memory_limit=limit)


@pytest.mark.parametrize("limit", ["1MB", "99.9MB", "0.05 GB", "95MiB", "9kb"])
def test_too_little_memory_is_refused_before_the_logs_are_looked_for(limit: str) -> None:
    for ask in (read_hits, functools.partial(count_hits, by="key")):
        with pytest.raises(InvalidInput, match=f"{limit} is too little memory") as caught:
            ask("/nowhere", memory_limit=limit)
        assert caught.value.next_step == "Give at least memory_limit='100MB'."


def test_the_least_memory_is_enough(tmp_path: Path) -> None:
    rng = random.Random(3)
    (tmp_path / "log").write_text(
        "".join(corpus.write(corpus.random_record(rng)) + "\n" for _ in range(3000))
    )
    table, _ = count_hits(tmp_path, "request_id,key,user_agent", memory_limit="96 MiB")
    assert len(table) == 3000


def test_what_the_engine_lacks_is_an_error_that_says_what_to_do() -> None:
    store = Store("5MB")
    with pytest.raises(LogError, match="more memory than 5MB") as caught:
        store.query("SELECT list(n ORDER BY hash(n)) FROM range(3000000) t(n)")
    assert "memory_limit" in caught.value.next_step
    assert "Report" not in caught.value.next_step, "nobody knows how much another engine read"


@pytest.mark.parametrize("records", [1, 3], ids=["small", "large"])
@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("lines.log", read_hits),
        ("lines.log", functools.partial(count_hits, by="key")),
        ("trail.json", functools.partial(count_hits, by="key")),
    ],
    ids=["rows", "counts", "counts of records"],
)
def test_a_memory_error_is_reported_where_the_logs_are_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, ask: Any, records: int
) -> None:
    path, text = tmp_path / name, "a" * 60_000
    line = corpus.write({**corpus.BASE, "user_agent": text})
    event = json.dumps({"eventSource": "s3.amazonaws.com", "x": text})
    path.write_text(f"{line if name == 'lines.log' else event}\n" * records)
    monkeypatch.setattr(duckdb_store, "_of_engine", lambda _: "1MB")
    monkeypatch.setattr(duckdb_store, "_SMALL", 150_000)
    with pytest.raises(LogError, match=r"more memory than 400MB[.,]") as caught:
        ask(path)
    small = f"although the logs that were read have only {size_text(path.stat().st_size)}."
    assert (small in caught.value.message) == (records == 1)
    reported = f"Report this as a fault of gt_secure with DuckDB {duckdb.__version__}."
    assert (reported in str(caught.value.next_step)) == (records == 1)
    assert "memory_limit='2GB'" in str(caught.value.next_step)


@pytest.mark.parametrize(("name", "room"), [("a.log", 10), ("a.log.gz", 1)])
def test_a_disk_without_room_is_refused_before_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, room: int
) -> None:
    path = tmp_path / name
    text = (corpus.write(corpus.BASE) + "\n").encode() * 2000
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    size = path.stat().st_size
    disk = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: disk._replace(free=size // room // 2 - size // 100)
    )
    reads: list[Reader] = []
    with monkeypatch.context() as patch:
        patch.setattr(Reader, "__next__", reads.append)
        with pytest.raises(LogError, match="MB are free") as caught:
            read_hits(path)
    assert "TMPDIR" in caught.value.next_step
    assert not reads
    count_hits(path, "key")  # keeps no rows
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk._replace(free=size))
    assert len(read_hits(path)) == 2000


def test_a_sweep_beside_a_reader_that_begins_leaves_it_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = duckdb_store._locked
    swept: list[int] = []

    def sweep_first(lock: Any) -> bool:
        if str(lock.name).startswith(str(tmp_path)) and not swept:
            swept.append(-1)  # as another process between the two steps of taking the lock
            swept.append(sweep())
        return locked(lock)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(duckdb_store, "_locked", sweep_first)
    with contextlib.closing(Store()) as store:
        assert swept == [-1, 0]
        assert store.query("SELECT 1") == [(1,)]
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_reader_left_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    made = (
        "from gt_secure.logs.engines.duckdb_store import Store; s = Store(); print(s.folder,"
        " flush=True); input()"
    )
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", made], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    killed, alive = (Path(reader.stdout.readline().strip()) for reader in readers)
    (tmp_path / "gt-secure-logs-new").mkdir()  # one that is only just being made
    readers[0].kill()
    readers[0].wait()
    assert killed.exists()
    with contextlib.closing(Store()) as store:
        assert not killed.exists()
        assert alive.exists()
        assert store.folder.exists()
        assert sweep() == 0
    readers[1].communicate("\n")
    assert not alive.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["gt-secure-logs-new"]


FORKED = """
import gc, os, sys
from gt_secure.base.errors import LogError
from gt_secure.logs import read_hits
from gt_secure.logs.engines import duckdb_store

class Held: pass

held = Held()
held.itself, held.hits = held, read_hits(sys.argv[1])  # in a cycle, as a traceback holds what it has seen
for end in ("collected", "closed", "left"):
    child = os.fork()
    if child == 0:
        try:
            held.hits.count("key")
        except LogError as error:
            print(error, flush=True)
        if end == "collected":
            del held
            gc.collect()
        if end == "closed":
            held.hits.close()
        duckdb_store.discard_all()
        sys.exit(3)
    print(end, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), held.hits.count("key").rows, flush=True)
"""


def test_a_fork_neither_crashes_nor_deletes_the_rows_of_its_parent(tmp_path: Path) -> None:
    """The pools and data loaders of a notebook fork it."""
    (tmp_path / "log").write_text(corpus.case("x", key="a/1").text + "\n")
    command = [sys.executable, "-c", FORKED, str(tmp_path / "log")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert lines[1::2] == [f"{end} 3 [('a/1', 1)]" for end in ("collected", "closed", "left")], done
    assert all("read before this process was forked" in said for said in lines[::2])
    assert done.stderr == ""


def test_one_reading_after_the_other_gives_the_rows_of_its_own_log(tmp_path: Path) -> None:
    """All but the first are read by a statement that is planned once: after a failure, a clean-up,
    and side by side.
    """
    found: dict[str, list[Any]] = {}

    def read(name: str, **options: Any) -> list[Any]:
        (tmp_path / name).write_text(
            "".join(corpus.case(name, key=f"{name}/{i}").text + "\n" for i in range(3))
        )
        with read_hits(tmp_path / name, **options) as hits:
            found[name] = sorted(row[0] for row in hits.count("key").rows)
        return found[name]

    def own(name: str) -> list[str]:
        return [f"{name}/{i}" for i in range(3)]

    assert [read(name) for name in "abc"] == [own(name) for name in "abc"]
    with contextlib.closing(Store()) as store, pytest.raises(ZeroDivisionError):
        store.write_lines((1 / 0 for _ in "x"), tmp_path / "never")  # type: ignore[arg-type]
    [spare] = duckdb_store._PLANNED.values()
    assert spare == []
    assert read("d") == own("d")
    shutil.rmtree(spare[0].folder)
    assert read("e", memory_limit="300MB") == own("e")
    threads = [threading.Thread(target=read, args=(name,)) for name in "fgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[name] for name in "fgh"] == [own(name) for name in "fgh"]
    assert len(spare) == 1


def test_overlapping_sources_are_read_once(tmp_path: Path) -> None:
    folder = tmp_path / "fold"
    folder.mkdir()
    for name in ("a.log", "b.log"):
        (folder / name).write_text(LINE + "\n")
    (folder / "again").symlink_to(folder)
    (folder / "c.log").symlink_to(folder / "a.log")
    one, other = str(folder / "a.log"), str(folder / "b.log")
    for sources, number in (
        ([one, one], 1),
        ([folder / "a.log", one, other], 2),
        ([str(folder), one], 2),
        ([one, str(folder / "*.log")], 2),
        (str(folder / "**" / "*.log"), 2),
        ([str(folder / ".." / "fold" / "a.log"), one], 1),
    ):
        assert coverages(sources).hits == number, sources


@pytest.mark.parametrize("source", ["", " ", ["", "a.log"]])
def test_an_empty_name_is_not_this_folder(source: Any) -> None:
    for read in (lambda: read_hits(source), lambda: count_hits(source, "key")):
        with pytest.raises(InvalidInput, match="is empty"):
            read()


def test_what_to_do_depends_on_what_happened(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    packed = bytearray(gzip.compress((LINE + "\n").encode()))
    packed[-8] ^= 1  # the checksum
    path.write_bytes(packed)
    with pytest.raises(LogError) as caught:
        count_hits(path, "key")
    assert caught.value.next_step == "Read an intact copy of the logs."


@pytest.mark.parametrize("absent", [["duckdb"], ["duckdb", "numpy"]])
def test_a_small_install_names_what_reads_logs(
    absent: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        reading, "missing", lambda names: [each for each in names if each in absent]
    )
    (tmp_path / "a.log").write_text(LINE)
    with pytest.raises(
        MissingExtra, match=f"Reading access logs needs {' and '.join(absent)}"
    ) as raised:
        read_hits(tmp_path / "a.log")
    assert raised.value.next_step == f"Run 'pip install --only-binary :all: {' '.join(absent)}'."


@pytest.mark.parametrize(("cached", "refused"), [(["b.log"], False), ([], True)])
def test_objects_of_the_cache_are_an_answer_where_no_other_could_be_read(
    cached: list[str], refused: bool
) -> None:
    tally = SimpleNamespace(
        failures=[SimpleNamespace(name="a.log", why="denied", kind="denied")], names=["a.log"]
    )
    tally.read = tally.lines = 0
    job: Any = SimpleNamespace(
        reader=SimpleNamespace(tally=tally), sink=SimpleNamespace(count=0), cached=cached
    )
    with (
        pytest.raises(LogError, match="None of 1 log objects")
        if refused
        else contextlib.nullcontext()
    ):
        _Job.refuse_if_nothing(job)


def test_a_cache_is_the_default_folder_one_that_is_named_or_none(tmp_path: Path) -> None:
    default, named = open_cache(True), open_cache(tmp_path)
    assert default is not None
    assert named is not None
    assert (named.folder, open_cache(named), open_cache(False)) == (tmp_path, named, None)
    assert default.folder != tmp_path
