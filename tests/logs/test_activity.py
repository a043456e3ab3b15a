"""Steps of work over logs: who watches sees their words and shares, and can end their queries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import LogError
from gt_secure.logs import Hits, Progress, QueryProgress, Waiting, activity, read_hits
from gt_secure.logs.activity import Activity
from gt_secure.logs.engines.duckdb_store import Store
from gt_secure.logs.plots import draw
from support import corpus
from support.sample import sample

ENDLESS = "SELECT count(*) FROM range(1000000000000) t(i) WHERE hash(i) = 1"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(activity.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def hits(tmp_path: Path) -> Iterator[Hits]:
    (tmp_path / "log").write_text((corpus.write(corpus.BASE) + "\n") * 3)
    with read_hits(tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress(12, 61_000_000, 9, 4_000), "Reading the access logs: 12 of 4,000+ objects, 61 MB"),
        (QueryProgress("1", "RUNNING", 61_000_000, 1.0), "Athena: running, 61 MB scanned"),
        (QueryProgress("1", "SUCCEEDED", 0, 1.0, 1000), "Athena: succeeded, 1,000 rows read"),
        (Waiting(1, 60, 1, 0, 0, 9), "Waiting for delivery: 0 new log objects in 1 s, at most 1 min. This log usually "
         "takes 9 s."),
    ],
)  # fmt: skip
def test_every_report_has_words(progress: Any, words: str) -> None:
    assert activity.words_of(progress) == words
    shown = Activity()
    shown.tell(progress)
    assert shown.sentence == words
    assert shown.topic == words.partition(":")[0]


def test_a_step_is_named_after_a_second_with_its_share(clock: list[float]) -> None:
    shown = Activity()
    with shown.watched(), activity.step("Drawing"), activity.statement(lambda: 0.404):
        clock[0] = 0.9
        assert shown.sentence == ""
        clock[0] = 1.0
        assert (shown.sentence, shown.topic) == ("Drawing, 40% done", "Drawing")
        with activity.step("Counting requests"):
            assert shown.topic == "Drawing", "the outer step says what a person asked for"


def test_a_short_step_does_not_bring_older_words_back(clock: list[float]) -> None:
    shown = Activity()
    shown.tell(Progress(1, 0, 0, 1, listed=True))
    with shown.watched():
        with activity.step("Drawing"):
            clock[0] = 1.0
        with activity.step("Counting requests"):
            assert shown.sentence == "Drawing"
        with activity.step("Counting requests"):
            clock[0] = 2.0
            assert shown.sentence == "Counting requests"


def test_without_anybody_who_watches_nothing_is_kept() -> None:
    with activity.step("Drawing"), activity.kept_whole(), activity.statement(lambda: 0.5) as stops:
        assert stops is None


QUESTIONS: dict[str, Callable[[Hits, Path], object]] = {
    activity.LEAKS: lambda hits, _: hits.leaks(),
    activity.COUNTING: lambda hits, _: hits.count("remote_ip"),
    activity.ROWS: lambda hits, _: hits.rows(),
    activity.SIDES: lambda hits, _: hits.with_restriction(["203.0.113.0/24"]),
    activity.PREDICTING: lambda hits, _: hits.with_refusals(lambda _: None),
    activity.WRITING: lambda hits, folder: hits.to_csv(folder / "hits.csv"),
    activity.DRAWING: lambda hits, _: draw(hits),
}


@pytest.mark.parametrize("words", sample(QUESTIONS, 3))
def test_every_question_names_its_step_and_is_cancelled(
    hits: Hits, words: str, tmp_path: Path
) -> None:
    seen: list[str] = []

    class Watched(Activity):
        def statement(self, share_done: Any) -> Any:
            seen.append(self._step[0] if self._step else "")
            return super().statement(share_done)

    with Watched().watched():
        QUESTIONS[words](hits, tmp_path)
    assert set(seen) == {words}
    stop = threading.Event()
    stop.set()
    with Activity(stop).watched(), pytest.raises(LogError, match=f"^{words} was cancelled"):
        QUESTIONS[words](hits, tmp_path)
    assert hits.count("remote_ip").rows, "the hits answer the next question"


def test_cancel_ends_a_statement_and_not_the_next_question() -> None:
    store, doing, ended = Store(), Activity(), []

    def ask() -> None:
        with doing.watched(), activity.step("Looking"):
            try:
                store.query(ENDLESS)
            except LogError as error:
                ended.append(error.message)

    thread = threading.Thread(target=ask)
    thread.start()
    while doing._share_done is None and thread.is_alive():
        pass  # it has begun, or is about to: both can be cancelled
    doing.cancel.set()
    with Activity().watched():
        assert store.query("SELECT 7") == [(7,)]
    thread.join()
    assert ended == ["Looking was cancelled."]
    store.close()


def test_what_keeps_the_lines_that_were_read_is_not_cancelled() -> None:
    store, stop = Store(), threading.Event()
    stop.set()
    with Activity(stop).watched():
        with activity.kept_whole():
            assert store.query("SELECT 7") == [(7,)]
        with pytest.raises(LogError):
            store.query("SELECT 7")
    store.close()


def test_a_store_closes_while_an_interrupted_call_is_ending() -> None:
    store, ended, begun = Store(), [], threading.Event()

    def begin(number: int) -> int:
        begun.set()  # some versions of DuckDB never tell how far this query is
        return number

    store._connection.create_function("begin_once", begin, ["BIGINT"], "BIGINT", side_effects=True)

    def read() -> None:
        try:
            store.query(
                "SELECT sum(a.range * b.range + first) FROM (SELECT begin_once(1) AS first),"
                " range(10000000) a, range(10000000) b"
            )
        except Exception as error:
            ended.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while not begun.wait(0.01):
        assert not ended
    store._finalizer()
    reader.join()
    assert ended
    assert not store.folder.exists()
