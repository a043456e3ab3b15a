"""``gt-secure doctor``: what this role can do, and the policy for what it cannot."""

from __future__ import annotations

import argparse
from typing import Any

from ..text import printable
from .output import connection, note, say, show_json, table

YES, NO, NOT_KNOWN = 0, 1, 3
FEATURES = ("teams", "endpoints", "url-lock", "portal-lock", "guard", "test-url", "hits", "findings")


def add(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "doctor",
        parents=parents,
        help="tell what this role can do here, which permission is lacking, and what is installed",
        description="Tell in one table which features this role can use, and why not. Only reads are called; writes "
        "are predicted by iam:SimulatePrincipalPolicy where the role may call it. With --policy, print instead the "
        "least-privilege policy for the features.",
        epilog=f"Features: {', '.join(FEATURES)}. Exit codes: 0; with --need: 0 if all of them can be used, 1 if one "
        "cannot, 3 if that is not known.",
    )
    parser.add_argument("--team", help="workteam that the features are wanted for (default: all private ones)")
    parser.add_argument("--bucket", help="data bucket, or s3://bucket/prefix")
    parser.add_argument("--logs", metavar="S3URI", help="where its access log lies, if that may not be read")
    parser.add_argument("--role-arn", metavar="ARN", help="role that signs test URLs (default: the caller's own)")
    parser.add_argument(
        "--policy", nargs="*", metavar="FEATURE",
        help="print the policy for these features; without names, for those that cannot be used",
    )  # fmt: skip
    parser.add_argument(
        "--need", nargs="+", metavar="FEATURE", help="look at these features, and tell by the exit code"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine, and print the table or the policy."""
    from ..doctor import examine, policy_for, scope_of
    from ..doctor.features import choose

    gt = connection(args)
    given = {"team": args.team, "bucket": args.bucket, "logs": args.logs, "role_arn": args.role_arn}
    if args.policy:
        features = choose(args.policy)
        show_json(policy_for(features, scope_of(gt, **given)))
        for feature in features:
            if feature.note:
                note(f"note ({feature.name}): {feature.note}")
        return 0
    found = examine(gt, **given, features=args.need or ())
    if args.policy is not None:
        show_json(found.policy())
        for name, fix in found.left_out.items():
            note(f"note: {name} is left out, since it is not known what it is for. {fix}")
        return 0
    if args.json:
        show_json(found.to_dict())
    else:
        _show(found)
    words = [each.status for each in found.features] if args.need else []
    return NO if "no" in words else NOT_KNOWN if "not known" in words else YES


def _show(found: Any) -> None:
    say(f"{printable(found.caller)} in {found.scope.region}")
    say(found.headline)
    say()
    say(table(("can", "feature", "what", "why not"),
              [(each.status, each.feature.name, each.feature.title, each.why) for each in found.features]))  # fmt: skip
    say()
    say(table(("here", "value", "note"), [(fact.name, fact.value, fact.said) for fact in found.facts]))
    if any(each.status != "yes" for each in found.features):
        note("next: “gt-secure doctor --policy FEATURE...” prints the policy to hand to an administrator.")
