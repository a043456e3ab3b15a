"""Slow work off the event loop: with a time-out and Cancel, and late results dropped.

A button handler runs inside an event loop of the kernel, so an AWS call there would block every other cell and widget.
``Worker`` puts it on a thread. A thread cannot be killed: cancelling means that nobody waits for its result any more.

Testing mode
------------
Exceptions of button handlers are logged by ipywidgets and lost. In testing mode (:func:`testing`) work runs at once, in
the same thread, and an error is shown in the widget and then raised to the caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from ..errors import GtSecureError, Unreachable
from ..logs import activity as activities
from ..logs.activity import Activity
from ..text import count
from .thread_safe import LOCK, PATIENCE_S, Home, Listener, Loops, call_overdue, running_loop, unlocked

T = TypeVar("T")

EVERY_S = 0.5
"""Seconds between two looks at what work under way is doing."""

_MOST_AT_ONCE = 16
"""Threads of the pool."""

log = logging.getLogger("gt_secure")

_testing = False


@contextlib.contextmanager
def testing() -> Iterator[None]:
    """Within it, widgets work synchronously and raise what they show."""
    global _testing
    before, _testing = _testing, True
    try:
        yield
    finally:
        _testing = before


testing.__test__ = False  # type: ignore[attr-defined] # pytest would take it for a test


def is_testing() -> bool:
    """Return whether :func:`testing` is in force."""
    return _testing


def in_background() -> bool:
    """Return whether work started now would run in the background: an event loop runs and no test is waiting."""
    return running_loop() is not None and not _testing


def as_error(error: BaseException) -> GtSecureError:
    """Whatever happened, as an error that a person can read; ours stay as they are."""
    if isinstance(error, GtSecureError):
        return error
    log.error("gt_secure: unexpected error", exc_info=error)
    # The text of a foreign exception is not shown: it might hold a URL. The log has it.
    said = GtSecureError(
        f"Something unexpected went wrong ({type(error).__name__}).",
        next_step="Try again. If it stays, please report it with the log of this kernel.",
        details={"type": type(error).__name__},
    )
    said.__cause__ = error
    return said


class Worker:
    """Runs one piece of work at a time; starting another drops the first, and ends its queries."""

    def __init__(
        self,
        *,
        on_busy: Callable[[bool], None],
        on_error: Callable[[GtSecureError], None],
        on_progress: Callable[[Activity], None] | None = None,
    ) -> None:
        self._on_busy = on_busy
        self._on_error = on_error
        self._on_progress = on_progress
        self._home = Home()
        self._current: _Work | None = None
        self._error: GtSecureError | None = None
        self.dropped = 0

    @property
    def busy(self) -> bool:
        """Return whether work is under way that somebody waits for."""
        return self._current is not None

    @property
    def activity(self) -> Activity | None:
        """Activity of the work under way."""
        return None if self._current is None else self._current.activity

    def loops(self) -> Loops:
        """Return where callbacks of work run that is started now."""
        return Loops(self._home)

    def start(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        *,
        timeout_s: float = 60.0,
        after_s: float = 0.0,
        hours: bool = False,
        activity: Activity | None = None,
    ) -> None:
        """Run ``work`` on a thread, then ``done`` with its result on an event loop."""
        with LOCK:
            self._drop()
            self._error = None
            if not in_background():
                self._run_now(work, done)
                return
            run = self._current = _Work(work, done, self.loops(), activity or Activity(), hours)
            try:
                self._on_busy(True)
                if after_s:
                    run.timers.append(_after(after_s, lambda: self._begin_later(run, timeout_s)))
                else:
                    self._begin(run, timeout_s)  # now, not only when the cell has ended
            except BaseException:
                self._end(run)
                raise

    def cancel(self) -> None:
        """Stop waiting, and end its queries; the result will be dropped when it comes."""
        with LOCK:
            if self._current is not None:
                self._drop()
                self._on_busy(False)

    async def wait_idle(self) -> None:
        """Wait until nothing is under way; raise the error of the last work."""
        while (run := self._under_way()) is not None:
            ended = asyncio.wrap_future(run.ended)
            while not ended.done():
                await asyncio.wait({ended}, timeout=PATIENCE_S)
                call_overdue()
            await asyncio.sleep(0)
        if self._error is not None:
            raise self._error

    def _under_way(self) -> _Work | None:
        with LOCK:  # a callback on another thread may just be replacing it
            return self._current

    def _drop(self) -> None:
        """Wait no more for the work under way, and end its queries: the next ones would wait for them."""
        run, self._current = self._current, None
        if run is not None:
            self.dropped += not run.settled
            run.drop()

    def _run_now(self, work: Callable[[], T], done: Callable[[T], None]) -> None:
        self._on_busy(True)
        try:
            with unlocked():
                result = work()
            done(result)
        except Exception as error:
            self._error = as_error(error)
            self._on_error(self._error)
            if _testing:
                raise
        finally:
            self._on_busy(False)

    # from any thread

    def _begin(self, run: _Work, timeout_s: float) -> None:
        with LOCK:
            if run is not self._current:
                return
            result = run.begin()
            run.timers += [
                _after(activities.AFTER_S, lambda: self._look(run, None)),
                _after(timeout_s, lambda: self._time_out(run, timeout_s)),
            ]
        result.add_done_callback(lambda _: run.loops.call(lambda: self._settle(run, run.error())))

    def _begin_later(self, run: _Work, timeout_s: float) -> None:
        try:
            self._begin(run, timeout_s)
        except BaseException as error:  # such as no thread left: nobody else would hear of it
            failure = error
            run.loops.call(lambda: self._settle(run, failure))

    def _look(self, run: _Work, shown: Listener | None) -> None:
        if run is self._current and self._on_progress is not None:
            if shown is None or not shown.waiting:
                shown = run.loops.call(lambda: self._show_progress(run))
            _after(EVERY_S, lambda: self._look(run, shown))

    def _time_out(self, run: _Work, timeout_s: float) -> None:
        if run is self._current:
            error = _too_slow(timeout_s) if run.has_begun else _too_many(timeout_s)
            run.loops.call(lambda: self._settle(run, error))

    # on an event loop, under the lock

    def _show_progress(self, run: _Work) -> None:
        if self._on_progress is not None and run is self._current:
            self._on_progress(run.activity)

    def _settle(self, run: _Work, error: BaseException | None) -> None:
        if run is not self._current:
            return
        run.settled = True
        try:
            self._hand_over(run, error)
        finally:
            self._end(run)

    def _hand_over(self, run: _Work, error: BaseException | None) -> None:
        try:
            if error is None:
                run.hand_over()
        except Exception as raised:
            error = raised
        shown = None if error is None else as_error(error)
        if shown is not None and run is self._current:
            self._error = shown
            self._on_error(shown)

    def _end(self, run: _Work) -> None:
        if run is self._current:  # else `done` has started other work
            self._drop()
            self._on_busy(False)


class _Work:
    """One piece of work: its thread, where its callbacks run, and whether somebody waits for it."""

    def __init__(
        self, work: Callable[[], Any], done: Callable[[Any], None], loops: Loops, activity: Activity, hours: bool
    ) -> None:
        self.loops, self.activity = loops, activity
        self.settled = False
        self.timers: list[threading.Timer] = []
        self.ended: Future[None] = Future()
        self._work: Callable[[], Any] | None = work
        self._done: Callable[[Any], None] | None = done
        self._hours = hours
        self._result: Future[Any] | None = None
        self._context = contextvars.copy_context()
        self._began = 0.0

    @property
    def has_begun(self) -> bool:
        """Return whether a thread has taken the work."""
        return self._began > 0

    def begin(self) -> Future[Any]:
        self._result = (_on_daemon if self._hours else _pool().submit)(self._context.run, self._watched)
        return self._result

    def _watched(self) -> Any:
        self._began = time.monotonic()
        work = self._work
        if work is None:
            return None  # dropped before it began
        with self.activity.watched():
            return work()

    def error(self) -> BaseException | None:
        if self._result is None or self._result.cancelled():
            return CancelledError()
        error = self._result.exception()
        if isinstance(error, TimeoutError) and not isinstance(error, GtSecureError):
            return _too_slow(time.monotonic() - self._began)  # of a call within the work
        return error

    def hand_over(self) -> None:
        """Give the result to whoever asked for it."""
        if self._result is not None and self._done is not None:
            self._done(self._result.result())

    def drop(self) -> None:
        """End the wait for the result, and the queries of the work, and keep neither work nor result."""
        self.activity.cancel.set()
        if self._result is not None:
            self._result.cancel()
        self._work = self._done = self._result = None
        for timer in self.timers:
            timer.cancel()
        if not self.ended.done():
            self.ended.set_result(None)


def _after(seconds: float, call: Callable[[], object]) -> threading.Timer:
    """Call something later, on a thread: an event loop may be busy, or end before that. It must be quick."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    return timer


def _too_slow(timeout_s: float) -> Unreachable:
    return Unreachable(
        f"No answer within {count(max(1, round(timeout_s)), 'second')}.",
        next_step="Try again; in a VPC-only domain check that the VPC has an endpoint for the service.",
    )


def _too_many(timeout_s: float) -> Unreachable:
    return Unreachable(
        f"Other work of this kernel has not ended within {count(max(1, round(timeout_s)), 'second')}.",
        next_step="Wait for it or cancel it, then try again.",
    )


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_MOST_AT_ONCE, "gt-secure")


def _on_daemon(work: Callable[..., T], *args: Any) -> Future[T]:
    """Run work on a separate thread that ends with the kernel, which waits only for the threads of the pool."""
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work(*args))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="gt-secure-wait", daemon=True).start()
    return future


def load_soon(*modules: str) -> None:
    """Import modules of this package on a thread: what a first press would load is there by then.

    Without an event loop nothing is done; they are then loaded when they are needed.
    """
    if in_background():
        package = __package__.rpartition(".")[0]
        _pool().submit(lambda: [importlib.import_module(f"{package}.{name}") for name in modules])
