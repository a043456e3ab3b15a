"""Objects of S3 fetched ahead of the threads that unpack and pack them, and listed ahead for their progress.

Waiting for S3 needs many threads, and packing lines needs few with large buffers. Bytes that were fetched and are not
packed yet are limited.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import IO

from ...errors import Throttled
from ..storage.objects import SMALL, LogObject

ROOM = 48 << 20
"""Bytes that may be fetched or on their way before they are packed."""
MOST_LISTED = 200_000
"""Objects that are listed and not yet taken at most."""
_TRIES = 4

Open = Callable[[], IO[bytes]]
Fetched = tuple[int, LogObject, Open]


class Prefetch:
    """Threads that fetch the objects that ``take`` gives; they come out in the order in which they arrive."""

    def __init__(
        self, take: Callable[[], tuple[int, LogObject] | None], ended: Callable[[], bool], threads: int
    ) -> None:
        self._take, self._ended = take, ended
        self._state = threading.Condition()
        self._ready: deque[Fetched] = deque()
        self._held = 0  # bytes fetched or on their way
        self._working = threads
        self._error: BaseException | None = None
        self.threads = [
            threading.Thread(target=self._work, name="gt-secure-fetch", daemon=True) for _ in range(threads)
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def next(self) -> Fetched | None:
        """Give an object with the way to open it; None at the end."""
        with self._state:
            while not self._ready:
                if self._error is not None:
                    raise self._error
                if not self._working or self._ended():
                    return None
                self._state.wait(0.2)
            fetched = self._ready.popleft()
            self._held -= _weight(fetched[1])
            self._state.notify_all()
            return fetched

    def left(self) -> list[int]:
        """Numbers of the objects that were taken and not given out, once everything has stopped."""
        with self._state:
            numbers = [number for number, _, _ in self._ready]
            self._ready.clear()
            return numbers

    def _work(self) -> None:
        try:
            while self._has_room() and (taken := self._take()) is not None:
                self._fetch(*taken)
        except BaseException as error:
            self._error = self._error or error
        finally:
            with self._state:
                self._working -= 1
                self._state.notify_all()

    def _has_room(self) -> bool:
        with self._state:
            while self._held >= ROOM and not self._ended():
                self._state.wait(0.2)
            return not self._ended()

    def _fetch(self, number: int, item: LogObject) -> None:
        with self._state:
            self._held += _weight(item)
        opened = item.open if item.size > SMALL else self._opened(item)
        with self._state:
            self._ready.append((number, item, opened))
            self._state.notify_all()

    def _opened(self, item: LogObject) -> Open:
        """Open an object, again after a while where S3 is throttling; errors are raised where it is read."""
        for attempt in range(_TRIES):
            try:
                stream = item.open()
            except Throttled as error:
                failure: Exception = error
                if attempt == _TRIES - 1 or self._ended():
                    break
                time.sleep(0.5 * 2**attempt)
            except Exception as error:
                failure = error
                break
            else:
                return lambda: stream
        return lambda: _raise(failure)


def _weight(item: LogObject) -> int:
    return item.size if item.size <= SMALL else 0


def _raise(error: Exception) -> IO[bytes]:
    raise error


class ListedAhead:
    """Iterator over a listing that a thread carries on; it counts the objects and bytes that are listed so far."""

    def __init__(self, found: Iterable[LogObject], stopped: Callable[[], bool]) -> None:
        self._found, self._stopped = found, stopped
        self._state = threading.Condition()
        self._waiting: deque[LogObject] = deque()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self.objects = self.bytes = 0
        self.ended = False

    def __iter__(self) -> Iterator[LogObject]:
        return self

    def __next__(self) -> LogObject:
        with self._state:
            if self._thread is None:
                self._thread = threading.Thread(target=self._list, name="gt-secure-ahead", daemon=True)
                self._thread.start()
            while not self._waiting and not self.ended:
                self._state.wait()
            if self._waiting:
                self._state.notify_all()
                return self._waiting.popleft()
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def _list(self) -> None:
        try:
            for item in self._found:
                with self._state:
                    while len(self._waiting) >= MOST_LISTED and not self._stopped():
                        self._state.wait(0.2)
                    if self._stopped():
                        break
                    self._waiting.append(item)
                    self.objects += 1
                    self.bytes += item.size
                    self._state.notify_all()
        except BaseException as error:
            self._error = error
        finally:
            with self._state:
                self.ended = True
                self._state.notify_all()
