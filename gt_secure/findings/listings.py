"""Lists that show themselves: a table in a notebook and in ``print``, a sequence for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self, SupportsIndex, TypeVar, overload

from .. import findings
from ..aws.arns import caller_name
from ..aws.teams import CREATE_TEAM
from ..base.columns import ShownTable, chip, lay_out
from ..base.evidence import Evidence
from ..base.html import hint, output as cell_output, table as html_table
from ..base.outcome import CheckResult
from ..base.text import Json, Texts, count, some
from ..base.truth import without_truth
from ..check.ledger import RecordedPlace, recorded
from .model import NOT_CHECKED, OUTCOMES, SEVERITIES, severe, severities_from

if TYPE_CHECKING:
    from ..account.bucket_access import BucketAccess
    from ..account.state import State
    from ..aws.teams import LabelingJob, Workteam
    from ..changes.history import HistoryEntry
    from ..engine.access.vpc_endpoint import VpcEndpoint
    from .model import Checked, Finding, Threshold


T = TypeVar("T")


class _List(ShownTable[T], list[T]):
    """A list with the renderers, which show the first hundred."""

    most = 100

    def _part(self, items: list[T]) -> Self:
        """Return some of the items, with what all of them rest on."""
        return type(self)(items)

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice) -> T | Self:
        return (
            self._part(super().__getitem__(index))
            if isinstance(index, slice)
            else super().__getitem__(index)
        )


class Workteams(_List["Workteam"]):
    """The workteams of a region."""

    titles = ("team", "kind", "url lock", "groups", "description")
    empty = (
        f"There are no workteams in this region. {CREATE_TEAM} "
        'Without one, restrict a bucket: gt.plan(Restriction(bucket="NAME", addresses="RANGE")).'
    )

    @staticmethod
    def row(item: Workteam) -> Texts:
        """Return the cells of a workteam."""
        # a vendor's team has a title, which no command accepts
        return (
            item.name if item.kind == "private" else item.arn,
            item.kind,
            item.url_lock_text,
            ", ".join(item.members) or "-",
            item.description or "-",
        )


class Jobs(_List["LabelingJob"]):
    """The labeling jobs of a workteam that wait for workers."""

    titles = ("job", "status", "waiting", "objects")
    empty = "No labeling job waits for workers."

    @staticmethod
    def row(item: LabelingJob) -> tuple[object, ...]:
        """Return the cells of a job."""
        return item.name, item.status, item.pending, item.total


class Endpoints(_List["VpcEndpoint"]):
    """The VPC endpoints for S3 of a region."""

    titles = ("endpoint", "vpc", "type", "state", "name")
    empty = "There are no VPC endpoints for S3 in this region."

    @staticmethod
    def row(item: VpcEndpoint) -> Texts:
        """Return the cells of an endpoint."""
        return item.id, item.vpc_id, item.type, item.state, item.name or item.vpc_name or "-"


class History(_List["HistoryEntry"]):
    """The changes of locks, the newest first; ``unread`` names what could not be read."""

    titles = ("at (UTC)", "call", "resource", "caller", "from", "change", "reason")
    empty = "No change of these locks is recorded in this time."

    def __init__(self, entries: Iterable[HistoryEntry] = (), unread: Iterable[str] = ()) -> None:
        super().__init__(entries)
        self.unread = tuple(unread)

    def _part(self, items: list[HistoryEntry]) -> Self:
        return type(self)(items, self.unread)

    def __bool__(self) -> bool:
        if not len(self) and self.unread:
            raise TypeError(without_truth(self, ".unread: not everything was read"))
        return len(self) > 0

    @staticmethod
    def row(item: HistoryEntry) -> Texts:
        """Return the cells of a change."""
        call = f"{item.operation} (refused: {item.error})" if item.error else item.operation
        change = item.change_id or ("gt_secure" if item.by_gt_secure else "-")
        when = f"{item.at:%Y-%m-%d %H:%M:%S}"
        return (
            when,
            call,
            item.target,
            caller_name(item.who),
            item.source or "-",
            change,
            item.reason or "-",
        )


class FindingsReport:
    """Findings, and what was not read: whether they pass.
    Findings that somebody accepts do not count.
    """

    __slots__ = ()
    wanted = ""

    @property
    def subject(self) -> str:
        """The subject of the report, as a notebook records it."""
        return "all accounts"

    @property
    def place(self) -> RecordedPlace | None:
        """Account and region; None for several."""
        return None

    if TYPE_CHECKING:

        @property
        def findings(self) -> Sequence[Finding]: ...  # noqa: D102

        @property
        def unread(self) -> Texts: ...  # noqa: D102

        @property
        def outcomes(self) -> Texts: ...  # noqa: D102

    @property
    def looked(self) -> str:
        """The evidence of the report in words."""
        return "none"

    @property
    def counts(self) -> dict[str, int | None]:
        """The number of open findings of each severity; None if no rule was decided."""
        found = [
            finding.severity
            for finding in self.findings
            if finding.accepted is None and finding.decided
        ]
        is_known = bool(found) or self.decided
        return {word: found.count(word) if is_known else None for word in SEVERITIES}

    @property
    def decided(self) -> bool:
        """True if a rule was decided: without one, no finding is no result."""
        return not {"found", "clean"}.isdisjoint(self.outcomes)

    @property
    def is_known(self) -> bool:
        """True if no finding means none: a rule was decided, and none is unknown."""
        return self.decided and "unknown" not in self.outcomes

    @property
    def counts_text(self) -> str:
        """The number of open findings of each severity, and of rules that are unknown, in words."""
        words = [f"{number} {word}" for word, number in self.counts.items() if number is not None]
        unknown = self.outcomes.count("unknown")
        return ", ".join([*words, *([f"{unknown} unknown"] if unknown else [])]) or "unknown"

    def worse_than(self, severity: Threshold = "high") -> tuple[Finding, ...]:
        """Return the open findings of a severity or higher; ``unknown``: of every severity."""
        return tuple(each for each in severe(self.findings, severity) if each.decided)

    def doubts(self, severity: Threshold = "info") -> Texts:
        """Return what was not read, and the findings of a severity or higher that were not
        decided, in sentences.
        """
        unsure = [
            each
            for each in severe(self.findings, severity)
            if not each.decided and each.code != NOT_CHECKED
        ]
        return (*self.unread, *(f"{each.subject}: {each.code} is unknown" for each in unsure))

    @property
    def unknown(self) -> Texts:
        """Everything that was not read or not decided, a sentence each."""
        return self.doubts("unknown")

    def passes(self, severity: Threshold = "high") -> bool | None:
        """Return whether no finding is that severe or higher.

        Parameters
        ----------
        severity : str
            ``high``, ``medium``, ``low`` or ``info``; ``unknown`` is the lowest: every finding
            fails, and whatever is not known makes the answer unknown.

        Returns
        -------
        bool or None
            None if a part was not read, or a rule of that severity was not decided.

        Raises
        ------
        InvalidInput
            For another word.
        """
        if self.worse_than(severity):
            return False
        return None if self.doubts(severity) or not self.decided else True

    def require(self, severity: Threshold = "high") -> Self:
        """Return it; raise :class:`~gt_secure.check.CheckFailed` unless it passes:
        see :meth:`passes`.
        """
        passed, found = self.passes(severity), [*map(str, self.worse_than(severity))]
        title = (
            f"{count(len(found), 'finding')} of severity {severities_from(severity)[-1]} or higher"
        )
        if passed is None:
            title, found = "Not read or not decided", [*self.doubts(severity)]
        text = f"{title}: {some(found, between='; ') or self.looked}"
        result = CheckResult(type(self).__name__.lower(), self.subject, passed, text)
        claim = "; ".join(filter(None, (f"{self.subject}: severity {severity}", self.wanted)))
        recorded(replace(result, subject=claim), self.place)
        result.require()
        return self


class Findings(ShownTable["Finding"], FindingsReport, tuple["Finding", ...]):
    """Findings, the most severe first.

    Attributes
    ----------
    checked : tuple of Checked
        What each rule came to: found, clean, unknown, not asked or not applicable.
    evidence : Evidence
        What was read, when, and what was not.
    access : BucketAccess or None
        Who can open the objects of the bucket; None without one.
    state : State or None
        What was read of the account; None for findings of a file.
    """

    titles = ("severity", "code", "subject", "finding", "what to do")
    empty = "No finding."
    checked: tuple[Checked, ...]
    evidence: Evidence
    access: BucketAccess | None
    place: RecordedPlace | None = None
    state: State | None = None
    unread: Texts = ()

    def __new__(
        cls,
        findings: Iterable[Finding] = (),
        checked: Iterable[Checked] = (),
        evidence: Evidence | None = None,
        access: BucketAccess | None = None,
    ) -> Findings:
        """Keep the findings in their order."""
        made = super().__new__(cls, findings)
        made.checked = tuple(checked)
        made.evidence = evidence or Evidence("nothing")
        made.access = access
        if not made.is_known:
            made.empty = "Whether there is a finding is unknown."
        return made

    def __bool__(self) -> bool:
        if not len(self) and not self.decided:
            raise TypeError(without_truth(self, f".checked: no rule was decided. {self.looked}"))
        return len(self) > 0

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return self._of(found) if isinstance(index, slice) else found

    def _of(self, findings: Iterable[Finding]) -> Findings:
        """Return some of the findings, with what all of them rest on."""
        some = Findings(findings, self.checked, self.evidence, self.access)
        some.place, some.wanted = self.place, f"{self.wanted} part of the findings".strip()
        return some

    @property
    def findings(self) -> Findings:
        """The findings themselves."""
        return self

    @property
    def subject(self) -> str:
        """The subject of the evidence, as a notebook records it."""
        return self.evidence.subject

    @property
    def open(self) -> Findings:
        """The findings that nobody accepts today."""
        return self._of(each for each in self if each.accepted is None)

    @property
    def accepted(self) -> Findings:
        """The findings that are accepted today, the one that ends first at the top."""
        ends = [(each.accepted.until, each) for each in self if each.accepted is not None]
        return self._of(each for _, each in sorted(ends, key=itemgetter(0)))

    @property
    def outcomes(self) -> Texts:
        """The outcomes of the rules."""
        return tuple(each.outcome for each in self.checked)

    @property
    def looked(self) -> str:
        """The outcomes of all rules, in a sentence."""
        numbers = []
        for word in OUTCOMES:
            each = [one.reason for one in self.checked if one.outcome == word]
            reasons = "; ".join(dict.fromkeys(each)) if word.startswith("not ") else ""
            numbers += [f"{len(each)} {word}{reasons and f' ({reasons})'}"] if each else []
        return f"{count(len(self.checked), 'rule')}: {', '.join(numbers) or 'none'}."

    def doubts(self, severity: Threshold = "high") -> Texts:
        """Return the parts and rules that are unknown,
        and findings of a severity or higher that are, in sentences.
        """
        unsure, named = (
            [each for each in severe(self, severity) if not each.decided],
            {each.code for each in self},
        )
        rules = [
            each for each in self.checked if each.outcome == "unknown" and each.code not in named
        ]
        return (
            *(f"{each.code}: {each.detail}" for each in unsure),
            *(f"{each.code}: {each.reason}." for each in rules),
        )

    def to_sarif(
        self, *, source: str = "", places: Mapping[str, tuple[str, int]] | None = None
    ) -> Json:
        """Return the findings as a SARIF 2.1.0 log;
        ``source`` is a file to which code scanning attaches them.
        """
        return findings.to_sarif(self, source=source, checked=self.checked, places=places)

    @staticmethod
    def row(item: Finding) -> Texts:
        """Return the cells of a finding."""
        about = " ".join(
            part for part in (f"{item.title}.", item.detail, item.acceptance_text) if part
        )
        return item.severity, item.code, item.subject or "-", about.removesuffix("."), item.fix

    def _more(self) -> list[str]:
        access = [self.access.text] if self.access is not None else []
        return [*super()._more(), *access, *([self.looked] if self.checked else [])]

    def __str__(self) -> str:
        """Return the open findings as a table, and the accepted ones in another."""
        if not len(self.accepted):
            return super().__str__()
        tables = [
            lay_out(self.titles, [self.row(each) for each in some])
            for some in (self.open, self.accepted)
            if len(some)
        ]
        title = findings.accepted_title(self.accepted)
        return "\n".join(
            [*(tables[0] if len(self.open) else ["No finding is open."]), "", title, *tables[-1]]
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not len(self.accepted):
            return super()._repr_html_()
        cells = [[chip(cell) for cell in self.row(each)] for each in self.open]
        shown = html_table(self.titles, cells) if cells else hint("No finding is open.")
        return cell_output(shown, findings.accepted_fold(self.accepted), *map(hint, self._more()))
