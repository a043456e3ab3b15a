"""Colours of both themes, and the parts that every figure has.

Colour is never the only sign, and text from logs is only text: mathtext is off and control
characters are shown.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from matplotlib.figure import Figure

from ...base.errors import InvalidInput
from ...base.text import Json, printable, truncate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .layout import Parts


def alt_text(figure: Figure) -> str:
    """Return the text alternative of a figure of this module: everything it shows, in words."""
    return str(figure.get_label())


def svg(figure: Figure, *, ground: str | None = None) -> str:
    """Return the figure as SVG text, transparent or on a ``ground`` colour;
    the same hits give the same bytes.
    """
    import html

    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context(
        {"svg.hashsalt": "gt-secure", "svg.fonttype": "path", "hatch.linewidth": 1.1}
    ):
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
        figure.savefig(
            out, format="png", dpi=dpi, facecolor=ground or "none", metadata={"Software": None}
        )
    return out.getvalue()


Theme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one theme; the data colours are from Okabe and Ito's set,
    lightened on dark ground.
    """

    text: str
    quiet: str
    line: str
    face: str
    opened: str
    refused: str
    failed: str
    internal: str
    allowed: str


PALETTES: dict[str, Palette] = {
    "light": Palette(
        "#1f1f1f",
        "#5f6368",
        "#d0d0d0",
        "#ffffff",
        "#0072b2",
        "#d55e00",
        "#808080",
        "#a0558a",
        "#eef4f9",
    ),
    "dark": Palette(
        "#e8e8e8",
        "#a8adb3",
        "#4a4d50",
        "#111111",
        "#56b4e9",
        "#e69f00",
        "#8a8a8a",
        "#cc79a7",
        "#1c2a33",
    ),
}
WIDTH = 8.6
ROW = 0.265
NO_HITS = (
    "No requests in the logs that were read. That does not prove that there were none: logs arrive"
    " hours late."
)


def palette_of(theme: str) -> Palette:
    """Return the colours of a theme; raises :class:`InvalidInput` for another name."""
    if theme not in PALETTES:
        raise InvalidInput(
            f'There is no theme "{theme[:20]}".', next_step="Use light or dark.", field="theme"
        )
    return PALETTES[theme]


@dataclass(frozen=True, slots=True)
class Mark:
    """One bar of a plot.

    Attributes
    ----------
    label, words : str
        The label of the bar, and its numbers in words.
    condition : str
        SQL condition on the rows that the bar counts.
    address, endpoint : str or None
        The source, where the bar stands for exactly one.
    box : tuple of float
        Left, top, width and height as fractions of the figure as last drawn, from its top left
        corner.
    """

    label: str
    words: str
    condition: str = field(repr=False)
    address: str | None = None
    endpoint: str | None = None
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


class Chart(Figure):
    """A matplotlib figure of one theme, with texts around one axes and a text alternative."""

    palette: Palette
    parts: Parts
    marks: tuple[Sequence[tuple[Mark, float, float]], bool] | None = None
    """Each mark with its beginning and end on its axis; and whether they are rows,
    not ranges of the x axis.
    """

    def __repr__(self) -> str:
        return alt_text(self) or super().__repr__()

    def _repr_mimebundle_(self, **_: object) -> Json:
        ground = self.palette.face
        return {
            "text/plain": alt_text(self),
            "image/svg+xml": svg(self, ground=ground),
            "image/png": base64.b64encode(png(self, ground=ground)).decode("ascii"),
        }

    def key(self, words: str, colour: str = "", hatch: str | None = None) -> None:
        """Add an entry to the legend; without a colour only words."""
        from matplotlib.patches import Rectangle

        patch = None
        if colour:
            patch = Rectangle(
                (0, 0),
                0.01,
                0.01,
                transform=self.transFigure,
                facecolor=colour,
                **self.hatched(hatch),
            )
            self.add_artist(patch)
        text = self.text(
            0, 0, words, va="center", fontsize=8, color=self.palette.text, parse_math=False
        )
        self.parts.keys.append((patch, text))

    def row(self, row: int, label: str, number: str) -> None:
        """Put the texts of a row: its label at the left of the axes, its numbers at the right."""
        axes = self.parts.axes
        style = {
            "va": "center",
            "color": self.palette.text,
            "transform": axes.get_yaxis_transform(),
        }
        self.parts.labels.append(put_text(axes, 0, row, label, ha="right", fontsize=9, **style))
        self.parts.numbers.append(put_text(axes, 1, row, number, ha="left", fontsize=8.6, **style))

    def hatched(self, hatch: str | None) -> Json:
        """Return the style of an area: hatches have the colour of the ground."""
        return {"hatch": hatch, "linewidth": 0, "edgecolor": self.palette.face if hatch else "none"}


def clean(text: object, most: int = 46) -> str:
    """Make text for a label: nothing that a renderer obeys, and not too long; the end is kept."""
    return truncate(printable(text), most)


def new_chart(
    theme: str,
    title: str,
    note: str,
    *,
    rows: int = 0,
    height: float = 1.5,
    labels: str = "",
    across: str = "",
) -> Chart:
    """Make a transparent chart with one bare axes, a title and a note.

    ``height`` is the height without the ``rows``, in inches. ``labels`` is the title of the labels
    at the left, and ``across`` that of the x axis.
    """
    from .layout import FitLayout, Parts

    chart = Chart(figsize=(WIDTH, height + ROW * rows), dpi=144, facecolor="none", layout=None)
    chart.palette = palette = palette_of(theme)
    axes = chart.add_axes((0, 0, 1, 1), facecolor="none")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, colors=palette.quiet, labelsize=8)
    if rows:
        axes.set_ylim(rows - 0.4, -0.6)
        axes.set_yticks([])
    style: Json = {"parse_math": False, "color": palette.quiet}
    chart.parts = Parts(
        axes,
        title=chart.text(
            0, 1, clean(title, 160), va="top", fontsize=10, parse_math=False, color=palette.text
        ),
        note=chart.text(
            0, 0, clean(note, 500), va="bottom", fontsize=7.5, linespacing=1.15, **style
        ),
        across=chart.text(0, 0, across, va="center", fontsize=8, **style),
        label_title=chart.text(0, 0, labels, va="top", fontsize=8, **style),
    )
    chart.set_layout_engine(FitLayout(chart.parts))
    return chart


def put_text(axes: Any, x: float, y: float, text: str, **style: Any) -> Any:
    """Put text at a place; mathtext is off and the axes do not clip it."""
    drawn = axes.text(x, y, text, parse_math=False, **style)
    drawn.set_clip_on(False)
    return drawn


def check_top(top: int, what: str = "source") -> None:
    """Refuse to draw nothing on its own."""
    if top < 1:
        raise InvalidInput(
            f"At least one {what} must be drawn.", next_step="Give top=1 or more.", field="top"
        )


def empty_chart(theme: str, limits: str, message: str = NO_HITS) -> Chart:
    """Make a chart that reports that there is nothing to draw, and what that does not prove."""
    chart = new_chart(theme, message, limits, height=1.1)
    chart.parts.axes.set_axis_off()
    chart.set_label(message)
    return chart
