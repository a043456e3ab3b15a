"""Slow work off the event loop: with a time-out and Cancel, and late results dropped.

A button handler runs inside the kernel's event loop, so an AWS call there would block every other cell and widget.
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
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from ..errors import GtSecureError, Unreachable
from ..logs import activity as activities
from ..logs.activity import Activity

T = TypeVar("T")

EVERY_S = 0.5
"""Seconds between two looks at what work under way is doing."""

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
    return _running_loop() is not None and not _testing


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
        self._activity: Activity | None = None
        self._ticket = 0
        self._task: asyncio.Task[None] | None = None
        self._error: GtSecureError | None = None
        self.dropped = 0

    @property
    def busy(self) -> bool:
        """Return whether work is under way that somebody waits for."""
        return self._task is not None

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
        """Run ``work`` on a thread, then ``done`` with its result on the event loop.

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
        self._end_queries()
        self._ticket += 1
        self._error = None
        loop = _running_loop()
        if loop is None or _testing:
            self._run_now(work, done)
            return
        if self._task is not None:
            self._task.cancel()
        self._activity = doing = activity or Activity()

        def watched() -> T:
            with doing.watched():
                return work()

        # Without a pause the thread starts now, not only when the cell has ended.
        future = None if after_s else (_on_daemon if hours else _on_thread)(loop, watched)
        self._task = loop.create_task(self._run(self._ticket, watched, done, timeout_s, after_s, future))
        self._on_busy(True)

    def cancel(self) -> None:
        """Stop waiting, and end its queries; the result will be dropped when it comes."""
        self._end_queries()
        self._ticket += 1
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._on_busy(False)

    async def wait_idle(self) -> None:
        """Wait until nothing is under way; raise the error of the last work."""
        while self._task is not None:
            await asyncio.wait({self._task})
            await asyncio.sleep(0)
        if self._error is not None:
            raise self._error

    def _end_queries(self) -> None:
        """End the queries that nobody waits for: the next ones would wait for them."""
        if self._activity is not None:
            self._activity.cancel.set()
            self._activity = None

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

    async def _run(
        self,
        ticket: int,
        work: Callable[[], T],
        done: Callable[[T], None],
        timeout_s: float,
        after_s: float,
        future: asyncio.Future[T] | None,
    ) -> None:
        try:
            if future is None:
                await asyncio.sleep(after_s)
                future = _on_thread(asyncio.get_running_loop(), work)
            result = await self._await(ticket, future, timeout_s)
            if self._is_late(ticket):
                return
            done(result)
        except asyncio.CancelledError:
            self.dropped += 1
            return
        except TimeoutError as error:
            if ticket == self._ticket:
                self._end_queries()
            self._fail(ticket, error if isinstance(error, GtSecureError) else _too_slow(timeout_s))
        except Exception as error:
            self._fail(ticket, as_error(error))
        finally:
            if ticket == self._ticket:
                self._task = self._activity = None
                self._on_busy(False)

    async def _await(self, ticket: int, future: asyncio.Future[T], timeout_s: float) -> T:
        """Wait for work, and show meanwhile what it does."""
        showing = asyncio.get_running_loop().create_task(self._show_progress(ticket))
        try:
            return await asyncio.wait_for(future, timeout_s)
        finally:
            showing.cancel()

    async def _show_progress(self, ticket: int) -> None:
        await asyncio.sleep(activities.AFTER_S)
        while self._on_progress is not None and self._activity is not None and ticket == self._ticket:
            self._on_progress(self._activity)
            await asyncio.sleep(EVERY_S)

    def _is_late(self, ticket: int) -> bool:
        late = ticket != self._ticket
        self.dropped += late
        return late

    def _fail(self, ticket: int, error: GtSecureError) -> None:
        if not self._is_late(ticket):
            self._error = error
            self._on_error(error)


def _too_slow(timeout_s: float) -> Unreachable:
    return Unreachable(
        f"No answer within {timeout_s:.0f} seconds.",
        next_step="Try again; in a VPC-only domain check that the VPC has an endpoint for the service.",
    )


def _on_thread(loop: asyncio.AbstractEventLoop, work: Callable[[], T]) -> asyncio.Future[T]:
    future = loop.run_in_executor(None, contextvars.copy_context().run, work)
    future.add_done_callback(_seen)
    return future


def _on_daemon(loop: asyncio.AbstractEventLoop, work: Callable[[], T]) -> asyncio.Future[T]:
    """Run work on a separate thread that ends with the kernel, which waits only for the threads of its pool."""
    future: asyncio.Future[T] = loop.create_future()
    future.add_done_callback(_seen)
    context = contextvars.copy_context()

    def settle(give: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            give(value)

    def run() -> None:
        give: Callable[[Any], None] = future.set_result
        value: Any
        try:
            value = context.run(work)
        except BaseException as error:
            give, value = future.set_exception, error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, give, value)

    threading.Thread(target=run, name="gt-secure-wait", daemon=True).start()
    return future


def load_soon(*modules: str) -> None:
    """Import modules of this package on a thread: what a first press would load is there by then.

    Without an event loop nothing is done; they are then loaded when they are needed.
    """
    loop = _running_loop()
    if loop is not None and not _testing:
        package = __package__.rpartition(".")[0]
        _on_thread(loop, lambda: [importlib.import_module(f"{package}.{name}") for name in modules])


def _seen(future: asyncio.Future[Any]) -> None:
    """Look at the error of work that nobody waits for any more, or asyncio would report it as forgotten."""
    if not future.cancelled():
        future.exception()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def spawn(work: Awaitable[Any]) -> asyncio.Task[Any] | None:
    """Start a background coroutine where there is an event loop; the caller keeps the task."""
    loop = _running_loop()
    if loop is None or _testing:
        if asyncio.iscoroutine(work):
            work.close()
        return None
    return loop.create_task(_await(work))


async def _await(work: Awaitable[Any]) -> Any:
    return await work
