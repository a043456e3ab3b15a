"""Findings: something in the account that nullifies, weakens or breaks a restriction, each with a
stable code.

Texts and sources are in ``findings.json``; each code has one small pure function in ``*_rules.py``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from types import ModuleType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from ..base.clock import utc_now
from ..base.errors import InvalidInput
from ..base.files import package_data
from ..base.html import (
    Tone,
    cell as html_cell,
    code as mono,
    facts as fact_list,
    notice as notice_box,
    output as cell_output,
)
from ..base.shown import Shown
from ..base.situations import filled, situations, without_variants
from ..base.text import Json, JsonLike, Texts, members, printable
from ..base.truth import without_truth

SAVED_SECRET = "saved-secret"  # noqa: S105
"""The code of a secret that ``no_secret_saved`` accepts:
the subject of its entry is the id of the secret.
"""
Acceptances: TypeAlias = "tuple[Acceptance, ...]"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A finding that is accepted until a day (UTC), that day included.

    ``subject`` is the team, workforce, bucket or key, or ``account/region/subject``, or the id of a
    secret; ``*`` matches any text. Empty: every one.
    """

    finding: str
    reason: str
    until: dt.date
    subject: str = ""

    def covers(self, code: str, *subjects: str) -> bool:
        """Return True if it is for this code, and for one of the names of the subject."""
        if code != self.finding:
            return False
        return not self.subject or any(
            _pattern(self.subject).fullmatch(subject) for subject in subjects
        )

    def ended(self, today: dt.date | None = None) -> bool:
        """Return True after the last day."""
        return (today or utc_now().date()) > self.until

    def to_dict(self) -> dict[str, str]:
        """Return the entry as JSON-able data, without empty fields."""
        data = members(self, "finding", "subject", "reason", "until")
        return {name: value for name, value in data.items() if value}

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> Acceptance:
        """Read an entry from :meth:`to_dict`."""
        return cls(**{**data, "until": dt.date.fromisoformat(data["until"])})  # type: ignore[arg-type]

    @property
    def words(self) -> str:
        """The acceptance in one clause: ``accepted until DATE: REASON``."""
        return f"accepted until {self.until.isoformat()}: {self.reason}"

    @property
    def label(self) -> str:
        """The code and subject."""
        return f"{self.finding} of {self.subject}" if self.subject else self.finding


@lru_cache(maxsize=1024)
def _pattern(subject: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, subject.split("*"))), re.DOTALL)


