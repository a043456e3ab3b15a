"""``gt-secure sandbox``: AWS on loopback, in the foreground."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Any

from ..errors import MissingExtra


def add(subparsers: Any, _: list[argparse.ArgumentParser]) -> None:
    """Register the command; it makes no connection, so it takes none of its options."""
    from ..sandbox.command import add_arguments

    parser = subparsers.add_parser(
        "sandbox",
        help="AWS on this machine, for demos and tests",
        description="Run S3, STS, IAM, SageMaker workteams, EC2 look-ups and a worker portal on loopback. Prints the "
        "environment variables to set; Ctrl-C stops it.",
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until Ctrl-C."""
    if find_spec("ministack") is None:
        raise MissingExtra(
            "The sandbox needs ministack, which is not installed.", next_step="Run: pip install 'gt_secure[sandbox]'"
        )
    from ..sandbox import command

    return command.run(args)
