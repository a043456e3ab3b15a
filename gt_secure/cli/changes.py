"""``gt-secure plan``, ``apply``, ``undo``, ``journal`` and ``export``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..access.explain.expectation_probe import expectation_probe
from ..account.export import restriction_of
from ..aws.client import Aws, connect_aws
from ..changes.apply import apply
from ..changes.journal import export_journal, journal_path, list_changes, show_change, verify_journal
from ..changes.plan import Plan, plan
from ..changes.transaction import Applied
from ..changes.undo import plan_undo, resume, undo
from ..errors import InvalidInput
from ..restriction.expectations import Expectation, expect
from ..restriction.files import dump_restriction, dumps_restriction, load_restriction
from ..restriction.model import Restriction
from ..text import json_text, printable

FORMATS = ("text", "json", "html", "cli", "cloudformation", "terraform")


def add(subparsers: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Register the five commands."""
    _add_plan(subparsers, parents)
    _add_apply(subparsers, parents)
    _add_undo(subparsers, parents)
    _add_journal(subparsers, parents)
    _add_export(subparsers, parents)


def _parser(
    subparsers: Any, parents: Sequence[argparse.ArgumentParser], name: str, text: str, epilog: str = ""
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, parents=list(parents), help=text, description=text[0].upper() + text[1:] + ".", epilog=epilog
    )
    return parser


