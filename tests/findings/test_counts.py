"""How many findings there are, whether they pass, and what is unknown: nothing decided is never 0,
none or passed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gt_secure.findings.listings import Findings
from gt_secure.findings.model import NOT_CHECKED, Checked, Finding
from gt_secure.findings.sarif import result

OPEN = Finding(
    "bucket-allow-everyone", "high", "t", "w", "f", "u", (), "gt-images", "one statement"
)
LOW = replace(OPEN, code="cors-missing", severity="low")
UNSURE = replace(OPEN, severity="info", state="unknown")
UNREAD = replace(OPEN, code=NOT_CHECKED, severity="info", detail="s3:GetBucketAcl was denied.")
CLEAN, UNKNOWN = (
    Checked("url-lock-off", "clean"),
    Checked("cors-missing", "unknown", "s3:GetBucketCORS was not read"),
)
ABSENT = Checked("url-lock-both", "not applicable", "no workteam was named")
NONE = "0 high, 0 medium, 0 low, 0 info"
NOT_READ = "cors-missing: s3:GetBucketCORS was not read."


@pytest.mark.parametrize(
    ("found", "checked", "text", "high", "unknown"),
    [
        ((), (), "unknown", None, ()),
        ((), (ABSENT,), "unknown", None, ()),
        ((), (UNKNOWN,), "1 unknown", None, (NOT_READ,)),
        ((), (CLEAN,), NONE, True, ()),
        ((), (CLEAN, UNKNOWN), f"{NONE}, 1 unknown", None, (NOT_READ,)),
        ((OPEN, LOW), (CLEAN,), "1 high, 0 medium, 1 low, 0 info", False, ()),
        ((LOW,), (CLEAN,), "0 high, 0 medium, 1 low, 0 info", True, ()),
        ((UNSURE,), (CLEAN,), NONE, None, ("bucket-allow-everyone: one statement",)),
        ((UNREAD,), (CLEAN,), NONE, None, (f"{NOT_CHECKED}: s3:GetBucketAcl was denied.",)),
    ],
)
def test_the_count_of_findings_and_whether_they_pass(
    found: Any, checked: Any, text: str, high: bool | None, unknown: tuple[str, ...]
) -> None:
    made = Findings(found, checked)
    assert made.counts_text == text
    assert made.passes("high") is high
    assert made.unknown == unknown
    assert made.decided == (text not in ("unknown", "1 unknown"))
    lowest = (
        False
        if any(each.decided for each in found)
        else None
        if unknown or not made.decided
        else True
    )
    assert made.passes("unknown") is lowest


@pytest.mark.parametrize(
    ("finding", "severity", "level"),
    [(OPEN, "high", "error"), (LOW, "low", "note"), (UNSURE, "high", "warning")],
)
def test_a_log_for_code_scanning_has_the_severity_that_an_unknown_finding_may_have(
    finding: Finding, severity: str, level: str
) -> None:
    made = result(finding, 0)
    assert (made["properties"]["severity"], made["properties"]["state"]) == (
        severity,
        finding.state,
    )
    assert made["level"] == level
