"""``gt-secure doctor``: the features that this role can use, and the policy for the others."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..base.errors import InvalidInput
from ..base.text import json_text, printable
from ..doctor import examine, policy_for, scope_of
from ..doctor.environment import installed
from ..doctor.features import FEATURES, choose
from .exit_codes import OK, code_of
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
            "Show in one table which features this role can use, and why not. It calls reads only;"
            " writes are predicted by iam:SimulatePrincipalPolicy where the role may call it. With"
            " --policy, print instead the least-privilege policy for the features. Features:"
            f" {', '.join(FEATURES)}."
        ),
        examples=(
            (
                "gt-secure doctor s3://gt-images --team radiology-team",
                "what works here, and why not",
            ),
            ("gt-secure doctor --need hits guard", "fail in CI if one of them cannot be used"),
            ("gt-secure doctor --policy teams url-lock", "the policy to hand to an administrator"),
        ),
        exit_codes="0; with --need: 0 all can be used, 2 one cannot, 3 one is unknown",
        result=_diagnosis_from,
    )
    parser.add_place("data bucket")
    parser.add_argument("--team", help="workteam to examine (default: all private ones)")
    parser.add_argument("--logs", metavar="S3URI", help="access log location, if it cannot be read")
    parser.add_argument(
        "--role-arn", metavar="ARN", help="role that signs test URLs (default: the caller's own)"
    )
    parser.add_argument(
        "--policy",
        nargs="*",
        metavar="FEATURE",
        help="print the policy for these features (default: the unusable)",
    )
    parser.add_argument(
        "--need",
        nargs="+",
        metavar="FEATURE",
        help="check only these features; the exit code has the result",
    )
    parser.excludes("--policy", "--need")


def _run(args: argparse.Namespace) -> int:
    if args.policy:
        features = choose(args.policy)
        # as IAM takes it
        say(json_text(policy_for(features, scope_of(connection(args), **_scope(args))), indent=2))
        for feature in features:
            if feature.note:
                note(f"note ({feature.name}): {feature.note}")
        return OK
    try:
        diagnosis = _diagnosis_from(args)
    except InvalidInput as error:
        if error.details.get("field") == "region" and args.policy is None and not args.json:
            _show_facts(installed())  # no call can be made, but this is known
            say()
        raise
    if args.policy is not None:
        say(json_text(diagnosis.policy(), indent=2))
        for name, fix in diagnosis.left_out.items():
            note(f"note: {name} is left out: its bucket or role is unknown. {fix}")
        return OK
    if args.json:
        show_json(diagnosis.to_dict())
    else:
        _show(diagnosis)
    return code_of(diagnosis.passed) if args.need else OK


def _diagnosis_from(args: argparse.Namespace) -> Diagnosis:
    with working("Checking this role's permissions"):
        return examine(connection(args), **_scope(args), features=args.need or ())


def _scope(args: argparse.Namespace) -> dict[str, Any]:
    return {"team": args.team, "bucket": args.s3uri, "logs": args.logs, "role_arn": args.role_arn}


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
    if any(each.status != "yes" for each in found.features):
        note(
            "next: gt-secure doctor --policy FEATURE... prints the policy to hand to an"
            " administrator."
        )


def _show_facts(facts: Iterable[Fact]) -> None:
    say(table(("here", "value", "note"), [(fact.name, fact.value, fact.said) for fact in facts]))
