"""Figures as SVG, PNG and words."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
