"""The pace of an answer: a time-out of a socket counts from byte to byte, so a server that drips
would never trip it.

Head and body have an end of their own. The time that the reader of a body spends elsewhere does not
count.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from functools import cache
from http.client import HTTPResponse
from typing import Any

SLOWEST = 4_000
"""Bytes a second that a body must bring after the time-out:
32 connections share a line of 1 Mbit/s.
"""
MOST_CREDIT = 4 << 20
"""Bytes after which more of a body buys no more time: after 18 minutes of waiting,
a log is asked for from there on.
"""


class PacedResponse(HTTPResponse):
    """A response whose head must be complete within the time-out of the socket,
    and whose body keeps a pace.
    """

    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        # without one for a moment: an interrupt between two lines leaves none to flush
        plain, self.fp = self.fp, None  # type: ignore[assignment]
        self._reader = _PacedReader(plain.detach(), sock)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        """Read status and headers, then give the body its own time."""
        super().begin()
        self._reader.renew(credit=MOST_CREDIT)


class _PacedReader(io.RawIOBase):
    def __init__(self, raw: Any, sock: Any) -> None:
        self._raw, self._sock, self._limit = raw, sock, sock.gettimeout()
        self.renew()

    def renew(self, credit: int = 0) -> None:
        self._body, self._credit, self._returned = credit > 0, credit, time.monotonic()
        self._end = self._returned + self._limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer, and return their number; TimeoutError when the time is over."""
        now = time.monotonic()
        self._end += self._body * (now - self._returned)
        if now >= self._end:
            raise TimeoutError("timed out")
        self._sock.settimeout(min(self._limit, self._end - now))
        size: int = self._raw.readinto(buffer)
        bought = min(size, self._credit)
        self._credit -= bought
        self._end += bought / SLOWEST
        self._returned = time.monotonic()
        return size

    def close(self) -> None:
        """Close the connection's file."""
        super().close()
        self._raw.close()


@cache
def _paced(pool: Any) -> Any:
    connection = type("Paced", (pool.ConnectionCls,), {"response_class": PacedResponse})
    return type("Paced", (pool,), {"ConnectionCls": connection})


def paced(pools: Mapping[str, Any]) -> dict[str, Any]:
    """Return classes of pools, by scheme, whose connections read at a pace."""
    return {scheme: _paced(pool) for scheme, pool in pools.items()}
