"""``gt-secure report``: a region, or many accounts and regions, in one report."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from ..base.errors import InvalidInput
from ..base.files import package_data
from ..base.text import count, json_text, printable
from ..report import report
from ..report.pages import format_of
from ..report.run import default_folder, is_earlier
from .accepted import add_accepted, add_fail_on, note_unused
from .exit_codes import OK, UNKNOWN, code_of
from .output import connection, fit, graded, line_width, note, say, show_json, write_report
from .parser import Commands
from .progress import working

if TYPE_CHECKING:
    from ..report import AccountReport
    from ..report.runner import ReportProgress


_DEPLOYMENT = """\
Save the template as role.json. In the commands, replace arn:aws:iam::111122223333:root by the
account or role that makes the report. Run them in the management account, in one region:
aws cloudformation activate-organizations-access
aws cloudformation create-stack-set --stack-set-name gt-secure-report --template-body \
file://role.json --permission-model SERVICE_MANAGED --auto-deployment \
Enabled=true,RetainStacksOnAccountRemoval=false --capabilities CAPABILITY_NAMED_IAM --parameters \
ParameterKey=Trusted,ParameterValue=arn:aws:iam::111122223333:root{more}
aws cloudformation create-stack-instances --stack-set-name gt-secure-report --regions us-east-1 \
--deployment-targets OrganizationalUnitIds=$(aws organizations list-roots --query 'Roots[0].Id' \
--output text)
The StackSet makes no role in the management account. If the report reads that account, too:
aws cloudformation create-stack --stack-name gt-secure-report --template-body file://role.json \
--capabilities CAPABILITY_NAMED_IAM --parameters \
ParameterKey=Trusted,ParameterValue=arn:aws:iam::111122223333:root{more}
"""
"""The commands that make the role in each account of an organization.

Sources: AWS CloudFormation User Guide, *Create CloudFormation StackSets with service-managed
permissions* (nothing is deployed to the management account); API Reference,
*ActivateOrganizationsAccess*, *CreateStackInstances* and *DeploymentTargets* (the root of the
organization is among ``OrganizationalUnitIds``).
"""


def add(commands: Commands) -> None:
    """Add the command report."""
    parser = commands.add(
        "report",
        _run,
        description=(
            "Report who can open each bucket, the locks of buckets, teams and portals, findings and"
            " leaked URLs: of this region, or of many accounts and regions with a role that is the"
            " same in all of them. What could not be read has the reason. Changes nothing."
        ),
        examples=(
            ("gt-secure report -o report.html", "this region, with a week of logs, as a page"),
            (
                "gt-secure report --since last --fail-on high -o report.md",
                "what changed since the last report, for an issue or a mail",
            ),
            (
                (
                    "gt-secure report --role GtSecureReport --accounts accounts.txt --regions"
                    " us-east-1,eu-west-1 -o report.json"
                ),
                "the accounts of a file",
            ),
            (
                "gt-secure report --print-role --external-id example-id > role.json",
                "the template of the role, and the commands that make it in each account",
            ),
        ),
        exit_codes=(
            "0; 3 if who can open a bucket is unknown; with --fail-on: 2 for a finding of that"
            " severity or higher, else 3 if something could not be read; with --fail-on unknown"
            " also for logs that were left out or are off"
        ),
        result=_report_from,
    )
    parser.add_argument(
        "--buckets",
        metavar="WHICH",
        help=(
            "beside buckets of teams: used (default for one region), all, tag:KEY=VALUE, or names"
            " with commas"
        ),
    )
    parser.add_argument(
        "--since",
        metavar="WHEN",
        help=(
            "start of the logs: UTC time or age (default: 7d); or the report to compare with:"
            " last, or its JSON file (the logs are read for a week, or from the time of that"
            " report if that is earlier)"
        ),
    )
    parser.add_argument(
        "--no-logs", action="store_true", help="do not read access logs, nor look for leaked URLs"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write a file: its name ends in .html, .json, .csv, .md or .sarif",
    )
    parser.add_argument("--regions", metavar="LIST", help="all, or regions with commas")
    add_fail_on(parser, "report")
    add_accepted(parser)
    group = parser.add_argument_group("many accounts, whose logs are not read")
    group.add_argument(
        "--accounts",
        metavar="FILE",
        help=(
            "file with an account id on each line, or a JSON list; organization for all active"
            " accounts of it"
        ),
    )
    group.add_argument("--role", metavar="NAME", help="role to assume in each account")
    group.add_argument("--external-id", metavar="ID", help="external id that the role asks for")
    group.add_argument("--fresh", action="store_true", help="start again instead of resuming")
    group.add_argument(
        "--print-role",
        action="store_true",
        help="print the role and the commands that make it, and exit",
    )
    parser.excludes("--accounts", "--no-logs")
    parser.needs("--accounts", "--role")
    parser.needs("--role", "--accounts")
    parser.needs("--external-id", "--role", "--print-role")
    parser.needs("--fresh", "--accounts")
    parser.reads_only("--print-role", "--external-id")


def _run(args: argparse.Namespace) -> int:
    if args.print_role:
        say(json_text(package_data("gt_secure.report", "role.json"), indent=2))
        asked = f'ParameterKey=ExternalId,ParameterValue="{args.external_id}"'
        more = f" {shlex.quote(asked)}" if args.external_id else ""
        for line in _DEPLOYMENT.format(more=more).splitlines():
            note(line)
        return OK
    result = _report_from(args)
    if args.json:
        show_json(result.to_dict())
    else:
        say(graded(fit(result.headline if args.output else result.to_text(line_width()))))
    note_unused(result.unused)
    if not args.fail_on:
        return UNKNOWN if any(row.tone == "unknown" for row in result.buckets) else OK
    for line in result.unknown if args.fail_on == "unknown" else ():
        note(f"unknown: {printable(line)}")
    return code_of(result.passes(args.fail_on))


def _report_from(args: argparse.Namespace) -> AccountReport:
    make = format_of(args.output) if args.output else None
    if args.since and not is_earlier(args.since) and (args.no_logs or args.accounts):
        raise InvalidInput(
            f"No log is read, so that --since {args.since[:40]} means nothing.",
            next_step="Leave it out, or write last or the JSON file of an earlier report.",
            field="since",
        )
    resumed: list[int] = []
    with working("Reading the account") as line:

        def progress(now: ReportProgress) -> None:
            resumed.append(now.done)
            line.update(f"{now.done:,} of {count(now.total, 'region')}, {now.failed:,} not read")

        result = report(
            connection(args, accepted=args.accepted),
            buckets=args.buckets,
            since=args.since or "7d",
            logs=not args.no_logs,
            accounts=args.accounts,
            regions=args.regions,
            role=(args.role, args.external_id or "") if args.role else "",
            folder=default_folder(),
            fresh=args.fresh,
            progress=progress,
        )
    if resumed and resumed[0]:
        note(
            f"An interrupted report had read {count(resumed[0], 'region')} of these. Add --fresh to"
            " read them again."
        )
    if make is not None:
        write_report(args.output, lambda: make(result))
    return result
