"""The options for findings: ``--fail-on`` and ``--accepted``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..base.text import printable
from ..findings.model import THRESHOLDS
from .exit_codes import OK, code_of
from .output import note
from .parser import Parser

if TYPE_CHECKING:
    from ..findings.model import Acceptance
    from ..fleet.audit import Audit
    from ..fleet.sweeps import Sweep


def add_accepted(parser: Parser) -> None:
    """Add ``--accepted``."""
    parser.add_argument(
        "--accepted", metavar="FILE", help="check file whose list 'accepted' names known findings"
    )


def add_fail_on(parser: Parser, what: str) -> None:
    """Add ``--fail-on`` for a report of this name."""
    parser.add_argument(
        "--fail-on",
        choices=THRESHOLDS,
        help=(
            f"minimum severity that fails the {what}; unknown: any finding, and whatever is not"
            " known"
        ),
    )


def exit_code(args: argparse.Namespace, report: Audit | Sweep) -> int:
    """Return the exit code that ``--fail-on`` asks for, and note what is unknown."""
    if not args.fail_on:
        return OK
    if args.fail_on == "unknown":
        for line in report.unknown:
            note(f"unknown: {printable(line)}")
    return code_of(report.passes(args.fail_on))


def note_unused(unused: Iterable[Acceptance]) -> None:
    """Note the entries of ``accepted`` that no finding matches."""
    for entry in unused:
        note(
            f"unused: {printable(entry.label)} was accepted and is not found. Remove the entry from"
            " 'accepted'."
        )
