"""``gt-secure sandbox``: AWS on loopback, in the foreground."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from .. import sandbox
from ..base.text import Json
from ..sandbox import control
from .parser import Commands

_WARNING = (
    "warning: everything that reaches the container host can use the sandbox's worker portal and"
    " claim any source address. Use it on a machine that you trust, never with real data."
)


def add(commands: Commands) -> None:
    """Add the command, without connection options: it makes no connection."""
    parser = commands.add(
        "sandbox",
        _run,
        account=False,
        json=False,
        description=(
            "Run S3, STS, IAM, SageMaker workteams, EC2 lookups and a worker portal on loopback."
            " Prints the environment variables to set; Ctrl-C stops it."
        ),
        examples=(
            ("gt-secure sandbox", "print the variables to export; Ctrl-C stops it"),
            ("gt-secure sandbox install", "make a separate environment for its packages"),
            ("gt-secure sandbox reset", "reset the running sandbox to its seeded state"),
        ),
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("run", "install", "reset"),
        default="run",
        help=(
            "run a sandbox (the default), install its packages into a separate environment, or"
            " reset the running one that AWS_ENDPOINT_URL names"
        ),
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="loopback address to listen on (default: %(default)s)"
    )
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
    parser.add_argument(
        "--seed",
        choices=("demo", "none"),
        default="demo",
        help="what an empty sandbox is filled with",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one line of JSON instead of shell lines"
    )
    parser.reads_only("action=install", "--json")
    parser.reads_only("action=reset", "--json")


def _run(args: argparse.Namespace) -> int:
    if args.action == "reset":
        control.reset()
        print(
            json.dumps({"status": "ok"})
            if args.json
            else "The sandbox is as it was when it started, and its history of changes is empty."
        )
        return 0
    if args.action == "install":
        python = sandbox.install(None if args.json else print)
        print(
            json.dumps({"python": str(python)}) if args.json else f"The sandbox runs with {python}."
        )
        return 0
    sandbox.require()
    running = sandbox.Sandbox(
        args.port,
        args.log_delay,
        None if args.seed == "none" else args.seed,
        host=args.host,
        container_host=args.container_host,
    )
    if args.container_host is not None:
        print(_WARNING, file=sys.stderr, flush=True)
    return sandbox.run_in_foreground(running, lambda: _announce(running.to_dict(), args.json))


def _announce(facts: Json, as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts), flush=True)
        return
    host, port = facts["endpoint"]
    outside = facts["container_url"]
    notes = [
        f"# S3 VPC endpoint: {host}:{port} (connect there, with the Host of AWS_ENDPOINT_URL)",
        f"# Worker portal: {facts['portal_url']}",
        *([f"# For containers: AWS_ENDPOINT_URL={outside}"] if outside else []),
        "# Paste the lines above into a shell. Their keys are worth nothing elsewhere. Ctrl-C stops"
        " the sandbox.",
    ]
    print("\n".join([*shell_lines(facts["environment"]), *notes]), flush=True)


def shell_lines(environment: Mapping[str, str]) -> list[str]:
    """Return the ``export`` lines for another shell, with ``PATH`` where gt-secure is not on it."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    folder = Path(sys.executable).parent
    if (folder / "gt-secure").exists() and shutil.which("gt-secure") is None:
        lines.append(f'export PATH={shlex.quote(str(folder))}:"$PATH"')
    return lines
