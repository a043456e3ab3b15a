"""The result of a sweep: rows by account, region and team, and what to do with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ...base.columns import data_frame, lay_out
from ...base.html import Chip, Markup, Tone, hint, notice, output, table
from ...base.text import Json, count
from ...base.truth import Ambiguous
from ...findings import sarif
from ...findings.accepted import unused
from ...findings.listings import FindingsReport
from ...findings.model import Acceptance, Acceptances, Finding, Threshold, each_once
from ..data_buckets import not_looked_at
from .accounts import Accounts

HEAD = (
    "account",
    "region",
    "team",
    "URL lock",
    "portal lock",
    "guard",
    "buckets",
    "exposure",
    "findings",
    "not read",
)


_WIDE, _SHORT = 160, ("account", "region", "team", "URL lock", "findings", "not read")


_LISTS = ("buckets", "unread", "not_looked_at", "regions")


@dataclass(frozen=True, slots=True)
class SweepRow(Ambiguous, FindingsReport):
    """One private team, or one bucket, or an account or region that could not be read.

    Attributes
    ----------
    account, account_name, region, team : str
        ``team`` is empty in the row of a bucket, and where a region has no team or could not be
        read.
    bucket : str
        The bucket that the row is about; empty in the row of a team.
    url_lock, portal_lock, guard : str
        The three locks in words.
    buckets : tuple of str
        The data buckets that its jobs, its human-review workflows and the journal name.
    exposure : str
        The sources that open a presigned URL, in one line.
    checked : mapping
        What each rule came to: ``found``, ``unknown``, ``clean`` or ``not applicable``.
    unread : tuple of str
        What could not be read: it is unknown, and never fine.
    not_looked_at : tuple of str
        Buckets of the region that no row of it is about, in the last of them.
    status : str
        ``read``, or ``denied``, ``no-answer``, ``throttled`` or ``failed``.
    regions : tuple of str
        All regions of a row that stands for several.
    """

    _ask = ".findings"

    account: str
    region: str
    team: str = ""
    bucket: str = ""
    account_name: str = ""
    url_lock: str = ""
    portal_lock: str = ""
    guard: str = ""
    buckets: tuple[str, ...] = ()
    exposure: str = ""
    findings: tuple[Finding, ...] = ()
    checked: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    not_looked_at: tuple[str, ...] = ()
    status: str = "read"
    regions: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        """Account and region, as an accepted finding names them."""
        return f"{self.account}/{self.region}"

    @property
    def worst(self) -> str:
        """The highest severity of its open findings, or an empty text."""
        return next((word for word, number in self.counts.items() if number), "")

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes of the rules: found, unknown, clean or not applicable."""
        return tuple(self.checked.values())

    @property
    def findings_text(self) -> str:
        """The findings by severity, and the rules that are unknown:
        ``1 high, 2 medium, 3 unknown``.
        """
        quiet = sum(finding.accepted is not None for finding in self.findings)
        numbers = {**self.counts, "unknown": self.outcomes.count("unknown"), "accepted": quiet}
        named = ", ".join(f"{number} {word}" for word, number in numbers.items() if number)
        return named or ("none" if self.decided else "unknown" if self.team or self.bucket else "-")

    def to_dict(self) -> Json:
        """Return the row as JSON-able data."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        lists = {name: list(data[name]) for name in _LISTS}
        return data | lists | {"findings": [finding.to_dict() for finding in self.findings]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SweepRow:
        """Return a row from what :meth:`to_dict` returned."""
        lists = {name: tuple(data.get(name, ())) for name in _LISTS}
        return cls(**{**data, **lists, "findings": tuple(map(Finding.from_dict, data["findings"]))})

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row."""
        unread = "; ".join(self.unread[:2]) + (
            f" and {len(self.unread) - 2} more" if len(self.unread) > 2 else ""
        )
        account = f"{self.account} {self.account_name}".strip()
        if self.status != "read":
            return (account, self.region, "-", self.status, "-", "-", "-", "-", "unknown", unread)
        words = (
            self.team,
            self.url_lock,
            self.portal_lock,
            self.guard,
            ", ".join(self.buckets),
            self.exposure,
        )
        return (
            account,
            self.region,
            *(word or "-" for word in words),
            self.findings_text,
            unread or "-",
        )


