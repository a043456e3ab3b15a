"""Colours of both themes, and the parts that every figure has.

Colour is never the only sign, and text from logs is only text: mathtext is off and control characters are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InvalidInput
from ..text import printable, truncate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Theme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one theme; the data colours are from Okabe and Ito's set, lightened on dark ground."""

    text: str
    quiet: str
    line: str
    face: str
    opened: str
    refused: str
    failed: str
    heat: tuple[str, str]


PALETTES: dict[str, Palette] = {
    "light": Palette(
        "#1f1f1f", "#5f6368", "#d0d0d0", "#ffffff", "#0072b2", "#d55e00", "#8a8a8a", ("#eef4f9", "#00456b")
    ),
    "dark": Palette(
        "#e8e8e8", "#a8adb3", "#4a4d50", "#111111", "#56b4e9", "#e69f00", "#8a8a8a", ("#1c2a33", "#8fd0f5")
    ),
}
WIDTH = 8.6
ROW = 0.265
NO_HITS = "No requests in the logs that were read. That does not prove that nobody came: logs arrive hours late."


def palette_of(theme: str) -> Palette:
    """The colours of a theme; raises :class:`InvalidInput` for another name."""
    if theme not in PALETTES:
        raise InvalidInput(f"There is no theme “{theme[:20]}”.", next_step="Use light or dark.", field="theme")
    return PALETTES[theme]


def clean(text: object, most: int = 46) -> str:
    """Text for a label: nothing that a renderer obeys, and not too long; the end is kept, it tells more."""
    return truncate(printable(text), most)


def new_figure(height: float, palette: Palette) -> tuple[Figure, Axes]:
    """A transparent figure with one bare axes; height in inches."""
    from .chart import Chart

    figure = Chart(figsize=(WIDTH, height), dpi=144, facecolor="none", layout=None)
    figure.ground = palette.face
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, colors=palette.text, labelsize=9)
    return figure, axes


def put_text(axes: Any, x: float, y: float, text: str, **style: Any) -> Any:
    """Put text at a place, as it is."""
    drawn = axes.text(x, y, text, parse_math=False, **style)
    drawn.set_clip_on(False)
    return drawn


def empty_figure(palette: Palette, limits: str, message: str = NO_HITS) -> Figure:
    """A figure that says that there is nothing to draw, and what that does not prove."""
    figure, axes = new_figure(0.9, palette)
    axes.set_axis_off()
    put_text(axes, 0.01, 0.6, message, color=palette.text, fontsize=9, transform=axes.transAxes)
    put_foot(figure, palette, limits)
    describe(figure, message)
    return figure


def put_foot(figure: Figure, palette: Palette, text: str) -> None:
    """The small line at the foot."""
    figure.text(
        0.012, 0.08 / figure.get_figheight(), clean(text, 150), color=palette.quiet, fontsize=7.5, parse_math=False
    )


def describe(figure: Figure, text: str) -> None:
    """Keep the text alternative with the figure."""
    figure.set_label(text)
