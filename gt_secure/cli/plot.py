"""Command ``plot``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .. import plots
from ..errors import InvalidInput
from ..logs import activity
from ..logs.table import writable
from .hits import add_source_arguments, open_hits, tell
from .progress import working

_GROUND = {"light": "#ffffff", "dark": "#111111"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``plot``."""
    add_source_arguments(parser)
    parser.add_argument("--kind", choices=("ip", "network", "time", "heat", "leak", "age", "refused"), default="ip")
    parser.add_argument("--allow", action="append", default=[], help="allowed range; sources outside are marked")
    parser.add_argument("--endpoint", action="append", default=[], help="allowed VPC endpoint")
    parser.add_argument(
        "--top", type=int, default=12, help="number of sources with a separate bar (default: %(default)s)"
    )
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--output", "-o", required=True, help="FILE.svg or FILE.png")
    parser.add_argument("--alt", action="store_true", help="also print the text alternative")


def run(args: argparse.Namespace) -> int:
    """Draw a figure to a file."""
    path = Path(args.output)
    if path.suffix.lower() not in (".svg", ".png"):
        raise InvalidInput(
            "A figure must be an SVG or PNG file.", next_step="Name it FILE.svg or FILE.png.", field="output"
        )
    with open_hits(args) as hits:
        with working(activity.DRAWING):
            figure = plots.draw(
                hits, args.kind, networks=args.allow, endpoints=args.endpoint, top=args.top, theme=args.theme
            )
        coverage = hits.coverage
    if path.suffix.lower() == ".svg":
        with writable(path):
            path.write_text(plots.svg(figure), encoding="utf-8")
    else:
        with writable(path):
            path.write_bytes(plots.png(figure, ground=_GROUND[args.theme]))
    if args.alt:
        sys.stdout.write(plots.alt_text(figure) + "\n")
    tell(coverage, args.stats)
    return 0
