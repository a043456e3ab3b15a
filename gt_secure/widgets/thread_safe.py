"""Widgets that several threads of a kernel use, and callbacks on its event loops.

JupyterLab and ipykernel 7 handle what people press and type on a subshell, a thread beside the one that runs the cells,
or on that one: it changes from message to message. So cells, event handlers and the results of slow work come to the
same widgets at the same time. Whoever makes a widget, sets a trait, or handles a message holds one lock until all
observers are done.

A subshell ends with the page that it serves, and a cell can hold the main thread for hours. :class:`Loops` therefore
calls back on whichever loop is free.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from traitlets import MetaHasTraits

W = TypeVar("W")

LOCK = threading.RLock()
"""Held by the thread that changes widgets."""

PATIENCE_S = 0.2
"""The loop on which work was started has so long to take its result; then any other loop takes it."""

_kinds: dict[type, Any] = {}

_event_loops: dict[asyncio.AbstractEventLoop, contextvars.Context] = {}
"""Loops on which messages of the page were handled, with the context of the last one: ipykernel sends what the page
answers to the subshell whose message it finds there."""


class _ThreadSafeKind(MetaHasTraits):
    """Makes a widget under the lock: the first parts of it already work while the rest is made."""

    def __call__(cls: type[W], *args: Any, **kwargs: Any) -> W:
        with LOCK:
            made: W = super().__call__(*args, **kwargs)  # type: ignore[misc]
            return made


class ThreadSafe(metaclass=_ThreadSafeKind):
    """A widget that several threads may use. It comes first among the bases."""

    def __setattr__(self, name: str, value: object) -> None:
        with LOCK:  # the observers of a trait run here
            super().__setattr__(name, value)

    def _handle_msg(self, msg: Any) -> None:
        with LOCK:
            _remember_loop()
            super()._handle_msg(msg)  # type: ignore[misc]

    def close(self) -> None:
        """Close the widget."""
        with LOCK:
            super().close()  # type: ignore[misc]

    def __del__(self) -> None:
        """Close what is not used any more, unless the lock is taken.

        The garbage collector comes on any thread, such as one whose work the holder of the lock waits for.
        """
        if LOCK.acquire(blocking=False):
            try:
                super().__del__()  # type: ignore[misc]
            finally:
                LOCK.release()


def thread_safe(kind: type[W]) -> type[W]:
    """Return the same kind of widget, for several threads."""
    if issubclass(kind, ThreadSafe):
        return kind
    if kind not in _kinds:
        named = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
        _kinds[kind] = _ThreadSafeKind(kind.__name__, (ThreadSafe, kind), named)
    made: type[W] = _kinds[kind]
    return made


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _remember_loop() -> None:
    loop = running_loop()
    if loop is not None:
        _event_loops[loop] = contextvars.copy_context()
        for gone in [each for each in _event_loops if each.is_closed()]:
            del _event_loops[gone]


class Home:
    """The loop of those who make a widget now. In a cell it lives as long as the kernel."""

    def __init__(self) -> None:
        self.loop = running_loop()
        self.context = contextvars.copy_context()


class Loops:
    """The loops on which callbacks may run: the one that is here now, that of the widget, and those of the page.

    Parameters
    ----------
    home : Home
    """

    def __init__(self, home: Home) -> None:
        here = running_loop() or home.loop
        self._first = here
        self._contexts = {} if here is None else {here: contextvars.copy_context()}
        if home.loop is not None:
            self._contexts.setdefault(home.loop, home.context)

    def call(self, call: Callable[[], object]) -> Callback:
        """Call something once, under the lock: on the loop that was here, or on another one if that is busy.

        May be used from any thread. What is asked for from one thread is called in that order.
        """
        callback = Callback(call)
        contexts = {**_event_loops.copy(), **self._contexts}  # without the lock: whoever has it may wait for this
        for loop, context in contexts.items():
            mine = context.copy()  # a context is entered by one thread at a time
            with contextlib.suppress(RuntimeError):  # the loop is closed: its subshell or kernel has ended
                if loop is self._first:
                    loop.call_soon_threadsafe(callback, context=mine)
                else:
                    loop.call_soon_threadsafe(loop.call_later, PATIENCE_S, callback, context=mine)
        return callback


class Callback:
    """Something to call once, whoever comes first."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call: Callable[[], object] | None = call

    @property
    def waiting(self) -> bool:
        """Return whether nobody has called it yet."""
        return self._call is not None

    def __call__(self) -> None:
        """Call it, unless it was called."""
        with LOCK:
            call, self._call = self._call, None
            if call is not None:
                call()


class Ticker:
    """Calls something again and again until it is stopped.

    Parameters
    ----------
    loops : Loops
        Where.
    wait_s : callable
        Gives the seconds until the next call.
    call : callable
    """

    def __init__(self, loops: Loops, wait_s: Callable[[], float], call: Callable[[], object]) -> None:
        self._stop = threading.Event()

        def run() -> None:
            last = None
            while not self._stop.wait(wait_s()):
                if last is None or not last.waiting:  # where nobody has time, one call waits, not hundreds
                    last = loops.call(lambda: None if self._stop.is_set() else call())

        threading.Thread(target=run, name="gt-secure-ticker", daemon=True).start()

    def stop(self) -> None:
        """Call no more."""
        self._stop.set()
