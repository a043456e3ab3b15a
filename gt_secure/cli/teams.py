"""``gt-secure teams``: the workteams of the region, their locks, and one team in full."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..aws.teams import Workforce, Workteam
from ..connection import Connection
from ..errors import GtSecureError
from ..text import printable
from .output import connection, note, say, show_json, table
from .parser import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "teams",
        run,
        description="List the workteams of the region with their locks; with a name, show that team in full.",
        examples=(
            ("gt-secure teams", "all workteams of the region"),
            ("gt-secure teams radiology-team --json", "one team, with its jobs in progress"),
        ),
        result=teams_from,
    )
    parser.add_argument("team", nargs="?", help="show only this workteam, with its jobs in progress")


def teams_from(args: argparse.Namespace) -> Sequence[Workteam] | Workteam:
    """Return the workteams, or the one that is named."""
    gt = connection(args)
    return gt.workteam(args.team) if args.team else gt.workteams()


def run(args: argparse.Namespace) -> int:
    """List, or show one."""
    gt = connection(args)
    return _one(gt, args.team, args.json) if args.team else _all(gt, args.json)


def _all(gt: Connection, as_json: bool) -> int:
    teams = gt.workteams()
    workforce, unseen = _workforce(gt)
    if as_json:
        show_json({"workteams": [team_dict(team) for team in teams], "workforce": _force_dict(workforce)})
        return 0
    if not teams:
        say(f"There are no workteams in {gt.aws.region}.")
        return 0
    rows = [(t.name, t.kind, url_lock_words(t), ", ".join(t.members) or "-", t.description or "-") for t in teams]
    say(table(("team", "kind", "url lock", "groups", "description"), rows))
    say()
    say(portal_sentence(workforce, [t.name for t in teams if t.kind == "private"]))
    if unseen:
        note(f"note: {unseen}")
    return 0


def _one(gt: Connection, name: str, as_json: bool) -> int:
    team = gt.workteam(name)
    workforce, _ = _workforce(gt)
    try:
        jobs, unseen = gt.jobs(team), ""
    except GtSecureError as error:
        jobs, unseen = [], str(error)
    if as_json:
        data = {**team_dict(team), "workforce": _force_dict(workforce), "jobs": [asdict(job) for job in jobs]}
        show_json({**data, "unseen": unseen})
        return 0
    say(f"{team.name}  ({team.kind})")
    say(f"  description  {printable(team.description)}")
    say(f"  groups       {printable(', '.join(team.members))}")
    say(f"  URL lock     {url_lock_words(team)}")
    say(f"  portal lock  {portal_sentence(workforce, [])}")
    for job in jobs:
        say(f"  job          {printable(job.name)}  {job.status}, {job.pending} of {job.total} objects wait")
    if not jobs:
        say(f"  jobs         {printable(unseen) or 'none wait for people'}")
    return 0


def _workforce(gt: Connection) -> tuple[Workforce | None, str]:
    try:
        return gt.workforce(), ""
    except GtSecureError as error:
        return None, str(error)


def url_lock_words(team: Workteam) -> str:
    """The URL lock in a few words."""
    if team.url_lock is None:
        return "none (AWS has none for this kind of team)"
    words = {"off": "off", "both": "both on: no URL can ever work"}
    return words.get(team.url_lock.mode, f"on ({team.url_lock.mode})")


def portal_sentence(workforce: Workforce | None, teams: list[str]) -> str:
    """The portal lock as a sentence."""
    if workforce is None:
        return "The portal lock cannot be seen."
    if workforce.in_vpc:
        state = f"in VPC {workforce.vpc_id}"
    elif workforce.cidrs:
        state = "open only to " + ", ".join(workforce.cidrs)
    else:
        state = "open to every address"
    shared = f" It is shared by {', '.join(map(printable, teams))}." if len(teams) > 1 else ""
    return f"Worker portal ({workforce.name}): {state}.{shared}"


def team_dict(team: Workteam) -> dict[str, Any]:
    """One team as JSON-able data."""
    return {**asdict(team), "url_lock": None if team.url_lock is None else team.url_lock.mode}


def _force_dict(workforce: Workforce | None) -> dict[str, Any] | None:
    return None if workforce is None else asdict(workforce)
