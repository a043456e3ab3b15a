"""Findings as SARIF 2.1.0: a rule for each code, a result for each finding, for code scanning and
dashboards.

Sources: OASIS, *Static Analysis Results Interchange Format (SARIF) Version 2.1.0*, sections 3.27
(result), 3.35 (suppression) and 3.49 (rule); GitHub, *SARIF support for code scanning* (members
that it requires, and ``security-severity``).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TypeAlias
from urllib.parse import quote

from ..base.text import Json
from ..base.version import __version__
from ..secrets import redact
from .catalog_page import page
from .model import Acceptance, Checked, Finding, catalog

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
Place: TypeAlias = tuple[str, int]
"""Address of a resource in a file, and its line."""

LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""The middle of the ranges in which GitHub shows critical, high, medium and low;
info has no score.
"""
PROBLEM = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "recommendation",
    "info": "recommendation",
}
_KINDS = {"unknown": "open", "not asked": "open", "not applicable": "notApplicable"}
_LONGEST = 1000
"""GitHub cuts descriptions at 1,024 characters."""


def to_sarif(
    findings: Iterable[Finding],
    *,
    source: str = "",
    unused: Iterable[Acceptance] = (),
    checked: Iterable[Checked] = (),
    places: Mapping[str, Place] | None = None,
) -> Json:
    """Return findings as a SARIF log, and a result for each rule that was not decided, not asked
    or had no subject.

    Code scanning attaches the alerts to ``source``, a file of the repository, and to the resources
    in it that ``places`` has by the subjects of findings. ``unused`` acceptances matched nothing:
    each one is a notification.
    """
    listed = list(findings)
    reported = {finding.code for finding in listed}
    undecided = [each for each in checked if each.outcome in _KINDS and each.code not in reported]
    codes = sorted({*reported, *(each.code for each in undecided)})
    by_subject = places or {}
    results = [
        result(each, codes.index(each.code), source, place=by_subject.get(each.subject))
        for each in listed
    ]
    results += [
        {
            "ruleId": each.code,
            "ruleIndex": codes.index(each.code),
            "kind": _KINDS[each.outcome],
            "level": "none",
            "message": {"text": redact(f"{each.outcome.capitalize()}: {each.reason}.")},
            "locations": [location(each.code, "", source)],
            "partialFingerprints": fingerprints(each.code, ""),
        }
        for each in undecided
    ]
    complete = all(finding.decided for finding in listed)
    return log([rule(code) for code in codes], results, successful=complete, unused=unused)


def log(
    rules: Sequence[Json],
    results: Sequence[Json],
    *,
    successful: bool,
    unused: Iterable[Acceptance] = (),
) -> Json:
    """Return a SARIF log with one run."""
    notes = [
        {
            "level": "warning",
            "message": {
                "text": plain(f"{each.label} was accepted and is not found: remove the entry.")
            },
        }
        for each in unused
    ]
    times: Counter[str] = Counter()
    # as of two guards, or two teams, of a bucket
    for prints in (each["partialFingerprints"] for each in results):
        first, _, _ = prints["primaryLocationLineHash"].partition(":")
        times[first] += 1
        prints["primaryLocationLineHash"] = f"{first}:{times[first]}"
    invocation: Json = {"executionSuccessful": successful}
    if notes:
        invocation["toolExecutionNotifications"] = notes
    driver = {
        "name": "gt_secure",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": list(rules),
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": list(results),
        "invocations": [invocation],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def rule(code: str) -> Json:
    """Return the SARIF rule of a finding code."""
    row = catalog()[code]
    severity = str(row["severity"])
    properties: Json = {
        "tags": [
            "security",
            "aws",
            "sagemaker-ground-truth",
            *(f"NIST-800-53-{each}" for each in row["controls"]),
        ],
        "precision": "high",
        "problem.severity": PROBLEM[severity],
    }
    if severity in SCORES:
        properties["security-severity"] = SCORES[severity]
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in code.split("-")),
        "shortDescription": {"text": f"{row['title']}."},
        "fullDescription": {"text": f"{row['title']}. {row['why']}"[:_LONGEST]},
        "help": {"text": f"{row['why']} {row['fix']}", "markdown": page(code)},
        "helpUri": str(row["source_url"]),
        "defaultConfiguration": {"level": LEVELS[severity]},
        "properties": properties,
    }


def result(
    finding: Finding, index: int, source: str = "", *, level: str = "", place: Place | None = None
) -> Json:
    """Return one finding as a result; an accepted one is suppressed,
    one whose acceptance ended is not.
    """
    severity = finding.severity_if_found if finding.state == "unknown" else finding.severity
    about = f"{finding.subject}: " if finding.subject else ""
    parts = (f"{finding.title}.", finding.detail, finding.acceptance_text, finding.fix)
    made: Json = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "kind": "fail",  # 'level' may differ from 'none' only where 'kind' is 'fail' (3.27.10)
        "level": level or (LEVELS[severity] if finding.decided else "warning"),
        "message": {"text": plain(about + " ".join(part for part in parts if part))},
        "locations": [location(finding.code, finding.subject, source, place)],
        "partialFingerprints": fingerprints(finding.code, finding.subject),
        "properties": {"subject": finding.subject, "severity": severity, "state": finding.state},
    }
    entry = finding.accepted or finding.ended
    if entry is not None:
        made["suppressions"] = [
            {
                "kind": "external",
                "status": "rejected" if finding.accepted is None else "accepted",
                "justification": entry.reason,
                "properties": {"until": entry.until.isoformat()},
            }
        ]
    return made


def plain(text: str) -> str:
    """Return a message without secrets and links:
    a viewer would make one of ``[text](address)`` (3.11.6).
    """
    return re.sub(r"([\\\[\]])", r"\\\1", redact(text))


def location(name: str, subject: str, source: str, place: Place | None = None) -> Json:
    """Return a place in a file, which code scanning requires,
    and the resource in the account or in the file.
    """
    address, line = place or ("", 1)
    kind = {
        "name": subject or "account",
        "fullyQualifiedName": address or f"{name}/{subject}",
        "kind": "resource",
    }
    region = {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 2}
    physical = {"artifactLocation": {"uri": artifact_uri(source)}, "region": region}
    return {"physicalLocation": physical, "logicalLocations": [kind]}


def artifact_uri(source: str) -> str:
    """Return a relative URI: GitHub accepts only files of the repository.

    A file elsewhere is named without its folder, and findings without a file have the name of their
    report.
    """
    if not source:
        return "gt-secure-findings"
    path = PurePath(source)
    if path.is_absolute():
        here = Path.cwd()
        path = path.relative_to(here) if path.is_relative_to(here) else PurePath(path.name)
    parts = [part for part in path.parts if part not in (".", "..")]
    return quote("/".join(parts) or "gt-secure-findings", errors="replace")


def fingerprints(name: str, subject: str) -> dict[str, str]:
    """Return fingerprints of code and subject; GitHub compares ``primaryLocationLineHash`` only."""
    digest = hashlib.sha256(f"{name}\0{subject}".encode("utf-8", "backslashreplace")).hexdigest()
    return {"primaryLocationLineHash": f"{digest[:16]}:1", "subject/v1": digest[:32]}
