"""``hits --follow``: the requests of each delivery as it comes."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from typing import Any

from ..logs.table import Table
from ..logs.waiting import USUALLY, Waiting, follow_hits
from ..text import count, duration, json_text
from .exit_codes import OK, UNKNOWN
from .log_options import check_limit, log_filters, log_sources, tell, warnings_as_lines, with_predictions
from .output import note
from .progress import working


def follow(args: argparse.Namespace) -> int:
    check_limit(args)
    sources, aws = log_sources(args)
    note(f"Following for at most {duration(round(args.wait_s))}; Ctrl-C ends it. {USUALLY}")
    total, header, unread = 0, True, False
    with warnings_as_lines(), working("Waiting for delivery") as line:
        batches = follow_hits(
            sources,
            wait_s=args.wait_s,
            since=args.since,
            until=args.until,
            aws=aws,
            dedupe=args.dedupe,
            cache=not args.no_cache,
            engine=args.engine,
            filters=log_filters(args),
            networks=args.networks,
            memory_limit=args.memory_limit,
            progress=lambda state: line.update(state.sentence) if isinstance(state, Waiting) else None,
        )
        with contextlib.closing(batches):
            for hits in batches:
                total += len(hits)
                unread |= bool(hits.coverage.unread)
                line.clear()
                _print(
                    with_predictions(args, hits).count(args.by, limit=args.limit),
                    "json" if args.json else args.format,
                    header,
                )
                if args.stats:
                    tell(hits.coverage, True)
                else:
                    note(hits.coverage.summary)
                header = False
    note(f"Ended after {duration(round(args.wait_s))}: {count(total, 'request')}. A later delivery may bring more.")
    return OK if total and not unread else UNKNOWN


def _print(table: Table, form: str, header: bool) -> None:
    """Print one delivery: CSV with one header in all, JSON as one object a line."""
    if form == "csv":
        text = table.to_csv()
        sys.stdout.write(text if header else text.partition("\n")[2])
    elif form == "json":
        rows: list[dict[str, Any]] = json.loads(table.to_json())
        sys.stdout.write("".join(json_text(row) + "\n" for row in rows))
    else:
        sys.stdout.write(table.to_text() + "\n")
    sys.stdout.flush()
