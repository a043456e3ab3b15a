"""``gt-secure teams``: the workteams of the region, their locks, and one team in full."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ..aws.teams import CREATE_TEAM, Workforce, Workteam
from ..base.errors import GtSecureError
from ..base.text import printable
from ..connection import Connection
from ..findings.listings import Jobs, Workteams
from .exit_codes import OK, UNKNOWN
from .output import connection, fit, note, say, show_json, table
from .parser import Commands


def add(commands: Commands) -> None:
    """Add the command teams."""
    parser = commands.add(
        "teams",
        _run,
        description=(
            "List the workteams of the region with their locks; with a name, show that team in"
            " full."
        ),
        examples=(
            ("gt-secure teams", "all workteams of the region"),
            ("gt-secure teams radiology-team --json", "one team, with its jobs in progress"),
        ),
        exit_codes="0; 3 if the portal or the jobs cannot be read",
        result=_teams_from,
    )
    parser.add_argument(
        "team", nargs="?", help="show only this workteam, with its jobs in progress"
    )


def _teams_from(args: argparse.Namespace) -> Workteams | Workteam:
    return _teams(connection(args), args.team)


def _teams(gt: Connection, name: str | None) -> Workteams | Workteam:
    return gt.workteam(name) if name else gt.workteams()


def _run(args: argparse.Namespace) -> int:
    gt = connection(args)
    teams = _teams(gt, args.team)
    return _one(gt, teams, args.json) if isinstance(teams, Workteam) else _all(gt, teams, args.json)


def _all(gt: Connection, teams: Workteams, as_json: bool) -> int:
    workforce, unseen = _workforce(gt)
    if as_json:
        listed = [team.to_dict() for team in teams]
        show_json(
            {"workteams": listed, "workforce": workforce and asdict(workforce), "unseen": unseen}
        )
        return UNKNOWN if unseen else OK
    if not teams:
        say(fit(f"There are no workteams in {gt.aws.region}. {CREATE_TEAM}"))
        say("Without one, restrict a bucket: gt-secure plan s3://NAME --allow RANGE")
        return 0
    say(table(teams.titles, [teams.row(team) for team in teams], whole=(0,)))
    say()
    say(fit(portal_sentence(workforce, [t.name for t in teams if t.kind == "private"])))
    if unseen:
        note(f"note: {unseen}")
    return UNKNOWN if unseen else OK


def _one(gt: Connection, team: Workteam, as_json: bool) -> int:
    workforce, blind = _workforce(gt)
    try:
        jobs, unseen = gt.jobs(team), ""
    except GtSecureError as error:
        jobs, unseen = Jobs(), str(error)
    code = UNKNOWN if blind or unseen else OK
    if as_json:
        data = {
            **team.to_dict(),
            "workforce": workforce and asdict(workforce),
            "jobs": [asdict(job) for job in jobs],
        }
        show_json({**data, "unseen": " ".join(filter(None, (blind, unseen)))})
        return code
    say(f"{team.name}  ({team.kind})")
    say(f"  description  {printable(team.description)}")
    say(f"  groups       {printable(', '.join(team.members))}")
    say(f"  URL lock     {team.url_lock_text}")
    say(fit(f"  portal lock  {portal_sentence(workforce, [])}"))
    for job in jobs:
        say(
            f"  job          {printable(job.name)}  {job.status}, {job.pending} of {job.total}"
            " objects still to label"
        )
    if not jobs:
        say(f"  jobs         {printable(unseen) or 'none awaiting workers'}")
    return code


def _workforce(gt: Connection) -> tuple[Workforce | None, str]:
    try:
        return gt.workforce(), ""
    except GtSecureError as error:
        return None, str(error)


def portal_sentence(workforce: Workforce | None, teams: list[str]) -> str:
    """Return who can open the worker portal, and which teams share it, in a sentence."""
    if workforce is None:
        return "The portal lock is unknown: it cannot be read."
    state = (
        "open to every address"
        if workforce.is_open
        else f"open only to {', '.join(workforce.cidrs)}"
    )
    # the portal on the internet stays beside it, and the list is about that one
    if workforce.in_vpc:
        state = f"in VPC {workforce.vpc_id}, and on the internet {state}"
    shared = f" It is shared by {', '.join(map(printable, teams))}." if len(teams) > 1 else ""
    return f"Worker portal ({workforce.name}): {state}.{shared}"
