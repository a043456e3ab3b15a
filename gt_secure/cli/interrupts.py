"""Ctrl-C, SIGTERM and SIGHUP on the command line: one line and exit code 130, for every command.

A command that only reads ends immediately: its temporary files are deleted, and files that it
writes are written under another name first. A command that ``writes`` is unwound by
KeyboardInterrupt instead, so that it can roll back and finish its journal.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from .exit_codes import INTERRUPTED

_LATER = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""A cancelled job and a closed terminal; the latter often arrives twice."""


def end_on_interrupt() -> None:
    """End the process without a traceback on Ctrl-C, and ignore it once the command is done."""
    if _handle(_end):
        # When the command is done, Python restores the system's handlers and frees its modules for
        # some tenths of a second: a signal would kill a process that has printed its whole answer.
        atexit.register(_handle, signal.SIG_IGN)


def unwind_on_interrupt() -> None:
    """Raise KeyboardInterrupt on the next signal to end, so that a rollback can run."""
    _handle(_unwind)


def _handle(handler: Any) -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    signal.signal(signal.SIGINT, handler)
    for number in _LATER:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, handler)
    return True


def _unwind(_number: int, _frame: FrameType | None) -> None:
    """Raise, once: the signals that follow the first one must not stop the rollback,
    except Ctrl-C by the person.
    """
    for number in _LATER:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end(_number: int, _frame: FrameType | None) -> None:
    _handle(signal.SIG_IGN)
    with contextlib.suppress(OSError):  # the terminal may be closed
        os.write(2, (b"\r\x1b[K" if os.isatty(2) else b"") + b"Interrupted.\n")
    store: Any = sys.modules.get("gt_secure.logs.engines.duckdb_store")
    if store is not None and hasattr(store, "discard_all"):
        store.discard_all()
    os._exit(INTERRUPTED)
