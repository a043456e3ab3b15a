"""``gt-secure check``: assertions about a team's posture, for CI and scheduled jobs."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from ..check.notebooks import SANITIZE_FILE, remove_secrets
from ..check.running import run_specs
from ..check.spec import Spec, load_check_file
from ..errors import InvalidInput
from ..findings.accepted import read_accepted
from ..iam.facts import parse_facts
from ..text import printable
from .accepted import add_accepted_options, check_baseline_options, note_unused, write_baseline
from .output import connection, note, say, show_json, table, write_report
from .parser import Commands, add_hidden_alias
from .progress import working

if TYPE_CHECKING:
    from ..check import Report

_TEXTS = {
    "team": "workteam", "bucket": "data bucket", "prefix": "key prefix",
    "url-lock": "the setting that must be on: SourceIp or VpcSourceIp",
    "severity": "minimum severity that fails: high, medium (default), low, info",
    "since": "start of the log: UTC time, or an age such as 7d", "until": "end of the log: UTC time, exclusive",
    "restriction": "restriction file",
}  # fmt: skip
_LISTS = {
    "portal": "networks that the portal lock may list", "allow": "addresses that the guard must allow",
    "endpoint": "VPC endpoints that the guard must allow", "ignore": "code of a finding that is accepted",
    "logs": "access logs (default: those of the bucket)", "pool": "addresses of one organisation",
    "kinds": "leak, refused or preview",
}  # fmt: skip
_NAMES = {"allow": "addresses", "endpoint": "endpoints", "pool": "pools"}


CHECK_NAMES = (
    "team-is-restricted", "guard-is-in-place", "no-foreign-hits", "no-leaked-urls", "no-findings", "nothing-drifted",
    "expectations-hold", "is-proved", "no-code-cell-skipped", "no-secret-saved",
)  # fmt: skip


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "check",
        run,
        description="Run one check, or the checks of a file. A check that cannot be decided never passes. "
        f"Checks: {', '.join(CHECK_NAMES)}.",
        examples=(
            ("gt-secure check team-is-restricted --team radiology-team", "a single check"),
            ("gt-secure check guard-is-in-place --bucket gt-images --allow 203.0.113.0/24", "the guard of a bucket"),
            (
                "gt-secure check -f checks.json --junit report.xml --sarif report.sarif",
                "many checks, with reports for CI",
            ),
            ("gt-secure check no-secret-saved --remove --path book.ipynb", "mask presigned URLs, keys and tokens"),
        ),
        exit_codes="0 all passed, 2 one failed, 3 none failed and one is unknown, 1 an error",
        result=report_from,
    )
    parser.add_argument("check", nargs="?", metavar="NAME", help="the check")
    parser.add_argument("-f", "--file", help="run the checks of this YAML or JSON file")
    parser.add_argument("--sarif", metavar="FILE", help="write a SARIF 2.1.0 report to this file")
    parser.add_argument("--junit", metavar="FILE", help="write a JUnit XML report to this file")
    parser.add_argument("--remove", action="store_true", help="no-secret-saved: replace secrets with *** in the file")
    add_accepted_options(parser)
    parser.add_argument("--sanitize-file", action="store_true", help="print the path of the nbval sanitize file")
    group = parser.add_argument_group("the check")
    for name, text in _TEXTS.items():
        group.add_argument(f"--{name}", help=text)
    for name, text in _LISTS.items():
        group.add_argument(f"--{name}", action="append", metavar="VALUE", help=f"{text}; may be repeated")
    add_hidden_alias(group, "--pools", "pool")
    group.add_argument("--path", nargs="+", metavar="NOTEBOOK", help="notebook, or several; each is one check")
    group.add_argument("--context", action="append", metavar="KEY=VALUE", help="known condition key; may be repeated")
    group.add_argument(
        "--count-refused", action="store_true", default=None, help="fail on refused requests from outside, too"
    )
    group.add_argument("--trust-private", action="store_true", default=None, help="treat private addresses as allowed")
    group.add_argument(
        "--newest-within-h", type=float, metavar="HOURS", help="report unknown if the newest request is older"
    )
    group.add_argument("--max-unreadable", type=int, metavar="LINES", help="accepted unreadable lines (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Run the checks, print and write the report."""
    if args.sanitize_file:
        say(str(SANITIZE_FILE))
        return 0
    report = report_from(args)
    if args.json:
        show_json(report.to_dict())
        return report.exit_code
    rows = [(r.status, r.name.replace("_", "-"), r.subject, r.message) for r in report]
    say(table(("status", "check", "subject", "result"), rows))
    for result in report:
        if result.next_step and not result.passed:
            note(f"next ({result.name.replace('_', '-')}): {printable(result.next_step)}")
    note_unused(report.unused)
    return report.exit_code


def report_from(args: argparse.Namespace) -> Report:
    """Run the checks that the options name, and write the report files."""
    check_baseline_options(args)
    known = read_accepted(args.accepted)
    given = _given(args)
    if args.file:
        if args.check or given or args.path or args.remove:
            raise InvalidInput(
                "-f cannot be combined with options of one check.", next_step="Remove the other options.", field="file"
            )
        file = load_check_file(args.file)
        specs, source, known = file.specs, args.file, (*file.accepted, *known)
    elif args.check:
        specs, source = _specs(args, given), args.accepted or ""
    else:
        raise InvalidInput(
            "Name a check, or a file with -f.",
            next_step="Run gt-secure check guard-is-in-place --bucket NAME.",
            field="check",
        )
    with working("Running the checks"):
        report = run_specs(lambda: connection(args), specs, source=source, accepted=known)
    write_report(args.sarif, lambda: json.dumps(report.to_sarif(), indent=2) + "\n")
    write_report(args.junit, report.to_junit)
    write_baseline(args, report.findings)
    return report


def _specs(args: argparse.Namespace, given: dict[str, Any]) -> tuple[Spec, ...]:
    """Return the one check that was named, for each notebook that was named."""
    specs = tuple(Spec.make(args.check, {**given, "path": path}) for path in args.path or ()) or (
        Spec.make(args.check, given),
    )
    if args.remove:
        if specs[0].check != "no_secret_saved":
            raise InvalidInput("--remove needs no-secret-saved.", next_step="Leave out --remove.", field="remove")
        for spec in specs:
            for removed in remove_secrets(spec.base / spec.arguments["path"]):
                note(f"{printable(spec.arguments['path'])}: masked {removed.what} in {printable(removed.place)}.")
    return specs


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """Return the given options by their names in a check file."""
    names = [*_TEXTS, *_LISTS, "count-refused", "trust-private", "newest-within-h", "max-unreadable"]
    values = {name: getattr(args, name.replace("-", "_")) for name in names}
    given = {_NAMES.get(name, name.replace("-", "_")): value for name, value in values.items() if value is not None}
    return given | ({"context": parse_facts(args.context)} if args.context else {})
