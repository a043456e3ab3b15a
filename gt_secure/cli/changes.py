"""``gt-secure plan``, ``apply``, ``undo`` and ``export``."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..aws.teams import buckets_of
from ..base.errors import (
    AccessDenied,
    CredentialsError,
    GtSecureError,
    InvalidInput,
    Throttled,
    Unreachable,
)
from ..base.text import Json, count, printable, some
from ..changes.applied import Applied
from ..changes.apply import check_confirmed
from ..changes.plan import Plan, UndoPlan
from ..changes.render.summary import can_be_applied
from ..changes.render.text import confirm_options
from ..changes.undo import interrupted, offers, undoable
from ..connection import Connection
from ..engine.iam.facts import parse_facts
from ..logs.activity import READING
from ..logs.named_networks import load_networks
from ..restriction.files import dump_restriction, dumps_restriction, load_restriction
from ..restriction.model import Restriction
from .accepted import add_accepted
from .exit_codes import ERROR, FOUND, OK, UNKNOWN
from .output import (
    ask,
    connection,
    fit,
    graded,
    last_words,
    line_width,
    note,
    say,
    show_json,
)
from .parser import Commands, Parser, add_context
from .progress import working
from .wording import in_options

if TYPE_CHECKING:
    from ..logs import Hits
    from ..restriction.messages import Notice


def shown(plan: Plan) -> str:
    """Return the lines of a plan for a terminal; another command has the rest of the notes."""
    return fit(plan.to_text(line_width()).replace("plan.to_text(full=True)", "plan with --full"))


FORMATS: dict[str, Callable[[Plan], str]] = {
    "text": shown,
    "html": lambda plan: plan.to_html(standalone=True),
    "cli": Plan.to_cli,
    "terraform": Plan.to_terraform,
    "ticket": Plan.to_ticket,
    "alarm": Plan.to_alarm,
}

DOING = ("--yes", "--json", "--profile", "--region")
"""Options that every command that changes something reads."""


def add(commands: Commands) -> None:
    """Add the commands plan, apply, undo and export."""
    parser = commands.add(
        "plan",
        _run_plan,
        description=(
            "Show what a restriction would change, and who can open the objects before and after."
        ),
        examples=(
            (
                "gt-secure plan s3://gt-images --team open-team --allow 203.0.113.0/24",
                "review a restriction",
            ),
            (
                "gt-secure plan -f open-team.json --format html > plan.html",
                "a page for the approver",
            ),
            ("gt-secure plan -f open-team.json --json", "detect drift in CI"),
        ),
        exit_codes="0 nothing to change, 2 changes, 1 an expectation does not hold",
        result=plan_from,
    )
    _add_plan_arguments(parser)
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="output format (default: text; ticket: for an administrator; alarm: CloudFormation)",
    )
    parser.add_argument(
        "--full", action="store_true", help="show exact sources, notes and permissions too"
    )
    add_accepted(parser)
    parser.excludes("--json", "--format", "--full")
    parser.excludes("--full", "--format")

    parser = commands.add(
        "apply",
        lambda args: report(args, apply_from(args)),
        description=(
            "Apply a restriction: show the plan, ask, change, read back, and roll back if a step"
            " fails."
        ),
        examples=(
            (
                "gt-secure apply s3://ml-artifacts --allow 203.0.113.0/24 --yes",
                "apply without a prompt",
            ),
            (
                (
                    "gt-secure apply s3://gt-images --allow 203.0.113.0/24 --yes --confirm"
                    " loses-access:radiology-team"
                ),
                "accept a warning that asks",
            ),
            (
                "gt-secure apply -f open-team.json --digest sha256:...",
                "apply the plan that was approved",
            ),
        ),
        result=apply_from,
    )
    _add_plan_arguments(parser)
    add_doing(parser)
    add_confirm(parser)
    parser.add_argument("--digest", metavar="DIGEST", help="apply only the plan with this digest")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="ID",
        help="complete an interrupted change of the journal instead",
    )
    parser.reads_only("--resume", *DOING)

    parser = commands.add(
        "undo",
        _run_undo,
        description=(
            "Undo a change: show what it would write, and ask. Later edits by others are kept."
            " Without an id, list the changes that can be undone, and write nothing."
        ),
        examples=(
            ("gt-secure undo", "list what can be undone, by whom it was made, and its command"),
            ("gt-secure undo 20261124-101500", "undo a change by a prefix of its id"),
            ("gt-secure undo 20261124-101500 --yes", "the same without a prompt"),
            (
                "gt-secure undo 20261124-101500 --yes --confirm loses-access:radiology-team",
                "accept that workers lose access",
            ),
        ),
        exit_codes="0 undone, or there is nothing to undo; 2 changes are listed and none was named",
        result=_undo_from,
    )
    parser.add_argument(
        "change",
        nargs="?",
        default="last",
        help="change id or unique prefix (default: list the changes)",
    )
    add_doing(parser)
    add_confirm(parser)

    parser = commands.add(
        "export",
        _run_export,
        description=(
            "Write the current locks of a team and a bucket as a restriction file, for gt-secure"
            " plan -f."
        ),
        examples=(
            ("gt-secure export --team radiology-team", "print the current restriction"),
            (
                "gt-secure export s3://gt-images/scans/ -o scans.json",
                "write the guard of a prefix to a file",
            ),
        ),
        result=export_from,
    )
    parser.add_argument("--team", help="private workteam")
    parser.add_place("bucket whose guard is read")
    parser.add_argument(
        "--lists",
        action="append",
        default=[],
        metavar="NAME",
        help="pl-... or wafv2:ipset/NAME: write the name, not its ranges (repeatable)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="file to write, .json or .yaml (default: print JSON)"
    )
    parser.excludes("--output", "--json")


def _add_plan_arguments(parser: Parser) -> None:
    parser.add_place("bucket to guard")
    group = parser.add_argument_group("the restriction")
    group.add_argument(
        "-f", "--file", help="restriction file (YAML or JSON); other options override it"
    )
    group.add_argument("--team", help="workteam, by name or ARN")
    group.add_argument(
        "--allow",
        action="append",
        metavar="LIST",
        help="addresses, CIDR ranges, prefix lists (pl-...) and wafv2:ipset/NAME; may be repeated",
    )
    group.add_argument(
        "--networks",
        action="append",
        metavar="FILE",
        help="networks file whose names --allow accepts; may be repeated",
    )
    group.add_argument(
        "--endpoint",
        action="append",
        metavar="ID",
        help="VPC endpoint of S3, or VPC; may be repeated",
    )
    group.add_argument(
        "--age-limit",
        metavar="AGE",
        help="refuse presigned requests signed longer ago, such as 15m, or off",
    )
    group.add_argument(
        "--signers",
        action="append",
        metavar="ARN",
        help=(
            "refuse URLs for reading that nobody of these roles and users signed, or off; may be"
            " repeated"
        ),
    )
    group.add_argument(
        "--version-4-only",
        action=argparse.BooleanOptionalAction,
        help="refuse presigned requests of signature version 2; --no-version-4-only removes that",
    )
    group.add_argument(
        "--url-lock",
        choices=("auto", "SourceIp", "VpcSourceIp", "off", "keep"),
        help="the workteam's URL lock (default: auto, the setting that fits the portal)",
    )
    group.add_argument(
        "--portal-lock",
        action=argparse.BooleanOptionalAction,
        help="limit the worker portal of ALL workteams to the addresses (default: no change)",
    )
    group.add_argument(
        "--guard",
        choices=("all", "reads", "off"),
        help="guard the bucket, spare presigned uploads, or remove our guard (default: all)",
    )
    group.add_argument(
        "--keep-teams",
        action="store_true",
        help="also allow what the workteams of the bucket have and use",
    )
    add_context(group)
    group.add_argument(
        "--application",
        metavar="NAME",
        help="say what the guard does to an application, such as mlflow",
    )
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="why, for the approver and the journal"
    )
    parser.needs("--networks", "--allow")
    parser.excludes("--guard=off", "--keep-teams")
    parser.add_argument(
        "--logs",
        action="append",
        metavar="SOURCE",
        help="access logs (file, folder or s3://...): block a plan that refuses a client in them",
    )
    parser.add_argument(
        "--no-logs", action="store_true", help="do not read the bucket's access log"
    )
    parser.excludes("--logs", "--no-logs")


def plan_from(args: argparse.Namespace) -> Plan:
    """Return the plan that the options describe: the command and the magic show the same one."""
    # what is wrong with it is reported before anything about the account
    restriction = _restriction_of(args)
    return _planned(args, restriction, connection(args, accepted=args.accepted))


def _planned(args: argparse.Namespace, restriction: Restriction, gt: Connection) -> Plan:
    with working(READING if args.logs else "Reading the account"), contextlib.ExitStack() as stack:
        # read once for both plans
        hits = stack.enter_context(gt.hits(logs=args.logs)) if args.logs else None
        logs: Hits | Literal[False] | None = False if args.no_logs else hits
        plan = gt.plan(restriction, logs=logs, reason=args.reason)
        if args.keep_teams and plan.keeping is not None:
            return gt.plan(plan.keeping, logs=logs, reason=args.reason)
    if args.keep_teams:
        note("--keep-teams added nothing: no log, list or change shows more that the teams use.")
    elif plan.keeping is not None:
        note("The workteams of the bucket have or use more. --keep-teams keeps it.")
    return plan


def _restriction_of(args: argparse.Namespace) -> Restriction:
    """Return the restriction; an error for want of a bucket names those of the team,
    or that there is no such team.
    """
    try:
        return restriction_from(args)
    except InvalidInput as error:
        if error.field != "bucket" or args.bucket or args.team is None:
            raise
        with contextlib.suppress(AccessDenied, CredentialsError, Throttled, Unreachable):
            jobs = connection(args).jobs(args.team)
            names = sorted(
                {name for job in jobs for name in buckets_of((job.input_uri, job.output_uri))}
            )
            if names:
                used = " or ".join(f"bucket='{name}'" for name in names)
                error.next_step = error.next_step.replace("bucket=", f"{used}, which its jobs use,")
        raise


def restriction_from(args: argparse.Namespace) -> Restriction:
    """Return the restriction of the file and options; an option replaces the field of the file."""
    data: Json = load_restriction(args.file).to_dict() if args.file else {}
    if args.bucket is not None:
        # else the prefix of the file stays
        is_whole = data.get("bucket") != args.bucket or args.s3uri.endswith("/")
        data["prefix"] = args.prefix or ("" if is_whole else data.get("prefix"))
        data["bucket"] = args.bucket
    if args.allow is not None:
        data["addresses"] = "\n".join(_ranges(args))
    if args.endpoint is not None:
        data |= {"endpoints": "\n".join(args.endpoint), "vpcs": ()}
    if args.guard is not None:
        data["guard"] = {"all": True, "off": False}.get(args.guard, args.guard)
    for name in ("team", "url_lock", "portal_lock", "application", "version_4_only"):
        if getattr(args, name, None) is not None:
            data[name] = getattr(args, name)
    if args.age_limit is not None:
        data["age_limit"] = {"off": None}.get(args.age_limit, args.age_limit)
    if args.signers is not None:
        data["signers"] = [] if args.signers == ["off"] else "\n".join(args.signers)
    if args.context:
        data["facts"] = data.get("facts", {}) | parse_facts(args.context)
    if not data:
        raise InvalidInput(
            "No restriction is given.",
            next_step=(
                "Name a bucket, such as s3://gt-images with --allow, a workteam with --team, or a"
                " file with -f."
            ),
            field="team",
        )
    return Restriction.from_dict(data)


def _ranges(args: argparse.Namespace) -> list[str]:
    """Return the allowed addresses; a name of a networks file stands for its ranges."""
    if not args.networks:
        return list(args.allow)
    known = load_networks(*args.networks)
    names = {each.name for each in known}
    ranges: list[str] = []
    for word in args.allow:
        # a misspelt name is no address either
        is_name = word in names or difflib.get_close_matches(word, names, 1)
        ranges += map(str, known[word]) if is_name else [word]
    return ranges


def _run_plan(args: argparse.Namespace) -> int:
    plan = plan_from(args)
    if args.json:
        show_json(plan.to_dict())
    else:
        shown = fit(plan.to_text(line_width(), full=True)) if args.full else ""
        text = (shown or FORMATS[args.format](plan)).rstrip("\n")
        say(graded(text) if args.format == "text" else text)
    if not args.json and args.format == "text" and can_be_applied(plan):
        # a line that is broken is another command
        when = ", if you agree to each question" if plan.asks else ""
        say(f"Apply{when}: {_command(args, plan.asks)}")
    if any(not notice.confirmable for notice in plan.blockers):
        return ERROR
    return OK if plan.empty else FOUND


def _command(args: argparse.Namespace, asks: Iterable[Notice]) -> str:
    """Return the command that carries out what was shown: all that was given, and an answer to each
    question, but no code that answers none.

    Where no terminal can ask, the command asks nothing.
    """
    pairs = zip(args.words, ["", *args.words], strict=False)
    words = [
        word
        for word, before in pairs
        if before not in _WITH_A_VALUE
        and word.partition("=")[0] not in (*PLAN_ONLY, "--confirm", "--yes")
    ]
    verb = "apply" if args.command == "plan" else args.command
    is_asked = sys.stdin.isatty() and "--yes" not in args.words
    yes = "" if is_asked else " --yes"
    return f"gt-secure {verb} {shlex.join(words)}{confirm_options(asks)}{yes}"


PLAN_ONLY = ("--format", "--accepted", "--full")
"""Options of a plan that change no lock: an apply has none of them."""
_WITH_A_VALUE = ("--format", "--accepted", "--confirm")
"""Options whose value leaves the command with them."""


def add_confirm(parser: argparse.ArgumentParser) -> None:
    """Add ``--confirm``."""
    parser.add_argument(
        "--confirm",
        action="append",
        default=[],
        metavar="CODE",
        help="accept a blocker or a warning that asks",
    )


def add_doing(parser: argparse.ArgumentParser) -> None:
    """Add ``--yes``."""
    parser.add_argument("--yes", action="store_true", help="skip the confirmation prompt")


def apply_from(args: argparse.Namespace) -> Applied:
    """Plan, show, ask and apply, or complete an interrupted change."""
    if args.resume is not None:
        gt = connection(args)
        change = args.resume or "last"
        record = interrupted(gt.aws, change, journal=gt.journal)
        for line in offers([] if record is None else [record], "resume"):
            _ask(args, f"{in_options(line)}\nComplete this interrupted change?")
        return gt.resume(change, progress=_tell)
    restriction = _restriction_of(args)
    gt = connection(args)
    return apply_plan(args, gt, _planned(args, restriction, gt), args.digest)


def apply_plan(
    args: argparse.Namespace, gt: Connection, plan: Plan, digest: str | None = None
) -> Applied:
    """Show a plan, ask for consent and apply it."""
    if not args.json:
        say(graded(shown(plan)))
    agreed = _agreed(args, plan)
    if not plan.empty:
        _ask(args, f"Apply {count(len(plan.changes), 'change')}?", plan.asks)
    return gt.apply(plan, confirm=agreed, progress=_tell, digest=digest)


def _agreed(args: argparse.Namespace, plan: Plan | UndoPlan) -> list[str]:
    """Ask about each notice that is not confirmed yet, and return what is."""
    asks = [each for each in plan.asks if each.code not in args.confirm]
    if args.yes and asks:
        check_confirmed(plan, args.confirm, f"To go on anyway, run:\n  {_command(args, plan.asks)}")
    for each in asks:
        _ask(args, f"{printable(each)}\n{each.consent}?", plan.asks)
    return [*args.confirm, *(each.code for each in asks)]


def _ask(args: argparse.Namespace, question: str, asks: Sequence[Notice] = ()) -> None:
    sys.stdout.flush()  # a plan that cannot be shown is not applied
    if args.yes:
        return
    if not ask(question, f"Review the plan, then run:\n  {_command(args, asks)}"):
        raise GtSecureError(
            "Nothing was changed.", next_step="Run it again and answer y to continue."
        )


def _tell(text: str) -> None:
    last_words(printable(text))  # a change goes on where nobody can read its progress


def report(args: argparse.Namespace, result: Applied) -> int:
    """Print the outcome of a change, and how to undo it."""
    if args.json:
        show_json(result.to_dict())
    else:
        say(fit(printable(result.to_text(), keep="\n")))
        if result.outcome == "applied":
            say(f"Undo it with: gt-secure undo {result.id}")
    return OK if result.certain else UNKNOWN


def _undo_from(args: argparse.Namespace) -> Applied:
    gt = connection(args)
    plan = gt.plan_undo(args.change)
    if not args.json:
        record = plan.record
        say(f"Undo of change {record.id} ({record.status}), made by {printable(record.caller)}")
        for change in plan.changes:
            title, was, then = map(printable, (change.title, change.before_text, change.after_text))
            say(fit(f"  {title}: {was} → {then}"))
            say(fit(f"    affects {printable(some(change.affects))}"))
    agreed = _agreed(args, plan)
    if not plan.empty:
        _ask(args, f"Undo change {plan.record.id}?", plan.asks)
    return gt.apply(plan, confirm=agreed, progress=_tell)


def _run_undo(args: argparse.Namespace) -> int:
    if args.change == "last" and not (args.yes or args.json or args.confirm):
        gt = connection(args)
        lines = in_options("\n".join(offers(undoable(gt.aws, journal=gt.journal))))
        say(lines or "There is no change to undo.")
        return FOUND if lines else OK
    return report(args, _undo_from(args))


def export_from(args: argparse.Namespace) -> Restriction:
    """Return the current restriction, and report omitted parts on standard error."""
    place = f"s3://{args.bucket}/{args.prefix}" if args.prefix else args.bucket
    restriction, messages = connection(args).export(args.team, place, lists=args.lists)
    for message in messages:
        note(f"{message.severity}: {printable(message)}")
    return restriction


def _run_export(args: argparse.Namespace) -> int:
    restriction = export_from(args)
    if args.output is not None:
        dump_restriction(restriction, args.output)
        note(f"Wrote {args.output}")
    else:
        say(dumps_restriction(restriction).rstrip("\n"))
    return OK
