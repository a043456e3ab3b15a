"""``gt-secure explain`` and ``findings``: who can open an object now, and what weakens a restriction."""

from __future__ import annotations

import argparse
from typing import Any

from ..aws.buckets import parse_s3_uri
from ..errors import InvalidInput
from ..text import printable
from .output import connection, say, show_json

_SEVERITIES = ("high", "medium", "low", "info")


def add(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    explain = subparsers.add_parser(
        "explain",
        parents=parents,
        help="say who can open an object now, and which lock decides",
        description="Decide from today's policies who can open one object: for each source, with a URL made for a "
        "worker there, and with one that was made for somebody else and forwarded. A prediction, not a request.",
    )
    explain.add_argument("object", help="s3://bucket/key")
    explain.add_argument("--team", help="private workteam whose locks count")
    explain.add_argument(
        "--from", dest="sources", action="append", default=[], metavar="SOURCE",
        help="203.0.113.7, or “10.0.3.4 via vpce-0a1b2c3d” (repeatable)",
    )  # fmt: skip
    explain.add_argument(
        "--forwarded-from", default="192.0.2.1", metavar="SOURCE", help="worker whose URL is passed on (%(default)s)"
    )
    explain.set_defaults(run=run_explain)

    findings = subparsers.add_parser(
        "findings",
        parents=parents,
        help="list what nullifies, weakens or breaks a restriction",
        description="Look for what nullifies, weakens or breaks a restriction of a workteam and a bucket. Exit code 2 "
        "if something as grave as --fail-on was found.",
    )
    findings.add_argument("--team", help="workteam")
    findings.add_argument("--bucket", help="data bucket, or s3://bucket/prefix")
    findings.add_argument("--fail-on", choices=_SEVERITIES, help="exit with 2 on a finding of this severity or graver")
    findings.set_defaults(run=run_findings)


def run_explain(args: argparse.Namespace) -> int:
    """Print the table."""
    if not args.sources:
        raise InvalidInput(
            "No source is given.", next_step="Add --from 203.0.113.7, as often as you like.", field="from"
        )
    bucket, key = parse_s3_uri(args.object)
    who = connection(args).who_can_open(
        bucket, key, args.sources, team=args.team, forwarded_from=args.forwarded_from or None
    )
    if args.json:
        show_json(who.to_dicts())
    else:
        say(repr(who))
    return 0


def run_findings(args: argparse.Namespace) -> int:
    """Print the findings."""
    found = connection(args).findings(team=args.team, bucket=args.bucket)
    if args.json:
        show_json([finding.to_dict() for finding in found])
    for finding in found if not args.json else ():
        about = f" ({printable(finding.subject)})" if finding.subject else ""
        say(f"{finding.severity:6}  {finding.code}: {finding.title}{about}")
        if finding.detail:
            say(f"        {printable(finding.detail)}")
        say(f"        {finding.why}")
        say(f"        next: {finding.fix}")
    if not found and not args.json:
        say("Nothing was found.")
    limit = _SEVERITIES.index(args.fail_on) if args.fail_on else -1
    return 2 if any(_SEVERITIES.index(finding.severity) <= limit for finding in found) else 0
