"""Command ``plot``."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import plots
from ..errors import InvalidInput
from ..logs import activity
from .log_options import add_log_filter, add_log_source, open_hits, tell
from .output import write_report
from .parser import Commands
from .progress import working


def add(commands: Commands) -> None:
    parser = commands.add(
        "plot",
        run,
        json=False,
        description="Draw the requests of access logs.",
        examples=(
            (
                "gt-secure plot --bucket gt-images --allow 203.0.113.0/24 -o hits.svg",
                "mark addresses outside the range",
            ),
            ("gt-secure plot log/ --kind time -o time.png", "requests over time"),
            ("gt-secure plot log/ --kind age -o age.svg", "how old URLs were when used, by signer"),
        ),
        exit_codes="0; 3 if part of the logs was not read, or they contain no request",
    )
    add_log_source(parser)
    add_log_filter(parser)
    parser.add_argument(
        "--kind",
        choices=("ip", "network", "time", "heat", "leak", "age", "refused"),
        default="ip",
        help="what the figure shows (default: %(default)s)",
    )
    parser.add_argument("--allow", action="append", default=[], help="allowed range; sources outside are marked")
    parser.add_argument("--endpoint", action="append", default=[], help="allowed VPC endpoint")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="FILE.svg or FILE.png")


def run(args: argparse.Namespace) -> int:
    path = Path(args.output)
    if path.suffix.lower() not in (".svg", ".png"):
        raise InvalidInput(
            "A figure must be an SVG or PNG file.", next_step="Name it FILE.svg or FILE.png.", field="output"
        )
    with open_hits(args) as hits:
        with working(activity.DRAWING):
            figure = plots.draw(hits, args.kind, networks=args.allow, endpoints=args.endpoint)
        coverage = hits.coverage
    is_svg = path.suffix.lower() == ".svg"
    write_report(args.output, lambda: plots.svg(figure) if is_svg else plots.png(figure, ground="#ffffff"))
    return tell(coverage, args.stats)
