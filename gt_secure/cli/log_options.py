"""Options that the commands over access logs share, bundled by use, and what reads them."""

from __future__ import annotations

import argparse
import contextlib
import sys
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import explain, logs
from ..base.errors import GtSecureError, InvalidInput
from ..base.optional import missing
from ..base.text import Json, json_text
from ..base.viewers import VIEWER
from ..logs import activity
from ..logs.coverage import Coverage
from ..logs.engines.duckdb_store import MEMORY_LIMIT
from ..logs.engines.selection import ENGINES
from ..logs.hits import Hits
from ..logs.read import read_columns
from ..logs.sql.log_columns import STORED
from ..logs.sql.query import Filters
from ..logs.storage.listing import find_logs, refuse_data
from .exit_codes import OK, UNKNOWN
from .output import ask, connection, note
from .parser import Parser
from .progress import Working, working

if TYPE_CHECKING:
    from ..logs.engines.athena_settings import Athena, Estimate


def add_log_source(parser: Parser) -> None:
    """Add the arguments that name logs and their time."""
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="s3://BUCKET for its access log; or logs: files, folders, s3://BUCKET/PREFIX, -",
    )
    parser.add_argument("--bucket", help="data bucket: read its access logs")
    parser.add_argument("--since", help="UTC time (2026-11-20, 2026-11-20T09:00) or age (7d)")
    parser.add_argument("--until", help="end: UTC time, exclusive")
    parser.add_argument("--prefix", help="only objects whose key starts with this")
    parser.add_argument(
        "--networks",
        action="append",
        metavar="FILE",
        help="networks file with names of networks; may be repeated",
    )
    parser.add_argument(
        "--viewer-parameter", metavar="NAME", help=f"query parameter of viewers (default: {VIEWER})"
    )
    parser.add_argument(
        "--viewer-signer",
        action="append",
        default=[],
        metavar="ARN",
        help="count viewers signed by this role or user only; may be repeated",
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="do not cache log objects of S3 on disk"
    )
    parser.add_argument(
        "--memory-limit",
        default=MEMORY_LIMIT,
        metavar="SIZE",
        help="memory limit; spills to disk beyond it (default: %(default)s)",
    )
    parser.add_argument(
        "--stats", action="store_true", help="print coverage as JSON on standard error"
    )
    parser.set_defaults(
        engine="auto", athena_database=None, dedupe=False, predict=False, presigned=False
    )
    parser.set_defaults(refused=False, no_tests=False, network=[], team=None)


def add_log_filter(parser: Parser) -> None:
    """Add the options that select requests."""
    parser.add_argument(
        "--presigned", action="store_true", help="only requests with presigned URLs"
    )
    parser.add_argument(
        "--refused", action="store_true", help="only requests with status 401 or 403"
    )
    parser.add_argument("--no-tests", action="store_true", help="leave out requests of test URLs")
    parser.add_argument(
        "--network", action="append", default=[], help="only from these ranges; may be repeated"
    )
    parser.add_argument(
        "--predict",
        action="store_true",
        help="predict refused_by for access logs from the current bucket policy",
    )


def add_engine(parser: Parser) -> None:
    """Add the options on where the query runs."""
    group = parser.add_argument_group("where the query runs")
    group.add_argument(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="auto reads here, and large logs with --athena-database if given (--stats shows why)",
    )
    group.add_argument("--athena-database", help="database of the Glue catalog for Athena's table")
    group.add_argument(
        "--athena-workgroup", default="primary", help="work group of Athena (default: %(default)s)"
    )
    group.add_argument(
        "--athena-output", help="s3:// location of Athena's results (default: the work group's)"
    )
    group.add_argument(
        "--athena-table", help="existing table of raw lines (default: a temporary one)"
    )
    group.add_argument(
        "--yes", action="store_true", help="run a query that costs money without asking"
    )
    for option in ("--athena-workgroup", "--athena-output", "--athena-table", "--yes"):
        parser.needs(option, "--athena-database", "--engine=athena")
    for engine in ("duckdb", "spark"):
        parser.excludes(f"--engine={engine}", "--athena-database")


def check_limit(args: argparse.Namespace) -> None:
    """Raise InvalidInput if ``--limit`` is less than 1."""
    if args.limit is not None and args.limit < 1:
        raise InvalidInput("--limit accepts numbers from 1.", field="limit")


def open_hits(args: argparse.Namespace, stored: Collection[str] = STORED) -> Hits:
    """Read the hits that the options select, with predictions if they are asked for;
    only the ``stored`` columns where nothing asks for others.
    """
    sources, options = log_query(args)
    with reading() as line:
        options |= {"cache": not args.no_cache, "dedupe": args.dedupe, "progress": line.show}
        if getattr(args, "wait_for", 0):
            hits = logs.wait_for_hits(sources, args.wait_for, wait_s=args.wait_s, **options)
        else:
            hits = read_columns(STORED if args.predict else stored, sources, **options)
    refuse_data(options["aws"], args.sources, hits.coverage.lines, hits.coverage.unreadable)
    return with_predictions(args, hits)


