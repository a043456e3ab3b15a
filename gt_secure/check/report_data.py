"""The outcomes of several checks. Its renderers read this; :class:`Report` adds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from ..findings.acceptance import Acceptance
from ..findings.model import Finding
from .result import CheckResult

PASSED, FAILED, UNKNOWN = 0, 2, 3
"""Exit codes of ``gt-secure check``; 1 is an error."""


@dataclass(frozen=True)
class ReportData:
    """Outcomes in the order in which the checks were run.

    Attributes
    ----------
    results : tuple of CheckResult
    source : str
        The file that the checks come from.
    unused : tuple of Acceptance
        Accepted findings that matched nothing: the risk is gone, or the entry has an error.
    """

    results: tuple[CheckResult, ...]
    source: str = ""
    unused: tuple[Acceptance, ...] = ()

    def __iter__(self) -> Iterator[CheckResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of passed, failed and unknown checks."""
        return {word: sum(result.status == word for result in self.results) for word in ("passed", "failed", "unknown")}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the checks ``no_findings``: those that fail a check, and the accepted ones."""
        details = [result.details for result in self.results if result.name == "no_findings"]
        listed = [data for each in details for name in ("findings", "accepted") for data in each.get(name, ())]
        return tuple(Finding.from_dict(data) for data in listed)

    @property
    def passed(self) -> bool | None:
        """True if every check passed, False if one failed, None if one is unknown or there is none."""
        if any(result.passed is False for result in self.results):
            return False
        return True if self.results and all(result.passed for result in self.results) else None

    @property
    def exit_code(self) -> int:
        """0: all passed; 2: one failed; 3: none failed, but one could not be decided."""
        return UNKNOWN if self.passed is None else PASSED if self.passed else FAILED

    def require(self) -> Self:
        """Raise :class:`CheckFailed` for the first check that did not pass, the failed ones first."""
        for result in sorted(self.results, key=lambda one: one.passed is None):
            result.require()
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-able data."""
        return {
            "passed": self.passed,
            "counts": self.counts,
            "source": self.source,
            "unused": [entry.to_dict() for entry in self.unused],
            "results": [result.to_dict() for result in self.results],
        }
