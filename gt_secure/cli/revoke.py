"""Command ``revoke``."""

from __future__ import annotations

import argparse

from ..base.errors import GtSecureError, InvalidInput, NotFound
from ..base.text import Json
from ..changes.applied import Applied
from ..changes.plan import Plan
from ..connection import Connection
from ..logs.hits import Hits
from ..logs.leaks import url_uses
from ..logs.storage.listing import find_logs
from . import changes
from .log_options import reading
from .output import connection, note
from .parser import Commands
from .sign import add_viewer, with_key


def add(commands: Commands) -> None:
    """Add the command revoke."""
    parser = commands.add(
        "revoke",
        _run,
        description=(
            "Stop presigned requests whose credentials are older than a leak: show the plan, ask,"
            " change, read back. Undo it with gt-secure undo ID. A later plan for the bucket"
            " removes it once the URLs have expired."
        ),
        examples=(
            (
                "gt-secure revoke s3://gt-images --fingerprint 0123456789abcdef",
                "stop one URL that leaks reported",
            ),
            (
                "gt-secure revoke s3://gt-images/scans/ --before 1h --yes",
                "stop all URLs of older sessions",
            ),
            (
                "gt-secure revoke s3://gt-images --viewer anna",
                "stop what was signed for one viewer until now",
            ),
        ),
        result=_revoke_from,
    )
    parser.add_place("data bucket, in whose logs a fingerprint is looked for")
    parser.add_argument("--fingerprint", help="the URL, as leaks reports it")
    parser.add_argument(
        "--before",
        metavar="TIME",
        help="instead: credentials issued before this UTC time, age (1h) or now",
    )
    add_viewer(parser, "instead: what was signed for this viewer")
    parser.add_argument(
        "--signer", metavar="ARN", help="with --before or --viewer: URLs of this role or user"
    )
    parser.add_argument(
        "--logs",
        action="append",
        default=[],
        metavar="SOURCE",
        help="read these access logs instead (repeatable)",
    )
    parser.add_argument("--since", help="start of the logs: UTC time or age (7d)")
    changes.add_confirm(parser)
    changes.add_doing(parser)
    parser.reads_only("--fingerprint", "s3uri", "--logs", "--since", "--confirm", *changes.DOING)
    parser.needs("--since", "--fingerprint", "--logs", "--viewer")


def _run(args: argparse.Namespace) -> int:
    return changes.report(args, _revoke_from(args))


def _revoke_from(args: argparse.Namespace) -> Applied:
    gt = with_key(connection(args), args)
    return changes.apply_plan(args, gt, _planned(args, gt))


def _planned(args: argparse.Namespace, gt: Connection) -> Plan:
    if args.fingerprint is not None:
        if args.prefix:
            raise InvalidInput(
                "A fingerprint is one URL: no prefix is read.",
                next_step=f"Write s3://{args.bucket}.",
                field="bucket",
            )
        with _hits(args, gt) as log:
            leak = url_uses(log, args.fingerprint)
            if leak is None:
                raise NotFound(
                    f"The log has no presigned URL with the fingerprint {args.fingerprint[:40]}.",
                    next_step="Copy it from gt-secure leaks --json, and read the same logs.",
                )
            return gt.revoke(leak, bucket=args.bucket, logs=log)
    if args.before is None and args.viewer is None:
        raise InvalidInput(
            "A revocation is for one URL or for a time.",
            next_step=(
                "Add --fingerprint from gt-secure leaks --json, --before TIME or --viewer NAME."
            ),
            field="before",
        )
    wanted: Json = {name: getattr(args, name) for name in ("before", "signer", "viewer")}
    wanted["bucket"] = f"s3://{args.bucket}/{args.prefix}" if args.prefix else args.bucket
    if not args.logs and not (args.viewer and _has_log(args, gt)):
        return gt.revoke(**wanted)
    with _hits(args, gt) as log:
        return gt.revoke(**wanted, logs=log)


def _has_log(args: argparse.Namespace, gt: Connection) -> bool:
    """Return whether the log of the bucket can be found:
    stopping a viewer does not wait for one.
    """
    try:
        find_logs(gt.aws, args.bucket)
    except GtSecureError as error:
        note(
            "The log was not read, so that URLs which others signed for the viewer are unknown:"
            f" {error.message}"
        )
        return False
    return True


def _hits(args: argparse.Namespace, gt: Connection) -> Hits:
    if not args.logs and not args.bucket:
        raise InvalidInput(
            "No access log was given.",
            next_step="Name a bucket, as s3://gt-images, to read its logs, or add --logs SOURCE.",
            field="bucket",
        )
    with reading() as line:
        return gt.hits(args.bucket, logs=args.logs or None, since=args.since, progress=line.show)
