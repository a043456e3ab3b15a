"""A TCP proxy on loopback that delivers what the server answers some milliseconds later.

python benchmarks/latency_proxy.py HOST:PORT MILLISECONDS     # prints its own port
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit


class _Upstream(asyncio.Protocol):
    """The server's side of one connection."""

    def __init__(self, client: asyncio.Transport, delay_s: float) -> None:
        self._client, self._delay_s = client, delay_s
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self._loop.call_later(self._delay_s, self._client.write, data)

    def connection_lost(self, _: Exception | None) -> None:
        self._loop.call_later(self._delay_s, self._client.close)


class _Client(asyncio.Protocol):
    """The client's side of one connection."""

    def __init__(self, host: str, port: int, delay_s: float) -> None:
        self._target, self._delay_s = (host, port), delay_s
        self._early: list[bytes] = []
        self._server: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._task = asyncio.ensure_future(self._connect(transport))

    async def _connect(self, client: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        self._server, _ = await loop.create_connection(
            lambda: _Upstream(client, self._delay_s), *self._target
        )
        for data in self._early:
            self._server.write(data)

    def data_received(self, data: bytes) -> None:
        if self._server is None:
            self._early.append(data)
        else:
            self._server.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        if self._server is not None:
            self._server.close()


async def _serve(host: str, port: int, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Client(host, port, delay_s), "127.0.0.1", 0, backlog=512
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def delayed(endpoint: str, milliseconds: float) -> Iterator[str]:
    """Give the address of a proxy in a process of its own before an endpoint on loopback."""
    url = urlsplit(endpoint)
    command = [sys.executable, str(Path(__file__)), f"{url.hostname}:{url.port}", str(milliseconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    address, _, number = sys.argv[1].rpartition(":")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(address, int(number), float(sys.argv[2]) / 1000))
