"""Layout of a figure by the measured width of its texts, each time it is drawn: nothing is clipped
at any size.

A figure has, from top to bottom: title, legend, axes with a column of labels at the left and of
numbers at the right, axis title, note. Title, legend and note wrap; labels that would crowd out the
bars are cut in the middle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import LayoutEngine
from matplotlib.textpath import text_to_path

from ...base.text import truncate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

MARGIN = 0.1
"""Space at the edges, in inches."""
GAP = 0.08
LEAST = 0.6
"""Width that the axes keep, in inches, as long as labels can be cut."""
BESIDE = 8.6
"""Size of the texts beside bars, in points."""
SMALLEST = 5.5
"""Size in points below which not every row keeps its texts."""
_LEADING = 1.25
_KEY = 0.16


@lru_cache(maxsize=4096)
def measure(text: str, size: float) -> float:
    """Return the width of a line of text in inches, a little more than any renderer needs."""
    if not text:
        return 0.0
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), False)
    return float(width) / 72 * 1.04 + 0.01


def wrap(text: str, size: float, width: float) -> list[str]:
    """Break text into lines that fit; a word that is too long is broken too."""
    lines = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if measure(longer, size) <= width:
            line = longer
            continue
        lines += [line] if line else []
        line = word
        while measure(line, size) > width and len(line) > 1:
            most = max(
                1, next((i for i in range(len(line), 0, -1) if measure(line[:i], size) <= width), 1)
            )
            lines.append(line[:most])
            line = line[most:]
    return [*lines, line]


def fit(text: str, size: float, width: float) -> str:
    """Cut text in the middle until it fits; the end is kept."""
    most = len(text)
    while measure(shown := truncate(text, most), size) > width and most > 3:
        most -= 1
    return shown


@dataclass(eq=False)
class Parts:
    """The texts of a figure and what belongs to them.

    ``across`` is the title of the x axis, ``label_title`` stands above the labels, ``keys`` are the
    legend. ``numbers`` are in a column at the right of the axes, ``beside`` at the end of bars.
    ``ticks`` are the widest labels of the y axis. ``placed`` is called with the width of the axes
    in inches.
    """

    axes: Axes
    title: Any
    note: Any
    across: Any
    label_title: Any
    keys: list[tuple[Patch | None, Any]] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    numbers: list[Any] = field(default_factory=list)
    beside: list[Any] = field(default_factory=list)
    ticks: Sequence[str] = ()
    placed: Callable[[float], None] | None = None
    full: dict[int, str] = field(default_factory=dict)
    sizes: dict[int, float] = field(default_factory=dict)

    def whole(self, text: Any) -> str:
        """Return the text before it was wrapped or cut."""
        return self.full.setdefault(id(text), text.get_text())

    def full_size(self, text: Any) -> float:
        """Return the size of the text before it was set smaller, in points."""
        return self.sizes.setdefault(id(text), float(text.get_fontsize()))


class FitLayout(LayoutEngine):
    """Place the parts of a figure."""

    _adjust_compatible = True
    _colorbar_gridspec = True

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.parts = parts

    def execute(self, fig: Any) -> None:
        """Place everything for the present size of the figure."""
        width, height = (float(side) for side in fig.get_size_inches())
        parts = self.parts
        top = _place_head(parts, width, height)
        # the note is at the bottom, and the axes begin above it, in inches
        note = parts.note
        lines = wrap(parts.whole(note), note.get_fontsize(), width - 2 * MARGIN)
        note.set_text("\n".join(lines))
        note.set_position((MARGIN / width, 0.06 / height))
        bottom = 0.06 + 0.135 * len(lines) + 0.44
        top_axes = top - (0.18 if parts.label_title.get_text() else 0.04)
        _fit_rows(parts, max(0.05, top_axes - bottom))
        left, right = _columns(parts, width)
        inner = max(0.1, width - left - right)
        parts.axes.set_position(
            (left / width, bottom / height, inner / width, max(0.05, top_axes - bottom) / height)
        )
        parts.across.set_position((left / width, (bottom - 0.33) / height))
        parts.label_title.set_position((MARGIN / width, (top - 0.02) / height))
        _fit(parts, parts.across, width - left - MARGIN)
        _fit(parts, parts.label_title, width - 2 * MARGIN)
        for text in parts.labels:
            text.set_x(-GAP / 2 / inner)
        for text in parts.numbers:
            text.set_x(1 + GAP / 2 / inner)
        if parts.placed:
            parts.placed(inner)


def _place_head(parts: Parts, width: float, height: float) -> float:
    """Place title and legend from the top; return where they end, in inches from the bottom."""
    top = height - MARGIN
    title = parts.title
    lines = wrap(parts.whole(title), title.get_fontsize(), width - 2 * MARGIN)
    title.set_text("\n".join(lines))
    title.set_position((MARGIN / width, top / height))
    top -= 0.19 * len(lines) + 0.04
    x = MARGIN
    for patch, text in parts.keys:
        size = text.get_fontsize()
        mark = _KEY + 0.05 if patch else 0.0
        words = fit(parts.whole(text), size, width - 2 * MARGIN - mark)
        text.set_text(words)
        wide = mark + measure(words, size)
        if x > MARGIN and x + wide > width - MARGIN:
            x, top = MARGIN, top - 0.19
        if patch:
            patch.set_bounds(x / width, (top - 0.13) / height, _KEY / width, 0.11 / height)  # type: ignore[attr-defined]
        text.set_position(((x + mark) / width, (top - 0.075) / height))
        x += wide + 0.16
    return top - (0.22 if parts.keys else 0.0)


def _fit_rows(parts: Parts, height: float) -> None:
    """Set the texts of close rows smaller; of rows that are too close,
    only some keep their texts.
    """
    columns = (parts.labels, parts.numbers, parts.beside)
    rows = max(map(len, columns))
    if not rows:
        return
    fitting = height * 72 / (rows + 0.2) / _LEADING
    step = max(1, math.ceil(SMALLEST / fitting))
    for column in columns:
        for row, text in enumerate(column):
            text.set_fontsize(max(SMALLEST, min(parts.full_size(text), fitting)))
            text.set_visible(row % step == 0)


def _columns(parts: Parts, width: float) -> tuple[float, float]:
    """Return the space at the left and at the right of the axes,
    and cut labels that need more than there is.
    """
    room = max(LEAST, width - 2 * MARGIN - 2 * GAP - LEAST - 0.5)
    for text in parts.numbers:
        words = parts.whole(text)
        size = text.get_fontsize()
        text.set_fontsize(max(SMALLEST, min(size, size * room / max(0.01, measure(words, size)))))
        _fit(parts, text, room)
    right = max(MARGIN, GAP + MARGIN + _widest(parts.numbers) if parts.numbers else 0.0)
    beside = max((measure(parts.whole(text), BESIDE) for text in parts.beside), default=0.0)
    if parts.ticks:
        return MARGIN + GAP + max(measure(text, 8) for text in parts.ticks), max(right, 0.3)
    most = max(0.5, width - right - MARGIN - GAP - max(LEAST, beside + 0.4))
    for text in parts.labels:
        _fit(parts, text, most)
    left = MARGIN + GAP + _widest(parts.labels)
    _shrink(parts, width - left - right - 0.25)
    return left, right


def _shrink(parts: Parts, width: float) -> None:
    """Set the texts beside bars smaller, and cut them,
    where the figure is narrower than they are.
    """
    for text in parts.beside:
        words = parts.whole(text)
        most = min(BESIDE, float(text.get_fontsize()))
        size = min(most, max(6.0, most * width / max(0.01, measure(words, most))))
        text.set_fontsize(size)
        text.set_text(fit(words, size, width))


def _widest(texts: Sequence[Any]) -> float:
    return max((measure(text.get_text(), text.get_fontsize()) for text in texts), default=0.0)


def _fit(parts: Parts, text: Any, width: float) -> None:
    text.set_text(fit(parts.whole(text), text.get_fontsize(), width))
