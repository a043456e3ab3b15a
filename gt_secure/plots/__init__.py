"""Figures from hits: sources, times and refusals. Figures, not pyplot: no global state, no double display."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .age import url_ages
    from .bars import hits_by_ip, hits_by_network
    from .draw import Kind, draw
    from .heat import heat_map
    from .leaks import leak_timeline
    from .marks import Mark, hits_of_mark, marks_of
    from .output import alt_text, png, svg
    from .overtime import over_time
    from .refusals import refusals_by_lock
    from .theme import Theme

__all__ = [
    "Kind",
    "Mark",
    "Theme",
    "alt_text",
    "draw",
    "heat_map",
    "hits_by_ip",
    "hits_by_network",
    "hits_of_mark",
    "leak_timeline",
    "marks_of",
    "over_time",
    "png",
    "refusals_by_lock",
    "svg",
    "url_ages",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Kind": ".draw",
        "Mark": ".marks",
        "Theme": ".theme",
        "alt_text": ".output",
        "draw": ".draw",
        "heat_map": ".heat",
        "hits_by_ip": ".bars",
        "hits_by_network": ".bars",
        "hits_of_mark": ".marks",
        "leak_timeline": ".leaks",
        "marks_of": ".marks",
        "over_time": ".overtime",
        "png": ".output",
        "refusals_by_lock": ".refusals",
        "svg": ".output",
        "url_ages": ".age",
    },
)
