"""What a panel shows at a glance, from its widgets: the controls and the words that are in sight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import ipywidgets

_OUT_OF_SIGHT = {"gts-hidden", "gts-shut", "gts-style", "gts-unseen"}


@dataclass(frozen=True)
class Glance:
    """The labels of the controls and the words in sight."""

    controls: tuple[str, ...]
    words: tuple[str, ...]


def glance(root: Any) -> Glance:
    """Return what is in sight: a control is what can be pressed, typed into or chosen from."""
    controls, texts = [], []
    for widget in _in_sight(root):
        if isinstance(widget, ipywidgets.HTML):
            texts.append(_text(widget.value))
        elif hasattr(widget, "description"):
            controls.append(widget.description or type(widget).__name__)
            # a row leads with its title; the bars of a plot have no words
            texts.append(widget.description)
            texts.append("" if getattr(widget, "value", "") else getattr(widget, "placeholder", ""))
            if isinstance(widget, ipywidgets.Dropdown):
                texts.append(str(widget.label or ""))
            if isinstance(widget, ipywidgets.Select):
                texts += [label for label, _ in widget.options]
    words = [word for word in " ".join(texts).split() if re.search(r"[A-Za-z]", word)]
    return Glance(tuple(controls), tuple(words))


def _in_sight(widget: Any) -> Iterator[Any]:
    layout = getattr(widget, "layout", None)
    if _OUT_OF_SIGHT & set(widget._dom_classes) or getattr(layout, "display", None) == "none":
        return
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _in_sight(child)


class _Reader(HTMLParser):
    """Reads text, without what is folded away and what is a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._left_out: list[str] = []
        self._in_summary = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag == "summary":
            self._in_summary = True
        if tag in ("style", "svg") or (tag == "details" and "open" not in given):
            self._left_out.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "summary":
            self._in_summary = False
        if self._left_out and self._left_out[-1] == tag:
            self._left_out.pop()

    def handle_data(self, data: str) -> None:
        if not self._left_out or (self._in_summary and self._left_out == ["details"]):
            self.texts.append(data)


def _text(html: str) -> str:
    reader = _Reader()
    reader.feed(html)
    return " ".join(reader.texts)
