"""``no_findings``: nothing in the account nullifies, weakens or breaks a restriction."""

from __future__ import annotations

from collections.abc import Collection

from ..access.exposure import Context
from ..aws.teams import TeamLike, team_name
from ..connection import ConnectionLike, with_facts
from ..errors import InvalidInput
from ..findings.accepted import AcceptedLike, accepted_title
from ..findings.catalog_page import nearest_code
from ..findings.model import SEVERITIES, Finding, catalog
from ..text import some
from .result import MAX_NAMED, Check, CheckResult


@Check
def no_findings(
    gt: ConnectionLike,
    *,
    team: TeamLike | None = None,
    bucket: str | None = None,
    severity: str = "medium",
    ignore: Collection[str] = (),
    accepted: AcceptedLike | None = None,
    context: Context | None = None,
) -> CheckResult:
    """Check that a team, its workforce and a bucket have no findings of this severity or higher.

    Parameters
    ----------
    team, bucket : optional
        The team and bucket to check; at least one.
    severity : str
        The minimum severity that fails the check: ``high``, ``medium``, ``low`` or ``info``.
    ignore : collection of str
        Codes of findings that never fail the check. An entry of ``accepted`` has a subject, a reason and an end.
    accepted : path or iterable, optional
        Accepted findings: a file with a list ``accepted``, or its entries. They fail the check after their last day.
    """
    if severity not in SEVERITIES:
        raise InvalidInput(
            f"'{str(severity)[:40]}' is not a severity.", next_step="Write high, medium, low or info.", field="severity"
        )
    codes = [ignore] if isinstance(ignore, str) else list(ignore)
    strange = [code for code in codes if code not in catalog()]
    if strange:
        raise InvalidInput(
            f"Unknown finding code '{strange[0][:40]}'.",
            next_step=nearest_code(strange[0]),
            field="ignore",
        )
    name = None if team is None else team_name(team)
    subject = " and ".join(part for part in (name, bucket) if part)
    everything = with_facts(gt, context, accepted).findings(team=team, bucket=bucket)
    found = everything.open
    limit = SEVERITIES.index(severity)
    grave = [
        each
        for each in found
        if each.state == "found"
        and SEVERITIES.index(each.severity) <= limit
        and each.code not in {*codes, "not-checked"}
    ]
    blind = [each for each in found if each.code == "not-checked"]
    blind += [
        each
        for each in found
        if each.state == "unknown" and SEVERITIES.index(each.severity_if_found) <= limit and each.code not in codes
    ]
    details = {
        "severity": severity,
        "ignored": sorted({each.code for each in found if each.code in codes}),
        "findings": [each.to_dict() for each in (grave or blind)],
        "accepted": [each.to_dict() for each in everything.accepted],
        "evidence": everything.evidence.to_dict(),
        "not_applicable": {each.code: each.reason for each in everything.checked if each.outcome == "not applicable"},
        "complete": not any(each.code == "not-checked" for each in everything),
        "seen": sorted({(each.code, each.subject) for each in everything}),
    }
    if grave:
        named = some([f"{each.code} ({each.severity}: {each.title})" for each in grave])
        ended = [f"{each.code}: {each.acceptance_text}" for each in grave if each.ended is not None]
        said = " ".join([f"Found {named}.", *ended[:MAX_NAMED]])
        return CheckResult("no_findings", subject, False, said, details, _next_step(grave[0]))
    if blind:
        said = "Some checks could not run: " + " ".join(f"{each.code}: {each.detail}" for each in blind[:3])
        return CheckResult(
            "no_findings", subject, None, said, details, "Run 'gt-secure doctor' to list the missing permissions."
        )
    if not everything.decided:
        said = f"No rule was decided. {everything.looked}"
        return CheckResult("no_findings", subject, None, said, details, "Name a private workteam, or a bucket.")
    said = f"No findings of severity {severity} or higher. {everything.looked}"
    if everything.accepted:
        said = f"{said} There are {accepted_title(everything.accepted)}."
    return CheckResult("no_findings", subject, True, said, details)


def _next_step(finding: Finding) -> str:
    if finding.ended is None:
        return finding.fix
    return f"{finding.fix} Or accept the risk again: write a later date in 'until'."
