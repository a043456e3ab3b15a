"""``gt-secure verdict``: decide IAM requests given as NDJSON on standard input."""

from __future__ import annotations

import argparse
import sys

from ..iam import batch as ndjson
from .parser import Commands


def add(commands: Commands) -> None:
    parser = commands.add(
        "verdict",
        run,
        account=False,
        json=False,
        description='Read one case per line ({"id", "request", "identityPolicies", "sessionPolicy", "resourcePolicy"}) '
        'and write one {"id", "verdict", "reason"} per line, in order. No AWS call.',
        examples=(
            ("gt-secure verdict < cases.ndjson > answers.ndjson", "decide a file of cases"),
            ("gt-secure verdict < cases.ndjson | grep explicit-deny", "list the refusals"),
        ),
    )
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)  # the output is JSON already


def run(_: argparse.Namespace) -> int:
    # Bytes that are not UTF-8 invalidate one line, not the whole run. Only a line feed ends a line, or a stray
    # carriage return would turn one line into two answers.
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    for line in ndjson.run(sys.stdin):
        sys.stdout.write(line.rstrip("\n") + "\n")
        sys.stdout.flush()
    return 0
