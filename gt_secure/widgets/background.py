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
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from functools import cache
from typing import Any, TypeVar

from ..errors import GtSecureError, Unreachable
from ..logs import activity as activities
from ..logs.activity import Activity
from ..text import count
from .thread_safe import LOCK, Callback, Home, Loops, running_loop

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
    """Runs one piece of work at a time; starting another drops the first, and ends its queries.

    Parameters
    ----------
    on_busy : callable
        Called with True when work starts and with False when the last one has ended.
    on_error : callable
        Gets the error of the work, unless it is late.
    on_progress : callable, optional
        Gets the activity of work that takes more than a second, every half second.
    """

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
        """Run ``work`` on a thread, then ``done`` with its result on an event loop.

        Parameters
        ----------
        work : callable
            Must not touch widgets.
        done : callable
            Not called when the work failed, was cancelled, or other work was started meanwhile.
        timeout_s : float
            Seconds until we stop waiting.
        after_s : float
            Seconds to wait first, so that a burst of changes leads to one call.
        hours : bool
            For work of hours: the end of the kernel does not wait for its thread.
        activity : Activity, optional
            Of the work, if it reports more than its queries do. It is cancelled when nobody waits any more.
        """
        with LOCK:
            self._drop()
            self._error = None
            if running_loop() is None or _testing:
                self._run_now(work, done)
                return
            run = _Work(work, done, self.loops(), activity or Activity(), hours)
            self._current = run
            if not after_s:
                run.begin()  # now, not only when the cell has ended
            self._on_busy(True)
            threading.Thread(
                target=self._supervise, args=(run, timeout_s, after_s), name="gt-secure-work", daemon=True
            ).start()

    def cancel(self) -> None:
        """Stop waiting, and end its queries; the result will be dropped when it comes."""
        with LOCK:
            if self._current is not None:
                self._drop()
                self._on_busy(False)

    async def wait_idle(self) -> None:
        """Wait until nothing is under way; raise the error of the last work."""
        while (run := self._current) is not None:
            await asyncio.wait({asyncio.wrap_future(run.ended)})
            await asyncio.sleep(0)
        if self._error is not None:
            raise self._error

    def _drop(self) -> None:
        """Wait no more for the work under way, and end its queries: the next ones would wait for them."""
        run, self._current = self._current, None
        if run is not None:
            self.dropped += not run.settled
            run.drop()

    def _run_now(self, work: Callable[[], T], done: Callable[[T], None]) -> None:
        self._on_busy(True)
        try:
            done(work())
        except Exception as error:
            self._error = as_error(error)
            self._on_error(self._error)
            if _testing:
                raise
        finally:
            self._on_busy(False)

    # on the thread that waits for the work

    def _supervise(self, run: _Work, timeout_s: float, after_s: float) -> None:
        if run.dropped.wait(after_s):
            return
        run.begin()
        shown: Callback | None = None
        started = time.monotonic()
        while not run.wait(self._look_again_s(started, timeout_s)):
            seconds = time.monotonic() - started
            if run.dropped.is_set():
                return
            if seconds >= timeout_s:
                run.loops.call(lambda: self._settle(run, _too_slow(timeout_s)))
                return
            if seconds >= activities.AFTER_S and (shown is None or not shown.waiting):
                shown = run.loops.call(lambda: self._show_progress(run))
        error = run.error()
        if isinstance(error, TimeoutError) and not isinstance(error, GtSecureError):
            error = _too_slow(time.monotonic() - started)  # of a call within the work
        run.loops.call(lambda: self._settle(run, error))

    def _look_again_s(self, started: float, timeout_s: float) -> float:
        so_far = time.monotonic() - started
        every_s = EVERY_S if so_far >= activities.AFTER_S else activities.AFTER_S - so_far
        return max(0.0, min(every_s, timeout_s - so_far))

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
            if run is self._current:  # else `done` has started other work
                self._drop()
                self._on_busy(False)

    def _hand_over(self, run: _Work, error: BaseException | None) -> None:
        try:
            if error is None:
                run.done(run.result())
        except Exception as raised:
            error = raised
        if error is not None and run is self._current:
            self._error = as_error(error)
            self._on_error(self._error)


class _Work:
    """One piece of work: its thread, where its callbacks run, and whether somebody waits for it."""

    def __init__(
        self, work: Callable[[], Any], done: Callable[[Any], None], loops: Loops, activity: Activity, hours: bool
    ) -> None:
        self.done, self.loops, self.activity = done, loops, activity
        self.settled = False
        self.dropped = threading.Event()
        self.ended: Future[None] = Future()
        self._hours = hours
        self._result: Future[Any] | None = None
        self._context = contextvars.copy_context()
        self._work = work

    def begin(self) -> None:
        """Start the thread, unless it has started."""
        if self._result is None:
            self._result = (_on_daemon if self._hours else _pool().submit)(self._context.run, self._watched)

    def _watched(self) -> Any:
        with self.activity.watched():
            return self._work()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the work; returns whether it has ended."""
        assert self._result is not None
        return bool(wait({self._result}, timeout_s).done)

    def error(self) -> BaseException | None:
        """The error of work that has ended."""
        assert self._result is not None
        return CancelledError() if self._result.cancelled() else self._result.exception()

    def result(self) -> Any:
        """The result of work that has ended."""
        assert self._result is not None
        return self._result.result()

    def drop(self) -> None:
        """End the wait for the result, and the queries of the work."""
        self.dropped.set()
        self.activity.cancel.set()
        if self._result is not None:
            self._result.cancel()
        if not self.ended.done():
            self.ended.set_result(None)


def _too_slow(timeout_s: float) -> Unreachable:
    return Unreachable(
        f"No answer within {count(max(1, round(timeout_s)), 'second')}.",
        next_step="Try again; in a VPC-only domain check that the VPC has an endpoint for the service.",
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
