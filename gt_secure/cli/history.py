"""``gt-secure history``: the journal, and everybody's changes of the locks."""

from __future__ import annotations

import argparse
from typing import Any

from ..base.errors import InvalidInput
from ..base.text import printable
from ..changes import Journal
from .exit_codes import OK, UNKNOWN, code_of
from .output import connection, note, say, show_json, table
from .parser import Commands
from .progress import working


def add(commands: Commands) -> None:
    """Add the command history."""
    parser = commands.add(
        "history",
        _run,
        description=(
            "List the changes that gt-secure made. For a team or a bucket, list every call that"
            " changed its locks: the journal, merged with the event history of CloudTrail, which"
            " keeps 90 days and shows a call some minutes late."
        ),
        examples=(
            ("gt-secure history", "the changes of the journal, oldest first"),
            (
                "gt-secure history s3://gt-images --team open-team",
                "everybody's changes of the last 30 days",
            ),
            ("gt-secure history verify", "check that no file of the journal was edited"),
        ),
        exit_codes=(
            "0; 3 if CloudTrail could not be read; verify: 2 if a file is not intact, 3 if a file "
            "has no end or there is no file"
        ),
        result=_history_from,
    )
    actions = ("list", "show", "verify")
    parser.add_argument(
        "what",
        nargs="?",
        choices=actions,
        default="list",
        metavar="ACTION",
        help="list, show, verify",
    )
    parser.add_argument(
        "change", nargs="?", metavar="ID", help="with show: change id or unique prefix"
    )
    parser.add_argument("--team", help="private workteam; its workforce is included")
    parser.add_place("data bucket")
    parser.add_argument(
        "--since", default="30d", help="start: UTC time or age (default: %(default)s)"
    )
    parser.needs("change", "what=show")
    for option in ("--since", "--profile", "--region"):
        parser.needs(option, "--team", "s3uri")
    parser.reads_only("what=show", "change", "--json")
    parser.reads_only("what=verify", "--json")


def _history_from(args: argparse.Namespace) -> Any:
    if args.what == "show":
        if not args.change:
            raise InvalidInput(
                "history show needs a change id.",
                next_step="Run gt-secure history show ID.",
                field="change",
            )
        return Journal().find(args.change)
    if args.what == "verify":
        return Journal().verify()
    if args.team is None and args.bucket is None:
        return Journal()
    with working("Reading CloudTrail"):
        return connection(args).history(args.team, args.s3uri, since=args.since)


def _run(args: argparse.Namespace) -> int:
    if args.what == "show":
        show_json(_history_from(args).to_dict())
        return OK
    if args.what == "verify":
        return _verify(args)
    history = _history_from(args)
    if isinstance(history, Journal):
        records = list(history)
        if args.json:
            show_json({"changes": [record.to_dict() for record in records]})
        elif records:
            say(table(history.titles, [history.row(record) for record in records], whole=(0,)))
        else:
            say(f"The journal in {history.path} is empty.")
        return OK
    if args.json:
        show_json(
            {"changes": [entry.to_dict() for entry in history], "unread": list(history.unread)}
        )
    elif len(history):
        say(table(history.titles, [history.row(entry) for entry in history]))
    else:
        say(history.empty)
    for text in history.unread:
        note(f"not read: {printable(text)}")
    return UNKNOWN if history.unread else OK


def _verify(args: argparse.Namespace) -> int:
    journal = Journal()
    found = journal.verify()
    if args.json:
        show_json({"changes": dict(found.items())})
    else:
        for change, said in found.items():
            say(f"{change}  {'; '.join(said) or 'intact'}")
    if not len(found):
        note(f"unknown: {journal.empty} Nothing was verified in {journal.path}.")
    return code_of(found.passed)
