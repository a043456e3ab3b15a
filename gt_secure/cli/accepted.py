"""The options for findings: ``--fail-on``, ``--accepted``,
and ``--write-baseline`` with its reason and end.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..base.text import count, printable
from ..findings.accepted import baseline, dump_accepted
from ..findings.model import THRESHOLDS
from .exit_codes import OK, code_of
from .output import note
from .parser import Parser

if TYPE_CHECKING:
    from ..findings.model import Acceptance, Finding
    from ..fleet.audit import Audit
    from ..fleet.sweeps import Sweep


def add_accepted(parser: Parser) -> None:
    """Add ``--accepted``."""
    parser.add_argument(
        "--accepted", metavar="FILE", help="file with a list 'accepted' of known findings"
    )


def add_baseline(parser: Parser) -> None:
    """Add ``--write-baseline`` and the reason and end of its entries."""
    group = parser.add_argument_group("accepted findings")
    group.add_argument(
        "--write-baseline", metavar="FILE", help="accept today's findings in this new file"
    )
    group.add_argument(
        "--accept-reason",
        metavar="TEXT",
        help="reason in the baseline, such as 'known, see RISK-112'",
    )
    group.add_argument(
        "--accept-until", metavar="DATE", help="last day of the baseline, such as 2027-01-31"
    )
    for name in ("--accept-reason", "--accept-until"):
        parser.needs("--write-baseline", name)
        parser.needs(name, "--write-baseline")


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


def write_baseline(args: argparse.Namespace, findings: Iterable[Finding]) -> None:
    """Write the findings as accepted into the file of ``--write-baseline``, if it is given."""
    if not args.write_baseline:
        return
    entries = baseline(findings, reason=args.accept_reason, until=args.accept_until)
    dump_accepted(entries, args.write_baseline)
    note(f"{args.write_baseline}: {count(len(entries), 'accepted finding')}")


def note_unused(unused: Iterable[Acceptance]) -> None:
    """Note the entries of ``accepted`` that no finding matches."""
    for entry in unused:
        note(
            f"unused: {printable(entry.label)} was accepted and is not found. Remove the entry from"
            " 'accepted'."
        )