@dataclass(frozen=True, repr=False)
class Sweep(Ambiguous, FindingsReport):
    """The rows of a sweep, by account, region and team.

    Attributes
    ----------
    at : datetime
        Its end, in UTC.
    regions_read : int
        Number of regions of accounts with an outcome. A sweep that was stopped has fewer than its
        ``total``.
    empty : int
        Number of regions of accounts without a workforce.
    calls : int
        Number of AWS calls in the accounts.
    unused : tuple of Acceptance
        Accepted findings that matched nothing.
    nothing : str
        The sentence for a choice of buckets that matched none; empty if one was found, or none was
        asked for.
    damaged : int
        Number of damaged lines in the file of the progress; their regions were read again.
    """

    _ask = ".require(severity) or .worse_than(severity)"

    at: dt.datetime
    accounts: Accounts
    regions: tuple[str, ...]
    rows: tuple[SweepRow, ...]
    regions_read: int
    empty: int = 0
    calls: int = 0
    seconds: float = 0.0
    unused: Acceptances = ()
    nothing: str = ""
    damaged: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def total(self) -> int:
        """The number of regions of all accounts."""
        return len(self.accounts) * len(self.regions)

    @property
    def complete(self) -> bool:
        """True if every region of every account has an outcome."""
        return self.regions_read >= self.total

    @property
    def unread(self) -> tuple[str, ...]:
        """The parts that could not be read, each with its place."""
        lines = [f"{row.account} {row.region}: {text}" for row in self.rows for text in row.unread]
        lines += [f"buckets: not applicable, {self.nothing}"] if self.nothing else []
        lines += [] if self.rows else ["workteams: not applicable, there are none"]
        return (
            *lines,
            *(
                ()
                if self.complete
                else (f"{self.total - self.regions_read} regions: the sweep stopped",)
            ),
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, each once; the subject of each one has its account and region."""
        pairs = [(row.location, finding) for row in self.rows for finding in row.findings]
        named = [replace(finding, subject=f"{place}/{finding.subject}") for place, finding in pairs]
        return tuple(each_once(named))

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes of the rules in each row."""
        return tuple(word for row in self.rows for word in row.outcomes)

    @property
    def headline(self) -> str:
        """The outcome in one line."""
        teams = sum(bool(row.team) for row in self.rows)
        places = f"{count(len(self.accounts), 'account')} and {count(len(self.regions), 'region')}"
        damaged = (
            f" {count(self.damaged, 'damaged line')} of the progress skipped."
            if self.damaged
            else ""
        )
        unread = f"Not read: {len(self.unread)}.{damaged}"
        buckets = sum(bool(row.bucket) for row in self.rows)
        rows = count(teams, "team") + (f" and {count(buckets, 'bucket')}" if buckets else "")
        rows = (
            rows
            if self.empty or any(row.status == "read" for row in self.rows)
            else "Nothing known"
        )
        return f"{rows} in {places}. Findings: {self.counts_text}. {unread}"

    def doubts(self, severity: Threshold = "info") -> tuple[str, ...]:
        """Return what was not read or decided; of ``unknown`` also each rule,
        and teams of which no bucket is known.
        """
        lines = [*super().doubts(severity)]
        for row in self.rows if severity == "unknown" else ():
            place = f"{row.location} {row.team or row.bucket}".strip()
            lines += [
                f"{place}: {code} is unknown"
                for code, word in row.checked.items()
                if word == "unknown"
            ]
            lines += [f"{place}: no bucket is known"] if row.team and not row.buckets else []
        return tuple(lines)

    def to_dict(self) -> Json:
        """Return the sweep as JSON-able data."""
        return {
            "at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "accounts": [account._asdict() for account in self.accounts],
            "regions": list(self.regions),
            "complete": self.complete,
            "regions_without_workforce": self.empty,
            "calls": self.calls,
            "seconds": self.seconds,
            "buckets": self.nothing,
            "damaged_lines": self.damaged,
            "counts": self.counts,
            "rows": [row.to_dict() | {"counts": row.counts} for row in self.rows],
            "unused": [entry.to_dict() for entry in self.unused],
        }

    def to_dicts(self) -> list[dict[str, str]]:
        """Return the cells of each row by their titles."""
        return [dict(zip(HEAD, row.cells(), strict=True)) for row in self.rows]

    def to_pandas(self) -> Any:
        """Return the table as a pandas DataFrame;
        raises :class:`~gt_secure.errors.MissingExtra` without pandas.
        """
        return data_frame(HEAD, [row.cells() for row in self.rows])

    def _others(self) -> Iterator[str]:
        """Yield a sentence for each region with buckets that were not looked at."""
        yield from (
            not_looked_at(row.not_looked_at, f" in {row.location}")
            for row in self.rows
            if row.not_looked_at
        )

    def to_sarif(self, *, source: str = "") -> Json:
        """Return the findings as a SARIF 2.1.0 log;
        ``source`` is a file to which code scanning attaches them.
        """
        log = sarif.to_sarif(self.findings, source=source, unused=self.unused)
        invocation = log["runs"][0]["invocations"][0]
        invocation["executionSuccessful"] &= not self.unread
        lines = [
            {"level": "error", "message": {"text": sarif.plain(f"Not read: {each}")}}
            for each in self.unread
        ]
        invocation["toolExecutionNotifications"] = [
            *invocation.get("toolExecutionNotifications", ()),
            *lines,
        ]
        return log

    def to_text(self, room: int | None = None) -> str:
        """Return the sweep as text. A table for ``room`` characters leaves out
        columns that do not fit.
        """
        narrow = room is not None and room < _WIDE
        columns = [i for i, title in enumerate(HEAD) if not narrow or title in _SHORT]
        rows = [[cell for i, cell in enumerate(row.cells()) if i in columns] for row in self.rows]
        lines = ["", *lay_out([HEAD[i] for i in columns], rows, room)] if rows else []
        return "\n".join(
            [
                self.headline,
                *lines,
                *self._others(),
                *(
                    ["A wider terminal shows all columns, and so does --json."]
                    if rows and narrow
                    else []
                ),
            ]
        )

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<sweep of {self.headline}>"

    def _repr_html_(self) -> str:
        tone: Tone = (
            "no"
            if self.counts["high"]
            else "warn"
            if self.unread or self.counts["medium"]
            else "plain"
        )
        about = hint(
            f"{self.at:%Y-%m-%d %H:%M} UTC",
            f"{self.empty:,} regions without a workforce are left out",
        )
        return output(
            notice(tone, self.headline), about, rows_markup(self.rows), *map(hint, self._others())
        )


def rows_markup(rows: Iterable[SweepRow]) -> Markup:
    """Return the rows as an HTML table."""
    listed = [(row, row.cells()) for row in rows]
    return table(HEAD, [(*cells[:-2], _chip(row, cells[-2]), cells[-1]) for row, cells in listed])


def _chip(row: SweepRow, text: str) -> object:
    tones: dict[str, Tone] = {"high": "no", "medium": "warn"}
    tone = "warn" if row.status != "read" else tones.get(row.worst)
    return text if tone is None else Chip(tone, text)


def unused_entries(rows: Iterable[SweepRow], entries: Iterable[Acceptance]) -> Acceptances:
    """Return the accepted findings that matched nothing; none where something was not read."""
    listed = list(rows)
    if any(row.unread for row in listed):
        return ()
    found = [(finding, row.location) for row in listed for finding in row.findings]
    places = {number: place for number, (_, place) in enumerate(found)}
    return unused([finding for finding, _ in found], entries, places=places)
