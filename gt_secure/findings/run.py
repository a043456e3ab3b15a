"""Run every rule over the facts of an account."""

from __future__ import annotations

from collections.abc import Iterator

from ..account.facts import Snapshot
from . import bucket_rules, guard_rules, network_rules, workteam_rules  # noqa: F401  (they register themselves)
from .model import _ORDER, CHECKS, Finding, Found, Severity, catalog


def find_all(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Run every check; the gravest findings come first.

    A check whose needed reading was denied says nothing; the finding ``not-checked`` names it and the action.
    """
    found: list[Finding] = []
    for registered in CHECKS:
        missing = tuple(action for action in registered.needs if snapshot.lacks(action))
        found += [_finding(registered.code, each, missing) for each in registered.run(snapshot)]
    found += _not_checked(snapshot)
    return tuple(sorted(found, key=lambda each: _ORDER.index(each.severity)))


def _finding(code: str, found: Found, missing: tuple[str, ...]) -> Finding:
    row = catalog()[code]
    severity: Severity = row["severity"]  # type: ignore[assignment]
    looked_at = row["looked_at"]
    return Finding(
        code=code,
        severity=severity,
        title=str(row["title"]),
        why=str(row["why"]),
        fix=str(row["fix"]),
        source_url=str(row["source_url"]),
        looked_at=tuple(str(each) for each in looked_at) if isinstance(looked_at, list) else (),
        subject=found.subject,
        detail=found.detail,
        could_not_see=missing,
    )


def _not_checked(snapshot: Snapshot) -> Iterator[Finding]:
    for missing in sorted({(each.action, each.resource) for each in snapshot.unseen}):
        action, resource = missing
        codes = sorted({each.code for each in CHECKS if action.lower() in {need.lower() for need in each.needs}})
        said = f"Not known: {', '.join(codes)}." if codes else ""
        yield _finding("not-checked", Found(resource, f"{action} was denied. {said}".strip()), (action,))
