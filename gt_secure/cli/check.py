"""``gt-secure check``: assertions about a team's posture, for CI and scheduled jobs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..text import printable
from .output import connection, note, say, show_json, table

_TEXTS = {
    "team": "workteam", "bucket": "data bucket", "prefix": "beginning of the keys",
    "url-lock": "the toggle that must be on: SourceIp or VpcSourceIp",
    "severity": "least grave finding that fails: high, medium (default), low, info",
    "since": "read the log from here: UTC time, or an age such as 7d", "until": "UTC time, not included",
    "restriction": "restriction file", "path": "notebook",
}  # fmt: skip
_LISTS = {
    "portal": "networks that the portal lock may list", "allow": "addresses that the guard must admit",
    "endpoint": "VPC endpoints that the guard must admit", "ignore": "code of a finding that is accepted",
    "logs": "where the log lies, instead of where the bucket delivers it", "pools": "addresses of one organisation",
    "kinds": "leak, refused or preview",
}  # fmt: skip
_NAMES = {"allow": "addresses", "endpoint": "endpoints"}


def add(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "check",
        parents=parents,
        help="assert that a restriction is in place and holds",
        description="Run one check, or those of a file. What could not be read is unknown, and never passes.",
        epilog="Checks: team-is-restricted, guard-is-in-place, no-foreign-hits, no-leaked-urls, no-findings, "
        "nothing-drifted, expectations-hold, no-code-cell-skipped, no-secret-saved. "
        "Exit codes: 0 all passed, 1 one failed (or an error), 3 none failed, but one is unknown.",
    )
    parser.add_argument("check", nargs="?", metavar="NAME", help="the check")
    parser.add_argument("-f", "--file", help="run the checks of this YAML or JSON file")
    parser.add_argument("--sarif", metavar="FILE", help="write SARIF 2.1.0 here too")
    parser.add_argument("--junit", metavar="FILE", help="write JUnit XML here too")
    parser.add_argument(
        "--sanitize-file", action="store_true", help="print the path of a file for --nbval-sanitize-with"
    )
    group = parser.add_argument_group("the check")
    for name, text in _TEXTS.items():
        group.add_argument(f"--{name}", help=text)
    for name, text in _LISTS.items():
        group.add_argument(f"--{name}", action="append", metavar="VALUE", help=f"{text}; may be repeated")
    group.add_argument("--count-refused", action="store_true", default=None, help="refused hits from outside fail too")
    group.add_argument("--trust-private", action="store_true", default=None, help="private addresses came as listed")
    group.add_argument("--newest-within-h", type=float, metavar="HOURS", help="an older log leaves the outcome unknown")
    group.add_argument("--max-unreadable", type=int, metavar="LINES", help="unreadable lines that are accepted (0)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the checks, print and write what came out."""
    if args.sanitize_file:
        from ..check.notebooks import SANITIZE_FILE

        say(str(SANITIZE_FILE))
        return 0
    from ..check.running import run_specs
    from ..check.spec import Spec, load_specs

    given = _given(args)
    if args.file:
        if args.check or given:
            raise InvalidInput(
                "With -f the file says what is checked.", next_step="Leave the other options out.", field="file"
            )
        specs, source = load_specs(args.file), args.file
    elif args.check:
        specs, source = [Spec.make(args.check, given)], ""
    else:
        raise InvalidInput(
            "No check is named.", next_step="Write “gt-secure check guard-is-in-place --bucket NAME”.", field="check"
        )
    report = run_specs(lambda: connection(args), specs, source=source)
    _write(args.sarif, lambda: json.dumps(report.to_sarif(), indent=2) + "\n")
    _write(args.junit, report.to_junit)
    if args.json:
        show_json(report.to_dict())
        return report.exit_code
    say(table(("status", "check", "subject", "what"), [(r.status, r.name, r.subject, r.message) for r in report]))
    for result in report:
        if result.next_step and not result.passed:
            note(f"next ({result.name}): {printable(result.next_step)}")
    return report.exit_code


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """The options that were given, by the names of a check file."""
    names = [*_TEXTS, *_LISTS, "count-refused", "trust-private", "newest-within-h", "max-unreadable"]
    values = {name: getattr(args, name.replace("-", "_")) for name in names}
    return {_NAMES.get(name, name.replace("-", "_")): value for name, value in values.items() if value is not None}


def _write(target: str | None, make: Any) -> None:
    if target is None:
        return
    try:
        Path(target).write_text(make(), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"{target} cannot be written: {error.strerror}.", next_step="Name another file.", field="file"
        ) from error
