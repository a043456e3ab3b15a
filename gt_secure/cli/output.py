"""Printing for the command line: JSON for programs, plain tables for people."""

from __future__ import annotations

import argparse
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..connection import Connection, connect
from ..text import json_text, printable


def connection(args: argparse.Namespace) -> Connection:
    """Connect with the global options ``--profile``, ``--region`` and ``--endpoint-url``."""
    return connect(profile=args.profile, region=args.region, endpoint_url=args.endpoint_url)


def say(text: str = "") -> None:
    """Print a line to standard output."""
    sys.stdout.write(printable(text, keep="\n") + "\n")


def note(text: str) -> None:
    """Print a line to standard error: for people, never for programs."""
    sys.stderr.write(printable(text, keep="\n") + "\n")


def show_json(data: Any) -> None:
    """Print JSON."""
    sys.stdout.write(json_text(data, indent=2) + "\n")


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out a table; the last column is not padded."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max([width(title), *(width(row[i]) for row in cells)]) for i, title in enumerate(head)]

    def line(row: Sequence[str]) -> str:
        padded = [cell + " " * (widths[i] - width(cell)) for i, cell in enumerate(row[:-1])]
        return "  ".join([*padded, row[-1]]).rstrip()

    return "\n".join(line(row) for row in [[title.upper() for title in head], *cells])


def only_sandbox(aws: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that must see the sandbox and nothing of the person's own account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, **aws}
