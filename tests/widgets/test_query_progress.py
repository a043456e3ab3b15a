"""Queries over rows in the panel: words and a share after a second, Cancel,
and no late answer over a newer one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import LogError
from gt_secure.connection import Connection
from gt_secure.logs import activity
from gt_secure.logs.engines.duckdb_store import Store
from gt_secure.logs.hits import Hits
from gt_secure.widgets import HitsStep, background, hits_view
from gt_secure.widgets.base import Step
from support import corpus

from .conftest import choose, until

ENDLESS = "SELECT count(*) FROM range(1000000000000) t(i) WHERE hash(i) = 1"
FIRST, SECOND = "203.0.113.7", "198.51.100.9"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every query is worth a word."""
    monkeypatch.setattr(activity, "AFTER_S", 0.01)
    monkeypatch.setattr(background, "EVERY_S", 0.01)


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """No query takes a second, however busy the machine is."""
    monkeypatch.setattr(activity, "AFTER_S", 3600)


@pytest.fixture
def step(connection: Connection, tmp_path: Path) -> HitsStep:
    line = corpus.write(corpus.BASE)
    address = str(corpus.BASE["remote_ip"])
    assert address in line
    lines = [line.replace(address, source) for source in (FIRST, FIRST, FIRST, SECOND, SECOND)]
    (tmp_path / "log").write_text("\n".join(lines) + "\n")
    made = HitsStep(connection, logs=str(tmp_path / "log"))
    made.range.value, made.which.value = "", "all"
    return made


def endless(words: str) -> tuple[Callable[..., Any], threading.Event]:
    """A step over rows whose query ends only when it is cancelled, and whether it has ended."""
    ended = threading.Event()

    def query(hits: Hits, *_: object) -> Any:
        try:
            with activity.step(words):
                return hits.query(ENDLESS)
        finally:
            ended.set()

    return query, ended


class Held:
    """Calls of a function that wait until they are let go."""

    def __init__(self, call: Callable[..., Any], words: str) -> None:
        self._call, self._words = call, words
        self.begun, self.go = threading.Event(), threading.Event()
        self.ended = threading.Event()
        self.share: float | None = None

    def __call__(self, *args: Any, **named: Any) -> Any:
        try:
            with activity.step(self._words):
                with activity.statement(lambda: self.share):
                    self.begun.set()
                    self.go.wait(60)
                return self._call(*args, **named)
        finally:
            self.ended.set()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any, str, str], Held]]:
    made: list[Held] = []

    def hold(owner: Any, name: str, words: str) -> Held:
        made.append(Held(getattr(owner, name), words))
        call = made[-1]
        monkeypatch.setattr(owner, name, lambda *args, **named: call(*args, **named))
        return call

    yield hold
    for each in made:
        each.go.set()


async def plotted(step: HitsStep) -> None:
    step.plot_hits()
    await step.wait_idle()


def cancel_shown(step: HitsStep) -> bool:
    return "gts-hidden" not in step.cancel_button._dom_classes


def test_a_long_query_says_what_it_does_and_how_far_it_is(
    step: HitsStep, soon: None, held: Any, run: Any, words: Any
) -> None:
    async def main() -> None:
        await plotted(step)
        before = step.plot.picture.value
        leaks = held(Hits, "leaks", activity.LEAKS)
        announced: list[str] = []
        step._announced.observe(lambda change: announced.append(words(change["new"])), "value")
        step.plot_hits()
        await until(lambda: words(step.status.value) == "Looking for leaked URLs")
        for leaks.share in (0.4, 0.41, 0.42):
            done = f"Looking for leaked URLs, {leaks.share:.0%} done"
            await until(lambda done=done: words(step.status.value) == done)
        assert cancel_shown(step)
        assert "gts-turning" in step.status._dom_classes
        assert "role=" not in step.status.value, "numbers that change are not announced"
        assert announced.count("Looking for leaked URLs") == 1
        assert not any("%" in each for each in announced)
        assert step.plot.picture.value == before, "the old plot stays until the new one is there"
        leaks.go.set()
        await step.wait_idle()
        assert step.status.value.count("gts-busy") == 0
        assert step._announced.value == ""
        assert not cancel_shown(step)
        assert "gts-turning" not in step.status._dom_classes

    run(main())


