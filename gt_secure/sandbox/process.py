"""Starts a sandbox in a separate process and stops it again."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import urlsplit

from ..base.errors import GtSecureError, InvalidInput, Unreachable
from ..base.network import ProbeOrigin, SourceLike
from ..base.text import Json
from . import control, private_environment
from .gateway import source_mapping as addresses
from .settings import ACCOUNT, Settings

START_TIMEOUT_S = 60.0  # a process that ends is noticed when it does
STOP_TIMEOUT_S = 5.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_OVERRULE = {
    "AWS_PROFILE": "default",
    "AWS_DEFAULT_PROFILE": "default",
    "AWS_SESSION_TOKEN": "",
    "AWS_SECURITY_TOKEN": "",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
    "AWS_USE_FIPS_ENDPOINT": "false",
    "AWS_USE_DUALSTACK_ENDPOINT": "false",
}


def overruled(sandbox: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a sandbox, with those that overrule what an
    environment has beside them.
    """
    more = {name: value for name, value in _OVERRULE.items() if environment.get(name)}
    endpoint = sandbox["AWS_ENDPOINT_URL"]
    more |= {name: endpoint for name in environment if name.startswith("AWS_ENDPOINT_URL_")}
    given = f"{environment.get('NO_PROXY', '')},{environment.get('no_proxy', '')}".split(",")
    direct = ",".join(
        dict.fromkeys([*_LOOPBACK, *(name.strip() for name in given if name.strip())])
    )
    return {**sandbox, **more, "NO_PROXY": direct, "no_proxy": direct}


def patience_s() -> float:
    """Return how long a start may take: longer where more programs wait for a processor than
    there are processors.
    """
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 1.0
    return START_TIMEOUT_S * max(1.0, waiting)


class Sandbox:
    """AWS on loopback, in a subprocess.

    Parameters
    ----------
    port : int
        Port to listen on; 0 chooses a free one.
    log_delay_s : float
        Seconds until access-log rows are delivered; on AWS it is hours.
    workforce_delay_s : float
        Seconds that a workforce stays ``Updating``.
    seed : "demo" or None
        Data for an empty sandbox.
    account : str
        Account id, twelve digits.
    host : str
        Loopback address to listen on, or ``localhost``.
    container_host : str, optional
        Private address of this machine to serve containers on, for example ``172.17.0.1``. Whoever
        reaches it may claim any source address.
    python : str or Path, optional
        Interpreter that runs the sandbox, of any environment that has the packages. By default this
        one, or that of :func:`gt_secure.sandbox.install` where this one does not have them.

    Examples
    --------
    >>> with Sandbox() as sandbox:  # doctest: +SKIP
    ...     os.environ.update(sandbox.environment())
    """

    def __init__(
        self,
        port: int = 0,
        log_delay_s: float = 2.0,
        seed: str | None = "demo",
        *,
        workforce_delay_s: float = 1.0,
        account: str = ACCOUNT,
        host: str = "127.0.0.1",
        container_host: str | None = None,
        python: str | Path | None = None,
    ) -> None:
        self._settings = Settings(
            port=port,
            log_delay_s=log_delay_s,
            workforce_delay_s=workforce_delay_s,
            seed=seed,
            account=account,
            host=host,
            container_host=container_host,
        ).checked()
        self._python = str(python or private_environment.interpreter() or sys.executable)
        self._process: subprocess.Popen[bytes] | None = None
        self._facts: Json = {}
        self._errors: IO[bytes] | None = None

    def start(self) -> Sandbox:
        """Start the process and wait until it answers.

        Raises
        ------
        GtSecureError
            If it does not come up; the message holds what it said.
        """
        return self if self._process is not None else self._start(tempfile.TemporaryFile())

    def _start(self, errors: IO[bytes] | None) -> Sandbox:
        """Start the process; its output goes to a file,
        or with None to the standard error of this process.
        """
        self._errors = errors
        self._process = self._started()
        assert self._process is not None
        assert self._process.stdout is not None
        lines = []
        stdout = self._process.stdout
        reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
        reader.start()
        reader.join(patience_s())
        line = lines[0] if lines else b""
        try:
            facts = json.loads(line)
        except ValueError:
            facts = {}
        if "endpoint_url" not in facts:
            said = ""
            if errors is not None:
                errors.seek(0)
                said = errors.read()[-2000:].decode("utf-8", "replace").strip()
            self.stop()
            if facts.get("error") == "InvalidInput":
                details = facts.get("details", {})
                raise InvalidInput(
                    facts["message"],
                    next_step=facts["next_step"],
                    field=details.get("field", ""),
                    value=details.get("value"),
                )
            raise GtSecureError(
                f"The sandbox did not start: {facts.get('message') or said or 'it gave no reason'}",
                next_step=facts.get("next_step", "Run gt-secure sandbox in a terminal to see why."),
            )
        self._facts = facts
        return self

    def _started(self) -> subprocess.Popen[bytes]:
        command = [self._python, "-P", str(private_environment.BOOTSTRAP), self._settings.to_json()]
        env = _environment(same_interpreter=self._python == sys.executable)
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self._errors, env=env)
        except OSError as error:
            if self._errors is not None:
                self._errors.close()
            raise InvalidInput(
                f"{self._python} cannot be run: {error.strerror}.",
                next_step=f"Give the path of a Python interpreter, or leave out python= and run: "
                f"{private_environment.COMMAND}",
                field="python",
                value=self._python,
            ) from error

    def stop(self) -> None:
        """Stop the process; does nothing when it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdin, process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._errors = None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = (
            f"{self.endpoint_url}, pid {self.pid}"
            if self._process is not None and self._facts
            else "not running"
        )
        return f"<Sandbox {state}>"

    def _fact(self, name: str) -> Any:
        if self._process is None or name not in self._facts:
            raise GtSecureError(
                "The sandbox is not running.",
                next_step="Use it in a with statement, or call start() first.",
            )
        return self._facts[name]

    @property
    def is_running(self) -> bool:
        """True while the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def endpoint_url(self) -> str:
        """URL to give to AWS clients."""
        return str(self._fact("endpoint_url"))

    @property
    def container_url(self) -> str | None:
        """URL for AWS clients in containers, if there is a ``container_host``."""
        url = self._fact("container_url")
        return None if url is None else str(url)

    @property
    def pid(self) -> int:
        """Process id."""
        self._fact("endpoint_url")
        assert self._process is not None
        return self._process.pid

    def environment(self) -> dict[str, str]:
        """Return the variables that make a client use the sandbox, with its own configuration files
        and journal.

        They also overrule what the environment of this process has beside them: a profile, a
        session token, endpoints of single services, a proxy.
        """
        return overruled(self._fact("environment"), os.environ)

    def to_dict(self) -> Json:
        """Return its addresses and its variables as JSON-able data."""
        return {**self._facts, "environment": self.environment()}

    def reset(self) -> None:
        """Put everything back to the seeded state; the address and the keys stay.

        Raises
        ------
        GtSecureError
            If the sandbox does not run.
        """
        from botocore.credentials import Credentials

        env = self.environment()
        keys = Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        control.post_signed(self.endpoint_url, control.RESET, keys)

    def origin(self, source: SourceLike, label: str = "") -> ProbeOrigin:
        """Return how to call from a source, such as ``203.0.113.7`` or
        ``10.0.3.4 via vpce-0a1b2c3d4e5f60718``.
        """
        return addresses.origin(source, label)


