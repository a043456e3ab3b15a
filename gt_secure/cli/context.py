"""``--context KEY=VALUE``: facts that the command line supplies."""

from __future__ import annotations

import argparse


def add_context(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    parser.add_argument(
        "--context", action="append", default=[], metavar="KEY=VALUE", help="known condition key (repeatable)"
    )
