"""Work off the event loop: nothing blocks, late results are dropped,
and errors are never swallowed.
"""

from __future__ import annotations

import asyncio
import contextlib
import linecache
import threading
import time
from collections import Counter
from typing import Any

import pytest

from gt_secure.base.errors import GtSecureError, InvalidInput, Throttled, Unreachable
from gt_secure.widgets.background import Worker, as_error, testing
from gt_secure.widgets.base import Step
from support.interrupts import OURS, Point, Tracer
from support.threads import work_ended


class Seen:
    def __init__(self) -> None:
        self.busy: list[bool] = []
        self.errors: list[GtSecureError] = []
        self.results: list[Any] = []
        self.worker = Worker(on_busy=self.busy.append, on_error=self.errors.append)


def test_work_runs_on_another_thread_and_the_loop_stays_free(run: Any) -> None:
    async def main() -> None:
        seen = Seen()
        here, go = threading.get_ident(), threading.Event()
        seen.worker.start(lambda: go.wait(60) and threading.get_ident(), seen.results.append)
        for _ in range(5):
            await asyncio.sleep(0.01)
            assert seen.worker.busy
        go.set()
        await seen.worker.wait_idle()
        assert seen.results
        assert seen.results[0] != here
        assert seen.busy == [True, False]

    run(main())


def test_a_result_that_comes_late_is_dropped(run: Any) -> None:
    async def main() -> None:
        seen = Seen()
        begun, hold = threading.Event(), threading.Event()

        def old() -> str:
            begun.set()
            hold.wait(60)
            return "old"

        seen.worker.start(old, seen.results.append)
        assert begun.wait(300)
        seen.worker.start(lambda: "new", seen.results.append)
        hold.set()
        await seen.worker.wait_idle()
        await work_ended()
        assert seen.results == ["new"]
        assert seen.busy[-1] is False

    run(main())


def test_an_error_that_comes_late_is_dropped_too(run: Any) -> None:
    async def main() -> None:
        seen = Seen()

        begun, go = threading.Event(), threading.Event()

        def fail() -> None:
            begun.set()
            go.wait(60)
            raise InvalidInput("late")

        seen.worker.start(fail, seen.results.append)
        assert begun.wait(300)
        seen.worker.start(lambda: "new", seen.results.append)
        go.set()
        await seen.worker.wait_idle()
        await work_ended()
        assert seen.errors == []
        assert seen.results == ["new"]

    run(main())


def test_cancel_stops_waiting_at_once(run: Any) -> None:
    async def main() -> None:
        seen = Seen()
        hold = threading.Event()
        seen.worker.start(lambda: hold.wait(60), seen.results.append)
        seen.worker.cancel()  # nothing is awaited: the thread is held until after these assertions
        assert not seen.worker.busy
        assert seen.busy == [True, False]
        hold.set()
        await work_ended()
        assert seen.results == []
        assert seen.errors == []

    run(main())


def test_a_time_out_is_an_error_with_a_next_step(run: Any) -> None:
    async def main() -> None:
        seen = Seen()
        hold = threading.Event()
        seen.worker.start(lambda: hold.wait(60), seen.results.append, timeout_s=0.05)
        with pytest.raises(Unreachable):
            await seen.worker.wait_idle()
        hold.set()
        assert seen.errors[0].next_step
        assert not seen.worker.busy

    run(main())


def test_a_time_out_within_the_work_reads_the_same(run: Any) -> None:
    async def main() -> None:
        seen = Seen()

        def fail() -> None:
            raise TimeoutError("timed out")

        seen.worker.start(fail, seen.results.append)
        with pytest.raises(Unreachable):
            await seen.worker.wait_idle()
        assert seen.errors[0].next_step

    run(main())


