"""Waiting for requests that S3 has not delivered yet: looks for new log objects only, and ends by
itself.

Sources: Amazon S3 User Guide, *Logging requests with server access logging* (best-effort delivery,
"most log records are delivered within a few hours"); CloudTrail User Guide, *How CloudTrail works*
(an average of about 5 minutes).
"""

from __future__ import annotations

import datetime as dt
import statistics
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

from ..base.clock import utc_now
from ..base.errors import InvalidInput, LogError, Throttled, Unreachable
from ..base.text import Texts, count, duration
from .hits import Hits
from .log_query import ReadOptions, Sources
from .read import read_hits
from .storage.listing import LATE, resolve
from .storage.objects import LocalFile, LogObject, StandardInput
from .storage.opener import opener_of
from .time_range import ProgressCallback, TimeLike, parse_time

USUALLY = (
    "S3 usually delivers access logs in a few hours and guarantees no delivery time. CloudTrail"
    " takes about 5 minutes."
)
"""Sentence about the time that deliveries take."""

FIRST_S, LONGEST_S = 0.5, 60.0
"""Seconds between two looks: at the beginning, and at most."""

Enough = int | Callable[[Hits], bool]
"""End of a wait: a number of requests, or a condition on the hits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """State of a wait, between two looks.

    Attributes
    ----------
    waited_s, wait_s : float
        Seconds waited so far, and at most.
    looks : int
        Looks for new log objects so far.
    objects : int
        New log objects that were found.
    hits : int
        Requests that are there.
    typical_delay_s : float or None
        Median time from a request to its delivery in this log, where it is known.
    """

    waited_s: float
    wait_s: float
    looks: int
    objects: int
    hits: int
    typical_delay_s: float | None = None

    @property
    def sentence(self) -> str:
        """The state in words, and how long AWS usually takes."""
        delay = self.typical_delay_s
        usual = USUALLY if delay is None else f"This log usually takes {duration(round(delay))}."
        return (
            f"Waiting for delivery: {count(self.objects, 'new log object')} in"
            f" {duration(round(self.waited_s))}, at most {duration(round(self.wait_s))}. {usual}"
        )


class _Watch:
    """Looks for new log objects, longer and longer apart,
    until the time is over or somebody cancels.
    """

    def __init__(
        self,
        sources: Sources,
        since: TimeLike | None,
        wait_s: float,
        aws: Any,
        engine: str,
        progress: ProgressCallback | None,
        cancel: threading.Event | None,
        options: ReadOptions,
        *,
        follows: bool = False,
    ) -> None:
        self._sources, self._aws, self._follows = sources, aws, follows
        self._since = parse_time(since, "since")
        self.read = partial(
            read_hits,
            since=self._since,
            aws=aws,
            engine=engine,
            progress=progress,
            cancel=cancel,
            **options,
        )
        self._wait_s, self._progress, self._cancel = wait_s, progress, cancel or threading.Event()
        self._started = time.monotonic()
        self._seen: set[Texts] = set()
        self.hits = 0
        self.delay_s: float | None = None

    @property
    def waited_s(self) -> float:
        return time.monotonic() - self._started

    def looks(self) -> Iterator[list[LogObject]]:
        """Give what is there, then what each further look finds, which may be nothing."""
        yield self._new()
        looks, objects, pause = 0, 0, FIRST_S
        while True:
            if self._progress is not None:
                self._progress(
                    Waiting(self.waited_s, self._wait_s, looks, objects, self.hits, self.delay_s)
                )
            left = self._wait_s - self.waited_s
            if left <= 0:
                return
            if self._cancel.wait(min(pause, left)):
                raise LogError(
                    "Waiting for delivery was cancelled.",
                    next_step="Start it again later: what is read from S3 is kept.",
                )
            pause = min(LONGEST_S, pause * 1.25)
            looks += 1
            found = []
            # a wait of hours outlives a network that is away
            with suppress(Unreachable, Throttled):
                found = self._new()
            objects += len(found)
            yield found

    def _new(self) -> list[LogObject]:
        """Return the objects that no look before has seen; no record is read."""
        opener = opener_of(self._aws) if self._aws is not None else None
        found: list[LogObject] = []
        for item in resolve(self._sources, opener=opener, since=self._bound()):
            if self._follows and isinstance(item, (LocalFile, StandardInput)):
                raise InvalidInput(
                    f'"{item.name}" is not in S3, and only deliveries to S3 are followed.',
                    next_step="Name an s3:// prefix, or use wait_for=... for files.",
                    field="sources",
                )
            if isinstance(item, StandardInput) or item.identity is None:
                raise InvalidInput(
                    "Standard input cannot be waited for.",
                    next_step="Name a folder or an s3:// prefix.",
                    field="wait_for",
                )
            if item.identity not in self._seen:
                self._seen.add(item.identity)
                found.append(item)
        return found

    def _bound(self) -> dt.datetime | None:
        """Return where listing begins: a later look needs only the keys of the last days,
        which may still grow.
        """
        if not self._seen:
            return self._since
        recent = utc_now().replace(tzinfo=None) - LATE
        return recent if self._since is None else max(self._since, recent)


def wait_for_hits(
    sources: Sources,
    enough: Enough,
    *,
    wait_s: float = 60,
    since: TimeLike | None = None,
    aws: Any = None,
    engine: str = "auto",
    progress: ProgressCallback | None = None,
    cancel: threading.Event | None = None,
    **options: Unpack[ReadOptions],
) -> Hits:
    """Read access logs again until what is waited for is there, or the time is over.

    The sources and options are those of :func:`~gt_secure.logs.read_hits`; ``since`` is fixed when
    the wait begins. ``enough`` is a number of requests after the filters, or a condition on the
    hits. After ``wait_s`` seconds what is there is returned, and a note of its coverage says so.
    ``progress`` gets a :class:`Waiting` between two looks. Setting ``cancel`` ends the wait with a
    :class:`LogError`.
    """
    _check(enough, wait_s, engine)
    watch = _Watch(sources, since, wait_s, aws, engine, progress, cancel, options)
    hits = None
    try:
        for new in watch.looks():
            if hits is not None:
                if not new:
                    continue
                hits.close()
            hits = watch.read(sources)
            watch.hits, watch.delay_s = len(hits), hits.coverage.typical_delay_s
            if enough(hits) if callable(enough) else watch.hits >= enough:
                return hits
    except BaseException:
        if hits is not None:
            hits.close()
        raise
    assert hits is not None
    state = (
        "what was awaited is not there"
        if callable(enough)
        else f"{watch.hits:,} of {count(enough, 'request')} there"
    )
    hits.coverage.notes.append(f"Waited {duration(round(watch.waited_s))}: {state}. {USUALLY}")
    return hits


def follow_hits(
    sources: Sources,
    *,
    wait_s: float = 3600,
    since: TimeLike | None = None,
    aws: Any = None,
    engine: str = "auto",
    progress: ProgressCallback | None = None,
    cancel: threading.Event | None = None,
    **options: Unpack[ReadOptions],
) -> Generator[Hits, None, None]:
    """Yield the requests that are there, then those of each delivery, until the time is over.

    Parameters
    ----------
    sources, since, aws, engine, options
        As for :func:`~gt_secure.logs.read_hits`, with logs in S3 only.
    wait_s : float
        Seconds after which it ends.
    progress : callable, optional
        Gets a :class:`Waiting` between two looks.
    cancel : threading.Event, optional
        Set it to stop.

    Yields
    ------
    Hits
        Requests of the new log objects, at least one. They are closed when the next ones are asked
        for.

    Raises
    ------
    InvalidInput
        For standard input, a local file, or an engine that does not read here.
    LogError
        If it was cancelled.

    Examples
    --------
    >>> for hits in follow_hits("s3://gt-logs/", wait_s=600):  # doctest: +SKIP
    ...     print(hits.count("remote_ip,http_status"))
    """
    _check(1, wait_s, engine)
    watch = _Watch(sources, since, wait_s, aws, engine, progress, cancel, options, follows=True)
    delays = []
    for new in watch.looks():
        if not new:
            continue
        with closing(watch.read(new)) as hits:
            if hits.coverage.typical_delay_s is not None:
                delays.append(hits.coverage.typical_delay_s)
                watch.delay_s = statistics.median(delays)
            watch.hits += (number := len(hits))
            if number:
                yield hits


def _check(enough: Enough, wait_s: float, engine: str) -> None:
    if not callable(enough) and (
        isinstance(enough, bool) or not isinstance(enough, int) or enough < 1
    ):
        raise InvalidInput(
            "Waiting needs a whole number of requests from 1.", field="wait_for", value=enough
        )
    if (
        isinstance(wait_s, bool)
        or not isinstance(wait_s, (int, float))
        or not 0 <= wait_s <= _DAYS_S
    ):
        raise InvalidInput(
            "The time to wait must be from 0 seconds to 2 days.", field="wait_s", value=wait_s
        )
    if engine not in ("auto", "duckdb"):
        raise InvalidInput(
            f"Waiting reads the logs here, not on {engine[:40]}.",
            next_step="Leave engine out, or do not wait.",
            field="engine",
        )


_DAYS_S = 2 * 86_400
