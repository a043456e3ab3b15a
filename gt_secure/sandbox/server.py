"""The process of a sandbox: its listeners, its folder and its servers,
which run until a signal or its input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import GtSecureError, InvalidInput
from ..base.text import Json
from . import emulator, parent
from .accesslog.delivery import Delivery
from .demo_data import resources as seed
from .gateway.app import Front
from .portal.pages import Pages
from .portal.worker_portal import PATH as PORTAL, PortalApp
from .sagemaker.service import SageMaker
from .settings import REGION, Settings, account_id, use_account
from .state import SandboxState
from .trail import Trail

_CONTAINER_NAMES = ("host.docker.internal", "host.containers.internal")
"""Names that containers have for their host."""


def main(settings: str) -> int:
    """Serve until standard input ends; prints one line of JSON when the sandbox answers,
    or the error if it cannot.
    """
    try:
        _serve(Settings.from_json(settings).checked())
    except GtSecureError as error:
        _print(error.to_dict())
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _print(facts: Json) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _serve(settings: Settings) -> None:
    use_account(settings.account)
    os.umask(0o077)  # whatever this process writes is for its owner only
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="gt-secure-sandbox-", ignore_cleanup_errors=True)
        )
        listeners = [stack.enter_context(_listen(host, port)) for port in (settings.port, 0)]
        if settings.container_host is not None:
            port = listeners[0].getsockname()[1]
            listeners.append(
                stack.enter_context(_listen(settings.container_host, port, "container_host"))
            )
        emulator.load(settings)
        asyncio.run(_run(settings, Path(folder), host, listeners))


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


async def _run(
    settings: Settings, folder: Path, host: str, listeners: Sequence[socket.socket]
) -> None:
    """Put the parts together and serve; the first listener is the public one,
    the second the S3 endpoint's.
    """
    import ministack.app
    from hypercorn.asyncio import serve as serve_http
    from hypercorn.config import Config

    public, endpoint = ((host, listener.getsockname()[1]) for listener in listeners[:2])
    state = SandboxState(settings.workforce_delay_s)
    endpoint_url = _url(settings.host, public[1])
    delivery, events = Delivery(settings.log_delay_s), Delivery(settings.log_delay_s)
    trail = Trail()
    world = Lifecycle(settings, state, (delivery, events), trail, folder / "journal")
    await world.fill()
    front = Front(
        ministack.app.app,
        sagemaker=SageMaker(state, trail, endpoint_url),
        trail=trail,
        internal=Pages(PortalApp(state, endpoint_url), delivery, events, world.reset),
        delivery=delivery,
        events=events,
        vpc_port=endpoint[1],
        names=(settings.container_host, *_CONTAINER_NAMES) if settings.container_host else (),
    )
    config = Config()
    # the server closes them
    config.bind = [f"fd://{os.dup(listener.fileno())}" for listener in listeners]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    config.loglevel = "WARNING"
    config.include_server_header = False

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))

    def end() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(stop.set)

    parent.on_end(end, name="gt-secure-sandbox-parent")
    delivering = [asyncio.create_task(each.run()) for each in (delivery, events)]
    outside = None if settings.container_host is None else _url(settings.container_host, public[1])
    _print(
        {
            "endpoint_url": endpoint_url,
            "portal_url": f"{endpoint_url}{PORTAL}",
            "public": public,
            "endpoint": endpoint,
            "container_url": outside,
            "environment": _environment(folder, endpoint_url, state.credentials),
        }
    )
    try:
        await serve_http(front, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    finally:
        for task in delivering:
            task.cancel()
        await asyncio.gather(*delivering, return_exceptions=True)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _environment(folder: Path, endpoint_url: str, credentials: Mapping[str, str]) -> dict[str, str]:
    """Write the configuration files of a client;
    return the variables that make it use this sandbox.
    """
    access_key, secret_key = credentials["access_key"], credentials["secret_key"]
    for name in ("journal", "cache"):
        (folder / name).mkdir(mode=0o700)
    (folder / "config").write_text(f"[default]\nregion = {REGION}\n", encoding="utf-8")
    keys = f"aws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n"
    (folder / "credentials").write_text(f"[default]\n{keys}", encoding="utf-8")
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "GT_SECURE_JOURNAL": str(folder / "journal"),
        "GT_SECURE_CACHE": str(folder / "cache"),
    }


@dataclass(frozen=True)
class Lifecycle:
    """Everything that a sandbox holds."""

    settings: Settings
    state: SandboxState
    deliveries: tuple[Delivery, ...]
    trail: Trail
    journal: Path

    async def fill(self) -> None:
        """Create the administrator and the demo account."""
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
        for delivery in self.deliveries:
            delivery.clear()
        self.trail.clear()
        for entry in self.journal.iterdir() if self.journal.is_dir() else ():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        await seed.administrator_user()
        iam._access_keys[key] = record
        await seed.demo(self.state, self.settings)
