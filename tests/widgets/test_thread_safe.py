"""Cells and event handlers in several threads, as with the subshells of ipykernel 7:
nothing is lost or done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any

import ipywidgets
import pytest

from gt_secure.connection import Connection
from gt_secure.widgets import AllowEditor, HitsStep, background, thread_safe
from gt_secure.widgets.base import Step
from gt_secure.widgets.page_assets import send_again
from gt_secure.widgets.panel import Panel
from gt_secure.widgets.thread_safe import make
from support.threads import work_ended

from .conftest import until

PAGE: ContextVar[str] = ContextVar("page", default="cell")
"""The page whose message is handled: ipykernel sends what the page answers to the
subshell that it finds so.
"""


class Subshell:
    """A thread that handles messages of the page, with an event loop of its own,
    as ipykernel makes it.
    """

    def __init__(self, name: str = "page") -> None:
        self.name, self.handling = name, threading.Event()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name="subshell-test")
        self.thread.start()

    def _run(self) -> None:
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def send(self, widget: ipywidgets.Widget, **state: Any) -> Future[None]:
        """Let the page say what somebody entered."""
        return self._handle(widget, {"method": "update", "state": state, "buffer_paths": []})

    def press(self, button: ipywidgets.Button) -> Future[None]:
        """Let the page say that a button was pressed."""
        return self._handle(button, {"method": "custom", "content": {"event": "click"}})

    def _handle(self, widget: ipywidgets.Widget, data: dict[str, Any]) -> Future[None]:
        async def handle() -> None:
            self.handling.set()
            PAGE.set(self.name)
            widget._handle_msg({"content": {"data": data}, "buffers": []})

        return asyncio.run_coroutine_threadsafe(handle(), self.loop)

    def end(self) -> None:
        """End as when the page is closed: what waits on this loop is never called."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


@pytest.fixture
def subshell() -> Iterator[Subshell]:
    made = Subshell()
    yield made
    made.end()


