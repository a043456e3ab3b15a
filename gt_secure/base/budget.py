"""Evaluation of text from outside in another process, within a budget of time and memory.

A template from outside can ask for any amount of either, in one step that no limit inside its
evaluator sees. The process that evaluates is started once and used again. It ends with this
process, and ends itself when a call exceeds the budget. Windows and macOS limit no memory: the time
is the limit there.
"""

from __future__ import annotations

import atexit
import faulthandler
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Lock
from typing import Any

MOST_S, MOST_BYTES = 5.0, 512 << 20
"""Most seconds of one call, by the clock, and most address space of the process."""
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from gt_secure.base import budget;"
    " budget.serve()"
)
_lock = Lock()


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function of this package, called in another process.

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
        If the call gives no result within the budget (``TimeoutError``), or no process can be
        started.
    """
    request = [MOST_S, function.__module__, function.__name__, arguments]
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
                raise TimeoutError(
                    f"no result within {MOST_S:g} s and {MOST_BYTES >> 20} MB of memory"
                ) from error
            raise


@cache
def _process(_: int) -> Popen[str]:
    """Start the process for this one: a fork must not use the pipes of its parent."""
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

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    for line in sys.stdin:
        most_s, module, name, arguments = json.loads(line)
        faulthandler.dump_traceback_later(most_s, exit=True)  # ends it within one long step, too
        reply = json.dumps(getattr(import_module(module), name)(*arguments))
        faulthandler.cancel_dump_traceback_later()
        print(reply, flush=True)  # noqa: T201 - to the pipe
