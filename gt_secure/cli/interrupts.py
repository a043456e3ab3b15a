"""Ctrl-C on the command line: one line and exit code 130, for every command.

A command that only reads ends immediately: its temporary files are deleted, and files that it writes are written
under another name first. A command that changes something is unwound by KeyboardInterrupt instead, so that it can roll
back and finish its journal.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from .exit_codes import INTERRUPTED

UNWOUND = frozenset({"apply", "undo", "demo", "sandbox", "tutorials", "url", "probe"})
"""Commands that are unwound; all others only read."""


def end_on_interrupt() -> None:
    """From now on, end the process at Ctrl-C."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _end)
        # When the command is done, Python restores the system's handler and frees its modules for some tenths of a
        # second: Ctrl-C would kill a process that has printed its whole answer.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def unwind_on_interrupt() -> None:
    """From now on, raise KeyboardInterrupt at Ctrl-C, as Python does by itself."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.write(2, (b"\r\x1b[K" if os.isatty(2) else b"") + b"Interrupted.\n")
    store: Any = sys.modules.get("gt_secure.logs.engines.duckdb_store")
    if store is not None and hasattr(store, "discard_all"):
        store.discard_all()
    os._exit(INTERRUPTED)
