"""Servers that answer a byte at a time, or without end;
each serves on loopback until its client has gone.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answer = Callable[[socket.socket], None]

LONG_S = 60
"""Longer than any answer takes that comes at all; without a deadline,
the servers send for so long and then close.
"""
OUTLASTED: list[bytes] = []
"""Pieces of the answers that came to their end while the client was still there."""


@contextmanager
def server(
    answer: Answer, *, tls: bool = False, most: int = 1
) -> Iterator[tuple[int, list[bytes], threading.Event]]:
    """Serve connections with a function; the event is set when the first client has gone."""
    listening = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []
    gone = threading.Event()

    def serve() -> None:
        for _ in range(most):
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    def serve_one(connection: socket.socket) -> None:
        try:
            with connection:
                if not tls:
                    requests.append(connection.recv(65_536))
                answer(connection)
        except OSError:
            pass
        gone.set()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1], requests, gone
    finally:
        listening.close()


def forever(connection: socket.socket, piece: bytes) -> None:
    for _ in range(LONG_S * 50):
        connection.sendall(piece)
        time.sleep(0.02)
    OUTLASTED.append(piece)


def dripping(head: bytes, piece: bytes) -> Answer:
    """Return an answer that begins at once, and then comes piece by piece."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        forever(connection, piece)

    return answer


trickled_body = dripping(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 60000\r\n\r\n", b"x")
trickled_chunks = dripping(
    b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"
)
trickled_headers = dripping(b"HTTP/1.1 403 Forbidden\r\nX: ", b"x")
trickled_status = dripping(b"HTTP/1.1 403 ", b"x")
endless_continue = dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n")


def hurried_continue(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def silence(connection: socket.socket) -> None:
    connection.settimeout(LONG_S)
    while connection.recv(1):
        pass


def silent_tls(connection: socket.socket) -> None:
    """Send a TLS record of a handshake, byte after byte."""
    connection.recv(65_536)
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    forever(connection, b"\x00")
