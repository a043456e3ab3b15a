"""Puts the parts together and serves them on two loopback listeners until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InvalidInput
from . import client_environment, emulator, parent
from .settings import REGION, Settings, use_account
from .state import SandboxState

log = logging.getLogger(__name__)
_SAVE_S = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that is ready: where it is and how to call it."""

    endpoint_url: str
    public: tuple[str, int]
    endpoint: tuple[str, int]
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    files: Mapping[str, str] = field(default_factory=dict)
    container_url: str | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that make any AWS client use the sandbox, and nothing else of this environment."""
        own = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **self.files,
        }
        return client_environment.overruled(own, os.environ)


def serve(settings: Settings, ready: Callable[[Running], None], *, with_stdin: bool = False) -> None:
    """Run a sandbox in this process until SIGINT or SIGTERM.

    Parameters
    ----------
    settings : Settings
        How to run it.
    ready : callable
        Called once, when both listeners answer.
    with_stdin : bool
        Whether to stop also when standard input ends, so that no sandbox outlives the program that started it.

    Raises
    ------
    InvalidInput
        If a setting cannot be used or a port is taken.
    MissingExtra
        If the extra ``sandbox`` is not installed.
    """
    settings = settings.checked()
    use_account(settings.account)
    os.umask(0o077)  # whatever this process writes is for its owner only
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_private_folder(settings))
        public = stack.enter_context(_listen(_host(settings), settings.port))
        endpoint = stack.enter_context(_listen(_host(settings), settings.vpc_port))
        more = [
            stack.enter_context(_listen(host, public.getsockname()[1], "container_host"))
            for host in ([settings.container_host] if settings.container_host else [])
        ]
        emulator.load(settings)
        asyncio.run(_main(settings, folder, public, endpoint, more, ready, with_stdin))


@contextlib.contextmanager
def _private_folder(settings: Settings) -> Iterator[Path]:
    """Yield the folder for the files of clients; a temporary one when no state is kept."""
    if settings.state_dir is None:
        with tempfile.TemporaryDirectory(prefix="gt-secure-sandbox-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    home = settings.state_dir.resolve()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    tighten(home)
    yield home / "client"


def tighten(folder: Path) -> None:
    """Take the rights of everybody else from a folder and all that is in it; links are not followed.

    Raises
    ------
    InvalidInput
        If something in it belongs to somebody else.
    """
    try:
        folder.chmod(0o700)
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o700 if path.is_dir() else 0o600)
    except PermissionError as error:
        raise InvalidInput(
            f"{error.filename} belongs to another user, so the sandbox cannot keep its state to itself.",
            next_step="Give another folder for the state.",
            field="state_dir",
            value=folder,
        ) from error


_CONTAINER_NAMES = ("host.docker.internal", "host.containers.internal")
"""Names that containers have for their host."""


def _host(settings: Settings) -> str:
    return "127.0.0.1" if settings.host == "localhost" else settings.host


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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


async def _main(
    settings: Settings,
    folder: Path,
    public: socket.socket,
    endpoint: socket.socket,
    more: Sequence[socket.socket],
    ready: Callable[[Running], None],
    with_stdin: bool,
) -> None:
    import ministack.app
    from hypercorn.asyncio import serve as serve_http
    from hypercorn.config import Config

    from .accesslog.delivery import Delivery
    from .accesslog.recorder import Recorder
    from .ec2 import Ec2
    from .gateway.app import Front
    from .gateway.authorization_ids import AuthorizationRecords
    from .lifecycle import Lifecycle
    from .portal.app import Portal
    from .portal.credentials import Issuer
    from .portal.pages import Pages
    from .sagemaker.service import SageMaker
    from .trail import Trail
    from .waf import Waf

    here, there = (_host(settings), public.getsockname()[1]), (_host(settings), endpoint.getsockname()[1])
    path = settings.state_dir.resolve() / "sandbox.json" if settings.state_dir else None
    state = SandboxState(path, workforce_delay_s=settings.workforce_delay_s)
    issuer = Issuer(_url(settings.host, here[1]))
    delivery = Delivery(settings.log_delay_s)
    trail = Trail()
    world = Lifecycle(settings, state, delivery, trail, folder / "journal")
    await world.fill()
    front = Front(
        ministack.app.app,
        state=state,
        sagemaker=SageMaker(state, issuer, trail),
        ec2=Ec2(state),
        waf=Waf(state),
        trail=trail,
        internal=Pages(Portal(state, issuer), delivery, world.reset, here, there),
        recorder=Recorder(delivery),
        vpc_port=there[1],
        names=(settings.container_host, *_CONTAINER_NAMES) if settings.container_host else (),
        records=AuthorizationRecords() if settings.authorization_ids else None,
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
    tasks = [asyncio.create_task(delivery.run())]
    if path is not None:
        tasks.append(asyncio.create_task(_save_now_and_then()))
    keys = state.credentials["access_key"], state.credentials["secret_key"]
    files = client_environment.prepare(folder, *keys, REGION)
    outside = None if settings.container_host is None else _url(settings.container_host, here[1])
    ready(Running(issuer.endpoint_url, here, there, *keys, files, outside))
    try:
        await serve_http(front, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await delivery.flush()
        if path is not None:
            state.save()
            emulator.save()


async def _save_now_and_then() -> None:
    """Keep what the emulator holds; it would do so only at a clean end."""
    while True:
        await asyncio.sleep(_SAVE_S)
        emulator.save()


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
