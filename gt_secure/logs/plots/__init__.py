"""Figures from hits: sources, times and refusals. Figures, not pyplot: no global state,
no double display.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.lazy import attach

if TYPE_CHECKING:
    from .age import url_ages as url_ages
    from .answers import answer_matrix as answer_matrix
    from .bars import hits_by_ip as hits_by_ip, hits_by_network as hits_by_network
    from .draw import PlotKind as PlotKind, draw as draw, empty_kinds as empty_kinds
    from .marks import hits_of_mark as hits_of_mark, marks_of as marks_of
    from .overtime import over_time as over_time
    from .refusal_bars import refusals_by_lock as refusals_by_lock
    from .theme import Mark as Mark, Theme as Theme, alt_text as alt_text, png as png, svg as svg


__all__, __getattr__, __dir__ = attach(__name__)