def test_a_display_that_fails_does_not_keep_the_step_busy(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        busy: list[bool] = []

        def fail(_: object) -> None:
            raise ValueError("cannot be shown")

        worker = Worker(on_busy=busy.append, on_error=fail)
        worker.start(lambda: 7, fail)
        with pytest.raises(GtSecureError):
            await worker.wait_idle()
        assert busy == [True, False]

    run(main())
    assert "cannot be shown" in caplog.text


def test_a_throttling_error_is_not_taken_for_our_time_out(run: Any) -> None:
    async def main() -> None:
        seen = Seen()

        def fail() -> None:
            raise Throttled("slow down", next_step="wait")

        seen.worker.start(fail, seen.results.append)
        with pytest.raises(Throttled):
            await seen.worker.wait_idle()

    run(main())


def test_a_burst_of_starts_does_the_work_once(run: Any) -> None:
    async def main() -> None:
        seen = Seen()
        calls: list[int] = []
        for i in range(10):
            seen.worker.start(lambda i=i: calls.append(i), seen.results.append, after_s=1)
            await asyncio.sleep(0.005)
        await seen.worker.wait_idle()
        assert calls == [9]

    run(main())


async def interrupted_start(point: Point | None, tracer: Tracer) -> list[str]:
    """Interrupt the start of work while former work waits; return the work that ran,
    whose results were shown.
    """
    seen, ran = Seen(), list[str]()
    seen.worker.start(
        lambda: ran.append("former"), lambda _: seen.results.append("former"), after_s=0.2
    )
    with contextlib.suppress(KeyboardInterrupt), tracer.tracing():
        seen.worker.start(lambda: ran.append("new"), lambda _: seen.results.append("new"))
    end = time.monotonic() + 30
    while threads := [each for each in threading.enumerate() if each.name == "gt-secure"]:
        assert time.monotonic() < end, (point, threads)
        await asyncio.sleep(0.002)
    assert (seen.results, seen.worker.busy, seen.busy[-1]) == (ran, False, False), point
    return ran


def test_an_interrupt_while_work_starts_loses_no_result(run: Any) -> None:
    async def main() -> None:
        ends = Counter[str]()
        whole = Tracer()
        assert await interrupted_start(None, whole) == ["new"]
        for point in whole.points:
            line = linecache.getline(OURS + point[0], point[2]).strip()
            if line == "try:" or (line == "with LOCK:" and point[4] == 2):
                continue  # Python looks for signals before or after it, and the lock is let go
            ends["-".join(await interrupted_start(point, Tracer(at=point)))] += 1
        assert ends[""] >= 5, ends
        assert ends["new"] >= 1, ends
        assert ends["former"] >= 1, ends

    run(main())


def test_work_may_start_other_work_when_it_is_done(run: Any) -> None:
    async def main() -> None:
        seen = Seen()

        def then(result: str) -> None:
            seen.results.append(result)
            if result == "first":
                seen.worker.start(lambda: "second", then)

        seen.worker.start(lambda: "first", then)
        await seen.worker.wait_idle()
        assert seen.results == ["first", "second"]
        assert not seen.worker.busy
        assert seen.busy[-1] is False

    run(main())


def test_without_a_loop_work_runs_at_once_and_shows_its_error() -> None:
    seen = Seen()
    seen.worker.start(lambda: 7, seen.results.append)
    assert seen.results == [7]

    def fail() -> None:
        raise InvalidInput("no")

    seen.worker.start(fail, seen.results.append)
    assert [error.message for error in seen.errors] == ["no"]


def test_in_testing_mode_the_error_is_shown_and_raised() -> None:
    seen = Seen()

    def fail() -> None:
        raise ValueError("a foreign error with https://x/?X-Amz-Signature=abc")

    with testing(), pytest.raises(ValueError, match="foreign"):
        seen.worker.start(fail, seen.results.append)
    assert "ValueError" in seen.errors[0].message
    assert "Signature" not in str(seen.errors[0])


def test_a_foreign_error_never_shows_its_text() -> None:
    said = as_error(RuntimeError("https://b/k?X-Amz-Signature=00"))
    assert "X-Amz" not in str(said.to_dict())
    assert said.__cause__ is not None


class Two(Step):
    title = "Two"

    def build(self) -> list[Any]:
        self.go = self.button(
            "Go", lambda: self.run("Going…", lambda: time.sleep(0.1), lambda _: None)
        )
        self.no = self.button("No", lambda: None, when=lambda: False)
        self.bad = self.button("Bad", self._bad)
        return [self.go, self.no, self.bad]

    def _bad(self) -> None:
        raise InvalidInput("Broken on purpose.", next_step="Do it otherwise.")


def test_buttons_are_disabled_while_work_runs_and_come_back_as_they_were(run: Any) -> None:
    async def main() -> None:
        step = Two()
        assert (step.go.disabled, step.no.disabled) == (False, True)
        step.go.click()
        assert (step.go.disabled, step.no.disabled) == (True, True)
        assert "gts-hidden" not in step.cancel_button._dom_classes
        assert "Going…" in step.status.value
        await step.wait_idle()
        assert (step.go.disabled, step.no.disabled) == (False, True)
        assert "gts-hidden" in step.cancel_button._dom_classes
        assert "Going…" not in step.status.value

    run(main())


def test_an_error_of_a_handler_is_shown_in_its_step(words: Any) -> None:
    step = Two()
    step.bad.click()
    assert 'role="alert"' in step.message.value
    assert "Broken on purpose. Do it otherwise." in words(step.message.value)


def test_cancel_button_works_while_busy(run: Any, words: Any) -> None:
    async def main() -> None:
        step = Two()
        step.go.click()
        assert not step.cancel_button.disabled
        step.cancel_button.click()
        assert words(step.status.value) == "Cancelled."
        assert not step.go.disabled

    run(main())
