"""Widgets that several threads of a kernel use.

JupyterLab and ipykernel 7 handle what people press and type on a subshell, a thread beside the one that runs the cells,
or on that one: it changes from message to message. So cells, event handlers and the results of slow work come to the
same widgets at the same time. Whoever makes a widget, sets a trait, handles a message, or shows a result holds one lock
until all observers are done.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

W = TypeVar("W")

LOCK = threading.RLock()
"""Held by the thread that changes widgets. Whoever holds it must not wait for a thread that changes widgets."""

_kinds: dict[type, Any] = {}

_pages: dict[asyncio.AbstractEventLoop, contextvars.Context] = {}
"""Loops of subshells that handled messages of a page, the last one at the end, with the context of its last message."""


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
            _remember_page()
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


def _remember_page() -> None:
    loop = running_loop()
    if loop is not None and threading.current_thread() is not threading.main_thread():
        _pages.pop(loop, None)
        _pages[loop] = contextvars.copy_context()


def page_context() -> contextvars.Context | None:
    """Return the context of the last message of a page that is open, if it has a subshell. The caller has the lock.

    ipykernel sends what a page answers to the subshell whose message it finds in the context. The one of a page that
    was closed has ended, and the main thread may run a cell for hours.
    """
    for ended in [loop for loop in _pages if loop.is_closed()]:
        del _pages[ended]
    return next(reversed(_pages.values())).copy() if _pages else None
