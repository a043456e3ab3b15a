"""Command ``revoke``."""

from __future__ import annotations

import argparse

from ..changes.plan import Plan
from ..changes.transaction import Applied
from ..connection import Connection
from ..errors import InvalidInput, NotFound
from ..logs.hits import Hits
from ..logs.leaks import Leak, url_uses
from . import changes, hits
from .output import connection
from .parser import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "revoke",
        run,
        description="Stop presigned requests whose credentials are older than a leak: show the plan, ask, change, read "
        "back. Undo it with undo; a later plan for the bucket removes it once the URLs have expired.",
        examples=(
            ("gt-secure revoke --bucket gt-images --fingerprint 0123456789abcdef", "stop one URL that leaks reported"),
            (
                "gt-secure revoke --bucket gt-images --prefix scans/ --before 1h --yes",
                "stop all URLs of older sessions",
            ),
        ),
        result=revoke_from,
    )
    hits.add_source_arguments(parser, asks=False)
    parser.add_argument("--fingerprint", help="the URL, as leaks reports it")
    parser.add_argument("--before", metavar="TIME", help="instead: credentials issued before this UTC time or age (1h)")
    parser.add_argument("--prefix", default="", help="with --before: only keys with this prefix")
    parser.add_argument("--signer", metavar="ARN", help="with --before: only URLs of this role or user")
    changes.add_doing(parser)


def run(args: argparse.Namespace) -> int:
    """Plan a revocation, show it, ask, and apply it."""
    return changes.report(args, revoke_from(args))


def revoke_from(args: argparse.Namespace) -> Applied:
    """Return the applied revocation."""
    gt = connection(args)
    return changes.apply_plan(args, gt, _planned(args, gt))


def _planned(args: argparse.Namespace, gt: Connection) -> Plan:
    if (args.fingerprint is None) == (args.before is None):
        raise InvalidInput(
            "A revocation is for one URL or for a time.",
            next_step="Add --fingerprint from gt-secure leaks --json, or --before TIME.",
            field="before",
        )
    if args.fingerprint is not None and (args.prefix or args.signer is not None):
        raise InvalidInput(
            "A fingerprint names one URL, with its object and signer.",
            next_step="Leave out --prefix and --signer, or use --before TIME instead of --fingerprint.",
            field="signer" if args.signer is not None else "prefix",
        )
    has_log = bool(args.sources or args.more_sources)
    if args.before is not None and not has_log:
        return gt.revoke(before=args.before, bucket=args.bucket, prefix=args.prefix, signer=args.signer)
    with hits.open_hits(args) as log:
        if args.before is not None:
            return gt.revoke(before=args.before, bucket=args.bucket, prefix=args.prefix, signer=args.signer, hits=log)
        return gt.revoke(_leak(log, args.fingerprint), hits=log)


def _leak(log: Hits, fingerprint: str) -> Leak:
    leak = url_uses(log, fingerprint)
    if leak is None:
        raise NotFound(
            f"The log has no presigned URL with the fingerprint {fingerprint[:40]}.",
            next_step="Copy it from gt-secure leaks --json, and read the same logs.",
        )
    return leak
