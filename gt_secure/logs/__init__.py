"""Access logs: where they lie, fetching them, their formats, one portable SQL text, and the engines that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .coverage import Coverage
    from .engines.athena_query import QueryProgress
    from .engines.athena_settings import Athena, Estimate
    from .engines.selection import Choice, LargeLogs
    from .hits import Hits
    from .ingest.reader import Progress
    from .read import count_hits, read_hits
    from .storage.cache import Cache, CacheState
    from .storage.listing import LogLocation, find_logs
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

__getattr__, __dir__ = attach(
    __name__,
    {
        "Athena": ".engines.athena_settings",
        "Cache": ".storage.cache",
        "CacheState": ".storage.cache",
        "Choice": ".engines.selection",
        "Coverage": ".coverage",
        "Estimate": ".engines.athena_settings",
        "Hits": ".hits",
        "LargeLogs": ".engines.selection",
        "LogLocation": ".storage.listing",
        "Progress": ".ingest.reader",
        "QueryProgress": ".engines.athena_query",
        "Table": ".table",
        "count_hits": ".read",
        "find_logs": ".storage.listing",
        "read_hits": ".read",
    },
)
