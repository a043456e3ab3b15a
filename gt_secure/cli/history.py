"""``gt-secure history``: who changed the locks, when and from where."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..text import printable
from .exit_codes import OK, UNKNOWN
from .output import connection, note, say, show_json, table
from .parser import Commands
from .progress import working

if TYPE_CHECKING:
    from ..listings import History


def add(commands: Commands) -> None:
    parser = commands.add(
        "history",
        run,
        description="List the calls that changed the locks of a team and a bucket: the journal, merged with the event "
        "history of CloudTrail. CloudTrail keeps 90 days, and shows a call some minutes late.",
        examples=(
            ("gt-secure history --team open-team --bucket gt-images", "the last 30 days"),
            ("gt-secure history --bucket gt-images --since 24h --json", "one bucket, as JSON"),
        ),
        exit_codes="0; 3 if CloudTrail could not be read",
        result=history_from,
    )
    parser.add_argument("--team", help="private workteam; its workforce is included")
    parser.add_argument("--bucket", help="data bucket")
    parser.add_argument("--since", default="30d", help="start: UTC time or age (default: %(default)s)")


def history_from(args: argparse.Namespace) -> History:
    """Return the history that the options ask for."""
    with working("Reading CloudTrail"):
        return connection(args).history(args.team, args.bucket, since=args.since)


def run(args: argparse.Namespace) -> int:
    """Print the history, the newest change first."""
    history = history_from(args)
    if args.json:
        show_json({"changes": [entry.to_dict() for entry in history], "unread": list(history.unread)})
    elif history:
        say(table(history.head, [history.row(entry) for entry in history]))
    else:
        say(history.empty)
    for text in history.unread:
        note(f"not read: {printable(text)}")
    return UNKNOWN if history.unread else OK
