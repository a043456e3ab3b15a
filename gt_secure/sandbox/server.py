"""Opens the listeners and the folder of a sandbox, and serves on them until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..errors import InvalidInput
from . import emulator
from .client_environment import Running, host_of
from .settings import Settings, use_account


def serve(settings: Settings, ready: Callable[[Running], None], *, with_stdin: bool = False) -> None:
    settings = settings.checked()
    use_account(settings.account)
    os.umask(0o077)  # whatever this process writes is for its owner only
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="gt-secure-sandbox-", ignore_cleanup_errors=True))
        )
        public = stack.enter_context(_listen(host_of(settings), settings.port))
        endpoint = stack.enter_context(_listen(host_of(settings), 0))
        more = [
            stack.enter_context(_listen(host, public.getsockname()[1], "container_host"))
            for host in ([settings.container_host] if settings.container_host else [])
        ]
        emulator.load(settings)
        from . import serving  # imports the emulator, with the settings that were loaded

        asyncio.run(serving.run(settings, folder, public, endpoint, more, ready, with_stdin))


def _listen(host: str, port: int, field: str = "port") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise InvalidInput(
            f"Port {port} on {host} cannot be opened: {error.strerror}.",
            next_step="Give another port, or 0 for any free one."
            if field == "port"
            else "Give an address that this machine has (see: ip address), or another port.",
            field=field,
            value=port if field == "port" else host,
        ) from error
    return listener
