"""A report as SARIF 2.1.0, for code scanning and security dashboards.

A check has a rule, and so has each finding code: findings that fail the check ``no_findings``, or are accepted, are
results with the rule of their code. Sources: see :mod:`gt_secure.findings.sarif`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..findings import sarif
from ..findings.model import Finding, catalog
from .report_data import ReportData
from .result import CHECKS, CheckResult

# 'level' says more than 'none' only where 'kind' is 'fail' (3.27.10): an unknown outcome must show up too.
_SHOWN = {"passed": ("pass", "none"), "failed": ("fail", "error"), "unknown": ("fail", "warning")}


class _Item(NamedTuple):
    """One result to write: of a check, or of a finding that a check met."""

    rule: str
    check: CheckResult
    finding: Finding | None = None


def to_sarif(report: ReportData) -> dict[str, Any]:
    """Return a report as a SARIF log: an unknown outcome is a warning, a failed one an error."""
    items = [item for result in report for item in _items(result)]
    names = sorted({item.rule for item in items})
    results = [_result(item, names.index(item.rule), report.source) for item in items]
    rules = [sarif.rule(name) if name in catalog() else _rule(name) for name in names]
    return sarif.log(rules, results, successful=report.counts["unknown"] == 0, unused=report.unused)


def _items(result: CheckResult) -> Iterator[_Item]:
    details = result.details if result.name == "no_findings" else {}
    failing = [Finding.from_dict(data) for data in details.get("findings", ())] if result.passed is False else []
    if not failing:
        yield _Item(result.name, result)
    for finding in (*failing, *map(Finding.from_dict, details.get("accepted", ()))):
        yield _Item(finding.code, result, finding)


def _rule(name: str) -> dict[str, Any]:
    function = CHECKS.get(name)
    text = " ".join((getattr(function, "__doc__", "") or name).strip().split("\n\n")[0].split())
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("_")),
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": f"{text} Run 'gt-secure check {name.replace('_', '-')}' for the details."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["security", "aws"], "problem.severity": "error", "security-severity": "7.5"},
    }


def _result(item: _Item, index: int, source: str) -> dict[str, Any]:
    result = item.check
    if item.finding is not None:
        level = "error" if item.finding.accepted is None else ""
        return sarif.result(item.finding, index, source, level=level)
    kind, level = _SHOWN[result.status]
    return {
        "ruleId": result.name,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": f"{result.subject}: {result.message} {result.next_step}".strip()},
        "locations": [sarif.location(result.name, result.subject, source)],
        "partialFingerprints": sarif.fingerprints(result.name, result.subject),
        "properties": {"status": result.status},
    }
