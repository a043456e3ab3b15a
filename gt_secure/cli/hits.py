"""Commands ``hits``, ``leaks`` and ``log-cache``."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import shlex
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import access, logs
from ..errors import InvalidInput
from ..logs import activity
from ..logs.coverage import Coverage
from ..logs.engines.duckdb_store import MEMORY_LIMIT
from ..logs.engines.selection import ENGINES
from ..logs.hits import Hits
from ..logs.read import count_hits, read_hits
from ..logs.sql.columns import COLUMNS
from ..logs.storage.cache import Cache, cache_state
from ..logs.storage.listing import find_logs
from ..logs.table import Table
from ..optional import missing
from ..text import json_text, printable
from .output import connection, note
from .progress import working

if TYPE_CHECKING:
    from ..logs.engines.athena_settings import Athena, Estimate
    from ..logs.export import Export
    from ..logs.leaks import Leak, Leaks

_BY = "remote_ip,http_status"


def add_source_arguments(parser: argparse.ArgumentParser, *, asks: bool = True) -> None:
    """Add the arguments of every command over logs: location of the logs and filters.

    A command that asks for itself, as every change does, has ``--yes`` already.
    """
    parser.add_argument("sources", nargs="*", metavar="SOURCE",
                        help="files, folders, globs, s3://bucket/prefix, or - for standard input")  # fmt: skip
    parser.add_argument("--logs", action="append", dest="more_sources", default=[], metavar="SOURCE",
                        help="the same as SOURCE; may be repeated")  # fmt: skip
    parser.add_argument("--bucket", help="data bucket: read its access logs")
    parser.add_argument("--since", help="UTC time (2026-11-20, 2026-11-20T09:00) or age (7d)")
    parser.add_argument("--until", help="end: UTC time, exclusive")
    parser.add_argument("--presigned", action="store_true", help="only requests with presigned URLs")
    parser.add_argument("--refused", action="store_true", help="only requests with status 401 or 403")
    parser.add_argument("--no-tests", action="store_true", help="leave out requests of test URLs")
    parser.add_argument("--network", action="append", default=[], help="only from these ranges; may be repeated")
    parser.add_argument("--networks", action="append", metavar="FILE",
                        help="names of networks: networks file, ip-ranges.json or .mmdb; may be repeated")  # fmt: skip
    parser.add_argument("--predict", action="store_true",
                        help="predict refused_by for access logs from the current bucket policy")  # fmt: skip
    parser.add_argument("--key-prefix", help="only objects whose key starts with this")
    parser.add_argument("--dedupe", action="store_true", help="leave out records that were delivered twice")
    parser.add_argument("--no-cache", action="store_true", help="do not cache log objects of S3 on disk")
    parser.add_argument("--memory-limit", default=MEMORY_LIMIT, metavar="SIZE",
                        help="memory limit; spills to disk beyond it (default: %(default)s)")  # fmt: skip
    parser.add_argument("--stats", action="store_true", help="print coverage as JSON on standard error")
    _add_engine_arguments(parser, asks)


def _add_engine_arguments(parser: argparse.ArgumentParser, asks: bool) -> None:
    group = parser.add_argument_group("where the query runs")
    group.add_argument("--engine", choices=ENGINES, default="auto",
                       help="auto reads here, and large logs with --athena-database "
                       "if given (--stats shows why)")  # fmt: skip
    group.add_argument("--athena-database", help="database of the Glue catalog for Athena's table")
    group.add_argument("--athena-workgroup", default="primary", help="work group of Athena")
    group.add_argument("--athena-output", help="s3:// location of Athena's results (default: the work group's)")
    group.add_argument("--athena-table", help="existing table of raw lines (default: a temporary one)")
    if asks:
        group.add_argument("--yes", action="store_true", help="run a query that costs money without asking")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``hits``."""
    add_source_arguments(parser)
    parser.add_argument("--by", default=_BY, help=f"comma-separated columns to group by: {', '.join(COLUMNS)}")
    parser.add_argument("--format", choices=("table", "csv", "json", "parquet"), default="table")
    parser.add_argument("--limit", type=int, help="maximum number of rows (default: all)")
    parser.add_argument("--output", "-o", help="write to this file")
    group = parser.add_argument_group("waiting for delivery")
    group.add_argument(
        "--wait-for", type=int, default=0, metavar="N", help="wait until N requests are there, then count"
    )
    group.add_argument("--follow", action="store_true", help="count each delivery as it comes, after what is there")
    group.add_argument("--wait-s", type=float, default=3600.0, metavar="SECONDS",
                       help="end waiting or following after this (default: %(default)g)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Count hits and print them."""
    if args.format == "table":
        table, coverage = counts_from(args)
        emit(table, args.format, args.output)
    else:
        coverage = _export(args)
    tell(coverage, args.stats)
    return 0


def _export(args: argparse.Namespace) -> Coverage:
    """Count hits, and let the engine write them where it can: it is faster for many groups."""
    if args.format == "parquet":
        _refuse_terminal(args.output)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(args.output or Path(folder) / "hits")
        export = logs.Export(path, args.format, args.limit)
        table, coverage = counts_from(args, export)
        if not export.written:
            emit(table, args.format, args.output)
        elif not args.output:
            _copy_out(path)
    return coverage


def _copy_out(path: Path) -> None:
    """Write a file to standard output."""
    sys.stdout.flush()
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
    sys.stdout.buffer.flush()


def table_from(args: argparse.Namespace) -> Table:
    """Count hits, and report their coverage on standard error."""
    if args.follow:
        raise InvalidInput(
            "--follow prints as it goes, and a cell has one result.",
            next_step="Use --wait-for N here, or gt_secure.logs.follow_hits in Python.",
            field="follow",
        )
    table, coverage = counts_from(args)
    tell(coverage, args.stats)
    return table


def counts_from(args: argparse.Namespace, export: Export | None = None) -> tuple[Table, Coverage]:
    """Count hits as the options ask."""
    check_limit(args)
    large = args.engine in ("spark", "athena") or args.athena_database
    if not (args.dedupe or args.predict or args.wait_for) and (large or _simple(args)):
        sources, aws = log_sources(args)
        with warnings_as_lines(), reading() as progress:
            table, coverage = count_hits(
                sources, args.by, since=args.since, until=args.until, aws=aws, engine=args.engine,
                filters=log_filters(args), athena=_athena(args), progress=progress,
                networks=args.networks, memory_limit=args.memory_limit, export=export,
            )  # fmt: skip
        if args.limit is not None:
            table = Table(table.columns, table.rows[: args.limit])
    else:
        with open_hits(args) as hits, working(activity.COUNTING):
            coverage, table = hits.coverage, hits.count(args.by, limit=args.limit)
    return table, coverage


def check_limit(args: argparse.Namespace) -> None:
    """Refuse a number of rows below 1."""
    if args.limit is not None and args.limit < 1:
        raise InvalidInput("--limit accepts numbers from 1.", field="limit")


def _simple(args: argparse.Namespace) -> bool:
    """Return whether one pass without keeping rows is enough."""
    remote = args.bucket or any(source.startswith("s3://") for source in (*args.sources, *args.more_sources))
    return not args.network and not args.predict and not remote


def open_hits(args: argparse.Namespace) -> Hits:
    """Read what the arguments of a command name."""
    sources, aws = log_sources(args)
    with warnings_as_lines(), reading() as progress:
        options: dict[str, Any] = {
            "since": args.since, "until": args.until, "aws": aws, "dedupe": args.dedupe, "cache": not args.no_cache,
            "engine": args.engine, "athena": _athena(args),
            "filters": log_filters(args), "progress": progress, "networks": args.networks,
            "memory_limit": args.memory_limit,
        }  # fmt: skip
        if getattr(args, "wait_for", 0):
            hits = logs.wait_for_hits(sources, args.wait_for, wait_s=args.wait_s, **options)
        else:
            hits = read_hits(sources, **options)
    return with_predictions(args, hits)


def with_predictions(args: argparse.Namespace, hits: Hits) -> Hits:
    """Fill in the predicted locks, if the arguments ask for them."""
    if not args.predict:
        return hits
    return hits.with_refusals(access.refusal_decider(connection(args).aws))


@contextlib.contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Report immediately, in one line, that the logs are large: reading may take hours."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: note(f"gt-secure: {message}")
        yield


def log_filters(args: argparse.Namespace) -> dict[str, Any]:
    """Return the filters of the arguments, as ``Hits.filter`` accepts them."""
    return {
        "bucket": args.bucket,  # one log prefix may hold the records of many buckets
        "presigned": True if args.presigned else None,
        "refused": True if args.refused else None,
        "test": False if args.no_tests else None,
        "network": args.network or None,
        "key_prefix": args.key_prefix,
    }


def _athena(args: argparse.Namespace) -> Athena | None:
    """Return the settings for Athena, if the arguments ask for it."""
    if args.engine != "athena" and args.athena_database is None:
        return None
    return logs.Athena(
        database=args.athena_database or "default", workgroup=args.athena_workgroup, output=args.athena_output,
        table=args.athena_table, yes=args.yes, confirm=_confirmed,
    )  # fmt: skip


def _confirmed(estimate: Estimate) -> bool:
    """Ask on the terminal; without one, raise :class:`InvalidInput`."""
    sys.stderr.write(estimate.sentence + "\n")
    if not sys.stdin.isatty():
        raise InvalidInput(
            "Cannot ask for confirmation: standard input is not a terminal.",
            next_step="Add --yes to run it.",
            field="yes",
        )
    sys.stderr.write("Run it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextlib.contextmanager
def reading() -> Iterator[Callable[[Any], None]]:
    """Show the progress of reading: objects and bytes here, the state of the query elsewhere."""
    with working(activity.READING) as line:
        yield lambda progress: line.update(activity.words_of(progress))


def log_sources(args: argparse.Namespace) -> tuple[list[Any], Any]:
    """Return the sources that the arguments name, and the connection they need."""
    sources: list[Any] = [*args.sources, *args.more_sources]
    if not sources and not args.bucket and args.engine != "athena":
        raise InvalidInput(
            "No access logs are named.",
            next_step="Name a file, a folder or an s3:// prefix, or add --bucket NAME to read the logs of a bucket.",
            field="logs",
        )
    _refuse_as_output(getattr(args, "output", None), sources)
    aws = None
    if args.bucket or args.engine == "athena" or any(source.startswith("s3://") for source in sources):
        from ..aws.client import connect_aws

        names = ("profile", "region", "endpoint_url")
        aws = connect_aws(**{name: getattr(args, name, None) for name in names})
    if args.bucket:
        sources.append(find_logs(aws, args.bucket))
    return sources, aws


def _refuse_as_output(output: str | None, sources: list[str]) -> None:
    """Refuse to write over a log that is read."""
    if (
        output
        and Path(output).is_file()
        and any(Path(source).is_file() and Path(source).samefile(output) for source in sources)
    ):
        raise InvalidInput(f"{output} is one of the logs.", next_step="Choose another file for -o.", field="output")


def emit(table: Table, form: str, output: str | None) -> None:
    """Write a table to a file or to standard output."""
    if form == "parquet":
        _emit_parquet(table, output)
        return
    text = {"table": table.to_text, "csv": table.to_csv, "json": table.to_json}[form]()
    text = text if text.endswith("\n") else text + "\n"
    if output:
        _write(output, text)
    else:
        sys.stdout.write(text)
    if form == "table" and not len(table):
        note("No request was found. That is not proof that nobody opened an object: the log may be late or incomplete.")


def _write(output: str, text: str) -> None:
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"{output} cannot be written: {error.strerror}.",
            next_step="Choose a file in a folder that exists.",
            field="output",
        ) from error


def _emit_parquet(table: Table, output: str | None) -> None:
    if output:
        table.to_parquet(output)
        return
    _refuse_terminal(output)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hits.parquet"
        table.to_parquet(path)
        _copy_out(path)


def _refuse_terminal(output: str | None) -> None:
    if output is None and sys.stdout.isatty():
        raise InvalidInput(
            "Parquet cannot be printed on a terminal.",
            next_step="Add --output FILE, or redirect the output.",
            field="format",
        )


def tell(coverage: Coverage, stats: bool) -> None:
    """Print the coverage on standard error: as JSON, or only what needs attention."""
    if stats:
        slower = missing(("isal", "obstore"))
        note(json_text(coverage.to_dict() | ({"slower_without": slower} if slower else {})))
        return
    note(coverage.summary)
    for limit in coverage.limits()[1:]:
        note(f"note: {limit}")


def add_leaks_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``leaks``."""
    add_source_arguments(parser)
    parser.add_argument("--pool", action="append", default=[],
                        help="addresses of one user, such as a NAT pool; may be repeated")  # fmt: skip
    parser.add_argument("--v4-prefix", type=int, default=24, help="prefix length of one IPv4 network")
    parser.add_argument("--v6-prefix", type=int, default=48, help="prefix length of one IPv6 network")
    parser.add_argument("--pair-seconds", type=float, default=60.0,
                        help="window that pairs IPv4 and IPv6 of one user agent")  # fmt: skip
    parser.add_argument("--format", choices=("text", "table", "csv", "json"), default="text")
    parser.add_argument("--output", "-o", help="write to this file")


def run_leaks(args: argparse.Namespace) -> int:
    """Print URLs that were used from more than one network."""
    leaks, coverage = _leaks(args)
    if args.format in ("table", "csv"):
        emit(leaks.to_table(), args.format, args.output)
    else:
        sentences = "\n".join([leaks.summary, *(line for leak in leaks for line in _leak_lines(leak)), *leaks.notes])
        text = json_text(leaks.to_dict(), indent=2) if args.format == "json" else printable(sentences, keep="\n")
        if args.output:
            _write(args.output, text + "\n")
        else:
            sys.stdout.write(text + "\n")
    tell(coverage, args.stats)
    return 0


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
        words = ["gt-secure", "revoke", "--bucket", revoked.bucket, "--fingerprint", leak.fingerprint]
        yield f"  stop it: {shlex.join(words)}"


def leaks_from(args: argparse.Namespace) -> Leaks:
    """Find leaks, and report the coverage on standard error."""
    leaks, coverage = _leaks(args)
    tell(coverage, args.stats)
    return leaks


def _leaks(args: argparse.Namespace) -> tuple[Leaks, Coverage]:
    rules = logs.LeakRules.make(
        pools=args.pool, v4_prefix=args.v4_prefix, v6_prefix=args.v6_prefix, pair_seconds=args.pair_seconds
    )
    with open_hits(args) as hits, working(activity.LEAKS):
        return hits.leaks(rules), hits.coverage


def add_cache_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``log-cache``."""
    parser.add_argument("action", choices=("show", "clear"))


def run_cache(args: argparse.Namespace) -> int:
    """Show or clear the cache of parsed log objects."""
    if args.action == "clear":
        freed = Cache().clear()
        sys.stdout.write(json.dumps({"freed_bytes": freed}) + "\n" if args.json else f"Freed {freed / 1e6:,.1f} MB.\n")
        return 0
    state = cache_state()
    if args.json:
        sys.stdout.write(json.dumps({name: getattr(state, name) for name in state.__dataclass_fields__}) + "\n")
    else:
        sys.stdout.write(
            f"{state.objects:,} log objects in {state.files:,} files, {state.bytes / 1e6:,.1f} MB of at most "
            f"{state.limit_bytes / 1e6:,.0f} MB, in {state.folder}\n"
        )
    return 0
