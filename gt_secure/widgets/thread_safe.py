"""Widgets that several threads of a kernel use.

JupyterLab and ipykernel 7 handle what people press and type on a subshell, a thread beside the one
that runs the cells, or on that one: it changes from message to message. So cells, event handlers
and the results of slow work come to the same widgets at the same time. Whoever makes a widget, sets
a trait, handles a message, or shows a result holds one lock until all observers are done.

Stock widgets of a kind share one layout and one style, since the style sheet says how they look.
Each of them would be another model with messages to the front end: without sharing them the panel
would open almost three times as many.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import ipywidgets

W = TypeVar("W", bound=ipywidgets.Widget)
Widgets: TypeAlias = list[ipywidgets.Widget]

LOCK = threading.RLock()
"""Held by the thread that changes widgets.
Whoever holds it must not wait for a thread that changes widgets.
"""

_kinds: dict[type, Any] = {}

_pages: dict[asyncio.AbstractEventLoop, contextvars.Context] = {}
"""Loops of subshells that handled messages of a page, the last one at the end,
with the context of its last message.
"""


@contextlib.contextmanager
def unlocked() -> Iterator[None]:
    """Give the lock back for a while, however often this thread holds it."""
    held = LOCK._release_save()  # type: ignore[attr-defined] # as threading.Condition does to wait
    try:
        yield
    finally:
        LOCK._acquire_restore(held)  # type: ignore[attr-defined]


_CHANGING = ("__init__", "set_trait", "add_class", "remove_class", "close")
"""Methods of every widget that change it."""


class ThreadSafe:
    """A widget that several threads may use. It comes first among the bases.

    The public methods of this package's widgets run under the lock, and so does the making of a
    widget: its first parts already work while the rest is made.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # others may run theirs as slow work
        ours = cls.__module__.partition(".")[0] == __name__.partition(".")[0]
        members = (
            {name: getattr(cls, name, None) for name in _CHANGING}
            if ThreadSafe in cls.__bases__
            else {}
        )
        for name, member in {**members, **vars(cls)}.items():
            public = name in _CHANGING or (ours and not name.startswith("_"))
            if public and inspect.isfunction(member) and not inspect.iscoroutinefunction(member):
                setattr(cls, name, _locked(member))

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):  # no trait that anybody observes
            super().__setattr__(name, value)
            return
        with LOCK:  # the observers of a trait run here
            super().__setattr__(name, value)

    @contextlib.contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """Set several traits before their observers run."""
        with LOCK, super().hold_trait_notifications():  # type: ignore[misc]
            yield

    def _handle_msg(self, msg: Any) -> None:
        with LOCK:
            loop = running_loop()
            if loop is not None and threading.current_thread() is not threading.main_thread():
                _pages.pop(loop, None)
                _pages[loop] = contextvars.copy_context()
            if getattr(self, "comm", None) is not None:  # else closed since the page sent this
                super()._handle_msg(msg)  # type: ignore[misc]

    def __del__(self) -> None:
        """Close what is not used any more, unless the lock is taken.

        The garbage collector comes on any thread, such as one whose work the holder of the lock
        waits for.
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
        named = {
            "__module__": kind.__module__,
            "__qualname__": kind.__qualname__,
            "__doc__": kind.__doc__,
        }
        metaclass: Any = type(kind)
        _kinds[kind] = metaclass(kind.__name__, (ThreadSafe, kind), named)
    made: type[W] = _kinds[kind]
    return made


_shared: dict[type, Any] = {}


def make(kind: type[W], *args: Any, classes: str = "", **values: Any) -> W:
    """Make a widget whose layout and style are those of all others; do not change them,
    give it a class instead.
    """
    made: W = thread_safe(kind)(*args, **shared(kind), **values)
    for name in classes.split():
        made.add_class(name)
    return made


def set_class(widget: Any, name: str, on: object) -> None:
    """Give a widget a class, or take it away."""
    (widget.add_class if on else widget.remove_class)(name)


def row(*children: ipywidgets.Widget, classes: str = "") -> ipywidgets.HBox:
    """Widgets beside each other."""
    return make(ipywidgets.HBox, children, classes=f"gts-row {classes}")


def stack(*children: ipywidgets.Widget, classes: str = "") -> ipywidgets.VBox:
    """Widgets below each other."""
    return make(ipywidgets.VBox, children, classes=f"gts-stack {classes}")


def columns(*children: ipywidgets.Widget) -> ipywidgets.Box:
    """Two or three columns, which become one where a page is narrow."""
    return make(ipywidgets.Box, children, classes="gts-two" if len(children) == 2 else "gts-three")


def shared(kind: type[ipywidgets.Widget]) -> dict[str, Any]:
    """The layout and style that widgets of this kind share, as keywords."""
    traits = kind.class_traits()
    return {name: _one(traits[name].klass) for name in ("layout", "style") if name in traits}


def shared_looks() -> Widgets:
    """Return the layouts and styles that widgets share:
    closing one widget leaves them to the others.
    """
    return list(_shared.values())


def _one(kind: type[Any]) -> Any:
    found = _shared.get(kind)
    if found is None or found.comm is None:  # none yet, or closed with all widgets
        found = _shared[kind] = thread_safe(kind)()
    return found


class Html(ThreadSafe, ipywidgets.HTML):  # type: ignore[misc]
    """HTML whose ``repr`` does not repeat it."""

    def __init__(self, value: str = "", classes: str = "") -> None:
        super().__init__(value=value, **shared(ipywidgets.HTML))
        for name in classes.split():
            self.add_class(name)

    def __repr__(self) -> str:
        return "<gt_secure text>"


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def page_context() -> contextvars.Context | None:
    """Return the context of the last message of a page that is open, if it has a subshell. The
    caller has the lock.

    ipykernel sends what a page answers to the subshell whose message it finds in the context. The
    one of a page that was closed has ended, and the main thread may run a cell for hours.
    """
    for ended in [loop for loop in _pages if loop.is_closed()]:
        del _pages[ended]
    return next(reversed(_pages.values())).copy() if _pages else None
