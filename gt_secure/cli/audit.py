"""``gt-secure audit``: the state of a region in one report."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .accepted import add_fail_on, exit_code
from .output import connection, fit, line_width, say, show_json
from .parser import Commands
from .progress import working

if TYPE_CHECKING:
    from ..audit import Audit


def add(commands: Commands) -> None:
    parser = commands.add(
        "audit",
        run,
        description="Report the teams, portal, buckets, findings and leaked URLs of the region. Changes nothing.",
        examples=(
            ("gt-secure audit", "the whole region, with a week of logs"),
            ("gt-secure audit --buckets gt-images --no-logs --fail-on high --json", "fail in CI, without reading logs"),
        ),
        exit_codes="0; with --fail-on: 2 for a finding of that severity or higher, 3 if something could not be read",
        result=audit_from,
    )
    parser.add_argument(
        "--buckets", default="used", metavar="WHICH", help="used (default), and tag:KEY=VALUE or names with commas"
    )
    parser.add_argument("--since", default="7d", help="start of the logs: UTC time or age (default: %(default)s)")
    parser.add_argument("--no-logs", action="store_true", help="do not read access logs")
    add_fail_on(parser, "report")


def audit_from(args: argparse.Namespace) -> Audit:
    with working("Reading the region"):
        return connection(args).audit(buckets=args.buckets, since=args.since, logs=not args.no_logs)


def run(args: argparse.Namespace) -> int:
    audit = audit_from(args)
    if args.json:
        show_json(audit.to_dict())
    else:
        say(fit(audit.to_text(line_width())))
    return exit_code(args, audit)
