"""Objects of S3 fetched ahead of the threads that unpack and pack them, as many at a time as make it faster.

Waiting for S3 needs many threads, and packing lines needs few with large buffers. Bytes that were fetched and are not
packed yet are limited.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import IO

from ...errors import Throttled
from ..storage.objects import SMALL, LogObject

ROOM = 48 << 20
"""Bytes that may be fetched or on their way before they are packed."""
FIRST, MOST = 32, 128
_WINDOW_S = 0.1
_LOSS = 0.9
"""Rate, compared with the one before, below which more threads do harm: a busy machine makes rates uncertain."""
_SETTLING = 1
"""Windows after new threads that are not compared: their connections are opened in them."""
_REST = 10
"""Windows without a change after more threads fetched less."""
_TRIES = 4

Open = Callable[[], IO[bytes]]
Fetched = tuple[int, LogObject, Open]


class Pace:
    """Number of concurrent requests: grows while the rate does not fall, shrinks when it does or S3 is throttling."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.limit = min(FIRST, most)
        self._before = 0
        self._rate = 0.0
        self._rest = 0

    def window(self, rate: float, waited: bool) -> None:
        """Adjust the limit after a window.

        Parameters
        ----------
        rate : float
            Bytes or objects a second in the window.
        waited : bool
            Whether objects were waited for: else more of them are of no use.
        """
        if self._rest:
            self._rest -= 1
            return
        if not waited:
            return
        if self._before and rate < self._rate * _LOSS:
            self.limit, self._before, self._rest = self._before, 0, _REST
        elif self.limit < self.most:
            self._before, self._rate = self.limit, rate
            self.limit, self._rest = min(self.most, self.limit * 2), _SETTLING

    def throttled(self) -> None:
        """Halve the limit, and leave it for a while."""
        self.limit, self._before, self._rest = max(2, self.limit // 2), 0, 5 * _REST


class Prefetch:
    """Threads that fetch the objects that ``take`` gives; they come out in the order in which they arrive.

    Parameters
    ----------
    take : callable
        Gives the number of the next object and the object; None at the end.
    ended : callable
        Whether to stop.
    most : int
        Requests at a time at most.
    """

    def __init__(self, take: Callable[[], tuple[int, LogObject] | None], ended: Callable[[], bool], most: int) -> None:
        self._take, self._ended = take, ended
        self._pace = Pace(most)
        self._state = threading.Condition()
        self._ready: deque[Fetched] = deque()
        self._held = 0  # bytes fetched or on their way
        self._working = 0
        self._last = False
        self._error: BaseException | None = None
        self._done, self._since, self._waited = 0, time.monotonic(), False
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the first threads."""
        with self._state:
            self._grow()

    def next(self) -> Fetched | None:
        """Give an object with the way to open it; None at the end."""
        with self._state:
            while not self._ready:
                if self._error is not None:
                    raise self._error
                if not self._working or self._ended():
                    return None
                self._waited = True
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

    def _grow(self) -> None:
        while self._working < self._pace.limit and not self._last:
            thread = threading.Thread(target=self._work, name="gt-secure-fetch", daemon=True)
            self.threads.append(thread)
            self._working += 1
            thread.start()

    def _work(self) -> None:
        try:
            while not self._ended() and self._wanted():
                taken = self._take()
                if taken is None:
                    self._last = True
                    break
                self._fetch(*taken)
        except BaseException as error:
            self._error = self._error or error
        finally:
            with self._state:
                self._working -= 1
                self._state.notify_all()

    def _wanted(self) -> bool:
        """Wait for room; return whether this thread is one of as many as there should be."""
        with self._state:
            while self._held >= ROOM and not self._ended():
                self._state.wait(0.2)
            return self._working <= self._pace.limit and not self._last

    def _fetch(self, number: int, item: LogObject) -> None:
        weight = _weight(item)
        with self._state:
            self._held += weight
        opened = item.open if item.size > SMALL else self._opened(item)
        with self._state:
            self._ready.append((number, item, opened))
            self._done += 1
            self._measure()
            self._state.notify_all()

    def _opened(self, item: LogObject) -> Open:
        for attempt in range(_TRIES):
            try:
                stream = item.open()
            except Throttled as error:
                failure: Exception = error
                with self._state:
                    self._pace.throttled()
                if attempt < _TRIES - 1 and not self._ended():
                    time.sleep(0.5 * 2**attempt)
                    continue
                break
            except Exception as error:
                failure = error
                break
            return lambda: stream
        return lambda: _raise(failure)

    def _measure(self) -> None:
        now = time.monotonic()
        if now - self._since < _WINDOW_S or self._done < self._pace.limit:
            return
        self._pace.window(self._done / (now - self._since), self._waited)
        self._done, self._since, self._waited = 0, now, False
        self._grow()


def _weight(item: LogObject) -> int:
    """Bytes that an object holds in memory before it is opened."""
    return item.size if item.size <= SMALL else 0


def _raise(error: Exception) -> IO[bytes]:
    raise error
