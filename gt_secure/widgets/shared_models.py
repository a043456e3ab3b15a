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


def make(kind: type[W], *args: Any, **values: Any) -> W:
    """Make a widget whose layout and style are those of all others; do not change them, give it a class instead."""
    made: W = thread_safe(kind)(*args, **shared(kind), **values)
    return made


def shared(kind: type[ipywidgets.Widget]) -> dict[str, Any]:
    """The layout and style that widgets of this kind share, as keywords."""
    traits = kind.class_traits()
    return {name: _one(traits[name].klass) for name in ("layout", "style") if name in traits}


def _one(kind: type[Any]) -> Any:
    found = _shared.get(kind)
    if found is None or found.comm is None:  # none yet, or closed with all widgets
        found = _shared[kind] = thread_safe(kind)()
    return found