def test_quick_queries_show_nothing(step: HitsStep, never: None, run: Any) -> None:
    async def main() -> None:
        await plotted(step)
        shown: list[object] = []
        for part, name in ((step.status, "value"), (step._announced, "value"), (step.message, "value"),
                           (step.cancel_button, "_dom_classes"), (step.status, "_dom_classes")):  # fmt: skip
            part.observe(lambda change: shown.append(change["new"]), name)
        choose(step, SECOND)
        assert "gts-quiet" in step._dom_classes
        await step.wait_idle()
        assert SECOND in step.rows.value
        assert "gts-quiet" not in step._dom_classes
        step.plot.bars.children[0].click()
        await step.wait_idle()
        step.export_kind.value = "CSV"
        step.export()
        await step.wait_idle()
        assert "Written" in step.saved.value
        assert shown == []

    run(main())


def test_a_question_that_takes_long_is_shown_late_with_cancel(
    step: HitsStep, soon: None, held: Any, run: Any, words: Any
) -> None:
    async def main() -> None:
        await plotted(step)
        rows = held(hits_view, "rows_of", activity.ROWS)
        choose(step, FIRST)
        assert step.status.value == '<div role="status" aria-live="polite"></div>'
        assert not cancel_shown(step)
        await until(lambda: cancel_shown(step))
        assert words(step.status.value).startswith("Reading requests")
        assert words(step._announced.value).startswith("Reading requests")
        assert "gts-quiet" not in step._dom_classes
        rows.go.set()
        await step.wait_idle()
        assert FIRST in step.rows.value

    run(main())


