"""Run every rule over the facts of an account."""

from __future__ import annotations

from collections.abc import Iterator

from ..account.facts import Snapshot
from . import bucket_rules, guard_rules, network_rules, other_ways_rules, workteam_rules
from .model import _ORDER, Finding, Match, Severity, catalog

RULES = (
    *bucket_rules.RULES,
    *workteam_rules.RULES,
    *guard_rules.RULES,
    *network_rules.RULES,
    *other_ways_rules.RULES,
)


def find_all(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Run every rule; the most severe findings come first.

    A rule whose needed reading was denied says nothing; the finding ``not-checked`` names it and the action.
    """
    found: list[Finding] = []
    for rule in RULES:
        missing = tuple(action for action in rule.needs if snapshot.lacks(action))
        found += [_finding(rule.code, each, missing) for each in rule.run(snapshot)]
    found += _not_checked(snapshot)
    return tuple(sorted(found, key=lambda each: _ORDER.index(each.severity)))


def _finding(code: str, found: Match, missing: tuple[str, ...]) -> Finding:
    row = catalog()[code]
    severity: Severity = row["severity"]  # type: ignore[assignment]
    looked_at = row["looked_at"]
    unknown = bool(found.depends_on)
    depends = f"It depends on {', '.join(found.depends_on)}." if unknown else ""
    return Finding(
        code=code,
        severity="info" if unknown else severity,
        title=f"Unknown: {row['title']}" if unknown else str(row["title"]),
        why=str(row["why"]),
        fix=str(row["fix"]),
        source_url=str(row["source_url"]),
        looked_at=tuple(str(each) for each in looked_at) if isinstance(looked_at, list) else (),
        subject=found.subject,
        detail=f"{found.detail} {depends}".strip(),
        could_not_see=missing,
        state="unknown" if unknown else "found",
        depends_on=found.depends_on,
    )


def _not_checked(snapshot: Snapshot) -> Iterator[Finding]:
    for missing in sorted({(each.action, each.resource) for each in snapshot.unseen}):
        action, resource = missing
        codes = sorted({each.code for each in RULES if action.lower() in {need.lower() for need in each.needs}})
        said = f"Not known: {', '.join(codes)}." if codes else ""
        yield _finding("not-checked", Match(resource, f"{action} was denied. {said}".strip()), (action,))
