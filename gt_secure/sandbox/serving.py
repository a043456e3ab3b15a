"""The servers of a sandbox, put together; imported only after :func:`emulator.load` has set the emulator up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ministack.app
from hypercorn.asyncio import serve as serve_http
from hypercorn.config import Config

from . import client_environment, parent
from .accesslog.delivery import Delivery
from .client_environment import Running, host_of, url_of
from .demo_data import resources as seed
from .gateway.app import Front
from .portal.credentials import Issuer
from .portal.pages import Pages
from .portal.worker_portal import PortalApp
from .sagemaker.service import SageMaker
from .settings import REGION, Settings, account_id
from .state import SandboxState
from .trail import Trail

_CONTAINER_NAMES = ("host.docker.internal", "host.containers.internal")
"""Names that containers have for their host."""


async def run(
    settings: Settings,
    folder: Path,
    public: socket.socket,
    endpoint: socket.socket,
    more: Sequence[socket.socket],
    ready: Callable[[Running], None],
    with_stdin: bool,
) -> None:
    """Put the parts together and serve until told to stop; the listeners belong to the caller."""
    here, there = (host_of(settings), public.getsockname()[1]), (host_of(settings), endpoint.getsockname()[1])
    state = SandboxState(workforce_delay_s=settings.workforce_delay_s)
    issuer = Issuer(url_of(settings.host, here[1]))
    delivery = Delivery(settings.log_delay_s)
    trail = Trail()
    world = Lifecycle(settings, state, delivery, trail, folder / "journal")
    await world.fill()
    front = Front(
        ministack.app.app,
        sagemaker=SageMaker(state, trail),
        trail=trail,
        internal=Pages(PortalApp(state, issuer), delivery, world.reset, here, there),
        delivery=delivery,
        vpc_port=there[1],
        names=(settings.container_host, *_CONTAINER_NAMES) if settings.container_host else (),
    )
    config = Config()
    config.bind = [
        f"fd://{os.dup(listener.fileno())}" for listener in (public, endpoint, *more)
    ]  # the server closes them
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    config.loglevel = "WARNING"
    config.include_server_header = False

    stop = asyncio.Event()
    _stop_on_signals(stop)
    if with_stdin:
        _stop_on_end_of_input(stop)
    delivering = asyncio.create_task(delivery.run())
    keys = state.credentials["access_key"], state.credentials["secret_key"]
    files = client_environment.prepare(folder, *keys, REGION)
    outside = None if settings.container_host is None else url_of(settings.container_host, here[1])
    ready(Running(issuer.endpoint_url, here, there, *keys, files, outside))
    try:
        await serve_http(front, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    finally:
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


def _stop_on_end_of_input(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(stop.set)

    parent.on_end(end, name="gt-secure-sandbox-parent")


@dataclass(frozen=True)
class Lifecycle:
    """Everything that a sandbox holds."""

    settings: Settings
    state: SandboxState
    delivery: Delivery
    trail: Trail
    journal: Path

    async def fill(self) -> None:
        await seed.administrator(self.state)
        await seed.demo(self.state, self.settings)

    async def reset(self) -> None:
        """Forget everything and fill it again; the administrator keeps the keys."""
        from ministack.services import ec2, iam, s3, sts, waf

        key = self.state.credentials["access_key"]
        record = iam._access_keys.get_scoped(account_id(), None, key)
        for service in (s3, sts, iam, ec2, waf):
            service.reset()
        self.state.regions.clear()
        self.delivery.clear()
        self.trail.clear()
        _clear(self.journal)
        await seed.administrator_user()
        iam._access_keys[key] = record
        await seed.demo(self.state, self.settings)


def _clear(folder: Path) -> None:
    """Delete what is in a folder, if there is one; links are deleted, not followed."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
