"""``gt-secure findings``: weaknesses of a restriction."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..base.errors import InvalidInput
from ..base.text import Json, json_text, printable
from ..engine.iam.facts import parse_facts, supplied_facts
from ..findings.accepted import accept, accepted_title, read_accepted, unused
from ..findings.catalog_page import page
from ..findings.model import catalog
from ..restriction.messages import notices
from .accepted import add_accepted, add_fail_on, note_unused
from .exit_codes import OK, UNKNOWN, code_of
from .exposure import add_planned, read_planned
from .output import connection, fit, graded, say, show_json, write_report
from .parser import Commands, add_context
from .progress import working

if TYPE_CHECKING:
    from ..findings.listings import Findings


def add(commands: Commands) -> None:
    """Add the command findings."""
    findings = commands.add(
        "findings",
        _run_findings,
        description=(
            "List settings that defeat, weaken or break a restriction of a workteam and a bucket."
        ),
        examples=(
            (
                "gt-secure findings s3://gt-images --team radiology-team",
                "list them, most severe first",
            ),
            (
                "gt-secure findings --tf-plan plan.json --account 111122223333 --sarif out.sarif",
                "before terraform apply",
            ),
            ("gt-secure findings s3://gt-images --fail-on high --json", "fail in CI"),
            (
                "gt-secure findings --explain url-lock-off",
                "show the risk, evidence and fix of a finding",
            ),
        ),
        exit_codes=(
            "0; with --fail-on: 2 if there is a finding of that severity or higher, 3 if one is"
            " unknown or a part was not read; of a plan or a template 3 in any case if one is"
            " unknown"
        ),
        result=_findings_from,
    )
    findings.add_place("data bucket")
    findings.add_argument("--team", help="workteam")
    findings.add_argument(
        "--logs",
        action="append",
        metavar="SOURCE",
        help="access logs that show whether URLs live long; may be repeated",
    )
    findings.add_argument(
        "--principals",
        nargs="?",
        const=True,
        default=False,
        metavar="FILE",
        help="see how many users and roles can sign: of the account, or of the output of "
        "aws iam get-account-authorization-details",
    )
    group = findings.add_argument_group("bucket policies before they are deployed")
    add_planned(findings, group, "--team", "--logs", "--principals", "--profile", "--region")
    group.add_argument(
        "--account", metavar="ID", help="account of the buckets, needed with a plan or a template"
    )
    findings.add_argument(
        "--explain", metavar="CODE", help="show risk, evidence and fix of a finding"
    )
    add_fail_on(findings, "command")
    add_context(findings)
    findings.add_argument("--sarif", metavar="FILE", help="write a SARIF 2.1.0 report to this file")
    add_accepted(findings)
    findings.reads_only("--explain", "--json")
    findings.needs("--account", "--tf-plan", "--cloudformation")


def _findings_from(args: argparse.Namespace) -> Findings:
    if args.tf_plan or args.cloudformation:
        return _findings_of_files(args)
    with working("Reading the account"):
        gt = connection(args, accepted=args.accepted, context=parse_facts(args.context))
        found = gt.findings(
            team=args.team, bucket=args.s3uri, logs=args.logs, principals=args.principals
        )
    write_report(
        args.sarif, lambda: json_text(found.to_sarif(source=args.accepted or ""), indent=2) + "\n"
    )
    return found


def _findings_of_files(args: argparse.Namespace) -> Findings:
    from ..engine.access.planned_policies import line_of
    from ..findings.listings import Findings
    from ..findings.planned import findings_of

    if args.prefix:
        step = f"Write s3://{args.bucket}."
        raise InvalidInput(
            "The findings of a file are about whole buckets.", next_step=step, field="bucket"
        )
    file, (planned, text) = args.tf_plan or args.cloudformation, read_planned(args)
    made = findings_of(planned, args.account, supplied_facts(parse_facts(args.context)))
    found = Findings(
        accept(made.findings, read_accepted(args.accepted)), made.checked, made.evidence
    )
    places = {each.subject: (each.address, line_of(each, text)) for each in planned}
    write_report(
        args.sarif,
        lambda: json_text(found.to_sarif(source=file, places=places), indent=2) + "\n",
    )
    return found


def _run_findings(args: argparse.Namespace) -> int:
    """Print the findings, and return the exit code that ``--fail-on`` asks for."""
    if args.explain:
        text = page(args.explain)
        if args.json:
            show_json(
                {"code": args.explain, **(catalog().get(args.explain) or notices()[args.explain])}
            )
        else:
            say(fit(text.rstrip()))
        return OK
    findings = _findings_from(args)
    if args.json:
        show_json(_document(findings))
    else:
        _show(findings)
    if args.accepted and not any(finding.code == "not-checked" for finding in findings):
        note_unused(unused(findings, read_accepted(args.accepted)))
    if args.fail_on:
        return code_of(findings.passes(args.fail_on))
    is_known = findings.decided and not findings.doubts("unknown")
    return OK if is_known or not (args.tf_plan or args.cloudformation) else UNKNOWN


def _document(result: Findings) -> Json:
    """Return the findings, None where it is unknown whether there is one, and each rule."""
    found = [finding.to_dict() for finding in result]
    return {
        "findings": found if found or result.is_known else None,
        "checked": {each.code: each.outcome for each in result.checked},
        "looked": result.looked,
    }


def _show(result: Findings) -> None:
    for finding in result.open:
        about = f" ({printable(finding.subject)})" if finding.subject else ""
        say(graded(fit(f"{finding.severity:6}  {finding.code}: {finding.title}{about}")))
        if finding.detail:
            say(fit(f"        {printable(finding.detail)}"))
        if finding.ended:
            say(fit(f"        {printable(finding.acceptance_text)}"))
        say(fit(f"        {finding.why}"))
        say(fit(f"        next: {finding.fix}"))
    if not len(result.open):
        empty = "No findings." if result.is_known else result.empty
        say("No finding is open." if len(result) else empty)
    if len(result.accepted):
        say(f"{accepted_title(result.accepted)}:")
    for finding in result.accepted:
        about = f" ({printable(finding.subject)})" if finding.subject else ""
        say(
            fit(
                f"  {finding.severity:6}  {finding.code}{about}:"
                f" {printable(finding.acceptance_text)}"
            )
        )
    if result.access is not None:
        say(fit(f"\n{result.access.text}"))
    say(fit(f"\n{result.looked}"))
    if len(result.open):
        say(fit(f"\nMore on a finding: gt-secure findings --explain {result.open[0].code}"))
