"""A question to the logs, and the runtime that answers it:
two values that every step of a reading passes on.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from ..base.errors import InvalidInput
from ..base.url_journal import UrlJournal
from .engines.duckdb_store import MEMORY_LIMIT
from .sql.dialects import DUCKDB
from .sql.log_columns import STORED
from .sql.query import LOCAL, Filters, check_filters, in_scope
from .sql.viewers import Viewers
from .storage.objects import LogObject
from .time_range import ProgressCallback, TimeLike, parse_time

if TYPE_CHECKING:
    from .engines.athena_settings import Athena
    from .named_networks import NetworksLike
    from .storage.cache import Cache, CacheLike
    from .storage.opener import Opener

LEAST_MEMORY = 100_000_000
"""Bytes with which the rows of logs of any size can be read, counted and exported:
the rest of them is on disk.
"""

Sources = str | Path | LogObject | Iterable[Any]


@dataclass(frozen=True, slots=True)
class LogQuery:
    """A question to the logs: requests in this range of time (UTC, without its end)
    that these filters let through.
    """

    sources: Sources
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    filters: Filters = field(default_factory=dict)
    dedupe: bool = False

    @classmethod
    def parse(
        cls,
        sources: Sources,
        since: object,
        until: object,
        filters: Filters | None,
        *,
        dedupe: bool = False,
    ) -> LogQuery:
        """Make a query of what a person wrote;
        what cannot be used in it is an :class:`InvalidInput`.
        """
        check_filters(filters or {})
        start, end = parse_time(since, "since"), parse_time(until, "until")  # type: ignore[arg-type]
        if start and end and start >= end:
            raise InvalidInput(
                "The time range is empty: it ends before it begins.",
                next_step="Give an end (which is not included) after the beginning.",
                field="until",
            )
        return cls(sources, start, end, filters or {}, dedupe)

    @property
    def in_range(self) -> str:
        """The condition, as SQL, that a row is in the requested time range and bucket."""
        return in_scope(self.since, self.until, self.filters, DUCKDB)

    @property
    def local_filters(self) -> Filters:
        """The filters that only this kernel can apply, to addresses that were read."""
        return {name: self.filters[name] for name in LOCAL if self.filters.get(name) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The clients, the engine and the limits of a reading;
    see :func:`~gt_secure.logs.read_hits`.
    """

    aws: Opener | Any = None
    engine: str = "auto"
    session: Any = None
    athena: Athena | None = None
    memory_limit: str = MEMORY_LIMIT
    progress: ProgressCallback | None = None
    cancel: threading.Event | None = None
    cache: Cache | None = None
    test_urls: UrlJournal = field(default_factory=UrlJournal)
    viewers: Viewers | None = None
    stored: Collection[str] = field(default_factory=lambda: STORED)

    def __post_init__(self) -> None:
        size = re.fullmatch(
            r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT])(i?)B\s*", self.memory_limit, re.IGNORECASE
        )
        if size is None:
            raise InvalidInput(
                f'"{self.memory_limit[:30]}" is not a size.',
                next_step="Write one such as 800MB or 2GB.",
                field="memory_limit",
            )
        unit = (1024 if size[3] else 1000) ** ("KMGT".index(size[2].upper()) + 1)
        if float(size[1]) * unit < LEAST_MEMORY:
            raise InvalidInput(
                f"{self.memory_limit} is too little memory for reading access logs.",
                next_step=f"Give at least memory_limit='{LEAST_MEMORY / 1e6:.0f}MB'.",
                field="memory_limit",
            )


class ReadOptions(TypedDict, total=False):
    """Further parameters of :func:`~gt_secure.logs.read_hits`, as callers pass them on."""

    until: TimeLike | None
    dedupe: bool
    cache: CacheLike
    memory_limit: str
    filters: Filters | None
    networks: NetworksLike | None
    test_urls: UrlJournal
    viewers: Viewers | None
