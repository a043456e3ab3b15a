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
import functools
import inspect
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

W = TypeVar("W")

LOCK = threading.RLock()
"""Held by the thread that changes widgets. Whoever holds it must not wait for a thread that changes widgets."""

PATIENCE_S = 0.2
"""The loop on which work was started has so long to take its result; then any other loop takes it."""

log = logging.getLogger("gt_secure")

_kinds: dict[type, Any] = {}

_event_loops: dict[asyncio.AbstractEventLoop, contextvars.Context] = {}
"""Loops on which messages of the page were handled, with the context of the last one: ipykernel sends what the page
answers to the subshell whose message it finds there."""


@contextlib.contextmanager
def unlocked() -> Iterator[None]:
    """Give the lock back for a while, however often this thread holds it."""
    held = LOCK._release_save()  # type: ignore[attr-defined] # as threading.Condition does to wait
    try:
        yield
    finally:
        LOCK._acquire_restore(held)  # type: ignore[attr-defined]


class ThreadSafe:
    """A widget that several threads may use. It comes first among the bases.

    The public methods of this package's widgets run under the lock, and so does the making of a widget: its first parts
    already work while the rest is made.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        ours = cls.__module__.partition(".")[0] == __name__.partition(".")[0]  # others may run theirs as slow work
        for name, member in list(vars(cls).items()):
            public = name == "__init__" or (ours and not name.startswith("_"))
            if public and inspect.isfunction(member) and not inspect.iscoroutinefunction(member):
                setattr(cls, name, _locked(member))

    def __init__(self, *args: Any, **traits: Any) -> None:
        with LOCK:
            super().__init__(*args, **traits)

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):  # no trait that anybody observes
            super().__setattr__(name, value)
            return
        with LOCK:  # the observers of a trait run here
            super().__setattr__(name, value)

    def set_trait(self, name: str, value: object) -> None:
        """Set a trait, also one that is only to be read."""
        with LOCK:
            super().set_trait(name, value)  # type: ignore[misc]

    @contextlib.contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """Set several traits before their observers run."""
        with LOCK, super().hold_trait_notifications():  # type: ignore[misc]
            yield

    def add_class(self, name: str) -> Any:
        """Add a class of the style sheet."""
        with LOCK:
            return super().add_class(name)  # type: ignore[misc]

    def remove_class(self, name: str) -> Any:
        """Remove a class of the style sheet."""
        with LOCK:
            return super().remove_class(name)  # type: ignore[misc]

    def _handle_msg(self, msg: Any) -> None:
        with LOCK:
            _remember_loop()
            if getattr(self, "comm", None) is not None:  # else closed since the page sent this
                super()._handle_msg(msg)  # type: ignore[misc]

    def close(self) -> None:
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


def _locked(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def locked(*args: Any, **options: Any) -> Any:
        with LOCK:
            return method(*args, **options)

    return locked


def thread_safe(kind: type[W]) -> type[W]:
    """Return the same kind of widget, for several threads."""
    if issubclass(kind, ThreadSafe):
        return kind
    if kind not in _kinds:
        named = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
        metaclass: Any = type(kind)
        _kinds[kind] = metaclass(kind.__name__, (ThreadSafe, kind), named)
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
        call_overdue()


class Home:
    """The loop of those who make a widget now. In a cell it lives as long as the kernel."""

    def __init__(self) -> None:
        self.loop = running_loop()
        self.context = contextvars.copy_context()


class Loops:
    """The loops on which callbacks may run: the one that is here now, that of the widget, and those of the page.

    Callbacks keep their order, whichever loop calls them.
    """

    def __init__(self, home: Home) -> None:
        here = running_loop() or home.loop
        self._first = here
        self._contexts = {} if here is None else {here: contextvars.copy_context()}
        if home.loop is not None:
            self._contexts.setdefault(home.loop, home.context)
        self._waiting: deque[Listener] = deque()

    @property
    def ended(self) -> bool:
        return all(loop.is_closed() for loop in (*_event_loops.copy(), *self._contexts))

    def call(self, call: Callable[[], object]) -> Listener:
        """Call something under the lock: on the loop that was here, or on another one if that is busy.

        May be used from any thread.
        """
        callback = Listener(call)
        self._waiting.append(callback)
        _undelivered[self] = None
        contexts = {**_event_loops.copy(), **self._contexts}  # without the lock: whoever has it may wait for this
        for loop, context in contexts.items():
            mine = context.copy()  # a context is entered by one thread at a time
            with contextlib.suppress(RuntimeError):  # the loop is closed: its subshell or kernel has ended
                if loop is self._first:
                    loop.call_soon_threadsafe(self._call_waiting, context=mine)
                else:
                    loop.call_soon_threadsafe(loop.call_later, PATIENCE_S, self._call_waiting, context=mine)
        return callback

    def call_overdue(self) -> None:
        """Call what no loop has called in time, such as that of a page which was closed. The caller has the lock."""
        if not self._waiting or time.monotonic() - self._waiting[0].since > PATIENCE_S:
            self._call_waiting()

    def _call_waiting(self) -> None:
        with LOCK:
            for _ in range(len(self._waiting)):  # what comes meanwhile has calls of its own
                try:
                    self._waiting.popleft()()
                except Exception:
                    log.exception("gt_secure: a result cannot be shown")
            if not self._waiting:
                _undelivered.pop(self, None)


_undelivered: dict[Loops, None] = {}
"""Loops with callbacks that were not called yet."""


def call_overdue() -> None:
    """Call here what other loops have not called in time."""
    with LOCK:
        for each in list(_undelivered):
            each.call_overdue()


class Listener:
    """Something to call once."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self.since = time.monotonic()
        self.waiting = True

    def __call__(self) -> None:
        self.waiting = False
        self._call()


class Ticker:
    """Calls something again and again, until it is stopped or no loop is left."""

    def __init__(self, loops: Loops, wait_s: Callable[[], float], call: Callable[[], object]) -> None:
        self._stop = threading.Event()

        def run() -> None:
            last = None
            while not self._stop.wait(wait_s()) and not loops.ended:
                if last is None or not last.waiting:  # where nobody has time, one call waits, not hundreds
                    last = loops.call(lambda: None if self._stop.is_set() else call())

        threading.Thread(target=run, name="gt-secure-ticker", daemon=True).start()

    def stop(self) -> None:
        """Call no more."""
        self._stop.set()
