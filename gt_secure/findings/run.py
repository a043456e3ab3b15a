"""Run every rule over the state of an account."""

from __future__ import annotations

from collections.abc import Iterator

from ..account.part import NotRead, PartNotReadError
from ..account.state import State
from . import bucket_rules, guard_rules, network_rules, other_ways_rules, workteam_rules
from .model import SEVERITIES, Finding, Match, Rule, Severity, catalog

RULES = tuple(
    each
    for module in (bucket_rules, workteam_rules, guard_rules, network_rules, other_ways_rules)
    for each in vars(module).values()
    if isinstance(each, Rule)
)
"""The rules of these modules, as they stand there."""


def find_all(state: State) -> tuple[Finding, ...]:
    """Run every rule; the most severe findings come first.

    A rule that needs a part which was not read says nothing; the finding ``not-checked`` names it and the action.
    """
    unread = list(state.unread())
    found: list[Finding] = []
    for rule in RULES:
        blind = tuple(dict.fromkeys(missing.action for name, missing in unread if rule.looks_at(name)))
        found += [_finding(rule.code, each, blind) for each in _matches(rule, state) or ()]
    found += _not_checked(unread)
    return tuple(sorted(found, key=lambda each: SEVERITIES.index(each.severity)))


def _matches(rule: Rule, state: State) -> list[Match] | None:
    """Return the matches of a rule; None if it needs a part that was not read."""
    try:
        for name in rule.needs:
            part = state.part(name)
            _ = part.value if part is not None else None
        return list(rule.run(state))
    except PartNotReadError:
        return None


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


def _not_checked(unread: list[tuple[str, NotRead]]) -> Iterator[Finding]:
    codes: dict[tuple[str, str, str], set[str]] = {}
    for name, missing in unread:
        place = (missing.action, missing.resource, missing.text)
        codes.setdefault(place, set()).update(rule.code for rule in RULES if rule.looks_at(name))
    for (action, resource, text), named in sorted(codes.items()):
        said = f"Not known: {', '.join(sorted(named))}." if named else ""
        yield _finding("not-checked", Match(resource, f"{text}. {said}".strip()), (action,))
