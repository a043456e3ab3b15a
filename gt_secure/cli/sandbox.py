"""``gt-secure sandbox``: AWS on loopback, in the foreground."""

from __future__ import annotations

import argparse

from ..sandbox import command, require
from .parser import Commands


def add(commands: Commands) -> None:
    """Add the command, without connection options: it makes no connection."""
    parser = commands.add(
        "sandbox",
        run,
        account=False,
        json=False,
        description="Run S3, STS, IAM, SageMaker workteams, EC2 lookups and a worker portal on loopback. Prints the "
        "environment variables to set; Ctrl-C stops it.",
        examples=(
            ("gt-secure sandbox", "print the variables to export; Ctrl-C stops it"),
            ("gt-secure sandbox install", "make a separate environment for its packages"),
            ("gt-secure sandbox reset", "reset the running sandbox to its seeded state"),
        ),
    )
    command.add_arguments(parser)
    parser.reads_only("action=install", "--json")
    parser.reads_only("action=reset", "--json")


def run(args: argparse.Namespace) -> int:
    if args.action == "run":
        require()
    return command.run(args)
