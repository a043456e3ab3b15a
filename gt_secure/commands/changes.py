"""``gt-secure plan``, ``apply``, ``undo``, ``journal`` and ``export``: the commands of the restriction room."""

from __future__ import annotations

import argparse
from typing import Any


def add(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    from ..restriction.command import add_arguments

    add_arguments(subparsers, parents)