@pytest.fixture
def _hasty() -> Iterator[None]:
    """Threads change all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


class Slow(Step):
    title = "Slow"
    timeout_s = 60.0

    def build(self) -> list[Any]:
        self.go, self.begun = threading.Event(), threading.Event()
        self.results: list[tuple[int, str]] = []
        self.start = self.button("Start", self.start_work)
        return [self.start]

    def start_work(self) -> None:
        self.run("Working…", self._work, self._done, timeout_s=self.timeout_s)

    def _work(self) -> int:
        self.begun.set()
        self.go.wait(60)
        return 7

    def _done(self, result: int) -> None:
        self.results.append((result, PAGE.get()))


@pytest.mark.usefixtures("_hasty")
def test_what_is_typed_is_kept_while_results_of_other_work_arrive(subshell: Subshell) -> None:
    editor = AllowEditor(team="radiology-team", bucket="gt-images")
    go_on = True

    def results() -> None:
        while go_on:
            # one of the results that draw the lists again
            editor.worker.call_back(lambda: editor._got_endpoints(()))

    thread = threading.Thread(target=results)
    thread.start()
    try:
        for i in range(15):
            editor.addresses = ()
            wanted = {f"198.51.100.{i}", "203.0.113.0/24"}
            subshell.send(editor.address_input.input, value=" ".join(wanted)).result(30)
            assert set(editor.addresses) == wanted
            assert set(editor.address_input.words) == wanted
            subshell.send(editor.inputs["prefix"], value=f"scans/{i}/").result(30)
            assert editor.prefix == f"scans/{i}/"
    finally:
        go_on = False
        thread.join()


@pytest.mark.usefixtures("_hasty")
def test_a_cell_and_the_page_change_the_same_list(subshell: Subshell) -> None:
    editor = AllowEditor(team="radiology-team", bucket="gt-images")
    pressed = [subshell.send(editor.inputs["prefix"], value=f"scans/{i}/") for i in range(40)]
    for i in range(40):
        editor.addresses = tuple(f"198.51.100.{n}" for n in range(i % 7 + 1))
        assert len(editor.addresses) == i % 7 + 1
    for each in pressed:
        each.result(30)
    assert editor.prefix == "scans/39/"
    assert editor.address_input.words == editor.addresses
    assert [*editor.address_input.chips.children] == [*editor.address_input._chips.values()]


def test_a_result_outlives_the_subshell_that_asked_for_it(
    subshell: Subshell, run: Any, words: Any
) -> None:
    async def main() -> None:
        step = Slow()
        subshell.press(step.start).result(30)
        assert step.worker.busy
        assert step.begun.wait(300)
        subshell.end()  # the tab of the notebook is closed while the work runs
        step.go.set()
        await step.wait_idle()
        assert step.results == [(7, "cell")], (
            "the answers of a page that is opened later must reach a thread that lives"
        )
        assert not step.start.disabled
        assert words(step.status.value) == ""

    run(main())


def test_a_result_is_sent_as_if_the_newest_page_had_asked(subshell: Subshell, run: Any) -> None:
    async def main() -> None:
        step, newer = Slow(), Subshell("newer")
        try:
            step.go.set()
            subshell.press(step.start).result(30)
            await step.wait_idle()
            newer.send(make(ipywidgets.Text), value="x").result(30)
            subshell.end()
            step.start_work()
            await step.wait_idle()
        finally:
            newer.end()
        step.start_work()
        await step.wait_idle()
        assert [page for _, page in step.results] == ["page", "newer", "cell"]

    run(main())


def test_a_time_out_outlives_the_subshell_too(subshell: Subshell, run: Any) -> None:
    async def main() -> None:
        step = Slow()
        step.timeout_s = 0.3
        subshell.press(step.start).result(30)
        subshell.end()
        await until(lambda: not step.worker.busy)
        assert "No answer within" in step.message.value
        step.go.set()

    run(main())


def test_the_page_gets_results_while_a_cell_runs(subshell: Subshell, run: Any) -> None:
    async def main() -> None:
        step, begun_in_cell = Slow(), Slow()
        begun_in_cell.start_work()
        subshell.press(step.start).result(30)
        step.go.set()
        begun_in_cell.go.set()
        end = time.monotonic() + 300
        while not (step.results and begun_in_cell.results):
            time.sleep(0.01)  # a cell that computes: the loop of this thread does nothing
            assert time.monotonic() < end
        assert step.results == begun_in_cell.results == [(7, "page")]

    run(main())


def test_a_cell_waits_for_what_a_press_started_and_may_cancel_it(
    subshell: Subshell, run: Any, words: Any
) -> None:
    async def main() -> None:
        step = Slow()
        subshell.press(step.start).result(30)
        waits = asyncio.ensure_future(step.wait_idle())
        await until(step.begun.is_set)
        assert not waits.done()
        step.cancel()
        await waits
        assert words(step.status.value) == "Cancelled."
        step.go.set()
        await work_ended()
        assert step.results == []
        step.go.clear()
        subshell.press(step.start).result(30)
        step.start_work()  # replaces what the press started
        step.go.set()
        await step.wait_idle()
        assert len(step.results) == 1

    run(main())


@pytest.mark.usefixtures("_hasty")
def test_panels_are_made_while_a_page_reports(
    connection: Connection, subshell: Subshell, run: Any
) -> None:
    async def main() -> None:
        panels = [Panel(connection, bucket="gt-images")]
        reports = [asyncio.run_coroutine_threadsafe(_again(), subshell.loop) for _ in range(5)]
        for _ in range(3):
            subshell.send(panels[0].allow.inputs["prefix"], value=f"scans/{len(panels)}/")
            panels.append(Panel(connection, bucket="gt-images"))
        for each in reports:
            each.result(30)
        for panel in panels:
            await panel.wait_idle()
            panel.close()

    async def _again() -> None:
        send_again()

    run(main())


def test_the_garbage_collector_does_not_wait_for_the_lock() -> None:
    dropped = make(ipywidgets.Text)
    dropped.close()
    with thread_safe.LOCK:
        # as it may be collected while somebody's work is waited for
        work = threading.Thread(target=dropped.__del__)
        work.start()
        work.join(300)
        assert not work.is_alive()


def test_the_kinds_are_those_of_ipywidgets(connection: Connection, every_widget: Any) -> None:
    step = HitsStep(connection)
    for widget in every_widget(step):
        assert isinstance(widget, thread_safe.ThreadSafe), (
            f"{widget!r} is not made for several threads"
        )
    text = make(ipywidgets.Text, value="x")
    assert type(text).__name__ == "Text"
    assert type(text) is type(make(ipywidgets.Text))
    assert repr(text).startswith("Text(value='x'")
    assert text.get_state()["_model_name"] == "TextModel"


@pytest.mark.usefixtures("_hasty")
@pytest.mark.parametrize("how", ["hold", "set_trait", "add"])
def test_a_cell_changes_traits_in_other_ways(subshell: Subshell, how: str) -> None:
    editor = AllowEditor(team="radiology-team", bucket="gt-images")
    go_on = True

    def cell() -> None:
        number = 0
        while go_on:
            number = number % 5 + 1
            addresses = tuple(f"198.51.100.{i}" for i in range(number))
            if how == "hold":
                with editor.hold_trait_notifications():
                    editor.addresses = addresses
            elif how == "set_trait":
                editor.set_trait("addresses", addresses)
            else:
                editor.add_address(addresses[-1])

    thread = threading.Thread(target=cell)
    thread.start()
    try:
        for i in range(15):
            subshell.send(editor.inputs["prefix"], value=f"scans/{i}/").result(30)
            assert editor.prefix == f"scans/{i}/"
    finally:
        go_on = False
        thread.join()
    assert editor.address_input.words == editor.addresses


def test_a_step_made_in_a_subshell_that_ended_still_gets_its_result(subshell: Subshell) -> None:
    async def make_and_start() -> Slow:
        step = Slow()
        step.start_work()
        return step

    step = asyncio.run_coroutine_threadsafe(make_and_start(), subshell.loop).result(30)
    assert step.begun.wait(300)
    subshell.end()
    step.go.set()
    asyncio.run(step.wait_idle())
    assert [result for result, _ in step.results] == [7]
    assert not step.start.disabled


def test_work_of_a_loop_that_has_ended_is_awaited_on_the_next(run: Any) -> None:
    step = Slow()

    async def first() -> None:
        step.start_work()

    async def second() -> None:
        step.go.set()
        await step.wait_idle()

    run(first())
    run(second())
    assert [result for result, _ in step.results] == [7]


def test_nobody_sees_the_gap_between_two_works(subshell: Subshell, run: Any) -> None:
    async def main() -> None:
        for _ in range(60):
            results: list[str] = []
            worker = background.Worker(on_busy=lambda _: time.sleep(0.001), on_error=lambda _: None)

            def then(result: str, worker: Any = worker, results: Any = results) -> None:
                results.append(result)
                if result == "apply":
                    worker.start(lambda: "plan again", then)

            async def start(worker: Any = worker, then: Any = then) -> None:
                worker.start(lambda: "apply", then)

            asyncio.run_coroutine_threadsafe(start(), subshell.loop).result(30)
            await worker.wait_idle()
            assert results == ["apply", "plan again"]

    run(main())


def test_work_without_an_event_loop_leaves_the_widgets_free(subshell: Subshell) -> None:
    step, text = Slow(), make(ipywidgets.Text)
    # a thread of a user has no event loop: it waits for its work
    thread = threading.Thread(target=step.start_work)
    thread.start()
    assert step.begun.wait(300)
    subshell.send(text, value="typed").result(30)
    step.go.set()
    thread.join(300)
    assert step.results[0][0] == 7
    assert text.value == "typed"


def test_a_failure_to_start_does_not_keep_the_step_busy(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        step = Slow()

        def no_thread(*_: Any) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(background, "start_thread", no_thread)
        step.start.click()
        assert "Something unexpected" in step.message.value
        assert not step.worker.busy
        assert not step.start.disabled

    run(main())


def test_a_url_that_is_signed_while_the_step_closes_is_not_kept(
    connection: Connection, run: Any
) -> None:
    from gt_secure.widgets import TestUrlStep

    async def main() -> None:
        step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
        await step.wait_idle()
        step.sign()
        step.close()
        await work_ended()
        assert step._url is None
        assert step.url_line.value == ""

    run(main())


def test_a_press_on_what_was_drawn_anew_meanwhile_does_nothing(subshell: Subshell) -> None:
    from gt_secure.logs.plots import Mark
    from gt_secure.widgets.linked_plot import LinkedPlot

    plot = LinkedPlot(lambda action: action())
    first, second = (Mark(f"203.0.113.{i}", "1 opened", "true", None, None) for i in (1, 2))
    for mark in (first, second):
        object.__setattr__(mark, "box", (0.1, 0.1, 0.2, 0.2))
    plot.show("", [first])
    button = plot.bars.children[0]
    with thread_safe.LOCK:
        # handled when the lock is free, and then the button is gone
        pressed = subshell.press(button)
        assert subshell.handling.wait(60)
        plot.show("", [second, first])
    pressed.result(30)
    assert plot.mark is None
    subshell.press(plot.bars.children[1]).result(30)
    assert plot.mark is first


def test_classes_of_users_and_their_metaclasses() -> None:
    from traitlets import HasTraits, MetaHasTraits

    class Meta(MetaHasTraits):
        pass

    class Mixin(HasTraits, metaclass=Meta):
        pass

    class Own(Mixin, Step):
        def compute(self) -> bool:
            return others_can_take_the_lock()

    assert Own().compute(), "it may be run as slow work"
    with thread_safe.LOCK:
        assert not others_can_take_the_lock()


def others_can_take_the_lock() -> bool:
    result: list[bool] = []

    def take() -> None:
        result.append(thread_safe.LOCK.acquire(blocking=False))
        if result[0]:
            thread_safe.LOCK.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return result[0]
