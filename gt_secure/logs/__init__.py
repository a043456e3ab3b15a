"""Access logs: where they lie, fetching them, their formats, one portable SQL text,
and the engines that run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from .coverage import Coverage as Coverage
    from .engines.athena_query import QueryProgress as QueryProgress
    from .engines.athena_settings import Athena as Athena, Estimate as Estimate
    from .engines.selection import EngineChoice as EngineChoice, LargeLogs as LargeLogs
    from .hits import Hits as Hits
    from .leaks import LeakRules as LeakRules
    from .location import LogLocation as LogLocation
    from .read import count_hits as count_hits, read_hits as read_hits
    from .read_progress import Progress as Progress
    from .sql.viewers import Viewers as Viewers
    from .storage.cache import Cache as Cache, CacheState as CacheState
    from .storage.listing import find_logs as find_logs
    from .table import Table as Table
    from .waiting import (
        USUALLY as USUALLY,
        Waiting as Waiting,
        follow_hits as follow_hits,
        wait_for_hits as wait_for_hits,
    )


__all__, __getattr__, __dir__ = attach(__name__)
