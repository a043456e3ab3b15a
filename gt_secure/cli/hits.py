"""Commands ``hits`` and ``plot``: requests counted, also of each delivery, and drawn;
and the cache of logs.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import sys
import tempfile
from pathlib import Path

from ..base.errors import InvalidInput
from ..base.html import page
from ..base.text import Json, count, duration, json_text
from ..logs import activity, plots
from ..logs.coverage import Coverage
from ..logs.plots.drawn_columns import COLUMNS as DRAWN
from ..logs.read import count_hits
from ..logs.sql.log_columns import COLUMNS
from ..logs.storage.cache import Cache
from ..logs.table import Table
from ..logs.waiting import USUALLY, follow_hits
from .exit_codes import OK, UNKNOWN
from .log_options import (
    add_engine,
    add_log_filter,
    add_log_source,
    check_limit,
    log_query,
    open_hits,
    reading,
    tell,
    with_predictions,
)
from .output import note, say, show_json, write_report
from .parser import Commands
from .progress import working

_BY = "remote_ip,http_status"


def add(commands: Commands) -> None:
    """Add the commands hits and plot."""
    parser = commands.add(
        "hits",
        _run,
        description=(
            "Count requests of access logs by any columns. Unreadable lines are counted and"
            " reported. Access logs arrive late and may miss requests."
        ),
        examples=(
            ("gt-secure hits s3://gt-images --presigned", "requests with presigned URLs"),
            ("gt-secure hits log/ --by remote_ip,hour --format csv", "logs on disk, as CSV"),
            (
                "gt-secure hits s3://gt-logs/ --since 7d --refused --json",
                "refused requests of the last week",
            ),
            ("gt-secure hits s3://gt-images --since 1h --follow", "each delivery as it comes"),
            ("gt-secure hits --cache show", "folder and size of the cache of logs read from S3"),
        ),
        exit_codes="0; 3 if part of the logs was not read, or they contain no request",
        result=table_from,
    )
    add_log_source(parser)
    add_log_filter(parser)
    parser.add_argument(
        "--dedupe", action="store_true", help="leave out records that were delivered twice"
    )
    parser.add_argument(
        "--by", default=_BY, help=f"comma-separated columns to group by: {', '.join(COLUMNS)}"
    )
    parser.add_argument(
        "--format",
        choices=("table", "csv", "html", "parquet"),
        default="table",
        help="output format",
    )
    parser.add_argument("--limit", type=int, help="maximum number of rows (default: all)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file")
    parser.add_argument(
        "--cache",
        choices=("show", "clear"),
        help="instead: show or clear the cache of logs from S3",
    )
    group = parser.add_argument_group("waiting for delivery")
    group.add_argument(
        "--wait-for",
        type=int,
        default=0,
        metavar="N",
        help="wait until N requests are there, then count",
    )
    group.add_argument(
        "--follow", action="store_true", help="count each delivery to S3 as it comes"
    )
    group.add_argument(
        "--wait-s",
        type=float,
        default=3600.0,
        metavar="SECONDS",
        help="end waiting or following after this (default: %(default)g)",
    )
    add_engine(parser)
    parser.excludes("--json", "--format")
    parser.excludes(
        "--follow",
        "--output",
        "--wait-for",
        "--athena-database",
        "--engine=athena",
        "--format=parquet",
    )
    parser.needs("--wait-s", "--wait-for", "--follow")
    parser.reads_only("--cache", "--json")

    plot = commands.add(
        "plot",
        _run_plot,
        json=False,
        description="Draw the requests of access logs.",
        examples=(
            (
                "gt-secure plot s3://gt-images --allow 203.0.113.0/24 -o hits.svg",
                "mark addresses outside the range",
            ),
            ("gt-secure plot log/ --kind time -o time.png", "requests over time"),
            ("gt-secure plot log/ --kind age -o age.svg", "how old URLs were when used, by signer"),
        ),
        exit_codes="0; 3 if part of the logs was not read, or they contain no request",
    )
    add_log_source(plot)
    add_log_filter(plot)
    plot.add_argument(
        "--kind",
        choices=("ip", "network", "time", "age", "refused"),
        default="ip",
        help="what the figure shows (default: %(default)s)",
    )
    plot.add_argument(
        "--allow",
        action="append",
        default=[],
        help="allowed range; sources outside are marked",
    )
    plot.add_argument("--endpoint", action="append", default=[], help="allowed VPC endpoint")
    plot.add_argument("-o", "--output", metavar="FILE", required=True, help="FILE.svg or FILE.png")


def _run(args: argparse.Namespace) -> int:
    if args.cache:
        return _cache(args)
    if args.follow:
        return _follow(args)
    form = "json" if args.json else args.format
    if form == "parquet" and args.output is None and sys.stdout.isatty():
        raise InvalidInput(
            "Parquet cannot be printed on a terminal.",
            next_step="Add --output FILE, or redirect the output.",
            field="format",
        )
    table, coverage = _counts_from(args)
    table.doubts = coverage.doubts
    emit(table, form, args.output, coverage.summary)
    return tell(coverage, args.stats)


def table_from(args: argparse.Namespace) -> Table:
    """Count hits, and report their coverage on standard error."""
    if args.follow:
        raise InvalidInput(
            "--follow prints as it goes, and a cell has one result.",
            next_step="Use --wait-for N here, or gt_secure.logs.follow_hits in Python.",
            field="follow",
        )
    table, coverage = _counts_from(args)
    tell(coverage, args.stats)
    return table


def _counts_from(args: argparse.Namespace) -> tuple[Table, Coverage]:
    check_limit(args)
    large = args.engine in ("spark", "athena") or args.athena_database
    remote = args.bucket or any(source.startswith("s3://") for source in args.sources)
    simple = (args.no_cache or not remote) and not args.network
    if not (args.dedupe or args.predict or args.wait_for) and (large or simple):
        sources, options = log_query(args)
        with reading() as line:
            table, coverage = count_hits(sources, args.by, **options, progress=line.show)
        table = table if args.limit is None else table.head(args.limit)
    else:
        with open_hits(args) as hits, working(activity.COUNTING):
            table, coverage = hits.asked(lambda each: each.count(args.by, limit=args.limit))
    return table, coverage


def _follow(args: argparse.Namespace) -> int:
    """Print the requests of each delivery as it comes."""
    check_limit(args)
    sources, options = log_query(args)
    note(f"Following for at most {duration(round(args.wait_s))}; Ctrl-C ends it. {USUALLY}")
    total, header, unread = 0, True, False
    with reading("Waiting for delivery") as line:
        options |= {"cache": not args.no_cache, "dedupe": args.dedupe, "progress": line.show}
        with contextlib.closing(follow_hits(sources, wait_s=args.wait_s, **options)) as batches:
            for hits in batches:
                total += len(hits)
                predicted = with_predictions(args, hits)
                table, coverage = predicted.asked(
                    lambda each: each.count(args.by, limit=args.limit)
                )
                unread |= bool(coverage.unread)
                line.clear()
                _print_delivery(table, "json" if args.json else args.format, header)
                if args.stats:
                    tell(coverage, True)
                else:
                    note(coverage.summary)
                header = False
    note(
        f"Ended after {duration(round(args.wait_s))}: {count(total, 'request')}. A later delivery"
        " may bring more."
    )
    return OK if total and not unread else UNKNOWN


def _print_delivery(table: Table, form: str, header: bool) -> None:
    """Print one delivery: CSV with one header in all, JSON as one object a line."""
    if form == "csv":
        text = table.to_csv()
        sys.stdout.write(text if header else text.partition("\n")[2])
    elif form == "json":
        rows: list[Json] = json.loads(table.to_json())
        sys.stdout.write("".join(json_text(row) + "\n" for row in rows))
    else:
        sys.stdout.write(table.to_text() + "\n")
    sys.stdout.flush()


def emit(table: Table, form: str, output: str | None, about: str = "") -> None:
    """Write a table in a format to a file or to standard output; a page also says what it is
    ``about``.
    """
    if form == "parquet" and output:
        table.to_parquet(output)
        return
    if form == "parquet":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "hits.parquet"
            table.to_parquet(path)
            sys.stdout.flush()
            sys.stdout.buffer.write(path.read_bytes())
            sys.stdout.buffer.flush()
        return
    if form == "json":
        parts = itertools.chain(table.json_parts(), "\n")
        if output:
            write_report(output, lambda: b"".join(part.encode() for part in parts))
        else:
            sys.stdout.writelines(parts)
        return
    if form == "html":
        text = page("Requests", about, table._repr_html_())
    else:
        text = table.to_csv() if form == "csv" else table.to_text()
    text = text if text.endswith("\n") else text + "\n"
    if output:
        write_report(output, lambda: text)
    else:
        sys.stdout.write(text)
    if form == "table" and not len(table):
        note(
            "No request was found. That is not proof that nobody opened an object: the log may be"
            " late or incomplete."
        )


def _cache(args: argparse.Namespace) -> int:
    if args.cache == "clear":
        freed = Cache().clear()
        if args.json:
            show_json({"freed_bytes": freed})
        else:
            say(f"Freed {freed / 1e6:,.1f} MB.")
        return 0
    state = Cache().state()
    if args.json:
        show_json({name: getattr(state, name) for name in state.__dataclass_fields__})
    else:
        sys.stdout.write(
            f"{state.objects:,} log objects in {state.files:,} files, {state.bytes / 1e6:,.1f} MB"
            f" of at most {state.limit_bytes / 1e6:,.0f} MB, in {state.folder}\n"
        )
    return 0


def _run_plot(args: argparse.Namespace) -> int:
    path = Path(args.output)
    if path.suffix.lower() not in (".svg", ".png"):
        raise InvalidInput(
            "A figure must be an SVG or PNG file.",
            next_step="Name it FILE.svg or FILE.png.",
            field="output",
        )
    with open_hits(args, (*DRAWN[args.kind], *["test_marker"] * args.no_tests)) as hits:
        with working(activity.DRAWING):
            figure = plots.draw(hits, args.kind, allowed=[*args.allow, *args.endpoint])
        coverage = hits.coverage
    is_svg = path.suffix.lower() == ".svg"
    write_report(
        args.output, lambda: plots.svg(figure) if is_svg else plots.png(figure, ground="#ffffff")
    )
    return tell(coverage, args.stats)
