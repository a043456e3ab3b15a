"""Calls after some time, on one thread for the whole kernel: an event loop may be busy, or end before that."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger("gt_secure")


@dataclass(order=True)
class Timer:
    """A call at some time."""

    when: float
    serial: int
    call: Callable[[], object] | None = field(compare=False)

    def cancel(self) -> None:
        """Call nothing, and keep nothing alive until then."""
        self.call = None


class _Timers:
    """Calls functions after some time, on one thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._timers: list[Timer] = []
        self._serial = itertools.count()
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Call something later. It must be quick."""
        timer = Timer(time.monotonic() + seconds, next(self._serial), call)
        with self._changed:
            heapq.heappush(self._timers, timer)
            if self._thread is None or not self._thread.is_alive():  # none yet, or a copy of this process
                self._thread = threading.Thread(target=self._run, name="gt-secure-clock", daemon=True)
                self._thread.start()
            self._changed.notify()
        return timer

    def _run(self) -> None:
        while True:
            call = self._next().call
            try:
                if call is not None:
                    call()
            except Exception:
                log.exception("gt_secure: unexpected error")
            del call  # it would keep its step alive until the next one

    def _next(self) -> Timer:
        """Wait for the next timer."""
        with self._changed:
            while not self._timers or self._timers[0].when > time.monotonic():
                self._changed.wait(self._timers[0].when - time.monotonic() if self._timers else None)
            return heapq.heappop(self._timers)


after = _Timers().after
"""Call something later, on the thread of the timers. It must be quick. Returns a :class:`Timer`."""
