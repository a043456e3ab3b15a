"""Findings: settings that defeat, weaken or break a restriction, each with a stable code."""

from __future__ import annotations

from .acceptance import Acceptance
from .accepted import accept, baseline, dump_accepted, load_accepted, unused
from .catalog_page import page
from .model import Finding
from .run import find_all

__all__ = [
    "Acceptance",
    "Finding",
    "accept",
    "baseline",
    "dump_accepted",
    "find_all",
    "load_accepted",
    "page",
    "unused",
]
