"""The end of the parent process, as its child detects it:
the pipe at the child's standard input ends.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable


def on_end(act: Callable[[], None], *, name: str) -> None:
    """Act, in a separate thread, when the pipe at standard input ends.

    Standard input itself becomes empty: children of this process (Node, for example) would inherit
    the pipe, and one that makes it non-blocking makes it so for every process that has it.
    """
    standard_input = sys.stdin.fileno()
    pipe = os.dup(standard_input)  # children do not inherit it
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, standard_input)
    os.close(nothing)

    def wait() -> None:
        while _read(pipe):
            pass
        act()

    threading.Thread(target=wait, name=name, daemon=True).start()


def _read(pipe: int) -> bytes:
    while True:
        try:
            return os.read(pipe, 4096)
        except BlockingIOError:  # another process has made it non-blocking
            select.select([pipe], [], [])
