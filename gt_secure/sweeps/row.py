"""A row of a sweep: one private team with its locks, exposure and findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..findings.model import Finding, Severity

SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low", "info")


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One private team, or an account or region that could not be read.

    Attributes
    ----------
    account, account_name, region, team : str
        ``team`` is empty where a region has a workforce without a team, or could not be read.
    url_lock, portal_lock, guard : str
        The three locks in words.
    buckets : tuple of str
        The data buckets of its waiting jobs.
    exposure : str
        The sources that open a presigned URL, in one line.
    findings : tuple of Finding
    unread : tuple of str
        What could not be read: it is unknown, and never fine.
    status : str
        ``read``, or ``denied``, ``no-answer``, ``throttled`` or ``failed``.
    regions : tuple of str
        All regions of a row that stands for several.
    """

    account: str
    region: str
    team: str = ""
    account_name: str = ""
    url_lock: str = ""
    portal_lock: str = ""
    guard: str = ""
    buckets: tuple[str, ...] = ()
    exposure: str = ""
    findings: tuple[Finding, ...] = ()
    unread: tuple[str, ...] = ()
    status: str = "read"
    regions: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Account and region, as an accepted finding names them."""
        return f"{self.account}/{self.region}"

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that nobody accepts today."""
        return tuple(finding for finding in self.findings if finding.accepted is None)

    @property
    def counts(self) -> dict[str, int]:
        """The number of open findings of each severity."""
        return {word: sum(finding.severity == word for finding in self.open) for word in SEVERITIES}

    @property
    def worst(self) -> str:
        """The highest severity of its open findings, or an empty text."""
        return next((word for word, number in self.counts.items() if number), "")

    @property
    def findings_text(self) -> str:
        """The findings by severity: ``1 high, 2 medium``."""
        named = ", ".join(f"{number} {word}" for word, number in self.counts.items() if number)
        quiet = len(self.findings) - len(self.open)
        return ", ".join(part for part in (named, f"{quiet} accepted" if quiet else "") if part) or "none"

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-able data."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        lists = {name: list(data[name]) for name in ("buckets", "unread", "regions")}
        return data | lists | {"findings": [finding.to_dict() for finding in self.findings]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SweepRow:
        """Return a row from what :meth:`to_dict` returned."""
        lists = {name: tuple(data.get(name, ())) for name in ("buckets", "unread", "regions")}
        return cls(**{**data, **lists, "findings": tuple(map(Finding.from_dict, data["findings"]))})

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row in a table."""
        unread = "; ".join(self.unread[:2]) + (f" and {len(self.unread) - 2} more" if len(self.unread) > 2 else "")
        account = f"{self.account} {self.account_name}".strip()
        if self.status != "read":
            return (account, self.region, "-", self.status, "-", "-", "-", "-", "unknown", unread)
        words = (self.team, self.url_lock, self.portal_lock, self.guard, ", ".join(self.buckets), self.exposure)
        return (account, self.region, *(word or "-" for word in words), self.findings_text, unread or "-")
