"""A figure that shows itself in a notebook, with its words.

A bare ``Figure`` is shown only where pyplot has set a notebook up; this one brings PNG, SVG and text by itself. In a
notebook it stands on its theme's ground, so that its text can be read whatever the theme of the page is.
"""

from __future__ import annotations

import base64
from typing import Any

from matplotlib.figure import Figure

from .output import alt_text, png, svg


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
