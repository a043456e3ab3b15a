"""Command ``leaks``."""

from __future__ import annotations

import argparse
import itertools
import shlex
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from ..account.whose_urls import owners_of
from ..base.clock import utc_now
from ..base.errors import InvalidInput
from ..base.text import printable
from ..check.logs import not_bound, unbound
from ..check.result import MAX_NAMED
from ..logs import activity
from ..logs.coverage import Coverage
from ..logs.leaks import COLUMNS, LeakRules
from .exit_codes import UNKNOWN
from .hits import emit
from .log_options import add_engine, add_log_source, open_hits, tell
from .output import connection, json_document, write_report
from .parser import Commands
from .progress import working

if TYPE_CHECKING:
    from ..aws.teams import Workteam
    from ..logs.hits import Hits
    from ..logs.leaks import Leak, Leaks


_USUAL = LeakRules()


def add(commands: Commands) -> None:
    """Add the command leaks."""
    parser = commands.add(
        "leaks",
        _run,
        description=(
            "Find presigned URLs that were used from two networks: all addresses of one /24 (IPv6:"
            " /48) are one network. --per-address finds URLs of two addresses."
        ),
        examples=(
            ("gt-secure leaks s3://gt-images --since 7d", "the last week of a bucket"),
            ("gt-secure leaks log/ --pool 203.0.113.0/24 --json", "treat a NAT pool as one user"),
            (
                "gt-secure leaks s3://gt-images --per-address --team radiology-team",
                "URLs of two addresses, and those that the URL lock did not bind",
            ),
        ),
        exit_codes=(
            "0; 3 if part of the logs was not read, they contain no presigned URL, or not all were"
            " compared"
        ),
        result=_leaks_from,
    )
    add_log_source(parser)
    parser.add_argument(
        "--pool",
        action="append",
        default=[],
        help="addresses of one user, such as a NAT pool; may be repeated",
    )
    for bits, name, default in ((32, "v4", _USUAL.v4_prefix), (128, "v6", _USUAL.v6_prefix)):
        words = (
            f"leading bits that the IP{name} addresses of one network share, at most {bits}"
            f" (default: {default})"
        )
        parser.add_argument(f"--{name}-prefix", type=int, metavar="BITS", help=words)
    parser.add_argument(
        "--per-address", action="store_true", help="count each address and VPC endpoint as a user"
    )
    parser.add_argument("--team", help="name URLs that the URL lock of this workteam did not bind")
    parser.add_argument(
        "--format", choices=("text", "table", "csv"), default="text", help="output format"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file")
    add_engine(parser)
    parser.excludes("--json", "--format")
    parser.excludes("--per-address", "--v4-prefix", "--v6-prefix")
    for form in ("table", "csv"):
        parser.excludes(f"--format={form}", "--team")


def _run(args: argparse.Namespace) -> int:
    leaks, coverage = _leaks(args)
    if not args.json and args.format != "text":
        emit(leaks.to_table(), args.format, args.output)
    else:
        lines = [
            leaks.summary,
            *(line for leak in leaks for line in _leak_lines(leak)),
            *map(printable, leaks.notes),
        ]
        sentences = "\n".join(lines)
        text = json_document(leaks.to_dict()) if args.json else printable(sentences, keep="\n")
        if args.output:
            write_report(args.output, lambda: text + "\n")
        else:
            sys.stdout.write(text + "\n")
    code = tell(coverage, args.stats)
    return code if leaks.checked and not leaks.left_out else UNKNOWN


def _leak_lines(leak: Leak) -> Iterator[str]:
    """Yield a leak in a sentence, and how to stop the URL while somebody else can still use it."""
    rank = f", {leak.rank}" if leak.rank else ""
    yield f"- {leak.kind}{rank}: {printable(leak.sentence)}"
    if leak.kind != "leak":
        return
    from ..changes.revoke import revoked_by_leak  # most commands change nothing

    try:
        revoked = revoked_by_leak(leak)
    except (
        InvalidInput
    ):  # the text of the log is not the name of a bucket, and must not get into a shell
        return
    if revoked.until is None or revoked.until > utc_now():
        words = ["gt-secure", "revoke", f"s3://{revoked.bucket}", "--fingerprint", leak.fingerprint]
        yield f"  stop it: {shlex.join(words)}"


def _leaks_from(args: argparse.Namespace) -> Leaks:
    leaks, coverage = _leaks(args)
    tell(coverage, args.stats)
    return leaks


def _leaks(args: argparse.Namespace) -> tuple[Leaks, Coverage]:
    from ..logs.hits import worse_leaks  # much to import, and only this command needs it

    widths = {
        name: value
        for name in ("v4_prefix", "v6_prefix")
        if (value := getattr(args, name)) is not None
    }
    rules = LeakRules.make(pools=args.pool, per_address=args.per_address, **widths)
    gt = None if args.team is None else connection(args)
    team = None if gt is None else gt.workteam(args.team)

    def find(hits: Hits) -> Leaks:
        leaks = hits.leaks(rules)
        leaks.notes += [] if team is None else _of_lock(hits, team)
        return leaks

    with open_hits(args, COLUMNS) as hits, working(activity.LEAKS):
        if gt is not None:
            hits.owners_of = partial(owners_of, gt.aws)
        leaks, coverage = hits.asked(find, worse_leaks)
    leaks.unread = coverage.doubts
    return leaks, coverage


def _of_lock(hits: Hits, team: Workteam) -> list[str]:
    """Return which URLs the URL lock of a team did not bind, in sentences."""
    if team.url_lock is None or not team.url_lock.on:
        return [f"The URL lock of {team.name} is off, so it binds no URL to an address."]
    loose, unassigned = unbound(hits, team)
    if not loose:
        clean = (
            f"No URL shows that the URL lock of {team.name} ({team.url_lock.mode}) did not bind it."
        )
        return [unassigned or clean]
    more = [f"{len(loose) - MAX_NAMED:,} more URLs."] if len(loose) > MAX_NAMED else []
    shown = itertools.islice(loose, MAX_NAMED)
    return [not_bound(team, len(loose)), *(f"Not bound: {leak.sentence}" for leak in shown), *more]
