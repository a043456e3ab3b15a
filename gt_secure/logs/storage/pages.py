"""Pages of a listing of S3, fetched ahead of whoever reads them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from ...base.pages import MOST_OF_DATA, endless, followed
from ...base.text import Json
from .opener import Opener

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 8
"""Prefixes that are listed at the same time."""
PAGE = 1000
"""Objects on a page."""


def _pages(opener: Opener, wanted: Json, first: Json | None = None) -> Iterator[Json]:
    last, names_of_tokens = "", ("NextContinuationToken", "ContinuationToken")
    for page in followed(
        opener.list_page, wanted, *names_of_tokens, most=MOST_OF_DATA, first=first
    ):
        names = _names(page)
        if names and max(names) <= last:  # S3 lists in the order of keys
            raise endless()
        last = max(names, default=last)
        yield page
        if not page.get("IsTruncated"):
            return
    raise endless()


def parallel_pages(
    opener: Opener,
    wanted: Json,
    borders: Sequence[str],
    first: Json | None = None,
) -> Iterator[Json]:
    """Give the pages of one listing in their order; the parts between ``borders`` are listed at the
    same time.

    ``first`` is the first page, if it was read already.
    """
    begin = wanted.get("StartAfter", "")
    inner = [border for border in borders if border > begin]
    parts = zip([begin, *inner], [*inner, None], strict=True)
    return chain(_part(opener, wanted, low, high, None if low else first) for low, high in parts)


def _part(
    opener: Opener, wanted: Json, low: str, high: str | None, first: Json | None
) -> Iterator[Json]:
    for page in _pages(opener, {**wanted, "StartAfter": low} if low else wanted, first):
        names = _names(page)
        if high is None or not names or max(names) < high:
            yield page
            continue
        yield {
            **page,
            "Contents": [entry for entry in page.get("Contents", ()) if entry["Key"] <= high],
        }
        return


def _names(page: Json) -> list[str]:
    prefixes = (entry["Prefix"] for entry in page.get("CommonPrefixes", ()))
    return [*(entry["Key"] for entry in page.get("Contents", ())), *prefixes]


def chain(sources: Iterable[Iterator[T]]) -> Iterator[T]:
    """Give the items of one source after the other; the next ones, also of the sources that follow,
    are made ahead.
    """
    remaining = iter(sources)
    waiting: deque[tuple[Iterator[T], Future[T | None]]] = deque()

    def more() -> None:
        while len(waiting) < AHEAD and (source := next(remaining, None)) is not None:
            waiting.append((source, _start(next, source, None)))

    more()
    while waiting:
        source, future = waiting.popleft()
        item = future.result()
        if item is not None:
            waiting.appendleft((source, _start(next, source, None)))
            yield item
        more()


def _start(call: Callable[..., R], *arguments: Any) -> Future[R]:
    """Call on a thread that does not keep the process from ending."""
    future: Future[R] = Future()

    def work() -> None:
        try:
            future.set_result(call(*arguments))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="gt-secure-list", daemon=True).start()
    return future
