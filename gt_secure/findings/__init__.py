"""Findings: settings that defeat, weaken or break a restriction, each with a stable code."""

from __future__ import annotations

from .model import Finding
from .run import find_all

__all__ = [
    "Finding",
    "find_all",
]
