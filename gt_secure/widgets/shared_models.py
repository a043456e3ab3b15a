"""Stock widgets that share one layout and one style a kind: the style sheet says how they look, not their models.

Each ipywidgets widget brings a layout and a style, which are models of their own and messages to the front end: without
sharing them the panel would open almost three times as many.
"""

from __future__ import annotations

from typing import Any, TypeVar

import ipywidgets

from .thread_safe import thread_safe

W = TypeVar("W", bound=ipywidgets.Widget)

_shared: dict[type, Any] = {}


def make(kind: type[W], *args: Any, classes: str = "", **values: Any) -> W:
    """Make a widget whose layout and style are those of all others; do not change them, give it a class instead."""
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


def _one(kind: type[Any]) -> Any:
    found = _shared.get(kind)
    if found is None or found.comm is None:  # none yet, or closed with all widgets
        found = _shared[kind] = thread_safe(kind)()
    return found
