"""Run every rule over the state of an account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ..account.part import Evidence, NotRead, PartNotReadError
from ..account.state import State
from . import bucket_rules, guard_rules, network_rules, other_ways_rules, workteam_rules
from .guard_rules import guard_of, wanted_of
from .model import SEVERITIES, Checked, CheckedWord, Finding, Given, Match, Rule, Severity, catalog

RULES = tuple(
    each
    for module in (bucket_rules, workteam_rules, guard_rules, network_rules, other_ways_rules)
    for each in vars(module).values()
    if isinstance(each, Rule)
)
"""The rules of these modules, as they stand there."""


class Examined(NamedTuple):
    """The findings about a state, the most severe first, what each rule came to, and what they rest on."""

    findings: tuple[Finding, ...]
    checked: tuple[Checked, ...]
    evidence: Evidence


def find_all(state: State) -> tuple[Finding, ...]:
    """Return the findings about a state, the most severe first."""
    return examine(state).findings


def examine(state: State, rules: Iterable[Rule] = RULES) -> Examined:
    """Run rules, by default every one.

    A rule that needs a part which was not read says nothing; the finding ``not-checked`` names it and the action. A
    rule without a subject is not applicable.
    """
    unread = list(state.unread())
    found: list[Finding] = []
    checked: list[Checked] = []
    for rule in rules:
        blind = tuple(dict.fromkeys(missing.action for name, missing in unread if rule.looks_at(name)))
        try:
            for name in rule.needs:
                part = state.part(name)
                _ = part.value if part is not None else None
            if reason := _absent(rule, state):
                checked.append(Checked(rule.code, "not applicable", reason))
                continue
            made = [_finding(rule.code, each, blind) for each in rule.run(state)]
        except PartNotReadError as error:
            checked.append(Checked(rule.code, "unknown", error.part.text))
            continue
        found += made
        unknown = [each.detail for each in made if each.state == "unknown"]
        if not made and blind:  # a part that it would have looked at was not read
            unknown = [f"{', '.join(blind)} was not read"]
        outcome: CheckedWord = "unknown" if unknown and len(unknown) >= len(made) else "found" if made else "clean"
        checked.append(Checked(rule.code, outcome, unknown[0] if outcome == "unknown" else ""))
    found += _not_checked(unread)
    ran = sum(each.outcome in ("found", "clean") for each in checked)
    ordered = tuple(sorted(found, key=lambda each: SEVERITIES.index(each.severity)))
    return Examined(ordered, tuple(checked), state.evidence(rule=ran))


def _absent(rule: Rule, state: State) -> str:
    """Return why a rule has no subject; empty if it has one."""
    bucket = state.bucket
    if any(name.startswith("bucket.") for name in rule.needs) and bucket is None:
        return "no bucket was named"
    if rule.subject in ("team", "job") and state.team.missing is None and state.team.value is None:
        return "no workteam was named"
    if rule.subject in ("workforce", "endpoint") and state.workforce.value is None:
        return "no private workforce was looked at"
    if rule.subject == "job" and not state.templates.value:
        return "no labeling job waits for workers"
    there: dict[Given, Callable[[], object]] = {
        "guard": lambda: bucket and guard_of(bucket),
        "restriction": lambda: bucket and wanted_of(state, bucket),
        "principals": lambda: bucket and bucket.principals is not None,
        "log": lambda: bucket and (bucket.url_ages or (bucket.url_ages is not None and bucket.log.missing)),
        "portal in a VPC": lambda: state.workforce.value and state.workforce.value.vpc_id,
        "workteam": lambda: state.team.value,
        "page that loads by script": lambda: bucket and any(bucket_rules.scripts_of(state, bucket)),
    }
    no_log = bucket is None or bucket.url_ages is None
    words = {
        "workteam": "no workteam was named",
        "log": "there is no log" if no_log else "the log shows no opened presigned URL",
        "page that loads by script": "no page is known that loads by script",
        "principals": "users and roles were not asked for",
    }
    return next((words.get(name, f"there is no {name}") for name in rule.given if not there[name]()), "")


def _finding(code: str, found: Match, missing: tuple[str, ...]) -> Finding:
    row = catalog()[code]
    severity: Severity = found.severity or row["severity"]  # type: ignore[assignment]
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
