"""The options for findings: ``--fail-on`` and ``--accepted``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..base.text import printable
from ..findings.model import THRESHOLDS
from .output import note
from .parser import Parser

if TYPE_CHECKING:
    from ..findings.model import Acceptance


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


def note_unused(unused: Iterable[Acceptance]) -> None:
    """Note the entries of ``accepted`` that no finding matches."""
    for entry in unused:
        note(
            f"unused: {printable(entry.label)} was accepted and is not found. Remove the entry from"
            " 'accepted'."
        )
