"""Command ``plot``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput, LogError
from ..logs.hits import Hits
from ..logs.table import writable
from ..plots import alt_text, heat_map, hits_by_ip, hits_by_network, leak_timeline, over_time, png, svg
from .hits import add_source_arguments, open_hits, tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GROUND = {"light": "#ffffff", "dark": "#111111"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``plot``."""
    add_source_arguments(parser)
    parser.add_argument("--kind", choices=("ip", "network", "time", "heat", "leak"), default="ip")
    parser.add_argument("--allow", action="append", default=[], help="a range that may come in; the others are marked")
    parser.add_argument("--endpoint", action="append", default=[], help="a VPC endpoint that may come in")
    parser.add_argument("--top", type=int, default=12, help="sources that are drawn on their own")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--output", "-o", required=True, help="FILE.svg or FILE.png")
    parser.add_argument("--alt", action="store_true", help="print the text alternative too")


def run(args: argparse.Namespace) -> int:
    """Draw a figure to a file."""
    path = Path(args.output)
    if path.suffix.lower() not in (".svg", ".png"):
        raise InvalidInput(
            "A figure is an SVG or a PNG file.", next_step="Name it FILE.svg or FILE.png.", field="output"
        )
    with open_hits(args) as hits:
        figure, coverage = _figure(args, hits), hits.coverage
    if path.suffix.lower() == ".svg":
        with writable(path):
            path.write_text(svg(figure), encoding="utf-8")
    else:
        with writable(path):
            path.write_bytes(png(figure, ground=_GROUND[args.theme]))
    if args.alt:
        sys.stdout.write(alt_text(figure) + "\n")
    tell(coverage, args.stats)
    return 0


def _figure(args: argparse.Namespace, hits: Hits) -> Figure:
    if args.kind in ("ip", "network"):
        draw = hits_by_ip if args.kind == "ip" else hits_by_network
        return draw(hits, restriction_networks=args.allow, endpoints=args.endpoint, top=args.top, theme=args.theme)
    if args.kind == "time":
        return over_time(hits, theme=args.theme)
    if args.kind == "heat":
        return heat_map(hits, top=args.top, theme=args.theme)
    leaks = hits.leaks()
    if not len(leaks):
        raise LogError(leaks.summary, next_step="There is nothing to draw; look at a longer time.")
    return leak_timeline(leaks[0], theme=args.theme)