def with_predictions(args: argparse.Namespace, hits: Hits) -> Hits:
    """Return hits with the predicted refusals of ``--predict``."""
    if not args.predict:
        return hits
    return hits.with_refusals(explain.refusal_decider(connection(args).aws))


@contextlib.contextmanager
def reading(text: str = activity.READING) -> Iterator[Working]:
    """Show the progress of reading, and warn in one line at the start that it may take hours."""
    with warnings.catch_warnings(), working(text) as line:
        warnings.showwarning = lambda message, *_, **__: note(f"gt-secure: {message}")
        yield line


def _log_filters(args: argparse.Namespace) -> Filters:
    return {
        "bucket": args.bucket,  # one log prefix may hold the records of many buckets
        "presigned": True if args.presigned else None,
        "refused": True if args.refused else None,
        "test": False if args.no_tests else None,
        "network": args.network or None,
        "key_prefix": args.prefix,
    }


def athena_settings(args: argparse.Namespace) -> Athena | None:
    """Return the settings of Athena; None if no option asks for it."""
    if args.engine != "athena" and args.athena_database is None:
        return None
    return logs.Athena(
        database=args.athena_database or "default",
        workgroup=args.athena_workgroup,
        output=args.athena_output,
        table=args.athena_table,
        yes=args.yes,
        confirm=_confirmed,
    )


def _confirmed(estimate: Estimate) -> bool:
    sys.stderr.write(estimate.sentence + "\n")
    return ask("Run it?", "Add --yes to run it.")


def log_query(args: argparse.Namespace) -> tuple[list[Any], Json]:
    """Return the logs that are meant, and the options of every way to read them."""
    from ..aws.buckets import as_s3, check_bucket

    sources: list[Any] = [as_s3(each) for each in args.sources]
    is_remote = args.bucket or args.engine == "athena"
    if not (sources or is_remote):
        raise InvalidInput(
            "No access log was given.",
            next_step=(
                "Name a data bucket, such as s3://gt-images, or logs: a file, a folder or"
                " s3://BUCKET/PREFIX."
            ),
            field="logs",
        )
    _refuse_as_output(getattr(args, "output", None), sources)
    aws = None
    if is_remote or any(source.startswith("s3://") for source in sources):
        from ..aws.client import connect_aws

        aws = connect_aws(profile=args.profile, region=args.region)
        sources = _of_data_bucket(args, aws, sources)
    elif not (args.predict or args.team) and (
        unused := next((name for name in ("profile", "region") if getattr(args, name)), None)
    ):
        raise InvalidInput(
            f"--{unused} is for logs in S3, and these logs are here.",
            next_step=f"Leave out --{unused}.",
            field=unused,
        )
    if args.bucket:
        args.bucket = check_bucket(args.bucket)
        sources.append(find_logs(aws, args.bucket))
    options = {
        name: getattr(args, name)
        for name in ("since", "until", "engine", "networks", "memory_limit")
    }
    options["viewers"] = logs.Viewers(args.viewer_parameter or VIEWER, tuple(args.viewer_signer))
    return sources, options | {
        "aws": aws,
        "filters": _log_filters(args),
        "athena": athena_settings(args),
    }


def _of_data_bucket(args: argparse.Namespace, aws: Any, sources: list[Any]) -> list[Any]:
    """Take a lone bucket that has an access log as ``--bucket``; other sources hold logs."""
    bucket = sources[0][5:] if len(sources) == 1 and sources[0].startswith("s3://") else "/"
    if "/" not in bucket and not args.bucket:
        with contextlib.suppress(GtSecureError):
            find_logs(aws, bucket)
            args.bucket = bucket
            return []
    return sources


def _refuse_as_output(output: str | None, sources: list[str]) -> None:
    """Refuse to write over a log that is read."""
    if (
        output
        and Path(output).is_file()
        and any(Path(source).is_file() and Path(source).samefile(output) for source in sources)
    ):
        raise InvalidInput(
            f"{output} is one of the logs.", next_step="Choose another file for -o.", field="output"
        )


def tell(coverage: Coverage, stats: bool) -> int:
    """Print the coverage, as JSON or only what needs attention;
    what was not read makes the exit code UNKNOWN.
    """
    if stats:
        slower = missing(("isal", "obstore"))
        note(json_text(coverage.to_dict() | ({"slower_without": slower} if slower else {})))
    else:
        note(coverage.summary)
        for limit in coverage.limits()[1:]:
            if limit not in coverage.doubts:
                note(f"note: {limit}")
        for doubt in coverage.doubts:
            note(f"unknown: {doubt}")
    return UNKNOWN if coverage.doubts else OK
