"""``gt-secure doctor``: what one reading shows of the features of this role,
and the policy for the others.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..base.errors import InvalidInput
from ..base.text import json_text, printable
from ..doctor import examine
from ..doctor.environment import installed
from ..doctor.features import FEATURES
from .exit_codes import OK
from .output import connection, fit, note, say, show_json, table
from .parser import Commands
from .progress import working

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..doctor import Diagnosis
    from ..doctor.environment import Fact


def add(commands: Commands) -> None:
    """Add the command doctor."""
    parser = commands.add(
        "doctor",
        _run,
        description=(
            "Read the account once, and show in one table for which features AWS answered or"
            " denied the reads of this role. Whatever was not tried is unknown, as every write is."
            " With --policy, print instead the least-privilege policy for the features. Features:"
            f" {', '.join(FEATURES)}."
        ),
        examples=(
            (
                "gt-secure doctor s3://gt-images --team radiology-team",
                "what AWS answered here, and what it denied",
            ),
            ("gt-secure doctor --policy teams url-lock", "the policy to hand to an administrator"),
        ),
        result=_diagnosis_from,
    )
    parser.add_place("data bucket")
    parser.add_argument("--team", help="workteam to examine")
    parser.add_argument("--logs", metavar="S3URI", help="access log location, if it cannot be read")
    parser.add_argument(
        "--role-arn", metavar="ARN", help="role that signs test URLs (default: the caller's own)"
    )
    parser.add_argument(
        "--policy",
        nargs="+",
        metavar="FEATURE",
        help="print the policy for these features",
    )


def _run(args: argparse.Namespace) -> int:
    try:
        diagnosis = _diagnosis_from(args)
    except InvalidInput as error:
        if error.details.get("field") == "region" and not args.policy and not args.json:
            _show_facts(installed())  # no call can be made, but this is known
            say()
        raise
    if args.policy:
        say(json_text(diagnosis.policy(args.policy), indent=2))  # as IAM takes it
        for each in diagnosis.features:
            if each.feature.note:
                note(f"note ({each.feature.name}): {each.feature.note}")
    elif args.json:
        show_json(diagnosis.to_dict())
    else:
        _show(diagnosis)
    return OK


def _diagnosis_from(args: argparse.Namespace) -> Diagnosis:
    with working("Reading the account"):
        return examine(
            connection(args),
            team=args.team,
            bucket=args.s3uri,
            logs=args.logs,
            role_arn=args.role_arn,
            features=args.policy or (),
        )


def _show(found: Any) -> None:
    say(fit(f"{printable(found.caller)} in {found.scope.region}"))
    say(fit(found.headline))
    say()
    say(
        table(
            ("can", "feature", "what", "why not"),
            [
                (each.status, each.feature.name, each.feature.title, each.why)
                for each in found.features
            ],
        )
    )
    say()
    _show_facts(found.facts)
    names = (
        " ".join(each.feature.name for each in found.features if each.status == "no")
        or "FEATURE..."
    )
    note(f"next: gt-secure doctor --policy {names} prints the policy to hand to an administrator.")


def _show_facts(facts: Iterable[Fact]) -> None:
    say(table(("here", "value", "note"), [(fact.name, fact.value, fact.said) for fact in facts]))
