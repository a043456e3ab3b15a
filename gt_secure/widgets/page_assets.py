"""Assets that a page needs once: the style sheet, and a few lines that show assistive technology
what is open.

Both are one model each, with a view in every panel and step: a step that is shown alone, in another
cell, has them too.

A page that is made from what a kernel has already (Voila; a reload) reads all widgets at once and
may miss what changes while it does. So its first view reports, and what is in the panels is sent
once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from typing import Any
from weakref import WeakSet

import ipywidgets

from ..base.text import Json
from .thread_safe import Html, ThreadSafe, Widgets, shared_looks

_kept: Json = {}
_roots: WeakSet[Any] = WeakSet()
_width_px = [0]
_FRESH_S = 1.0
"""A page that shows a panel sooner than this got every message from the beginning."""


def page_parts(root: ipywidgets.Widget) -> tuple[ipywidgets.Widget, ...]:
    """The widgets without room that a panel or step begins with."""
    root.made_at = time.monotonic()
    _roots.add(root)
    parts = [_keep("style", _style_sheet)]
    try:
        parts.append(_keep("states", lambda: _states_kind()()))
    except ImportError:  # without anywidget, the titles of the buttons say it
        pass
    return tuple(parts)


def shared_parts() -> Widgets:
    """Return the widgets that all panels and steps share,
    and the layouts and styles of all widgets.
    """
    return [*_kept.values(), *shared_looks()]


def _keep(name: str, make: Callable[[], Any]) -> Any:
    found = _kept.get(name)
    if found is None or found.comm is None:  # none yet, or closed with all widgets
        found = _kept[name] = make()
        found.add_class("gts-style")
    return found


def _read(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _style_sheet() -> Html:
    return Html(f"<style>{_read('style.css')}{_read('tables.css')}</style>")


@cache
def _states_kind() -> type:
    import anywidget

    class States(ThreadSafe, anywidget.AnyWidget):
        """Keeps ``aria-expanded`` of buttons in line with their class:
        no trait of a stock button sets it.
        """

        _esm = _read("states.js")

        def __init__(self) -> None:
            super().__init__()
            self.on_msg(lambda _, content, __: _heard(content))

        def __repr__(self) -> str:
            return "<gt_secure states>"

    return States


def _heard(content: Any) -> None:
    px, kind = map(content.get, ("px", "kind")) if isinstance(content, dict) else (None, None)
    if isinstance(px, int) and px > 0:
        _width_px[:] = [px]
    elif kind == "look":
        for root in [each for each in _roots if each.comm is not None and hasattr(each, "look")]:
            root.look()
    else:
        send_again()


def page_width_px() -> int:
    """Return the width of the panel on the page that reported last; 0 where none did."""
    return _width_px[0]


def send_again() -> int:
    """Send what is in the panels once more, unless they are fresh;
    returns how many widgets that were.
    """
    late = [
        root
        for root in _roots
        if root.comm is not None and time.monotonic() - root.made_at > _FRESH_S
    ]
    found = {
        id(widget): widget for root in late for widget in _inside(root) if widget.comm is not None
    }
    for widget in found.values():
        widget.send_state()
    return len(found)


def _inside(root: Any) -> Iterator[Any]:
    yield root
    for child in getattr(root, "children", ()):
        yield from _inside(child)
