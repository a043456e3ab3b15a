"""Run every rule over the state of an account."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ..account.bucket import UrlAges
from ..account.state import State
from ..base.evidence import Evidence
from ..base.text import Json, Texts, count
from ..engine.access.part import NotRead, Part, PartNotReadError, asked_in_vain
from ..engine.policies.age_limit import LONGEST_S
from ..logs.sql.log_columns import OPENED, SIGNER, signer_label
from . import bucket_rules, guard_rules, other_ways_rules, workteam_rules
from .bucket_rules import scripts_of
from .guard_rules import guards_of, wishes_of
from .model import (
    NOT_CHECKED,
    SEVERITIES,
    Checked,
    CheckedWord,
    Finding,
    Given,
    Match,
    Rule,
    Severity,
    Subject,
    catalog,
    match,
    rules_of,
)

if TYPE_CHECKING:
    from ..logs.hits import Hits


RULES = rules_of(bucket_rules, workteam_rules, guard_rules, other_ways_rules)
"""The rules on a state."""


class Examined(NamedTuple):
    """The findings about a state, the most severe first, what each rule came to,
    and what they rest on.
    """

    findings: tuple[Finding, ...]
    checked: tuple[Checked, ...]
    evidence: Evidence


def examine(state: State, rules: Iterable[Rule] = RULES) -> Examined:
    """Run rules, by default every one.

    A rule that asks for a part which was not read is unknown, unless it found something without it;
    the finding ``not-checked`` names it and the action. A rule without a subject is not applicable,
    and one about what the caller left out is not asked.
    """
    unread = list(state.unread())
    findings = []
    checked = []
    lost: dict[tuple[str, str, str], set[str]] = {}
    for rule in rules:
        matches, outcome, missing = _run(rule, state, unread)
        findings += matches
        checked.append(outcome)
        for part in missing:
            lost.setdefault((part.action, part.resource, part.text), set()).add(rule.code)
    for (action, resource, text), codes in sorted(lost.items()):
        named = match(NOT_CHECKED, resource, reason=text, codes=", ".join(sorted(codes)))
        findings.append(_finding(NOT_CHECKED, named, (action,)))
    ran = sum(each.outcome in ("found", "clean") for each in checked)
    ordered = tuple(sorted(findings, key=lambda each: SEVERITIES.index(each.severity)))
    return Examined(ordered, tuple(checked), state.evidence(rule=ran))


def _run(
    rule: Rule, state: State, unread: list[tuple[str, NotRead]]
) -> tuple[list[Finding], Checked, dict[NotRead, None]]:
    """Run one rule; returns also the parts that it looked at and that were not read."""
    matches, asked, reason = _asked(rule, state)
    if isinstance(matches, Checked):
        return [], matches, {}
    missing = {part: None for name, part in unread if part in asked and rule.looks_at(name)}
    actions = tuple(dict.fromkeys(part.action for part in missing))
    bucket = state.bucket.name if state.bucket is not None else ""
    findings = [_finding(rule.code, each, actions, bucket) for each in matches]
    if not findings and missing and not reason:
        reason = f"{', '.join(actions)} was not read"
    return findings, _outcome(rule.code, findings, reason), missing


def _outcome(code: str, findings: list[Finding], reason: str) -> Checked:
    """Return what a rule came to; ``reason`` says why it is unknown if it found nothing."""
    unknown = [each.detail for each in findings if each.state == "unknown"]
    if (reason and not findings) or (unknown and len(unknown) == len(findings)):
        return Checked(code, "unknown", (unknown or [reason])[0])
    return Checked(code, "found" if findings else "clean", "")


def _asked(rule: Rule, state: State) -> tuple[list[Match] | Checked, set[NotRead], str]:
    """Return what a rule found or why it has no subject, the parts that it asked for in vain,
    and what ended it.
    """
    matches: list[Match] = []
    with asked_in_vain() as asked:
        try:
            about = _about(rule, state)
            if isinstance(about, Checked):
                return about, asked, ""
            for each in rule.run(state, *about):
                matches.append(each)  # noqa: PERF402 - what was found before a part that was not read stays
        except PartNotReadError as error:
            asked.add(error.part)
            return matches, asked, error.part.text
    return matches, asked, ""


_SUBJECTS: dict[Subject, tuple[Callable[[State], object], str]] = {
    "bucket": (lambda state: state.bucket, "no bucket was named"),
    "team": (lambda state: state.team.value, "no workteam was named"),
    "workforce": (lambda state: state.workforce.value, "no private workforce was looked at"),
    "endpoint": (lambda state: state.workforce.value, "no private workforce was looked at"),
    "job": (lambda state: state.templates.value, "no labeling job waits for workers"),
}
_GIVEN: dict[Given, tuple[Callable[[State], object], str]] = {
    "guard": (lambda state: state.bucket and guards_of(state.bucket), "there is no guard"),
    "restriction": (
        lambda state: state.bucket and wishes_of(state, state.bucket),
        "there is no restriction",
    ),
    "principals": (
        lambda state: state.principals.was_asked and state.principals.value,
        "users and roles were not asked for",
    ),
    "log": (
        lambda state: (
            state.bucket and state.bucket.url_ages is not None and [state.bucket.log.if_read]
        ),
        "the access log was not read",
    ),
    "presigned URL": (
        lambda state: state.bucket and (state.bucket.url_ages or state.bucket.log.missing),
        "the log shows no opened presigned URL",
    ),
    "portal in a VPC": (
        lambda state: state.workforce.value and state.workforce.value.vpc_id,
        "there is no portal in a VPC",
    ),
    "portal without a VPC": (
        lambda state: state.workforce.value and state.workforce.value.vpc_id is None,
        "the portal is in a VPC",
    ),
    "private workteam": (
        lambda state: state.team.value and state.team.value.kind == "private",
        "only a private workteam can have a URL lock",
    ),
    "workteam": (lambda state: state.team.value, "no workteam was named"),
    "team of the bucket": (
        lambda state: (
            state.team.value
            or state.users
            or (state.teams.was_asked and state.teams.value and None)
        ),
        "no workteam of the bucket is known",
    ),
    "page that loads by script": (
        lambda state: state.bucket and [*scripts_of(state, state.bucket)],
        "no page is known that loads by script",
    ),
}
"""The subject of a rule and what it is given, and the reason where there is none."""


LEFT_OUT: tuple[Given, ...] = ("log", "principals")
"""Parts that are read only if the caller asks for them: a rule without its part is not asked."""


def _about(rule: Rule, state: State) -> tuple[object, ...] | Checked:
    """Return the subject of a rule and what is given, or why the rule is not run."""

    def not_run(absent: str, word: CheckedWord = "not applicable") -> Checked:
        return Checked(rule.code, word, absent)

    if state.bucket is None and any(name.startswith("bucket.") for name in rule.needs):
        return not_run(_SUBJECTS["bucket"][1])
    if rule.subject == "job" and state.team.missing is None and state.team.value is None:
        return not_run(_SUBJECTS["team"][1])
    find, absent = _SUBJECTS[rule.subject]
    values = [find(state)]
    if not values[0]:
        return not_run(absent)
    for name in rule.given:
        find, absent = _GIVEN[name]
        values.append(find(state))
        if not values[-1]:
            return not_run(absent, "not asked" if name in LEFT_OUT else "not applicable")
    return tuple(values)


def _finding(code: str, found: Match, missing: Texts, bucket: str = "") -> Finding:
    row = catalog()[code]
    severity: Severity = found.severity or row["severity"]
    unknown = bool(found.depends_on)
    depends = f"It depends on {', '.join(found.depends_on)}." if unknown else ""
    return Finding(
        code=code,
        severity="info" if unknown else severity,
        title=f"Unknown: {row['title']}" if unknown else row["title"],
        why=row["why"],
        fix=row["fix"].replace("s3://NAME", f"s3://{bucket}") if bucket else row["fix"],
        source_url=row["source_url"],
        looked_at=tuple(row["looked_at"]),
        subject=found.subject,
        detail=f"{found.detail} {depends}".strip(),
        could_not_see=missing,
        state="unknown" if unknown else "found",
        depends_on=found.depends_on,
    )


def with_url_ages(state: State, hits: Hits | None) -> State:
    """Return the state with the ages and leaks of URLs in a log;
    unchanged without hits or a bucket.
    """
    if state.bucket is None or hits is None:
        return state
    name = state.bucket.name
    facts, coverage = hits.asked(
        lambda each: _log_facts(each, name),
        lambda each: (each["preflights"], *each["version_2"].values()),
    )

    def leaked() -> str:
        leaks = hits.leaks()
        if not leaks.leaked:
            return ""
        return " ".join((f" The log shows {count(leaks.leaked, 'leaked URL')}.", *leaks.unread))

    log = Part.of(len(hits))
    if doubt := coverage.evidence(name).missing:
        log = Part.unread(
            NotRead("the access log", "s3:GetObject", "in doubt", doubt, f"log of {name}")
        )
    seen = replace(
        state.bucket,
        log=log,
        leaks=leaked,
        presigners=lambda: hits.presigners(name)[0],
        **facts,
    )
    return replace(state, bucket=seen)


def _log_facts(hits: Hits, bucket: str) -> Json:
    """Return what the log of a bucket shows, by the names of a bucket's attributes."""
    # A refused request may state any age and lifetime: anybody can write it.
    rows = hits.filter(presigned=True, test=False, bucket=bucket).query(
        f"SELECT {SIGNER} AS signer, count(*), max(age_s), max(expires_s) FROM {{hits}} WHERE"
        f" {OPENED} AND age_s IS NOT NULL AND expires_s <= {LONGEST_S} GROUP BY 1 ORDER BY 4"
        " DESC, 1"
    )
    presigned = hits.filter(presigned=True, refused=False, test=False, bucket=bucket)
    return {
        "url_ages": tuple(UrlAges(signer_label(signer), *numbers) for signer, *numbers in rows),
        "applications": tuple(row["application"] for row in presigned.count("application")),
        "version_2": dict(
            presigned.where(f"signature_version = 'SigV2' AND {OPENED}").count("application").rows
        ),
        "preflights": len(
            hits.filter(operation="REST.OPTIONS.PREFLIGHT", refused=True, bucket=bucket)
        ),
    }