def test_an_answer_that_comes_late_never_replaces_a_newer_one(
    step: HitsStep, held: Any, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    async def main() -> None:
        await plotted(step)
        original = hits_view.rows_of
        rows = held(hits_view, "rows_of", activity.ROWS)
        choose(step, FIRST)
        await until(rows.begun.is_set)
        monkeypatch.setattr(hits_view, "rows_of", original)
        choose(step, SECOND)
        await step.wait_idle()
        assert f"Requests from {SECOND}" in step.rows.value
        rows.go.set()
        await until(rows.ended.is_set)
        await asyncio.to_thread(lambda: None)  # its answer is on the loop by now
        assert f"Requests from {SECOND}" in step.rows.value
        assert FIRST not in step.rows.value
        choose(step, FIRST)
        step.plot.picked = -1
        await step.wait_idle()
        assert step.rows.value == "", "who chooses none sees none"

    run(main())


def test_a_newer_question_ends_the_query_of_the_older_one(
    step: HitsStep, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    """Both run on one database, one query at a time: the second would wait for hours."""

    async def main() -> None:
        await plotted(step)
        original, ended = hits_view.rows_of, []

        def cancelled(hits: Hits, *_: object) -> Any:
            try:
                return hits.query(ENDLESS)
            except LogError as error:
                ended.append(error)
                raise

        monkeypatch.setattr(hits_view, "rows_of", cancelled)
        choose(step, FIRST)
        await until(lambda: step.result.hits._store.share_done() is not None)
        monkeypatch.setattr(hits_view, "rows_of", original)
        choose(step, SECOND)
        await step.wait_idle()
        assert f"Requests from {SECOND}" in step.rows.value
        assert len(ended) == 1
        assert step.message.value == ""

    run(main())


def test_cancel_ends_the_query_and_shows_the_choice_before(
    step: HitsStep, soon: None, monkeypatch: pytest.MonkeyPatch, run: Any, words: Any
) -> None:
    async def main() -> None:
        await plotted(step)
        choose(step, SECOND)
        await step.wait_idle()
        rows, choice = step.rows.value, step.plot.picked
        query, ended = endless(activity.ROWS)
        monkeypatch.setattr(hits_view, "rows_of", query)
        choose(step, FIRST)
        await until(lambda: words(step.status.value).endswith("% done"))
        assert step.rows.value == rows, "the old table stays"
        step.cancel_button.click()
        assert words(step.status.value) == "Cancelled."
        await until(ended.is_set)
        assert step.plot.picked == choice
        assert step.rows.value == rows
        assert step.message.value == ""
        assert not step.plot_button.disabled

    run(main())


def test_cancel_while_plotting_keeps_the_old_plot(
    step: HitsStep, soon: None, monkeypatch: pytest.MonkeyPatch, run: Any, words: Any
) -> None:
    async def main() -> None:
        await plotted(step)
        before = (step.result, step.plot.picture.value, step.table.value)
        query, ended = endless(activity.LEAKS)
        monkeypatch.setattr(Hits, "leaks", query)
        step.plot_hits()
        bars = step.plot.bars.children
        assert all(bar.disabled for bar in bars), "another choice would drop the reading"
        await until(lambda: "Looking for leaked URLs, " in words(step.status.value))
        step.cancel_button.click()
        await until(ended.is_set)
        assert words(step.status.value) == "Cancelled."
        assert (step.result, step.plot.picture.value, step.table.value) == before
        assert not any(bar.disabled for bar in step.plot.bars.children)

    run(main())


def test_an_error_during_a_query_is_shown_instead_of_progress(
    step: HitsStep, soon: None, monkeypatch: pytest.MonkeyPatch, run: Any, words: Any
) -> None:
    async def main() -> None:
        await plotted(step)
        before, go = step.plot.picture.value, threading.Event()

        def broken(_: Hits) -> Any:
            with activity.step(activity.LEAKS):
                go.wait(60)
                raise LogError(
                    "This question needs more memory than 400MB.",
                    next_step="Read a shorter time range.",
                )

        monkeypatch.setattr(Hits, "leaks", broken)
        step.plot_hits()
        await until(lambda: words(step.status.value) == "Looking for leaked URLs")
        go.set()
        with pytest.raises(LogError):
            await step.wait_idle()
        assert "needs more memory" in words(step.message.value)
        assert words(step.status.value) == ""
        assert words(step._announced.value) == ""
        assert not cancel_shown(step)
        assert step.plot.picture.value == before

    run(main())


def test_a_step_that_shows_its_own_words_keeps_them(soon: None, run: Any, words: Any) -> None:
    async def main() -> None:
        step, go = Step(), threading.Event()
        looks: list[activity.Activity] = []
        shown = step.worker._on_progress
        assert shown is not None
        step.worker._on_progress = lambda doing: (looks.append(doing), shown(doing))  # type: ignore[func-returns-value]
        step.run("Applying…", lambda: go.wait(60), lambda _: None)
        step.set_status("Step 1 of 3: the bucket policy", busy=True)
        await until(lambda: len(looks) > 2)
        assert words(step.status.value) == "Step 1 of 3: the bucket policy"
        go.set()
        await step.wait_idle()

    run(main())


def test_a_time_out_ends_the_query(connection: Connection, run: Any) -> None:
    async def main() -> None:
        store, ended, errors = Store(), threading.Event(), []
        worker = background.Worker(on_busy=lambda _: None, on_error=errors.append)

        def work() -> None:
            try:
                store.query(ENDLESS)
            finally:
                ended.set()

        worker.start(work, lambda _: None, timeout_s=0.05)
        await until(ended.is_set)
        await until(lambda: not worker.busy)
        assert [type(error).__name__ for error in errors] == ["Unreachable"]
        store.close()

    run(main())


def test_another_bucket_ends_the_reading_of_the_first(
    step: HitsStep, soon: None, held: Any, run: Any
) -> None:
    async def main() -> None:
        leaks = held(Hits, "leaks", activity.LEAKS)
        step.plot_hits()
        await until(leaks.begun.is_set)
        first = step.worker._current
        step.logs = ""
        step.bucket = "gt-images"
        assert first is not None
        assert first.cancel.is_set()
        leaks.go.set()
        await step.wait_idle()
        assert step.result is None
        assert step.plot.picture.value == ""

    run(main())
