"""A report as SARIF 2.1.0, for code scanning and security dashboards.

Source: OASIS, *Static Analysis Results Interchange Format (SARIF) Version 2.1.0*, sections 3.14 (run) to 3.27 (result).
"""

from __future__ import annotations

import hashlib
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from .._version import __version__
from .report_data import ReportData
from .result import CHECKS, CheckResult

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

# 'level' says more than 'none' only where 'kind' is 'fail' (3.27.10): an unknown outcome must show up too.
_SHOWN = {"passed": ("pass", "none"), "failed": ("fail", "error"), "unknown": ("fail", "warning")}


def to_sarif(report: ReportData) -> dict[str, Any]:
    """Return a report as a SARIF log: an unknown outcome is a warning, a failed one an error."""
    names = sorted({result.name for result in report})
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "gt_secure", "version": __version__, "rules": [_rule(name) for name in names]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(result, names, report.source) for result in report],
        "invocations": [{"executionSuccessful": report.counts["unknown"] == 0}],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str) -> dict[str, Any]:
    function = CHECKS.get(name)
    text = " ".join((getattr(function, "__doc__", "") or name).strip().split("\n\n")[0].split())
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("_")),
        "shortDescription": {"text": text},
        "defaultConfiguration": {"level": "error"},
    }


def _result(result: CheckResult, names: list[str], source: str) -> dict[str, Any]:
    kind, level = _SHOWN[result.status]
    said = f"{result.subject}: {result.message} {result.next_step}".strip()
    found: dict[str, Any] = {
        "ruleId": result.name,
        "ruleIndex": names.index(result.name),
        "kind": kind,
        "level": level,
        "message": {"text": said},
        "locations": [_location(result, source)],
        "partialFingerprints": {"check/v1": _fingerprint(result)},
        "properties": {"status": result.status},
    }
    return found


def _location(result: CheckResult, source: str) -> dict[str, Any]:
    logical = {"name": result.subject, "fullyQualifiedName": f"{result.name}/{result.subject}", "kind": "resource"}
    location: dict[str, Any] = {"logicalLocations": [logical]}
    if source:
        # Code scanning shows only results that have a place in a file.
        uri = quote(PurePath(source).as_posix())
        location["physicalLocation"] = {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}
    return location


def _fingerprint(result: CheckResult) -> str:
    return hashlib.sha256(f"{result.name}\0{result.subject}".encode("utf-8", "backslashreplace")).hexdigest()[:32]
