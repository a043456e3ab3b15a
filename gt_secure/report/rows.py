"""The rows of a report: one for each workteam, bucket and portal that was looked at, and one for an
account or region that could not be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..base.groups import grouped
from ..base.shown import Shown
from ..base.text import JsonLike, Texts, some
from ..base.truth import Ambiguous
from ..findings.listings import FindingsReport
from ..findings.model import NOT_RUN, SEVERITIES, Finding
from ..findings.run import RULES

if TYPE_CHECKING:
    from ..account.bucket_access import AccessTone
    from ..logs import Hits
    from ..logs.leaks import Leaks

RowKind: TypeAlias = Literal["bucket", "team", "portal", "region"]
_OF_TEAM = frozenset(rule.code for rule in RULES if rule.subject == "team")
_SENTENCE = re.compile(r"(?<=\.) ")
_LISTS = ("uses", "allowed", "unread", "not_looked_at", "regions", "policy_writers")


@dataclass(frozen=True, slots=True, repr=False)
class ReportRow(Shown, Ambiguous, FindingsReport):
    """One bucket, workteam or portal that was looked at.

    Attributes
    ----------
    kind : str
        ``bucket``, ``team``, ``portal``, or ``region`` for what could not be read.
    access : str
        Of a bucket: the answer for all its objects, in a sentence; ``tone`` is the answer in a
        word.
    allowed : tuple of str
        The addresses, endpoints and VPCs on the lists of a bucket's guards, or of a portal.
    locks : str
        Of a bucket its guard and limits, of a team its URL lock, of a portal its lock, in words.
    uses : tuple of str
        The teams that use a bucket, the buckets of a team, or the VPC of a portal.
    policy_writers : tuple of str
        Who can put or delete the policy of a bucket, and so turn its guard off: the root user, and
        the users and roles of the account; ``unknown: role/x`` for those of whom it is unknown.
    waiting : str
        The labeling jobs of a team that wait for workers.
    log : str
        The access log of a bucket.
    leaked : int or None
        The number of leaked URLs; None if that is not known, for the reason in ``leaks_unread``.
    checked : mapping
        What each rule came to: ``found``, ``unknown``, ``clean``,
        ``not asked`` or ``not applicable``.
    unread : tuple of str
        What could not be read: it is unknown, and never fine.
    not_looked_at : tuple of str
        Buckets of the region that no row is about, in one of its rows.
    status : str
        ``read``, or ``denied``, ``no-answer``, ``throttled`` or ``failed``.
    regions : tuple of str
        All regions of a row that stands for several.
    leaks, hits
        The leaked URLs and the requests of a bucket whose log was read just now, else None.
    """

    _ask = ".findings"

    account: str
    region: str
    kind: RowKind = "region"
    name: str = ""
    account_name: str = ""
    tone: AccessTone = "unknown"
    access: str = ""
    allowed: Texts = ()
    locks: str = ""
    uses: Texts = ()
    waiting: str = ""
    log: str = ""
    leaked: int | None = None
    leaks_unread: str = ""
    findings: tuple[Finding, ...] = ()
    checked: Mapping[str, str] = field(default_factory=dict)
    unread: Texts = ()
    not_looked_at: Texts = ()
    status: str = "read"
    regions: Texts = ()
    policy_writers: Texts = ()
    leaks: Leaks | None = field(default=None, repr=False, compare=False)
    hits: Hits | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        about = f"{self.kind} {self.name} in {self.location}"
        return f"{about}: {self.access or self.tone}, findings: {self.findings_text}"

    @property
    def location(self) -> str:
        """Account and region, as an accepted finding names them."""
        return f"{self.account}/{self.region}"

    @property
    def worst(self) -> str:
        """The highest severity of its open findings, or an empty text."""
        return next((word for word, number in self.counts.items() if number), "")

    @property
    def outcomes(self) -> Texts:
        """The outcomes of the rules: found, unknown, clean, not asked or not applicable."""
        return tuple(self.checked.values())

    @property
    def findings_text(self) -> str:
        """The findings by severity, and the rules that are unknown:
        ``1 high, 2 medium, 3 unknown``.
        """
        quiet = sum(finding.accepted is not None for finding in self.findings)
        numbers = {**self.counts, "unknown": self.outcomes.count("unknown"), "accepted": quiet}
        named = ", ".join(f"{number} {word}" for word, number in numbers.items() if number)
        if named or self.decided:
            return named or "none"
        return next((word for word in NOT_RUN if word in self.outcomes), "unknown")

    @property
    def leaked_text(self) -> str:
        """The number of leaked URLs, or why it is not known."""
        if self.leaked is None:
            return self.leaks_unread
        return (
            f"{self.leaked}, or more: {self.leaks_unread}"
            if self.leaks_unread
            else str(self.leaked)
        )

    @property
    def policy_writers_text(self) -> str:
        """The users and roles that can change the policy of a bucket: five, and a number."""
        return some(self.policy_writers)

    @classmethod
    def from_dict(cls, data: JsonLike) -> ReportRow:
        """Return a row from what :meth:`to_dict` returned."""
        lists = {name: tuple(data[name]) for name in _LISTS}
        return cls(**{**data, **lists, "findings": tuple(map(Finding.from_dict, data["findings"]))})


ReportRows: TypeAlias = "tuple[ReportRow, ...]"


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with those of one code and subject as one, the most severe first.

    The detail of each has the sentences of all, once.
    """
    found = []
    for same in grouped(
        ((each.code, each.subject, each.state), each) for each in findings
    ).values():
        sentences = dict.fromkeys(text for each in same for text in _SENTENCE.split(each.detail))
        severity = min((each.severity for each in same), key=SEVERITIES.index)
        found.append(replace(same[0], detail=" ".join(sentences), severity=severity))
    return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), f.code, f.subject))


def by_cause(findings: Iterable[Finding], place: str = "") -> Iterator[Finding]:
    """Yield findings with those of teams that differ in the team alone as one that names all of
    them; ``place`` is put before the subject.
    """
    causes = grouped(
        (replace(each, subject="" if each.code in _OF_TEAM else each.subject), each.subject)
        for each in merged(findings)
    )
    for cause, subjects in causes.items():
        yield replace(cause, subject=f"{place}{', '.join(subjects)}")


def cells(row: ReportRow, names: Iterable[str]) -> Texts:
    """Return the fields of a row as cells of a table; one without a value is a dash."""
    values = [getattr(row, name) for name in names]
    texts = [", ".join(each) if isinstance(each, tuple) else str(each) for each in values]
    return tuple(text or "-" for text in texts)
