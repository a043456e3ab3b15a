"""``no_findings``: nothing in the account nullifies, weakens or breaks a restriction."""

from __future__ import annotations

from collections.abc import Collection

from ..aws.teams import TeamLike, team_name
from ..connection import ConnectionLike, connection_of
from ..errors import InvalidInput
from ..findings.model import catalog
from .result import Check, CheckResult, some

SEVERITIES = ("high", "medium", "low", "info")


@Check
def no_findings(
    gt: ConnectionLike,
    *,
    team: TeamLike | None = None,
    bucket: str | None = None,
    severity: str = "medium",
    ignore: Collection[str] = (),
) -> CheckResult:
    """Check that a team, its workforce and a bucket have no findings of this severity or higher.

    Parameters
    ----------
    gt : Connection or sagemaker.core Session
    team, bucket : optional
        The team and bucket to check; at least one.
    severity : str
        The minimum severity that fails the check: ``high``, ``medium``, ``low`` or ``info``.
    ignore : collection of str
        Codes of findings that are known and accepted.
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
            next_step="Run 'gt-secure findings' to list the codes.",
            field="ignore",
        )
    name = None if team is None else team_name(team)
    subject = " and ".join(part for part in (name, bucket) if part)
    found = connection_of(gt).findings(team=name, bucket=bucket)
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
    }
    if grave:
        named = some([f"{each.code} ({each.severity}: {each.title})" for each in grave])
        return CheckResult("no_findings", subject, False, f"Found {named}.", details, grave[0].fix)
    if blind:
        said = "Some checks could not run: " + " ".join(f"{each.code}: {each.detail}" for each in blind[:3])
        return CheckResult(
            "no_findings", subject, None, said, details, "Run 'gt-secure doctor' to list the missing permissions."
        )
    return CheckResult("no_findings", subject, True, f"No findings of severity {severity} or higher.", details)
