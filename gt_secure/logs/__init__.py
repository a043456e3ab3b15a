"""Access logs: where they lie, fetching them, their formats, one portable SQL text, and the engines that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .coverage import Coverage
    from .engines.athena_query import QueryProgress
    from .engines.athena_settings import Athena, Estimate
    from .engines.selection import EngineChoice, LargeLogs
    from .export import Export
    from .hits import Hits
    from .ingest.reader import Progress
    from .leaks import LeakRules
    from .read import count_hits, read_hits
    from .storage.cache import Cache, CacheState
    from .storage.listing import LogLocation, find_logs
    from .table import Table
    from .waiting import USUALLY, Waiting, follow_hits, wait_for_hits

__all__ = [
    "USUALLY",
    "Athena",
    "Cache",
    "CacheState",
    "Coverage",
    "EngineChoice",
    "Estimate",
    "Export",
    "Hits",
    "LargeLogs",
    "LeakRules",
    "LogLocation",
    "Progress",
    "QueryProgress",
    "Table",
    "Waiting",
    "count_hits",
    "find_logs",
    "follow_hits",
    "read_hits",
    "wait_for_hits",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "USUALLY": ".waiting",
        "Athena": ".engines.athena_settings",
        "Cache": ".storage.cache",
        "CacheState": ".storage.cache",
        "Coverage": ".coverage",
        "EngineChoice": ".engines.selection",
        "Estimate": ".engines.athena_settings",
        "Export": ".export",
        "Hits": ".hits",
        "LargeLogs": ".engines.selection",
        "LeakRules": ".leaks",
        "LogLocation": ".storage.listing",
        "Progress": ".ingest.reader",
        "QueryProgress": ".engines.athena_query",
        "Table": ".table",
        "Waiting": ".waiting",
        "count_hits": ".read",
        "find_logs": ".storage.listing",
        "follow_hits": ".waiting",
        "read_hits": ".read",
        "wait_for_hits": ".waiting",
    },
)
