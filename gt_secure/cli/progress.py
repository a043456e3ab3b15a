"""Progress on standard error for work of more than a second: on a terminal only,
and removed at the end.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..base.columns import width, wrap
from ..base.text import printable
from ..logs.activity import AFTER_S, Activity, words_of
from .output import line_width

EVERY_S = 0.25


class Working:
    """A line with the current work and its elapsed time;
    steps of a query over logs are drawn instead of the text.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self.activity = Activity()
        self._started = time.monotonic()
        self._done = threading.Event()
        self._drawn = 0
        self._lock = threading.Lock()

    def update(self, text: str) -> None:
        """Set the text of the line."""
        self._text = text

    def show(self, progress: Any) -> None:
        """Show the progress of a reading: objects and bytes here,
        the state of a query or of a delivery elsewhere.
        """
        self._text = words_of(progress)

    def clear(self) -> None:
        """Remove the line for now, so that other output begins at the left;
        the next tick draws it again.
        """
        with self._lock:
            if self._drawn:
                sys.stderr.write(f"\r{' ' * self._drawn}\r")
                sys.stderr.flush()
                self._drawn = 0

    def run(self) -> None:
        """Draw the line again and again until the work ends."""
        if self._done.wait(AFTER_S):
            return
        while not self._done.is_set():
            seconds = time.monotonic() - self._started
            text = printable(self.activity.sentence or self._text)
            line = wrap(f"{text} ... {seconds:,.0f} s", (line_width() or 80) - 1)[0]
            with self._lock:
                if not self._done.is_set():
                    sys.stderr.write(f"\r{line}{' ' * max(0, self._drawn - width(line))}")
                    sys.stderr.flush()
                    self._drawn = width(line)
            self._done.wait(EVERY_S)

    def finish(self) -> None:
        """End the drawing and clear the line."""
        self._done.set()
        self.clear()


@contextmanager
def working(text: str) -> Iterator[Working]:
    """Show a progress line after the first second, where standard error is a terminal."""
    line = Working(text)
    if not sys.stderr.isatty():
        yield line
        return
    thread = threading.Thread(target=line.run, name="gt-secure-progress", daemon=True)
    thread.start()
    try:
        with line.activity.watched():
            yield line
    finally:
        line.finish()
        thread.join()
