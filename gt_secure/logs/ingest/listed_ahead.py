"""Log objects listed ahead of the reader, so that progress knows how much is to come."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from ..storage.objects import LogObject

MOST = 200_000
"""Objects that are listed and not yet taken at most."""


class ListedAhead:
    """Iterator over a listing that a thread carries on.

    Parameters
    ----------
    found : iterable of LogObject
        The listing; only the thread touches it.
    stopped : callable
        Whether the rest is not wanted any more.

    Attributes
    ----------
    objects, bytes : int
        What was listed so far; ``bytes`` as stored.
    ended : bool
        Whether everything is listed.
    """

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
                    while len(self._waiting) >= MOST and not self._stopped():
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
