"""Colours of both themes, and the parts that every figure has.

Colour is never the only sign, and text from logs is only text: mathtext is off and control characters are shown.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from matplotlib.figure import Figure

from ..errors import InvalidInput
from ..text import printable, truncate

if TYPE_CHECKING:
    from .layout import Parts


def alt_text(figure: Figure) -> str:
    """Return the text alternative of a figure of this module: everything it shows, in words."""
    return str(figure.get_label())


def svg(figure: Figure, *, ground: str | None = None) -> str:
    """Return the figure as SVG text, transparent or on a ``ground`` colour; the same hits give the same bytes."""
    import html

    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "gt-secure", "svg.fonttype": "path", "hatch.linewidth": 1.1}):
        about = {"Date": None, "Creator": None}
        figure.savefig(out, format="svg", metadata=about, facecolor=ground or "none")
    text = out.getvalue()
    start = text.index("<svg")
    head, tail = text[start:].split(">", 1)
    label = html.escape(alt_text(figure), quote=True)
    return f'{head} role="img" aria-label="{label}">{tail}'


def png(figure: Figure, *, dpi: int = 144, ground: str | None = None) -> bytes:
    """Return the figure as PNG bytes; transparent, or on a ``ground`` colour."""
    import matplotlib as mpl

    out = io.BytesIO()
    with mpl.rc_context({"hatch.linewidth": 1.1}):
        figure.savefig(out, format="png", dpi=dpi, facecolor=ground or "none", metadata={"Software": None})
    return out.getvalue()


class Chart(Figure):
    """A matplotlib figure with a ground colour and a text alternative."""

    ground = "#ffffff"

    def __repr__(self) -> str:
        return alt_text(self) or super().__repr__()

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {
            "text/plain": alt_text(self),
            "image/svg+xml": svg(self, ground=self.ground),
            "image/png": base64.b64encode(png(self, ground=self.ground)).decode("ascii"),
        }


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
    internal: str
    heat: tuple[str, str]


PALETTES: dict[str, Palette] = {
    "light": Palette(
        "#1f1f1f", "#5f6368", "#d0d0d0", "#ffffff", "#0072b2", "#d55e00", "#808080", "#a0558a", ("#eef4f9", "#00456b")
    ),
    "dark": Palette(
        "#e8e8e8", "#a8adb3", "#4a4d50", "#111111", "#56b4e9", "#e69f00", "#8a8a8a", "#cc79a7", ("#1c2a33", "#8fd0f5")
    ),
}
WIDTH = 8.6
ROW = 0.265
NO_HITS = "No requests in the logs that were read. That does not prove that there were none: logs arrive hours late."


def palette_of(theme: str) -> Palette:
    """Return the colours of a theme; raises :class:`InvalidInput` for another name."""
    if theme not in PALETTES:
        raise InvalidInput(f'There is no theme "{theme[:20]}".', next_step="Use light or dark.", field="theme")
    return PALETTES[theme]


def clean(text: object, most: int = 46) -> str:
    """Make text for a label: nothing that a renderer obeys, and not too long; the end is kept."""
    return truncate(printable(text), most)


def new_figure(height: float, palette: Palette, title: str, note: str) -> tuple[Figure, Parts]:
    """Make a transparent figure with one bare axes, a title and a note; height in inches."""
    from .layout import FitLayout, Parts

    figure = Chart(figsize=(WIDTH, height), dpi=144, facecolor="none", layout=None)
    figure.ground = palette.face
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, colors=palette.quiet, labelsize=8)
    style: dict[str, Any] = {"parse_math": False, "color": palette.quiet}
    parts = Parts(
        axes,
        title=figure.text(0, 1, clean(title, 160), va="top", fontsize=10, parse_math=False, color=palette.text),
        note=figure.text(0, 0, clean(note, 500), va="bottom", fontsize=7.5, linespacing=1.15, **style),
        across=figure.text(0, 0, "", va="center", fontsize=8, **style),
        label_title=figure.text(0, 0, "", va="top", fontsize=8, **style),
    )
    figure.set_layout_engine(FitLayout(parts))
    return figure, parts


def add_key(
    figure: Figure, parts: Parts, palette: Palette, words: str, colour: str = "", hatch: str | None = None
) -> None:
    """Add an entry to the legend; without a colour only words."""
    from matplotlib.patches import Rectangle

    patch = None
    if colour:
        patch = Rectangle(
            (0, 0),
            0.01,
            0.01,
            transform=figure.transFigure,
            facecolor=colour,
            hatch=hatch,
            linewidth=0,
            edgecolor=edge_of(palette) if hatch else "none",
        )
        figure.add_artist(patch)
    text = figure.text(0, 0, words, va="center", fontsize=8, color=palette.text, parse_math=False)
    parts.keys.append((patch, text))


def edge_of(palette: Palette) -> str:
    """Return the colour of hatches: the ground of the theme."""
    return palette.face


def put_text(axes: Any, x: float, y: float, text: str, **style: Any) -> Any:
    """Put text at a place; mathtext is off and the axes do not clip it."""
    drawn = axes.text(x, y, text, parse_math=False, **style)
    drawn.set_clip_on(False)
    return drawn


def put_row(parts: Parts, row: int, label: str, number: str, palette: Palette) -> None:
    """Put the texts of a row: its label at the left of the axes, its numbers at the right."""
    axes = parts.axes
    style = {"va": "center", "color": palette.text, "transform": axes.get_yaxis_transform()}
    parts.labels.append(put_text(axes, 0, row, label, ha="right", fontsize=9, **style))
    parts.numbers.append(put_text(axes, 1, row, number, ha="left", fontsize=8.6, **style))


def check_top(top: int, what: str = "source") -> None:
    """Refuse to draw nothing on its own."""
    if top < 1:
        raise InvalidInput(f"At least one {what} must be drawn.", next_step="Give top=1 or more.", field="top")


def empty_figure(palette: Palette, limits: str, message: str = NO_HITS) -> Figure:
    """Make a figure that says that there is nothing to draw, and what that does not prove."""
    figure, parts = new_figure(1.1, palette, message, limits)
    parts.axes.set_axis_off()
    describe(figure, message)
    return figure


def describe(figure: Figure, text: str) -> None:
    """Keep the text alternative with the figure."""
    figure.set_label(text)