def _environment(*, same_interpreter: bool) -> dict[str, str]:
    """The environment of the child: nothing of the caller's AWS configuration,
    nor packages of another interpreter.
    """
    env = {**private_environment.child_environment(), "PYTHONUNBUFFERED": "1"}
    if same_interpreter and "PYTHONPATH" in os.environ:
        env["PYTHONPATH"] = os.environ["PYTHONPATH"]
    return env


def run_in_foreground(sandbox: Sandbox, ready: Callable[[], None]) -> int:
    """Start a sandbox and wait until it ends, by itself or by a signal to this process;
    returns an exit code.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with sandbox._start(None):
            ready()
            assert sandbox._process is not None
            return sandbox._process.wait()
    except KeyboardInterrupt:
        return 0


_shared: Sandbox | None = None


def shared_sandbox(
    progress: Callable[[str], None] | None = None, *, python: str | Path | None = None
) -> Sandbox:
    """Return the sandbox of this process; the first call starts it, and makes its environment where
    there is none.

    Parameters
    ----------
    progress : callable, optional
        Receives a line of text before each step that takes time; printed by default.
    python : str or Path, optional
        Interpreter that runs it, where no environment can be made here.

    Raises
    ------
    GtSecureError
        If the environment cannot be made, or the sandbox does not start.
    """
    global _shared
    if _shared is None or not _shared.is_running:
        tell = progress if progress is not None else _print
        chosen = python if python is not None else private_environment.install(tell)
        tell(
            "Starting a sandbox (AWS on this machine; no account is touched). It ends with this"
            " process."
        )
        _shared = Sandbox(python=chosen).start()
        atexit.register(_shared.stop)
    return _shared


def reset(endpoint_url: str | None = None) -> None:
    """Put a sandbox back to its seeded state; its address and its keys stay.

    Objects, policies, teams, jobs, roles and log rows that are not the seed's are gone afterwards,
    and the journal of changes that its variables name. Tutorials begin with this call.

    Parameters
    ----------
    endpoint_url : str, optional
        The sandbox; ``AWS_ENDPOINT_URL`` otherwise. The call is signed with the keys of the
        environment, so it reaches only a sandbox that you started. Where no variable names one, it
        is the sandbox of this process.

    Raises
    ------
    InvalidInput
        If the address is not one of this machine.
    Unreachable
        If nothing answers there.
    GtSecureError
        If it is no sandbox, or not yours.
    """
    if endpoint_url or "AWS_ENDPOINT_URL" in os.environ:
        control.reset(endpoint_url)
    else:
        shared_sandbox().reset()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def check_answers(url: str) -> None:
    """Raise Unreachable unless something listens at the address of the sandbox."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=5).close()
    except OSError as error:
        raise Unreachable(
            f"The sandbox that AWS_ENDPOINT_URL names does not answer on {parts.netloc}.",
            next_step=(
                "Start it again, or unset AWS_ENDPOINT_URL: connect(sandbox=True) then starts one."
            ),
        ) from error
