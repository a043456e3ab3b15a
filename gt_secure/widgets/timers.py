"""Calls after some time, on one thread for the whole kernel: an event loop may be busy, or end before that."""

from __future__ import annotations

import contextlib
import logging
import sched
import threading
import time
from collections.abc import Callable

log = logging.getLogger("gt_secure")

Timer = sched.Event


class _Timers:
    """A scheduler of the standard library on a thread, which each new timer wakes."""

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._scheduler = sched.scheduler(time.monotonic, self._wait)
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Call something later. It must be quick."""
        timer = self._scheduler.enter(seconds, 0, _call, (call,))
        with self._start:
            if self._thread is None or not self._thread.is_alive():  # none yet, or a copy of this process
                self._thread = threading.Thread(target=self._run, name="gt-secure-clock", daemon=True)
                self._thread.start()
        self._changed.set()
        return timer

    def cancel(self, timer: Timer) -> None:
        """Call nothing, unless it was called."""
        with contextlib.suppress(ValueError):  # it was
            self._scheduler.cancel(timer)
        self._changed.set()  # the thread may wait for this one, and would keep its call alive

    def _run(self) -> None:
        while True:
            self._scheduler.run()
            self._wait(None)

    def _wait(self, seconds: float | None) -> None:
        """Wait for the next timer, or for a new one that may come before it."""
        self._changed.wait(seconds)
        self._changed.clear()


def _call(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception:
        log.exception("gt_secure: unexpected error")


_timers = _Timers()
after, cancel = _timers.after, _timers.cancel
