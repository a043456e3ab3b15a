"""Waiting until work that runs on threads of the widgets has ended."""

from __future__ import annotations

import asyncio
import threading


async def work_ended(name: str = "gt-secure") -> None:
    """Wait until no thread of this name runs: a result has then been shown or dropped."""
    while any(thread.name == name for thread in threading.enumerate()):
        await asyncio.sleep(0.01)
