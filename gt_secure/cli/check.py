"""``gt-secure check``: assertions about a team's posture, for CI and scheduled jobs."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from ..base.errors import InvalidInput
from ..base.outcome import CheckResult
from ..base.text import Json, did_you_mean, printable
from ..check.notebooks import remove_secrets, write_promise
from ..check.report import Report
from ..check.running import run_specs
from ..check.spec import RULES, Spec, hyphened, load_check_file
from ..engine.iam.facts import parse_facts
from ..findings.accepted import read_accepted
from .accepted import add_accepted, note_unused
from .output import connection, note, say, show_json, table, write_report
from .parser import Commands
from .progress import working
from .wording import in_options

_TEXTS = {
    "team": "workteam",
    "severity": "minimum severity that fails: high, medium (default), low, info",
    "since": "start of the log: UTC time, or an age such as 7d",
    "restriction": "restriction file",
    "approved": "nothing-drifted: JSON of the report that was approved",
    "digest": "nothing-drifted: digest of the approved report",
    "run_within": "age of the oldest run that counts: 24h (default), 7d, any",
}
_LISTS = {
    "allow": "addresses that the guard allows, and no others",
    "endpoint": "VPC endpoints and VPCs that the guard allows",
    "logs": "access logs (default: those of the bucket)",
}
_NAMES = {"allow": "addresses", "endpoint": "endpoints"}


def add(commands: Commands) -> None:
    """Add the command check."""
    parser = commands.add(
        "check",
        _run,
        description=(
            "Run one check, or the checks of a file. A check that cannot be decided never passes."
            f" Checks: {', '.join(hyphened(name) for name in RULES)}. A check file has more"
            " settings for each."
        ),
        examples=(
            ("gt-secure check team-is-restricted --team radiology-team", "a single check"),
            (
                "gt-secure check guard-is-in-place s3://gt-images --allow 203.0.113.0/24",
                "the guard of a bucket",
            ),
            (
                "gt-secure check -f checks.json --junit report.xml --sarif report.sarif",
                "many checks, with reports for CI",
            ),
            (
                "gt-secure check no-code-cell-skipped --write --path book.ipynb",
                "save which checks a notebook must run",
            ),
            (
                "gt-secure check no-secret-saved --fix --path book.ipynb",
                "mask presigned URLs, keys and tokens",
            ),
        ),
        exit_codes="0 all passed, 2 one failed, 3 none failed and one is unknown, 1 an error",
        result=_report_from,
    )
    parser.add_argument("check", nargs="?", metavar="NAME", type=hyphened, help="the check")
    parser.add_place("data bucket")
    parser.add_argument("-f", "--file", help="run the checks of this YAML or JSON file")
    parser.add_argument("--sarif", metavar="FILE", help="write a SARIF 2.1.0 report to this file")
    parser.add_argument("--junit", metavar="FILE", help="write a JUnit XML report to this file")
    parser.add_argument(
        "--fix", action="store_true", help="no-secret-saved: replace secrets with *** in the file"
    )
    parser.add_argument(
        "--write", action="store_true", help="no-code-cell-skipped: save which checks must run"
    )
    add_accepted(parser)
    group = parser.add_argument_group("the check")
    for name, text in _TEXTS.items():
        group.add_argument(f"--{name.replace('_', '-')}", help=text)
    for name, text in _LISTS.items():
        group.add_argument(
            f"--{name}",
            action="append",
            metavar="VALUE",
            help=f"{text}; may be repeated",
        )
    group.add_argument(
        "--path", nargs="+", metavar="NOTEBOOK", help="notebook, or several; each is one check"
    )
    group.add_argument(
        "--context",
        action="append",
        metavar="KEY=VALUE",
        help="known condition key; may be repeated",
    )
    parser.needs("--fix", "check=no-secret-saved")
    parser.needs("--write", "check=no-code-cell-skipped")
    parser.needs("--run-within", "check=no-code-cell-skipped")
    for local in ("no-secret-saved", "no-code-cell-skipped"):
        parser.excludes(f"check={local}", "--profile", "--region")
    parser.reads_only("--file", "--sarif", "--junit", "--json", "--profile", "--region")


def _run(args: argparse.Namespace) -> int:
    report = _report_from(args)
    if args.json:
        show_json(report.to_dict())
        return report.exit_code
    rows = [(r.status, hyphened(r.name), r.subject, r.message) for r in report]
    say(table(("status", "check", "subject", "result"), rows))
    for result in report:
        if result.next_step and not result.passed:
            note(f"next ({hyphened(result.name)}): {printable(in_options(result.next_step))}")
    note_unused(report.unused)
    return report.exit_code


def _report_from(args: argparse.Namespace) -> Report:
    unwritten: tuple[CheckResult, ...] = ()
    if args.file:
        specs, known = load_check_file(args.file)
    elif args.check:
        values = {name: getattr(args, name) for name in ("bucket", "prefix", *_TEXTS, *_LISTS)}
        # each may hold several, as in a plan
        values |= {name: ",".join(values[name]) for name in _NAMES if values[name]}
        arguments = {
            _NAMES.get(name, name): value for name, value in values.items() if value is not None
        }
        arguments |= {"context": parse_facts(args.context)} if args.context else {}
        specs, known = _specs(args, arguments), read_accepted(args.accepted)
        if args.write:
            unwritten, specs = _written(specs)
    else:
        raise InvalidInput(
            "Name a check, or a file with -f.",
            next_step="Run gt-secure check guard-is-in-place s3://NAME.",
            field="check",
        )
    with working("Running the checks"):
        report = run_specs(
            lambda: connection(args),
            specs,
            source=args.file or args.accepted or "",
            accepted=known,
            strict=not args.file,
        )
    report = replace(report, results=(*unwritten, *report.results))
    write_report(args.sarif, lambda: json.dumps(report.to_sarif(), indent=2) + "\n")
    write_report(args.junit, report.to_junit)
    return report


def _specs(args: argparse.Namespace, given: Json) -> tuple[Spec, ...]:
    for path in map(Path, args.path or ()):
        if not path.exists():
            near = [str(each) for each in path.parent.glob("*.ipynb")]
            meant = did_you_mean(str(path), near, "Check the path.")
            raise InvalidInput(f"There is no notebook '{path}'.", next_step=meant, field="path")
    specs = tuple(Spec.make(args.check, {**given, "path": path}) for path in args.path or ()) or (
        Spec.make(args.check, given),
    )
    if args.fix:
        for spec in specs:
            for removed in remove_secrets(spec.base / spec.arguments["path"]):
                note(
                    f"{printable(spec.arguments['path'])}: masked {removed.what} in"
                    f" {printable(removed.place)}."
                )
    return specs


def _written(specs: tuple[Spec, ...]) -> tuple[tuple[CheckResult, ...], tuple[Spec, ...]]:
    """Write the promises of notebooks; return those that have nothing to promise,
    and the others to check.
    """
    unwritten, left = [], []
    for spec in specs:
        result = write_promise(spec.base / spec.arguments["path"])
        if result.passed:
            left.append(spec)
            note(f"{printable(spec.arguments['path'])}: {result.message}")
        else:
            unwritten.append(result)
    return tuple(unwritten), tuple(left)
