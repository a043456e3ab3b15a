"""Current step of work over logs: its words, its share, and a way to stop it, for whoever shows or
cancels the work.

The functions that do the work announce their steps with :func:`step`. A caller that wants to show
them, such as the panel or the command line, runs the work :meth:`within <Activity.watched>` an
:class:`Activity`. Without one, nothing happens.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from ..base.errors import LogError
from .read_progress import Progress

AFTER_S = 1.0
"""Seconds after which work is worth a word: what is shorter shows nothing."""

READING = "Reading the access logs"
LEAKS = "Looking for leaked URLs"
DRAWING = "Drawing"
COUNTING = "Counting requests"
ROWS = "Reading requests"
WRITING = "Writing requests"
NETWORKS = "Looking up network names"
SIDES = "Comparing sources with the allowed addresses"
PREDICTING = "Predicting which lock refused requests"

ShareDone = Callable[[], "float | None"]


def words_of(progress: Any) -> str:
    """Return what a reader, a wait, a query or a change reports, in words."""
    words = str(getattr(progress, "sentence", progress))
    return f"{READING}: {words}" if isinstance(progress, Progress) else words


class Activity:
    """Work on one thread that others watch and cancel."""

    def __init__(self, cancel: threading.Event | None = None) -> None:
        self.cancel = cancel or threading.Event()
        self._told = ""
        self._step: tuple[str, float] | None = None
        self._share_done: ShareDone | None = None
        self._kept_whole = 0

    def tell(self, progress: Any) -> None:
        """Keep what a reader, a remote query or a change reports; from any thread."""
        self._told = words_of(progress)

    @property
    def words(self) -> str:
        """Name of the step that has run for a second, else what was shown last;
        empty if there is neither.
        """
        return self._long_step() or self._told

    def _long_step(self) -> str:
        step = self._step
        return step[0] if step is not None and time.monotonic() - step[1] >= AFTER_S else ""

    @property
    def topic(self) -> str:
        """The words without their numbers: what is worth an announcement when it changes."""
        return self.words.partition(":")[0]

    @property
    def sentence(self) -> str:
        """The words and the share that is done, where it is known:
        ``Looking for leaked URLs, 40% done``.
        """
        step, share_done = self._long_step(), self._share_done
        share = share_done() if step and share_done is not None else None
        return (step or self._told) if share is None else f"{step}, {share:.0%} done"

    @contextlib.contextmanager
    def watched(self) -> Iterator[Activity]:
        """Let the work within report here."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)

    @contextlib.contextmanager
    def statement(self, share_done: ShareDone) -> Iterator[threading.Event | None]:
        """Report the share of a statement; give the event that stops it, or None. Cancelled work
        raises :class:`LogError`.
        """
        stops = self.cancel if not self._kept_whole else None
        if stops is not None and stops.is_set():
            raise self._cancelled()
        before, self._share_done = self._share_done, share_done
        try:
            yield stops
        except Exception as error:
            if stops is not None and stops.is_set():
                raise self._cancelled() from error
            raise
        finally:
            self._share_done = before

    def _cancelled(self) -> LogError:
        name = self._step[0] if self._step is not None else "The query"
        return LogError(f"{name} was cancelled.", next_step="Start it again.")


_current: ContextVar[Activity | None] = ContextVar("gt_secure_activity", default=None)


@contextlib.contextmanager
def step(words: str) -> Iterator[None]:
    """Announce a step to whoever watches; one within another keeps the words of the outer one."""
    activity = _current.get()
    if activity is None or activity._step is not None:
        yield
        return
    activity._step = (words, time.monotonic())
    try:
        yield
    finally:
        activity._told = activity.words  # a short step that follows does not bring older words back
        activity._step = None


@contextlib.contextmanager
def kept_whole() -> Iterator[None]:
    """Let statements within end, cancelled or not: they keep what was read, for the next time."""
    activity = _current.get() or Activity()
    activity._kept_whole += 1
    try:
        yield
    finally:
        activity._kept_whole -= 1


@contextlib.contextmanager
def statement(share_done: ShareDone) -> Iterator[threading.Event | None]:
    """Run a statement as part of the activity, if there is one; see :meth:`Activity.statement`."""
    activity = _current.get()
    with (
        activity.statement(share_done)
        if activity is not None
        else contextlib.nullcontext() as stops
    ):
        yield stops