Severity: TypeAlias = Literal["high", "medium", "low", "info"]
FindingState: TypeAlias = Literal["found", "unknown"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low", "info")
Threshold: TypeAlias = Severity | Literal["unknown"]
"""The minimum severity that fails; ``unknown``: every severity, and whatever is not known."""
THRESHOLDS: tuple[Threshold, ...] = (*SEVERITIES, "unknown")
NOT_CHECKED = "not-checked"
"""The code of the finding that names a part which was not read."""


def severities_from(threshold: str) -> tuple[Severity, ...]:
    """Return the severities that fail a threshold;
    raises :class:`InvalidInput` for another word.
    """
    if threshold not in THRESHOLDS:
        raise InvalidInput(
            f"'{str(threshold)[:40]}' is not a severity.",
            next_step=f"Write {', '.join(SEVERITIES)} or unknown.",
            field="severity",
        )
    return SEVERITIES[: THRESHOLDS.index(threshold) + 1]


@dataclass(frozen=True, slots=True, repr=False)
class Finding(Shown):
    """One finding.

    Attributes
    ----------
    code : str
        Stable, such as ``url-lock-both``.
    severity : str
        ``high``, ``medium``, ``low`` or ``info``.
    title, why, fix : str
        What is so, why it matters, what to do.
    source_url : str
        The AWS page behind it.
    looked_at : tuple of str
        What was read to find it.
    subject : str
        The team, workforce, bucket, endpoint or job that it is about.
    detail : str
        The values that made it, from outside: escape before showing it as HTML.
    could_not_see : tuple of str
        Actions that were denied, so that this is less than the whole picture.
    state : str
        ``found``, or ``unknown`` where it depends on facts; an unknown one has severity ``info``.
    depends_on : tuple of str
        The condition keys on whose values an unknown finding depends.
    accepted : Acceptance or None
        The entry that accepts it today.
    ended : Acceptance or None
        The entry that accepted it until a day that is over.
    """

    code: str
    severity: Severity
    title: str
    why: str
    fix: str
    source_url: str
    looked_at: Texts
    subject: str = ""
    detail: str = ""
    could_not_see: Texts = ()
    state: FindingState = "found"
    depends_on: Texts = ()
    accepted: Acceptance | None = None
    ended: Acceptance | None = None

    @property
    def decided(self) -> bool:
        """False if it depends on facts that are unknown, or names a part that was not read."""
        return self.state == "found" and self.code != NOT_CHECKED

    @property
    def severity_if_found(self) -> Severity:
        """The severity that it has, or may have: any of its code if it is unknown,
        any at all for an unread part.
        """
        if self.decided:
            return self.severity
        severity: Severity = (
            "high" if self.code == NOT_CHECKED else catalog()[self.code]["severity"]
        )
        return severity

    def to_dict(self) -> Json:
        """Return the finding as JSON-able data."""
        return Shown.to_dict(self) | {"controls": list(catalog()[self.code]["controls"])}

    @classmethod
    def from_dict(cls, data: JsonLike) -> Finding:
        """Return a finding from what :meth:`to_dict` returned."""
        texts = {name: tuple(data[name]) for name in ("looked_at", "could_not_see", "depends_on")}
        entries = {
            name: data.get(name) and Acceptance.from_dict(data[name])
            for name in ("accepted", "ended")
        }
        known = {each.name for each in fields(cls)}
        return cls(
            **{name: value for name, value in data.items() if name in known} | texts | entries
        )

    @property
    def acceptance_text(self) -> str:
        """The entry that accepts it, or accepted it, in a sentence; empty without one."""
        if self.accepted is not None:
            return f"It is {self.accepted.words}"
        if self.ended is None:
            return ""
        return (
            f"It was accepted until {self.ended.until.isoformat()}, which is over:"
            f" {self.ended.reason}"
        )

    def __str__(self) -> str:
        about = f" ({self.subject})" if self.subject else ""
        detail = f" {self.detail}" if self.detail else ""
        return printable(f"{self.severity}: {self.title}{about}.{detail} {self.fix}")

    def _repr_html_(self) -> str:
        tones: dict[str, Tone] = {"high": "no", "medium": "warn"}
        tone = tones.get(self.severity, "plain")
        subject = [("subject", mono(self.subject)), ("values", self.detail)]
        pairs = [
            *subject,
            ("accepted", self.acceptance_text),
            ("why", self.why),
            ("next", self.fix),
            ("controls", ", ".join(control_names(self.code))),
            ("source", self.source_url),
            ("more", f"gt-secure findings --explain {self.code}"),
        ]
        facts = fact_list([(name, html_cell(value)) for name, value in pairs if value])
        return cell_output(notice_box(tone, f"{self.severity}: {self.code}", self.title), facts)


def severe(findings: Iterable[Finding], threshold: str) -> list[Finding]:
    """Return the findings that nobody accepts and that are, or may be, that severe or higher."""
    worst = severities_from(threshold)
    return [each for each in findings if each.accepted is None and each.severity_if_found in worst]


class Match(NamedTuple):
    """Result of a rule: its subject, the values, for an unknown match the keys on which it depends.

    ``severity`` replaces the severity of the code.
    """

    subject: str
    detail: str = ""
    depends_on: Texts = ()
    severity: Severity | None = None


def match(
    key: str,
    subject: str,
    /,
    *,
    depends_on: Texts = (),
    severity: Severity | None = None,
    **values: object,
) -> Match:
    """Return the match of a code, or of ``CODE/VARIANT``, with values in its sentence; a variant
    may have another severity.
    """
    row = situations(__package__, "findings.json")[key]
    return Match(
        subject, filled(row, values).get("text", ""), depends_on, severity or row["severity"]
    )


CheckedWord: TypeAlias = Literal["found", "unknown", "clean", "not asked", "not applicable"]
OUTCOMES: tuple[CheckedWord, ...] = get_args(CheckedWord)
NOT_RUN: tuple[CheckedWord, ...] = ("not asked", "not applicable")
"""Outcomes of a rule that was not run: the caller left its subject out, or there is none."""


class Checked(NamedTuple):
    """The outcome of a rule, with the reason where it was not decided, not asked, or had no
    subject.
    """

    code: str
    outcome: CheckedWord
    reason: str = ""

    def __bool__(self) -> bool:
        raise TypeError(without_truth(self, ".outcome == 'clean'"))


def by_code(checked: Iterable[Checked]) -> dict[str, Checked]:
    """Return what each rule came to over several subjects: found if it is so for one,
    then unknown, then clean, then not asked.
    """
    worst: dict[str, Checked] = {}
    for each in checked:
        worst[each.code] = min(
            worst.get(each.code, each), each, key=lambda one: OUTCOMES.index(one.outcome)
        )
    return worst


Matcher: TypeAlias = "Callable[..., Iterator[Any]]"
Subject: TypeAlias = Literal["team", "workforce", "bucket", "endpoint", "job", "change"]
"""The subject of a rule: a part of a state, or a planned change."""
Given: TypeAlias = Literal[
    "guard",
    "restriction",
    "log",
    "presigned URL",
    "principals",
    "portal in a VPC",
    "portal without a VPC",
    "private workteam",
    "workteam",
    "team of the bucket",
    "page that loads by script",
]
"""A thing that a rule is about beside its subject: without it, the rule is not applicable."""


class Rule(NamedTuple):
    """A rule on a state or on a planned change: what it is about, what it reads, and its function.

    A rule on a state reports the findings of its code; ``needs`` are the parts without which it is
    not checked. A rule on a change yields notices; ``needs`` are the kinds of changes without which
    a plan does not run it. The catalogue has the severity of each code, the consent that it asks
    for, and the codes that it ``implies``.

    ``run`` yields its matches, from the state, the subject (for an endpoint the workforce) and what
    is ``given``: without that, the rule is not applicable. ``uses`` are parts that it looks at
    where they were read. ``settled_by_one``: one statement of a bucket policy is enough for a
    match, whatever the others are.
    """

    code: str
    subject: Subject
    needs: Texts
    run: Matcher
    uses: Texts = ()
    given: tuple[Given, ...] = ()
    settled_by_one: bool = False

    def looks_at(self, part: str) -> bool:
        """Return whether the rule looks at a part, or at a part of it."""
        return any(
            part == name or part.startswith(f"{name}.") for name in (*self.needs, *self.uses)
        )


def rule(
    code: str,
    subject: Subject,
    *needs: str,
    uses: Texts = (),
    given: tuple[Given, ...] = (),
    settled_by_one: bool = False,
) -> Callable[[Matcher], Rule]:
    """Register a function as the rule of a code,
    with its subject and the parts of a state that it reads.
    """

    def make(function: Matcher) -> Rule:
        return Rule(code, subject, needs, function, uses, given, settled_by_one)

    return make


def rules_of(*modules: ModuleType) -> tuple[Rule, ...]:
    """Return the rules that modules define, as they stand there."""
    return tuple(
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, Rule) and each.run.__module__ == module.__name__
    )


@lru_cache(maxsize=1)
def catalog() -> dict[str, Json]:
    """Return the data file: every code with severity, title, text, why, fix, source,
    what is looked at, and controls.
    """
    return without_variants(situations(__package__, "findings.json"))


@lru_cache(maxsize=1)
def controls() -> dict[str, dict[str, str]]:
    """Return title and family of each control of NIST SP 800-53 Rev. 5 that findings violate,
    as we map them.
    """
    return package_data(__package__, "controls.json")


def control_names(code: str) -> list[str]:
    """Return the controls that a finding violates, such as ``AC-3 Access Enforcement``."""
    # a finding of somebody else's rule has none
    named = catalog().get(code, {}).get("controls", ())
    return [f"{each} {controls()[each]['title']}" for each in named]
