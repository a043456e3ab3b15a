"""Figures from hits: sources, times and refusals. Figures, not pyplot: no global state, no double display."""

from __future__ import annotations

from .age import url_ages
from .bars import hits_by_ip, hits_by_network
from .draw import Kind, draw
from .heat import heat_map
from .leaks import leak_timeline
from .output import alt_text, png, svg
from .overtime import over_time
from .theme import Theme

__all__ = [
    "Kind",
    "Theme",
    "alt_text",
    "draw",
    "heat_map",
    "hits_by_ip",
    "hits_by_network",
    "leak_timeline",
    "over_time",
    "png",
    "svg",
    "url_ages",
]
