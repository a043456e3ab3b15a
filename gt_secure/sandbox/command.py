"""``gt-secure sandbox``: run a sandbox in the foreground."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ..errors import GtSecureError
from . import control, private_environment
from .client_environment import Running
from .server import serve
from .settings import Settings

_WARNING = (
    "warning: everything that reaches the container host can use the sandbox's worker portal and claim any source "
    "address. Use it on a machine that you trust, never with real data."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=("run", "install", "reset"),
        default="run",
        help="run a sandbox (the default), install its packages into a separate environment, or reset the running one "
        "that AWS_ENDPOINT_URL names",
    )
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on (default: %(default)s)")
    parser.add_argument(
        "--container-host",
        metavar="ADDRESS",
        help="private address of this machine to serve containers on, e.g. 172.17.0.1",
    )
    parser.add_argument("--port", type=int, default=0, help="port (default: any free one)")
    parser.add_argument(
        "--log-delay",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="delivery delay of access logs; hours on AWS (default: %(default)s)",
    )
    parser.add_argument("--seed", choices=("demo", "none"), default="demo", help="what an empty sandbox is filled with")
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of shell lines")


def run(args: argparse.Namespace) -> int:
    if args.action == "reset":
        control.reset()
        print(json.dumps({"status": "ok"}) if args.json else "The sandbox is as it was when it started.")
        return 0
    if args.action == "install":
        python = private_environment.install(None if args.json else print)
        print(json.dumps({"python": str(python)}) if args.json else f"The sandbox runs with {python}.")
        return 0
    settings = Settings(
        host=args.host,
        port=args.port,
        log_delay_s=args.log_delay,
        seed=args.seed,
        container_host=args.container_host,
    ).checked()
    if settings.container_host is not None:
        print(_WARNING, file=sys.stderr, flush=True)
    other = private_environment.interpreter()
    if other is not None and str(other) != sys.executable:
        return _run_with(other, settings, args.json)
    serve(settings, lambda running: _announce(running, args.json))
    return 0


def _run_with(python: Path, settings: Settings, as_json: bool) -> int:
    """Run the same sandbox with another interpreter, which ends when this process ends."""
    command = [str(python), "-P", str(private_environment.BOOTSTRAP), "--settings", settings.to_json()]
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    with subprocess.Popen([*command, *(["--json"] if as_json else [])], env=env, stdin=subprocess.PIPE) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:  # Ctrl-C in a terminal reaches the other process too, a signal to this one does not
            assert child.stdin is not None
            child.stdin.close()
            return child.wait()


def _announce(running: Running, as_json: bool) -> None:
    if as_json:
        facts = {
            "endpoint_url": running.endpoint_url,
            "portal_url": f"{running.endpoint_url}/_gt_secure/portal",
            "public": running.public,
            "endpoint": running.endpoint,
            "container_url": running.container_url,
            "environment": running.environment(),
        }
        print(json.dumps(facts), flush=True)
        return
    notes = [
        f"# S3 VPC endpoint: {running.endpoint[0]}:{running.endpoint[1]} (keep the Host header of the endpoint URL)",
        f"# Worker portal: {running.endpoint_url}/_gt_secure/portal",
        *([f"# For containers: AWS_ENDPOINT_URL={running.container_url}"] if running.container_url else []),
        "# Paste the lines above into a shell. Ctrl-C stops the sandbox.",
    ]
    print("\n".join([*shell_lines(running.environment()), *notes]), flush=True)


def shell_lines(environment: Mapping[str, str]) -> list[str]:
    """Return the ``export`` lines for another shell, with ``PATH`` where gt-secure is not on it."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    folder = Path(sys.executable).parent
    if (folder / "gt-secure").exists() and shutil.which("gt-secure") is None:
        lines.append(f'export PATH={shlex.quote(str(folder))}:"$PATH"')
    return lines


def main() -> int:
    """Run a sandbox for another process, until its standard input ends; see ``bootstrap``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--settings", type=Settings.from_json, required=True)
    args = parser.parse_args()
    try:
        serve(args.settings, lambda running: _announce(running, args.json), with_stdin=True)
    except GtSecureError as error:
        if args.json:
            print(json.dumps(error.to_dict()), flush=True)
        print(f"gt-secure: {error.message}\n  next: {error.next_step}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
