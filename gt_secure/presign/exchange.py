"""One HTTP exchange with one deadline and a bounded answer, whatever the server does.

The time-outs of a socket count from byte to byte: a server that sends one byte a second, interim answers without end,
or a slow TLS handshake never trips them. So the exchange runs in a thread, and at the deadline its connections are shut
down, which ends the thread. Works alike with urllib3 1.26 and 2.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TAKE = 65_536
"""Bytes that are read of a body: an S3 error is under 2 KB, and of an image the first bytes suffice."""


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """Answer of a server: status, headers by name in lower case, the first bytes of the body as they were sent."""

    status: int
    headers: dict[str, str]
    body: bytes


class Deadline(TimeoutError):
    """The exchange did not end in time."""


@dataclass
class Exchange:
    """One GET, from the first look-up of a name to the last byte that is wanted, in ``timeout_s`` seconds."""

    timeout_s: float
    _sockets: list[socket.socket] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _expired: bool = False

    def get(self, pool: Any, target: str, headers: Mapping[str, str]) -> ServerAnswer:
        """Ask a pool or pool manager of urllib3, without redirect or retry; :class:`Deadline` when the time is over."""
        self._record_connections(pool)
        result: list[ServerAnswer | BaseException] = []
        done = threading.Event()

        def run() -> None:
            try:
                result.append(_fetch(pool, target, headers))
            except BaseException as error:  # handed to the caller's thread
                result.append(error)
            finally:
                done.set()

        threading.Thread(target=run, name="gt_secure probe", daemon=True).start()
        try:
            in_time = done.wait(self.timeout_s)
        finally:
            self._end()
        if not in_time:
            raise Deadline(f"no answer within {self.timeout_s:g} s")
        if isinstance(result[0], BaseException):
            raise result[0]
        return result[0]

    def _record_connections(self, pool: Any) -> None:
        """Make the pool's connections tell of their sockets."""
        import urllib3

        if isinstance(pool, urllib3.PoolManager):
            kinds: dict[str, Any] = {"http": urllib3.HTTPConnectionPool, "https": urllib3.HTTPSConnectionPool}
            pool.pool_classes_by_scheme = {
                scheme: type(kind.__name__, (kind,), {"ConnectionCls": self._recorded(kind.ConnectionCls)})
                for scheme, kind in kinds.items()
            }
        else:
            pool.ConnectionCls = self._recorded(pool.ConnectionCls)

    def _recorded(self, kind: Any) -> Any:
        keep = self._keep

        class Recorded(kind):  # type: ignore[misc]
            def _new_conn(self) -> Any:
                return keep(super()._new_conn())

        return Recorded

    def _keep(self, connected: socket.socket) -> socket.socket:
        """Keep a second handle: TLS takes the first one over."""
        with self._lock:
            if self._expired:
                connected.close()
                raise Deadline("connected too late")
            self._sockets.append(connected.dup())
        return connected

    def _end(self) -> None:
        with self._lock:
            self._expired = True
            for handle in self._sockets:
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)
                handle.close()
            self._sockets.clear()


def _fetch(pool: Any, target: str, headers: Mapping[str, str]) -> ServerAnswer:
    """Read the answer's first bytes as they were sent: a compressed body of a few KB may unpack to gigabytes."""
    answer = pool.urlopen(
        "GET",
        target,
        headers={**headers, "Accept-Encoding": "identity"},
        retries=False,
        redirect=False,
        preload_content=False,
        decode_content=False,
    )
    try:
        body = answer.read(TAKE, decode_content=False)
        return ServerAnswer(
            answer.status, {str(name).lower(): str(value) for name, value in answer.headers.items()}, body
        )
    finally:
        answer.close()


def elapsed_ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000
