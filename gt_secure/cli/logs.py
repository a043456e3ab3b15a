"""The commands over access logs: ``hits``, ``leaks``, ``plot`` and ``log-cache``."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from . import hits as logs, plot as plots
from .parser import Commands


def add(commands: Commands) -> None:
    """Add the commands."""
    hits = commands.add(
        "hits",
        _json_means_format(_count_or_follow),
        description="Count requests of access logs by any columns. Unreadable lines are counted and reported. Access "
        "logs arrive late and may miss requests.",
        examples=(
            ("gt-secure hits --bucket gt-images --presigned", "requests with presigned URLs"),
            ("gt-secure hits log/ --by remote_ip,hour --format csv", "logs on disk, as CSV"),
            ("gt-secure hits s3://gt-logs/ --since 7d --refused --json", "refused requests of the last week"),
            ("gt-secure hits --bucket gt-images --since 1h --follow", "each delivery as it comes"),
        ),
        result=logs.table_from,
    )
    logs.add_arguments(hits)
    leaks = commands.add(
        "leaks",
        _json_means_format(logs.run_leaks),
        description="Find presigned URLs that were used from more than one address or network.",
        examples=(
            ("gt-secure leaks --bucket gt-images --since 7d", "the last week of a bucket"),
            ("gt-secure leaks log/ --pool 203.0.113.0/24 --json", "treat a NAT pool as one user"),
        ),
        result=logs.leaks_from,
    )
    logs.add_leaks_arguments(leaks)
    plot = commands.add(
        "plot",
        plots.run,
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
    )
    plots.add_arguments(plot)
    cache = commands.add(
        "log-cache",
        logs.run_cache,
        account=False,
        description="Show or clear the disk cache of logs read from S3.",
        examples=(
            ("gt-secure log-cache show", "its folder and size"),
            ("gt-secure log-cache clear", "delete it"),
        ),
    )
    logs.add_cache_arguments(cache)


def _count_or_follow(args: argparse.Namespace) -> int:
    if not args.follow:
        return logs.run(args)
    from .follow import follow

    return follow(args)


def _json_means_format(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Let the common ``--json`` mean ``--format json``."""

    def wrapped(args: argparse.Namespace) -> int:
        if args.json:
            args.format = "json"
        return run(args)

    return wrapped