def _add_plan(subparsers: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    text = "show what a restriction would change, and who gets in now and after"
    parser = _parser(subparsers, parents, "plan", text, "Exit codes: 0 nothing to change, 2 changes, 1 error.")
    add_plan_arguments(parser)
    _add_log(parser)
    parser.add_argument("--format", choices=FORMATS, default=None, help="how to show it (default: text)")
    parser.set_defaults(run=run_plan)


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe a restriction."""
    group = parser.add_argument_group("the restriction")
    group.add_argument("-f", "--file", help="read it from a YAML or JSON file; other options are added or override")
    group.add_argument("--team", help="workteam, by name or ARN")
    group.add_argument("--allow", action="append", metavar="LIST", help="addresses and CIDR ranges; may be repeated")
    group.add_argument("--endpoint", action="append", metavar="ID", help="VPC endpoint of S3; may be repeated")
    group.add_argument("--bucket", help="bucket to guard")
    group.add_argument("--prefix", help="guard only keys that begin so")
    group.add_argument(
        "--url-lock",
        choices=("auto", "SourceIp", "VpcSourceIp", "off", "keep"),
        help="the workteam's URL lock (default: auto, the toggle that fits the portal)",
    )
    group.add_argument(
        "--portal-lock",
        action=argparse.BooleanOptionalAction,
        help="let only the addresses open the worker portal, of ALL workteams (default: as it is)",
    )
    group.add_argument(
        "--guard", action=argparse.BooleanOptionalAction, help="guard the bucket, or remove our guard (default: guard)"
    )
    group.add_argument("--expect-allowed", action="append", metavar="SOURCE", help="this source must get in")
    group.add_argument("--expect-refused", action="append", metavar="SOURCE", help="this source must be refused")


def _add_log(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log",
        action="append",
        metavar="SOURCE",
        help="access logs, as a file, a folder or s3://bucket/prefix: a plan that refuses a labeler in them is stopped",
    )


def _made(args: argparse.Namespace, aws: Aws) -> Plan:
    wish = restriction_from(args)
    if not args.log:
        return plan(aws, wish)
    from ..logs import read_hits

    with read_hits(args.log, aws=aws) as hits:
        return plan(aws, wish, hits=hits)


def restriction_from(args: argparse.Namespace) -> Restriction:
    """Make the restriction that the options describe."""
    data: dict[str, Any] = load_restriction(args.file).to_dict() if args.file else {}
    for name in ("team", "bucket", "prefix"):
        if getattr(args, name) is not None:
            data[name] = getattr(args, name)
    if args.allow is not None:
        data["addresses"] = "\n".join(args.allow)
    if args.endpoint is not None:
        data["endpoints"] = "\n".join(args.endpoint)
    if args.url_lock is not None:
        data["url_lock"] = {"auto": True, "off": False, "keep": None}.get(args.url_lock, args.url_lock)
    for name in ("portal_lock", "guard"):
        if getattr(args, name) is not None:
            data[name] = getattr(args, name)
    more = _expectations(args)
    if more:
        data["expectations"] = [*data.get("expectations", ()), *more]
    if not data:
        raise InvalidInput(
            "No restriction is given.",
            next_step="Name a workteam with --team, a bucket with --bucket and --allow, or a file with -f.",
            field="team",
        )
    return Restriction.from_dict(data)


def _expectations(args: argparse.Namespace) -> list[dict[str, Any]]:
    found: list[Expectation] = []
    if args.expect_allowed:
        found.append(expect.allowed(*_words(args.expect_allowed)))
    if args.expect_refused:
        found.append(expect.refused(*_words(args.expect_refused)))
    return [one.to_dict() for one in found]


def _words(values: Sequence[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _connect(args: argparse.Namespace) -> Aws:
    return connect_aws(profile=args.profile, region=args.region, endpoint_url=args.endpoint_url)


def run_plan(args: argparse.Namespace) -> int:
    """Show a plan; returns 0 for no change, 2 for changes, 1 if an expectation does not hold."""
    made = _made(args, _connect(args))
    shape = args.format or ("json" if args.json else "text")
    if shape == "json":
        _show(made.to_dict())
    else:
        show = {
            "text": made.to_text,
            "html": lambda: made.to_html(standalone=True),
            "cli": made.to_cli,
            "cloudformation": made.to_cloudformation,
            "terraform": made.to_terraform,
        }[shape]
        print(show().rstrip("\n"))
    if any(not notice.confirmable for notice in made.blockers):
        return 1
    return 0 if made.empty else 2


def _add_apply(subparsers: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    parser = _parser(subparsers, parents, "apply", "carry out a restriction: show the plan, ask, change, read back")
    add_plan_arguments(parser)
    _add_log(parser)
    _add_doing(parser)
    parser.add_argument("--confirm", action="append", default=[], metavar="CODE", help="accept a blocker of the plan")
    parser.add_argument(
        "--resume", nargs="?", const="", metavar="ID", help="complete an interrupted change of the journal instead"
    )
    parser.set_defaults(run=run_apply)


def _add_doing(parser: argparse.ArgumentParser) -> None:
    _add_journal_option(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="deadline (default: %(default)s)")


def _add_journal_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--journal", metavar="DIR", help="the journal (default: GT_SECURE_JOURNAL, ~/.gt_secure/journal)"
    )


def run_apply(args: argparse.Namespace) -> int:
    """Apply a restriction, or complete an interrupted change."""
    if args.resume is not None:
        aws = _connect(args)
        _ask(args, "Complete the interrupted change?")
        done = resume(aws, args.resume or None, journal_dir=args.journal, progress=_tell, timeout_s=args.timeout)
        return _report(args, done)
    aws = _connect(args)
    made = _made(args, aws)
    if not args.json:
        print(made.to_text())
    if not made.empty:
        _ask(args, _question(made, args.confirm))
    done = apply(
        aws,
        made,
        confirm=args.confirm,
        journal_dir=args.journal,
        progress=_tell,
        timeout_s=args.timeout,
        probe=expectation_probe(aws, made.restriction.team) if made.restriction.expectations else None,
    )
    return _report(args, done)


def _question(made: Plan, confirmed: Sequence[str]) -> str:
    open_ones = [notice.code for notice in made.blockers if notice.code not in confirmed]
    if open_ones:
        return f"This plan stops at {', '.join(open_ones)} and will be refused. Go on?"
    return f"Apply {len(made.changes)} change{'s' if len(made.changes) > 1 else ''}?"


def _ask(args: argparse.Namespace, question: str) -> None:
    if args.yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput(
            "There is nobody to ask here, and --yes is not given.", next_step="Look at the plan, then add --yes."
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise InvalidInput("Nothing was changed.", next_step="Answer y to go on.")


def _tell(text: str) -> None:
    sys.stderr.write(f"{printable(text)}\n")


def _report(args: argparse.Namespace, done: Applied) -> int:
    if args.json:
        _show(done.to_dict())
    else:
        print(printable(done.to_text(), keep="\n"))
        if done.outcome == "applied":
            print(f"Undo it with: gt-secure undo {done.id}")
    return 0


def _add_undo(subparsers: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    parser = _parser(subparsers, parents, "undo", "take a change back; what others changed since stays")
    parser.add_argument("change", nargs="?", help="id in the journal, or its beginning (default: the last change)")
    _add_doing(parser)
    parser.set_defaults(run=run_undo)


def run_undo(args: argparse.Namespace) -> int:
    """Show what an undo would do, ask, and do it."""
    aws = _connect(args)
    made = plan_undo(aws, args.change, journal_dir=args.journal)
    if not args.json:
        print(f"Undo of change {made.record.id} ({made.record.status}), made by {printable(made.record.caller)}")
        for change in made.changes:
            print(f"  {printable(change.title)}")
            print(f"    now:   {printable(change.before)}\n    after: {printable(change.after)}")
    if not made.empty:
        _ask(args, "Undo it?")
    done = undo(aws, made.record.id, journal_dir=args.journal, progress=_tell, timeout_s=args.timeout)
    return _report(args, done)


def _add_journal(subparsers: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    text = "list, show, verify or export what was changed, when and by whom"
    parser = _parser(subparsers, parents, "journal", text, "verify exits with 1 if a file does not hold together.")
    parser.add_argument("what", nargs="?", choices=("list", "show", "verify", "export"), default="list")
    parser.add_argument("change", nargs="?", help="id of the change to show, or its beginning")
    _add_journal_option(parser)
    parser.set_defaults(run=run_journal)


def run_journal(args: argparse.Namespace) -> int:
    """Run one of the four journal commands. None of them calls AWS."""
    directory = journal_path(args.journal)
    if args.what == "export":
        for line in export_journal(directory):
            print(line)
        return 0
    if args.what == "verify":
        return _verify(args, directory)
    if args.what == "show":
        if not args.change:
            raise InvalidInput("No change is named.", next_step="Write gt-secure journal show ID.", field="change")
        _show(show_change(args.change, directory).to_dict())
        return 0
    records = list_changes(directory)
    if args.json:
        _show([record.to_dict() for record in records])
        return 0
    for record in records:
        names = ", ".join(f"{change.get('kind')} of {change.get('target')}" for change in record.changes)
        of = f" of {record.of}" if record.of else ""
        print(printable(f"{record.id}  {record.status:<11} {record.kind}{of}  {names}  {record.caller}"))
    if not records:
        print(f"The journal in {directory} is empty.")
    return 0


def _verify(args: argparse.Namespace, directory: Path) -> int:
    problems = verify_journal(directory)
    if args.json:
        _show({change: list(found) for change, found in problems.items()})
    else:
        for change, found in problems.items():
            print(f"{change}  {'; '.join(found) or 'holds together'}")
    return 1 if any(problems.values()) else 0


def _add_export(subparsers: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    text = "write what an account has today as a restriction file"
    parser = _parser(subparsers, parents, "export", text)
    parser.add_argument("--team", help="private workteam")
    parser.add_argument("--bucket", help="bucket whose guard is read")
    parser.add_argument("-o", "--output", type=Path, help="file to write, .json or .yaml (default: print JSON)")
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """Write or print the restriction that is there."""
    found, notices = restriction_of(_connect(args), args.team, args.bucket)
    for notice in notices:
        sys.stderr.write(f"{notice.severity}: {printable(notice)}\n")
    if args.output is not None:
        dump_restriction(found, args.output)
        sys.stderr.write(f"Wrote {args.output}\n")
    else:
        print(dumps_restriction(found).rstrip("\n"))
    return 0


def _show(data: Any) -> None:
    print(json_text(data, indent=2))
