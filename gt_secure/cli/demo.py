"""``gt-secure demo``: the main job on the sandbox, in JupyterLab or headless."""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import webbrowser
from pathlib import Path

from .. import sandbox
from ..base.errors import GtSecureError, MissingExtra, Unreachable
from ..base.text import Json
from .demonstration import APPLICATION_BUCKET, BUCKET, TEAM
from .headless import run_headless
from .output import only_sandbox, say
from .parser import Commands
from .sandbox import shell_lines
from .tutorials import (
    FIRST as NOTEBOOK,
    OF_AN_APPLICATION as APPLICATION_NOTEBOOK,
    copy_notebooks,
    notebooks_dir,
)

_START_S = 60
_IMPORTS = (
    "import gt_secure.widgets.lab_tab,"
    " gt_secure.connection\ngt_secure.connection.connect().aws.client('sagemaker')"
)
_SESSION = {
    "path": "gt-secure-demo",
    "name": "Presigned access",
    "type": "gt_secure",
    "kernel": {"name": "python3"},
}
_KERNEL_START_S = 30

log = logging.getLogger("gt_secure")


def add(commands: Commands) -> None:
    """Add the command demo."""
    parser = commands.add(
        "demo",
        _run,
        account=False,
        description=(
            "Start the sandbox, fill it, and open JupyterLab on the quickstart notebook with the"
            " panel beside it; Ctrl-C stops both. A second notebook there guards the bucket of an"
            " application, MLflow. With --headless, run the notebook without a browser and write"
            " its results to a folder."
        ),
        examples=(
            ("gt-secure demo", "open JupyterLab on the notebook and the panel"),
            (
                "gt-secure demo --headless --out results",
                "run it here; results/summary.json has the outcome",
            ),
        ),
        exit_codes="0; with --headless: 0 every scene is as expected, 2 one is not, 1 an error",
    )
    parser.add_argument(
        "--headless", action="store_true", help="run the notebook without JupyterLab"
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="DIR",
        help="folder for --headless results (default: out/demo-results)",
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port of JupyterLab (default: a free one)"
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.needs("--out", "--headless")
    parser.needs("--json", "--headless")
    parser.reads_only("--headless", "--out", "--json")


def _run(args: argparse.Namespace) -> int:
    if args.headless:
        _need("nbclient", "ipykernel")
        sandbox.install(None if args.json else _tell)
        return run_headless(
            notebooks_dir() / NOTEBOOK, Path(args.out or "out/demo-results"), as_json=args.json
        )
    _need("jupyterlab", "ipykernel")
    sandbox.install(_tell)
    return _lab(Path("out/demo"), args.port, open_browser=not args.no_browser)


def _need(*modules: str) -> None:
    """Raise MissingExtra that names all missing packages in one command."""
    from importlib.util import find_spec

    if missing := [module for module in modules if find_spec(module) is None]:
        verb = "is" if len(missing) == 1 else "are"
        raise MissingExtra(
            f"The demo needs {' and '.join(missing)}, which {verb} not installed.",
            next_step=f"Run: pip install {' '.join(missing)}",
        )


def _tell(text: str) -> None:
    """Print and flush, also into a file or a pipe: the demo runs for hours after these lines."""
    say(text)
    sys.stdout.flush()


def _lab(work: Path, port: int, *, open_browser: bool) -> int:
    copy_notebooks(work)
    _tell("Starting the sandbox (AWS on this machine; no account is touched)...")
    with (
        tempfile.TemporaryDirectory(prefix="gt-secure-demo-") as own,
        sandbox.Sandbox(log_delay_s=2.0, seed="demo") as running,
    ):
        _tell(f"  sandbox     {running.endpoint_url}")
        chosen = port or _free_port()
        token = secrets.token_urlsafe(24)
        url = f"http://127.0.0.1:{chosen}/"
        address = f"{url}lab/tree/{NOTEBOOK}?token={token}"
        lab = subprocess.Popen(
            _lab_command(work, chosen, Path(own), open_browser=open_browser),
            env={**only_sandbox(running.environment()), "JUPYTER_TOKEN": token},
            # A pipe, not the terminal: on Ctrl-C JupyterLab would prompt there before it stops, and
            # when this process dies in whatever way the pipe ends, and JupyterLab with it.
            stdin=subprocess.PIPE,
            start_new_session=True,
            umask=0o077,  # it opens the browser by a file with the token
        )
        kernel = threading.Thread(
            target=_start_kernel, args=(url, token), name="gt-secure-warm", daemon=True
        )
        try:
            _wait_for(chosen, lab)
            kernel.start()
            _tell(f"  JupyterLab  {address}")
            _tell(
                f"  second      {APPLICATION_NOTEBOOK} there guards {APPLICATION_BUCKET}, an"
                " application's bucket"
            )
            _tell(
                "To run gt-secure in a second shell on the same sandbox, paste these lines there:"
            )
            _tell("\n".join(shell_lines(running.environment())))
            _tell(
                "Access logs arrive here after 2 seconds, on AWS after hours. Press Ctrl-C to stop"
                " everything."
            )
            code = lab.wait()
        except KeyboardInterrupt:
            _tell("Stopping...")
            code = 0
        finally:
            try:
                if kernel.is_alive():
                    kernel.join(_START_S)
            finally:
                for signum, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
                    if lab.poll() is None:
                        lab.send_signal(signum)
                        try:
                            lab.wait(patience)
                        except subprocess.TimeoutExpired:
                            continue
    _tell("Stopped. Your notebooks are in " + str(work))
    return 0 if code in {0, -signal.SIGINT, -signal.SIGTERM, 130, 143} else 1


_OVERRIDES = {
    "gt_secure:plugin": {"openAtStart": True, "team": TEAM, "bucket": BUCKET},
    # What a first start asks would lie over the demo.
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
"""Defaults of JupyterLab's settings in the demo; what the person has set counts more."""


def _lab_command(work: Path, port: int, own: Path, *, open_browser: bool) -> list[str]:
    import zmq

    settings = own / "settings"
    settings.mkdir()
    (settings / "overrides.json").write_text(json.dumps(_OVERRIDES), encoding="utf-8")
    workspaces = own / "workspaces"
    workspaces.mkdir()
    # a layout without the list of files: the notebook and the panel need its width
    from jupyterlab_server.workspaces_handler import WorkspacesManager

    layout: Json = {
        "main": None,
        "left": {"collapsed": True, "visible": True, "current": None, "widgets": []},
    }
    saved = {"data": {"layout-restorer:data": layout}, "metadata": {"id": "default"}}
    WorkspacesManager(str(workspaces)).save("default", json.dumps(saved))
    options = {
        # The layout of another session would hide the notebook, and the demo's would stay in the
        # next one.
        "LabApp.workspaces_dir": workspaces,
        "LabApp.app_settings_dir": settings,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": work.resolve(),
        "ServerApp.open_browser": open_browser and _has_browser(),
        "LabApp.default_url": f"/lab/tree/{NOTEBOOK}",
        "LabApp.news_url": "",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "Application.log_level": 40,
        # Without this, each kernel begins with a warning that its connection is in plain text.
        "KernelManager.transport_encryption": "auto" if zmq.has("curve") else "disabled",
    }
    command = [
        sys.executable,
        "-m",
        "gt_secure.cli.watched_lab",
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*command, "--allow-root"] if is_root else command


def _free_port() -> int:
    """Return a free port below those that systems give to whoever asks for any,
    as kernels do in the meantime.
    """
    for _ in range(100):
        port = 8889 + secrets.randbelow(1000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise GtSecureError(
        "No free port was found for JupyterLab.", next_step="Choose one with --port."
    )


def _wait_for(port: int, lab: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if lab.poll() is not None:
            raise GtSecureError(
                f"JupyterLab ended immediately (exit code {lab.returncode}).",
                next_step=(
                    "Read its message above. If the port is in use, choose another with --port."
                ),
            )
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise Unreachable(
        f"JupyterLab did not start within {_START_S} s.",
        next_step="Try again, or run with --headless.",
    )


def _start_kernel(address: str, token: str) -> None:
    """Start the panel's kernel before a page is there;
    the extension uses a session that no page is connected to.
    """
    try:
        _warm(address, token)
    except Exception as error:  # the page starts a kernel itself
        log.debug("gt_secure: the panel's kernel was not started ahead: %s", type(error).__name__)


def _warm(address: str, token: str) -> None:
    from jupyter_client.blocking.client import BlockingKernelClient
    from jupyter_client.connect import find_connection_file

    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    session = json.dumps(_SESSION).encode()
    where = f"{address}api/sessions"  # http on loopback
    request = urllib.request.Request(where, session, headers)  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback
    with opener.open(request, timeout=_KERNEL_START_S) as reply:
        kernel = str(json.load(reply)["kernel"]["id"])
    client = BlockingKernelClient(connection_file=find_connection_file(kernel))
    client.load_connection_file()
    client.start_channels(stdin=False, hb=False)
    try:
        client.wait_for_ready(timeout=_KERNEL_START_S)
        client.execute(
            _IMPORTS, silent=True, store_history=False, reply=True, timeout=_KERNEL_START_S
        )
    finally:
        client.stop_channels()


def _has_browser() -> bool:
    """Return whether this machine has a browser that does not take over the terminal."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    return not isinstance(browser, webbrowser.GenericBrowser) or isinstance(
        browser, webbrowser.BackgroundBrowser
    )
