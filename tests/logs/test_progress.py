"""Progress of a read: totals from the listing, bytes as stored, rate and time left."""

from __future__ import annotations

import gzip
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gt_secure.base.errors import LogError
from gt_secure.logs import Progress, read as reading, read_hits
from gt_secure.logs.engines.duckdb_store import Store
from gt_secure.logs.ingest import reader
from gt_secure.logs.storage.objects import LocalFile
from support import corpus

LINE = corpus.write(corpus.BASE) + "\n"


@pytest.mark.parametrize(
    ("progress", "sentence"),
    [
        (Progress(0, 0, 0, 3), "0 of 3+ objects, 0 bytes"),
        (Progress(0, 0, 0, 1, listed=True), "0 of 1 object, 0 bytes"),
        (Progress(12, 61_000_000, 9, 4_000, 10, 1, 5.0), "12 of 4,000+ objects, 61 MB, 12 MB/s"),
        (
            Progress(12, 61_000_000, 9, 40, 100, 4, 5.0, True),
            "12 of 40 objects, 61 MB, 12 MB/s, about 2 min left",
        ),
        (
            Progress(40, 61_000_000, 9, 40, 100, 100, 5.0, True),
            "40 of 40 objects, 61 MB, 12 MB/s, about 1 s left",
        ),
    ],
)
def test_sentence(progress: Progress, sentence: str) -> None:
    assert progress.sentence == sentence


@pytest.mark.parametrize("packed", [False, True])
def test_a_read_tells_what_is_stored_and_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    clock = itertools.count()
    # every call is a second later
    monkeypatch.setattr(reader.time, "monotonic", lambda: float(next(clock)))
    for number in range(5):
        text = (LINE * 300).encode()
        (tmp_path / f"{number}.log").write_bytes(gzip.compress(text) if packed else text)
    stored = sum(file.stat().st_size for file in tmp_path.iterdir())
    states: list[Progress] = []
    with read_hits(tmp_path, progress=states.append) as hits:
        assert len(hits) == 1500
        size = hits.coverage.bytes
    last = states[-1]
    assert (last.objects, last.total_objects, last.total_bytes, last.stored_bytes) == (
        5,
        5,
        stored,
        stored,
    )
    assert (last.bytes, last.lines, last.listed) == (size, 1500, True)
    assert last.left_s == 0
    assert [state.stored_bytes for state in states] == sorted(
        state.stored_bytes for state in states
    )


def test_a_listing_is_told_and_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, cancel = itertools.count(), threading.Event()
    states: list[Progress] = []

    def found(*_: object, **__: object) -> Iterator[LocalFile]:
        yield LocalFile("a", 1)
        yield LocalFile("b", 2)
        cancel.set()
        yield LocalFile("c", 3)
        raise AssertionError

    monkeypatch.setattr(reading, "resolve", found)
    monkeypatch.setattr(reader.time, "monotonic", lambda: float(next(clock)))
    with pytest.raises(LogError, match="cancelled"):
        read_hits("x", progress=states.append, cancel=cancel)
    assert [state.sentence for state in states] == [
        "0 of 1+ object, 0 bytes",
        "0 of 2+ objects, 0 bytes",
    ]
    assert [state.total_bytes for state in states] == [1, 3]


def test_a_query_tells_how_much_of_it_is_done() -> None:
    store = Store()
    assert store.share_done() is None
    seen: list[float] = []
    ended: list[BaseException] = []

    def ask() -> None:
        try:
            store.query("SELECT count(*) FROM range(1000000000000) t(i) WHERE hash(i) = 1")
        except BaseException as error:
            ended.append(error)

    # DuckDB 1.5 reports no share of some queries on a busy machine: the test begins another query.
    for _ in range(100):
        thread = threading.Thread(target=ask)
        thread.start()
        for _ in range(100):
            share = store.share_done()
            seen += [] if share is None else [share]
            if seen:
                break
            thread.join(0.01)
        while thread.is_alive():  # an interrupt that comes while a query is prepared is lost
            store._connection.interrupt()
            thread.join(0.05)
        if seen:
            break
    assert {type(error).__name__ for error in ended} == {"InterruptException"}
    assert 0 <= seen[0] < 1
    store.close()
    assert store.share_done() is None
