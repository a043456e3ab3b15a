"""Access logs: where they lie, fetching them, their formats, one portable SQL text, and the engines that run it."""

from __future__ import annotations

from .athena import Athena, Estimate
from .athena_flow import QueryProgress
from .cache import Cache, CacheState
from .coverage import Coverage
from .engines import Choice, LargeLogs
from .hits import Hits
from .listing import LogLocation, find_logs
from .read import count_hits, read_hits
from .reader import Progress
from .table import Table

__all__ = [
    "Athena",
    "Cache",
    "CacheState",
    "Choice",
    "Coverage",
    "Estimate",
    "Hits",
    "LargeLogs",
    "LogLocation",
    "Progress",
    "QueryProgress",
    "Table",
    "count_hits",
    "find_logs",
    "read_hits",
]
