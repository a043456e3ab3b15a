"""One budget of processor time and memory for every evaluation of text from outside.

``LIMITS`` is the table. Beyond it an evaluation ends with :class:`TooCostly`, which is an
``OSError``: the answer is then unknown, and whatever else was asked is answered.

A template can ask for any amount of either in one step that no limit inside its evaluator sees, so
:func:`call` evaluates it in another process. That process is started once and used again. It ends
with this process, and ends itself when a call exceeds the budget. Windows and macOS do not limit
its memory: the filters of templates are limited for them
(:func:`gt_secure.base.task_liquid.environment`). A kernel in a browser has no other process, and
evaluates no template. What is evaluated in small steps is counted by a :class:`Meter`, everywhere.
"""

from __future__ import annotations

import atexit
import faulthandler
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from math import inf
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from subprocess import Popen


class Limit(NamedTuple):
    """Most seconds of a processor, and most bytes, of one evaluation."""

    seconds: float
    size: int


LIMITS = {
    "Liquid": Limit(2.0, 100 << 20),
    "YAML": Limit(2.0, 100 << 20),
    "gzip": Limit(inf, 16 << 20),
}
"""Limits by evaluator. A log in gzip may be of any length: the size is what any file may unpack to,
and :mod:`gt_secure.logs.ingest.converted` adds what a log of its size has. Time and memory of the
parsers of JSON and XML grow with their text alone, and :mod:`gt_secure.engine.iam.request_space`
counts the steps of policies.
"""
_CLOCK = 5
"""Times the limit of processor time, by the clock, after which the process ends: a busy machine
makes it wait. Where no other limit is known, this one remains.
"""
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from gt_secure.base import budget;"
    " budget.serve()"
)
_lock = Lock()
_used_s = getattr(time, "thread_time", time.process_time)
"""Processor seconds of this thread; a browser has no such clock."""


class TooCostly(TimeoutError):
    """An evaluation that gives no result within its budget."""

    def __init__(self, evaluator: str) -> None:
        limit = LIMITS[evaluator]
        super().__init__(
            f"it is too costly (no result within {limit.seconds:g} s and {limit.size >> 20} MB)"
        )


class Meter:
    """Processor time and memory that one evaluation in this thread has used."""

    def __init__(self, evaluator: str) -> None:
        self._evaluator = evaluator
        limit = LIMITS[evaluator]
        self._end, self._left = _used_s() + limit.seconds, limit.size

    def spend(self, size: int) -> None:
        """Count bytes of a step; raises :class:`TooCostly` beyond the budget."""
        self._left -= size
        if self._left < 0 or _used_s() > self._end:
            raise TooCostly(self._evaluator)


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function of this package, called in another process, which evaluates
    Liquid.

    Parameters
    ----------
    function : callable
        A function of a module, which the other process imports.
    *arguments : object
        What JSON can hold.

    Returns
    -------
    object
        The result, as JSON holds it: a tuple is a list.

    Raises
    ------
    OSError
        If the call gives no result within the budget (:class:`TooCostly`), or no process can be
        started.
    """
    limit = LIMITS["Liquid"]
    request = [limit.seconds, function.__module__, function.__name__, arguments]
    with _lock:
        child = _process(os.getpid())
        try:
            print(json.dumps(request), file=child.stdin, flush=True)
            return json.loads(child.stdout.readline())  # type: ignore[union-attr]
        except BaseException as error:  # also an interrupt: the reply would answer the next request
            _process.cache_clear()
            with suppress(OSError), child:
                child.kill()
            if isinstance(error, OSError | ValueError | RecursionError):
                raise TooCostly("Liquid") from error
            raise


@cache
def _process(_: int) -> Popen[str]:
    """Start the process for this one: a fork must not use the pipes of its parent."""
    from subprocess import DEVNULL, PIPE, Popen  # most who import this start no process

    command = [
        sys.executable or "",
        "-I",
        "-S",
        "-c",
        _START,
        json.dumps([*sys.path, str(Path(__file__).parents[2])]),
    ]
    child = Popen(
        command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True, start_new_session=True
    )
    atexit.register(child.__exit__, None, None, None)  # closes the pipes, which ends it
    return child


def serve() -> None:
    """Answer calls, a line of JSON each, until the pipe is closed; an error ends the process."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        most = LIMITS["Liquid"].size
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        resource.setrlimit(resource.RLIMIT_AS, (_CLOCK * most, _CLOCK * most))  # code and locales
    for line in sys.stdin:
        most_s, module, name, arguments = json.loads(line)
        faulthandler.dump_traceback_later(_CLOCK * most_s, exit=True)  # ends it in one step, too
        _end_after(most_s)
        reply = json.dumps(getattr(import_module(module), name)(*arguments))
        _end_after(0)
        faulthandler.cancel_dump_traceback_later()
        print(reply, flush=True)  # noqa: T201 - to the pipe


def _end_after(seconds: float) -> None:
    """End this process after so much processor time, where the system counts it."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)  # its signal ends a process
