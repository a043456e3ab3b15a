"""``gt-secure hits``, ``leaks``, ``plot`` and ``log-cache``: the commands of the log room and the plots."""

from __future__ import annotations

import argparse
from typing import Any

from . import hits as logs
from . import plot as plots


def add(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    hits = subparsers.add_parser(
        "hits",
        parents=parents,
        help="count requests in access logs",
        description="Count requests of access logs by any columns. Unreadable lines are counted and reported, never "
        "dropped in silence; access logs arrive late and may miss rows.",
    )
    logs.add_arguments(hits)
    hits.set_defaults(run=_json_means_format(logs.run))

    leaks = subparsers.add_parser(
        "leaks",
        parents=parents,
        help="find presigned URLs that were used from several places",
        description="Find presigned URLs that were used from more than one address or network.",
    )
    logs.add_leaks_arguments(leaks)
    leaks.set_defaults(run=_json_means_format(logs.run_leaks))

    plot = subparsers.add_parser(
        "plot", parents=parents, help="draw hits as SVG or PNG", description="Draw the requests of access logs."
    )
    plots.add_arguments(plot)
    plot.set_defaults(run=plots.run)

    cache = subparsers.add_parser(
        "log-cache",
        help="show or clear the cache of parsed logs",
        description="Show or clear what was kept on disk of logs read from S3.",
    )
    logs.add_cache_arguments(cache)
    cache.set_defaults(run=logs.run_cache)


def _json_means_format(run: Any) -> Any:
    """Let the common ``--json`` mean ``--format json``."""

    def wrapped(args: argparse.Namespace) -> int:
        if args.json and hasattr(args, "format"):
            args.format = "json"
        code: int = run(args)
        return code

    return wrapped
