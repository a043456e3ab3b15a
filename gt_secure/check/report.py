"""A report of checks, as people and programs read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .junit import to_junit
from .report_data import FAILED, PASSED, UNKNOWN, ReportData
from .sarif import to_sarif

__all__ = ["FAILED", "PASSED", "UNKNOWN", "Report"]


@dataclass(frozen=True)
class Report(ReportData):
    """Outcomes in the order in which the checks were run, with the file they come from."""

    def to_sarif(self) -> dict[str, Any]:
        """Return the report as a SARIF 2.1.0 log."""
        return to_sarif(self)

    def to_junit(self) -> str:
        """Return the report as JUnit XML."""
        return to_junit(self)

    def _repr_html_(self) -> str:
        return "".join(result._repr_html_() for result in self.results)
