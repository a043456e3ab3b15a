"""What a page needs once: the style sheet, and a few lines that tell assistive technology what is open.

Both are one model each, with a view in every panel and step: a step that is shown alone, in another cell, has them too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

import ipywidgets

from .looks import shared

_kept: dict[str, Any] = {}


def page_parts() -> tuple[ipywidgets.Widget, ...]:
    """The widgets without room that every panel and step begins with."""
    parts = [_keep("style", _style_sheet)]
    try:
        parts.append(_keep("states", lambda: _states_kind()()))
    except ImportError:  # without the extra “browser” the titles of the buttons tell it
        pass
    return tuple(parts)


def _keep(name: str, make: Callable[[], Any]) -> Any:
    found = _kept.get(name)
    if found is None or found.comm is None:  # none yet, or closed with all widgets
        found = _kept[name] = make()
        found.add_class("gts-style")
    return found


def _read(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


class _Sheet(ipywidgets.HTML):  # type: ignore[misc]
    """The style sheet; its ``repr`` does not repeat it."""

    def __repr__(self) -> str:
        return "<gt_secure style>"


def _style_sheet() -> ipywidgets.HTML:
    return _Sheet(f"<style>{_read('style.css')}</style>", **shared(ipywidgets.HTML))


@cache
def _states_kind() -> type:
    import anywidget

    class States(anywidget.AnyWidget):
        """Keeps ``aria-expanded`` of buttons in line with their class: no trait of a stock button sets it."""

        _esm = _read("states.js")

        def __repr__(self) -> str:
            return "<gt_secure states>"

    return States
