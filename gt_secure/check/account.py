"""``no_findings``: nothing in the account nullifies, weakens or breaks a restriction."""

from __future__ import annotations

from collections.abc import Sequence

from ..aws.buckets import place_of
from ..aws.teams import TeamLike, team_name
from ..base.outcome import CheckResult
from ..base.text import Json, some
from ..connection import ConnectionLike, with_facts
from ..engine.access.exposure import Context
from ..findings.accepted import AcceptedLike, accepted_title
from ..findings.listings import Findings
from ..findings.model import NOT_CHECKED, NOT_RUN, Finding, Threshold, severe, severities_from
from .result import MAX_NAMED, Check


@Check
def no_findings(
    gt: ConnectionLike,
    *,
    team: TeamLike | None = None,
    bucket: str | None = None,
    prefix: str = "",
    severity: Threshold = "medium",
    accepted: AcceptedLike | None = None,
    context: Context | None = None,
) -> CheckResult:
    """Check that a team, its workforce and a bucket have no findings of this severity or higher.

    Parameters
    ----------
    team, bucket : optional
        The team and bucket to check; at least one.
    prefix : str
        Ask about the objects under a prefix; by default about all objects of the bucket.
    severity : str
        The minimum severity that fails the check: ``high``, ``medium``, ``low`` or ``info``, or
        ``unknown``, which is the lowest.
    accepted : path or iterable, optional
        Accepted findings: a check file with a list ``accepted``, or the entries. They fail the
        check after their last day.
    """
    severities_from(severity)
    name = None if team is None else team_name(team)
    place = None if bucket is None else _place(*place_of(bucket, prefix))
    subject = " and ".join(part for part in (name, place) if part)
    findings = with_facts(gt, context, accepted).findings(team=team, bucket=place)
    failing = findings.worse_than(severity)
    unsure = [each for each in severe(findings, severity) if not each.decided]
    details = {
        "severity": severity,
        "findings": [each.to_dict() for each in (failing or unsure)],
        **_looked_at(findings),
    }
    doubts = findings.doubts(severity)
    unread = f" Some checks could not run: {some(doubts, 3, between=' ')}" if doubts else ""
    if failing:
        text = f"{_failure(failing)}{unread} {findings.evidence.place}".rstrip()
        return CheckResult("no_findings", subject, False, text, details, _next_step(failing[0]))
    if unread:
        text = f"{unread} {findings.evidence.place}".strip()
        doctor = "Run 'gt-secure doctor' to list the missing permissions."
        return CheckResult("no_findings", subject, None, text, details, doctor)
    if not findings.decided:
        text = f"No rule was decided. {findings.looked}"
        return CheckResult(
            "no_findings", subject, None, text, details, "Name a private workteam, or a bucket."
        )
    access = f" {findings.access.text}" if findings.access is not None else ""
    text = (
        f"No findings of severity {severity} or higher.{access}{_left_out(findings.open)}"
        f" {findings.looked}"
    )
    if len(findings.accepted):
        text = f"{text} The check leaves out {accepted_title(findings.accepted)}."
    return CheckResult("no_findings", subject, True, text, details)


def _left_out(findings: Findings) -> str:
    """Return a sentence about the findings that the check found and did not ask for."""
    named = [f"{each.code} ({each.severity})" for each in findings if each.state == "found"]
    return f" Findings that were not asked for: {some(named, 3)}." if named else ""


def _place(bucket: str, prefix: str) -> str:
    return f"s3://{bucket}/{prefix}" if prefix else bucket


def _looked_at(findings: Findings) -> Json:
    """Return what the outcome rests on, as JSON-able data."""
    return {
        "accepted": [each.to_dict() for each in findings.accepted],
        "evidence": findings.evidence.to_dict(),
        **{
            word.replace(" ", "_"): {
                each.code: each.reason for each in findings.checked if each.outcome == word
            }
            for word in NOT_RUN
        },
        "complete": not any(each.code == NOT_CHECKED for each in findings),
        "seen": sorted({(each.code, each.subject) for each in findings}),
    }


def _failure(findings: Sequence[Finding]) -> str:
    """Return a sentence that names the findings, and one for each whose acceptance has ended."""
    named = some([f"{each.code} ({each.severity}: {each.title})" for each in findings])
    ended = [f"{each.code}: {each.acceptance_text}" for each in findings if each.ended is not None]
    return " ".join(filter(None, [f"Found {named}.", some(ended, MAX_NAMED, between=" ")]))


def _next_step(finding: Finding) -> str:
    if finding.ended is None:
        return finding.fix
    return f"{finding.fix} Or accept the risk again: write a later date in 'until'."
