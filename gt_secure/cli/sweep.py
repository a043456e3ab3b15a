"""``gt-secure audit`` and ``sweep``: a region, and many accounts and regions, in one report."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..base.errors import InvalidInput
from ..base.text import count, json_text
from ..fleet.sweeps import SweepSpec, load_sweep, role_stackset, role_terraform, sweep
from ..fleet.sweeps.runner import default_folder
from .accepted import add_fail_on, exit_code, note_unused
from .exit_codes import OK, UNKNOWN
from .output import connection, fit, graded, line_width, note, say, show_json, write_report
from .parser import Commands
from .progress import working

if TYPE_CHECKING:
    from ..fleet.audit import Audit
    from ..fleet.sweeps import Sweep, SweepSpec
    from ..fleet.sweeps.runner import SweepProgress

_BAR = 20


def add(commands: Commands) -> None:
    """Add the commands audit and sweep."""
    audit = commands.add(
        "audit",
        _run_audit,
        description=(
            "Report the teams, portal, buckets, findings and leaked URLs of the region. Changes"
            " nothing."
        ),
        examples=(
            ("gt-secure audit", "the whole region, with a week of logs"),
            (
                "gt-secure audit --buckets gt-images --no-logs --fail-on high --json",
                "fail in CI, without reading logs",
            ),
        ),
        exit_codes=(
            "0; 3 if a bucket could not be read; with --fail-on: 2 for a finding of that severity"
            " or higher, 3 if something could not be read; with --fail-on unknown also for logs"
            " that were left out or are off"
        ),
        result=_audit_from,
    )
    audit.add_argument(
        "--buckets",
        default="used",
        metavar="WHICH",
        help="used (default), all, tag:KEY=VALUE, or names with commas",
    )
    audit.add_argument(
        "--since", default="7d", help="start of the logs: UTC time or age (default: %(default)s)"
    )
    audit.add_argument(
        "--no-logs", action="store_true", help="do not read access logs, nor look for leaked URLs"
    )
    add_fail_on(audit, "report")

    parser = commands.add(
        "sweep",
        _run,
        description=(
            "Report the locks, exposure and findings of every private team in many accounts and"
            " regions, with a role that is the same in all of them. An account that fails is a row."
            " Changes nothing."
        ),
        examples=(
            (
                "gt-secure sweep --role-name GtSecureSweep --accounts accounts.txt",
                "the accounts of a file",
            ),
            (
                (
                    "gt-secure sweep --role-name GtSecureSweep --organization -o sweep.json"
                    " --external-id example"
                ),
                "the organization, as JSON in a file",
            ),
            (
                (
                    "gt-secure sweep --print-role stackset --role-name GtSecureSweep --trusted"
                    " 111122223333"
                ),
                "the template of the role",
            ),
        ),
        exit_codes=(
            "0; with --fail-on: 2 for a finding of that severity or higher, 3 if something could"
            " not be read"
        ),
        result=_sweep_from,
    )
    parser.add_argument("-f", "--file", help="sweep file (YAML or JSON); other options override it")
    parser.add_argument("--role-name", metavar="NAME", help="role to assume in each account")
    parser.add_argument("--external-id", metavar="ID", help="external id that the role asks for")
    parser.add_argument(
        "--accounts", metavar="FILE", help="file with an account id on each line, or a JSON list"
    )
    parser.add_argument(
        "--organization", action="store_true", help="all active accounts of the organization"
    )
    parser.add_argument("--regions", metavar="LIST", help="all (default), or regions with commas")
    parser.add_argument(
        "--buckets", metavar="WHICH", help="add rows by bucket: used, all, tag:KEY=VALUE, or names"
    )
    parser.add_argument("--shard", metavar="I/N", help="read part I of N parts of the accounts")
    parser.add_argument(
        "--timeout",
        type=float,
        default=15,
        metavar="SECONDS",
        help="deadline of one response (default: %(default)g)",
    )
    parser.add_argument("--fresh", action="store_true", help="start again instead of resuming")
    parser.add_argument("-o", "--output", metavar="FILE", help="write JSON to this file")
    parser.add_argument("--sarif", metavar="FILE", help="write a SARIF 2.1.0 report to this file")
    add_fail_on(parser, "sweep")
    group = parser.add_argument_group("the role")
    group.add_argument(
        "--print-role", choices=("stackset", "terraform"), help="print the role and exit"
    )
    group.add_argument(
        "--trusted", metavar="ACCOUNT", help="account id or role ARN that runs the sweep"
    )
    parser.excludes("--json", "--format")
    parser.excludes("--organization", "--accounts")
    parser.needs("--trusted", "--print-role")
    parser.reads_only("--print-role", "--trusted", "--role-name", "--external-id", "--file")


def _audit_from(args: argparse.Namespace) -> Audit:
    with working("Reading the region"):
        return connection(args).audit(buckets=args.buckets, since=args.since, logs=not args.no_logs)


def _run_audit(args: argparse.Namespace) -> int:
    audit = _audit_from(args)
    if args.json:
        show_json(audit.to_dict())
    else:
        say(graded(fit(audit.to_text(line_width()))))
    unknown = any(each.access is None or each.access.tone == "unknown" for each in audit.buckets)
    return exit_code(args, audit) or (UNKNOWN if unknown else OK)


def _run(args: argparse.Namespace) -> int:
    if args.print_role:
        return _print_role(args)
    result = _sweep_from(args)
    _show(result, args)
    note_unused(result.unused)
    return exit_code(args, result)


def _sweep_from(args: argparse.Namespace) -> Sweep:
    spec = load_sweep(args.file) if args.file else SweepSpec()
    role = args.role_name or spec.role_name
    if not role:
        raise InvalidInput(
            "No role is named.",
            next_step="Add --role-name GtSecureSweep, the role of each account.",
            field="role_name",
        )
    by_option = bool(args.accounts or args.organization)
    resumed = []
    with working("Sweeping") as line:

        def progress(now: SweepProgress) -> None:
            resumed.append(now.done)
            line.update(_bar(now))

        result = sweep(
            role_name=role,
            external_id=args.external_id or spec.external_id,
            accounts=args.accounts if by_option else spec.accounts,
            organization=args.organization if by_option else spec.organization,
            regions=args.regions or spec.regions,
            buckets=args.buckets or spec.buckets,
            accepted=spec.accepted,
            connection=connection(args),
            state=default_folder(),
            fresh=args.fresh,
            shard=_shard(args.shard),
            timeout_s=args.timeout,
            progress=progress,
        )
    if resumed[0]:
        note(
            f"An interrupted sweep had read {count(resumed[0], 'region')} of these. Add --fresh to"
            " read them again."
        )
    write_report(
        args.sarif, lambda: json_text(result.to_sarif(source=args.file or ""), indent=2) + "\n"
    )
    return result


def _bar(now: SweepProgress) -> str:
    full = _BAR * now.done // max(now.total, 1)
    words = f"{now.done:,} of {count(now.total, 'region')}, {count(now.teams, 'team')}"
    return f"[{'#' * full}{'.' * (_BAR - full)}] {words}" + (
        f", {now.failed:,} not read" if now.failed else ""
    )


def _shard(text: str | None) -> tuple[int, int]:
    if text is None:
        return 1, 1
    number, _, total = text.partition("/")
    if not (number.isdigit() and total.isdigit()):
        raise InvalidInput(
            f"'{text[:20]}' is not a part.", next_step="Write --shard 2/8.", field="shard"
        )
    return int(number), int(total)


def _show(result: Sweep, args: argparse.Namespace) -> None:
    write_report(args.output, lambda: json_text(result.to_dict(), indent=2) + "\n")
    if args.json:
        show_json(result.to_dict())
    else:
        say(graded(fit(result.headline if args.output else result.to_text(line_width()))))


def _print_role(args: argparse.Namespace) -> int:
    spec = load_sweep(args.file) if args.file else None
    role = args.role_name or (spec.role_name if spec else "") or "GtSecureSweep"
    external = args.external_id or (spec.external_id if spec else "")
    make = role_stackset if args.print_role == "stackset" else role_terraform
    say(make(role, args.trusted or "", external).rstrip("\n"))
    if args.print_role == "stackset":
        note("Deploy it from the management account, in one region (IAM is global):")
        note(
            "aws cloudformation create-stack-set --stack-set-name gt-secure-sweep --template-body"
            " file://role.json --permission-model SERVICE_MANAGED --auto-deployment"
            " Enabled=true,RetainStacksOnAccountRemoval=false --capabilities CAPABILITY_NAMED_IAM"
        )
    return OK
