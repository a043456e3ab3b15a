"""Slow work off the event loop: with a time-out and Cancel, and late results dropped.

A button handler runs inside an event loop of the kernel, so an AWS call there would block every
other cell and widget. ``Worker`` puts it on a thread, which also shows the result: under the lock
of all widgets, so it needs no loop that is free. A thread cannot be killed: cancelling means that
nobody waits for its result any more.

Testing mode
------------ Exceptions of button handlers are logged by ipywidgets and lost. In testing mode
(:func:`testing`) work runs at once, in the same thread, and an error is shown in the widget and
then raised to the caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar

from ..base.errors import GtSecureError, Unreachable
from ..base.text import count
from ..logs import activity as activities
from ..logs.activity import Activity
from .thread_safe import LOCK, page_context, running_loop, unlocked

T = TypeVar("T")
Action: TypeAlias = Callable[[], object]
"""The work of a control."""

EVERY_S = 0.5
"""Seconds between two looks at what work under way is doing."""

_POLL_S = 0.02
"""Seconds between two looks at whether work has ended."""

log = logging.getLogger("gt_secure")

_testing = False

_called_back = contextvars.ContextVar("gt_secure_called_back", default=False)
"""True where a thread of :class:`Worker` makes the call."""


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
    """Return whether work started now would run in the background: a kernel asks for it,
    and no test is waiting.
    """
    return (running_loop() is not None or _called_back.get()) and not _testing


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
        on_error: Callable[[GtSecureError], None],
        on_busy: Callable[[bool], None] = lambda _: None,
        on_progress: Callable[[Activity], None] | None = None,
    ) -> None:
        self._on_busy = on_busy
        self._on_error = on_error
        self._on_progress = on_progress
        self._home = contextvars.copy_context()
        self._current: Activity | None = None
        self._error: GtSecureError | None = None

    @property
    def busy(self) -> bool:
        """Return whether work is under way that somebody waits for."""
        with LOCK:  # a callback on another thread may just be replacing it
            return self._current is not None

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
        """Run ``work`` on a thread, then ``done`` with its result;
        a kernel that ends does not wait for ``hours``.
        """
        with LOCK:
            run, background = activity or Activity(), in_background()
            self._error = None
            try:
                self._drop()
                if background:
                    self._current = run
                    self._on_busy(True)
                    start_thread(
                        lambda: self._work(run, work, done, after_s, timeout_s), daemon=hours
                    )
            except (
                BaseException
            ):  # an interrupt comes between any two lines: the thread waits for the lock
                self._drop()
                self._on_busy(False)
                raise
            if not background:
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

    def call_back(self, call: Action) -> None:
        """Call something from any thread: under the lock,
        and as if a page that is open had asked for it.
        """
        with LOCK:
            context = page_context() or self._home.copy()
            context.run(_called_back.set, True)
            try:
                context.run(call)
            except Exception:
                log.exception("gt_secure: a result cannot be shown")

    def cancel(self) -> None:
        """Stop waiting, and end its queries; the result will be dropped when it comes."""
        with LOCK:
            if self._current is not None:
                self._drop()
                self._on_busy(False)

    async def wait_idle(self) -> None:
        """Wait until nothing is under way; raise the error of the last work."""
        while self.busy:
            await asyncio.sleep(_POLL_S)
        if self._error is not None:
            raise self._error

    def _drop(self) -> None:
        """Wait no more for the work under way, and end its queries:
        the next ones would wait for them.
        """
        if self._current is not None:
            self._current.cancel.set()
        self._current = None

    # on threads

    def _work(
        self,
        run: Activity,
        work: Callable[[], T],
        done: Callable[[T], None],
        after_s: float,
        timeout_s: float,
    ) -> None:
        run.cancel.wait(after_s)
        with LOCK:  # once the start of it has returned
            if run.cancel.is_set():
                return  # dropped before it began
        began = time.monotonic()
        try:
            start_thread(lambda: self._watch(run, timeout_s))
            with run.watched():
                result = work()
        except BaseException as error:  # else nobody would hear of it
            own = isinstance(error, GtSecureError) or not isinstance(error, TimeoutError)
            # of a call within the work
            shown = error if own else _too_slow(time.monotonic() - began)
            self.call_back(lambda: self._settle(run, shown))
        else:
            self.call_back(lambda: self._settle(run, None, lambda: done(result)))

    def _watch(self, run: Activity, timeout_s: float) -> None:
        """Show what the work does, and end the wait for it when it takes too long."""
        end, wait_s = time.monotonic() + timeout_s, activities.AFTER_S
        while not run.cancel.wait(max(0.0, min(wait_s, end - time.monotonic()))):
            if time.monotonic() >= end:
                self.call_back(lambda: self._settle(run, _too_slow(timeout_s)))
            elif self._on_progress is not None:
                self.call_back(lambda: self._show_progress(run))
            wait_s = EVERY_S

    # on threads, under the lock

    def _show_progress(self, run: Activity) -> None:
        if self._on_progress is not None and run is self._current:
            self._on_progress(run)

    def _settle(
        self,
        run: Activity,
        error: BaseException | None,
        hand_over: Callable[[], None] = lambda: None,
    ) -> None:
        if run is not self._current:
            return
        try:
            try:
                if error is None:
                    hand_over()
            except Exception as raised:
                error = raised
            if error is not None and run is self._current:
                self._error = as_error(error)
                self._on_error(self._error)
        finally:
            self._end(run)

    def _end(self, run: Activity) -> None:
        if run is self._current:  # else `done` has started other work
            self._drop()
            self._on_busy(False)


def start_thread(call: Action, *, daemon: bool = True) -> None:
    """Run something on a thread, in a copy of this context."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(call,), name="gt-secure", daemon=daemon).start()


def _too_slow(timeout_s: float) -> Unreachable:
    return Unreachable(
        f"No answer within {count(max(1, round(timeout_s)), 'second')}.",
        next_step=(
            "Try again; in a VPC-only domain check that the VPC has an endpoint for the service."
        ),
    )
