"""Command ``leaks``."""

from __future__ import annotations

import argparse
import datetime as dt
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import logs
from ..base.errors import InvalidInput
from ..base.text import printable
from ..logs import activity
from ..logs.coverage import Coverage
from .exit_codes import UNKNOWN
from .hits import emit
from .log_options import add_engine, add_log_source, open_hits, tell
from .output import json_document, write_report
from .parser import Commands
from .progress import working

if TYPE_CHECKING:
    from ..logs.leaks import Leak, Leaks


def add(commands: Commands) -> None:
    """Add the command leaks."""
    parser = commands.add(
        "leaks",
        _run,
        description="Find presigned URLs that were used from more than one address or network.",
        examples=(
            ("gt-secure leaks --bucket gt-images --since 7d", "the last week of a bucket"),
            ("gt-secure leaks log/ --pool 203.0.113.0/24 --json", "treat a NAT pool as one user"),
        ),
        exit_codes="0; 3 if part of the logs was not read, or they contain no presigned URL",
        result=_leaks_from,
    )
    add_log_source(parser)
    parser.add_argument(
        "--pool", action="append", default=[], help="addresses of one user, such as a NAT pool; may be repeated"
    )
    parser.add_argument("--format", choices=("text", "table", "csv"), default="text", help="output format")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file")
    add_engine(parser)
    parser.excludes("--json", "--format")


def _run(args: argparse.Namespace) -> int:
    leaks, coverage = _leaks(args)
    if not args.json and args.format != "text":
        emit(leaks.to_table(), args.format, args.output)
    else:
        sentences = "\n".join([leaks.summary, *(line for leak in leaks for line in _leak_lines(leak)), *leaks.notes])
        text = json_document(leaks.to_dict()) if args.json else printable(sentences, keep="\n")
        if args.output:
            write_report(args.output, lambda: text + "\n")
        else:
            sys.stdout.write(text + "\n")
    code = tell(coverage, args.stats)
    return code if leaks.checked else UNKNOWN


def _leak_lines(leak: Leak) -> Iterator[str]:
    """Yield a leak in a sentence, and how to stop the URL while somebody else can still use it."""
    yield f"- {leak.kind}: {printable(leak.sentence)}"
    if leak.kind != "leak":
        return
    from ..changes.revoke import revoked_by_leak  # most commands change nothing

    try:
        revoked = revoked_by_leak(leak)
    except InvalidInput:  # the text of the log is not the name of a bucket, and must not get into a shell
        return
    if revoked.until is None or revoked.until > dt.datetime.now(dt.UTC):
        words = ["gt-secure", "revoke", f"s3://{revoked.bucket}", "--fingerprint", leak.fingerprint]
        yield f"  stop it: {shlex.join(words)}"


def _leaks_from(args: argparse.Namespace) -> Leaks:
    leaks, coverage = _leaks(args)
    tell(coverage, args.stats)
    return leaks


def _leaks(args: argparse.Namespace) -> tuple[Leaks, Coverage]:
    rules = logs.LeakRules.make(pools=args.pool)
    with open_hits(args) as hits, working(activity.LEAKS):
        return hits.leaks(rules), hits.coverage
