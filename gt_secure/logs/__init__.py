"""Access logs: where they lie, fetching them, their formats, one portable SQL text, and the engine that runs it."""

from __future__ import annotations

from .cache import Cache, CacheState
from .coverage import Coverage
from .hits import Hits
from .listing import LogLocation, find_logs
from .read import count_hits, read_hits
from .reader import Progress
from .table import Table

__all__ = [
    "Cache",
    "CacheState",
    "Coverage",
    "Hits",
    "LogLocation",
    "Progress",
    "Table",
    "count_hits",
    "find_logs",
    "read_hits",
]
