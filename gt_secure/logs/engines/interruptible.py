"""Calls into C that Ctrl-C or Cancel can end: they run on a thread, and the caller waits where either reaches it.

Python delivers a signal between two bytecodes of the main thread. A query that runs there delays it, and one that calls
back into Python may receive it inside a callback, where an exception is printed and lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_LOOK_S = 0.05
_GRACE_S = 0.6
"""Seconds that an interrupted call may take to end before the interrupt goes on without it."""


def run_interruptible(call: Callable[[], T], stop: Callable[[], object], cancel: threading.Event | None = None) -> T:
    """Return what a call returns; on Ctrl-C tell it to stop, and raise KeyboardInterrupt.

    Parameters
    ----------
    call : callable
        It must not need the main thread.
    stop : callable
        Makes the call end soon. Called once after Ctrl-C, and again and again once ``cancel`` is set.
    cancel : threading.Event, optional
        Set it to stop the call from any thread.

    Raises
    ------
    Exception
        Whatever the call raises, also because it was stopped.
    """
    if cancel is None and threading.current_thread() is not threading.main_thread():
        return call()
    results: list[Any] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name="gt-secure-query", daemon=True).start()
    try:
        while not done.wait(_LOOK_S):
            if cancel is not None and cancel.is_set():
                stop()  # not once: DuckDB forgets an interrupt that comes before the statement has begun
    except KeyboardInterrupt:
        stop()
        done.wait(_GRACE_S)
        raise
    if errors:
        raise errors[0]
    result: T = results[0]
    return result
