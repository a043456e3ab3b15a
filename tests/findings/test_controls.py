"""The controls of a finding stand in the findings' own table, and the report,
SARIF and HTML show them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.findings import to_sarif
from gt_secure.findings.catalog_page import page
from gt_secure.findings.model import Acceptance, Match, catalog, control_names
from gt_secure.findings.run import _finding
from gt_secure.report import AccountReport, ReportRow
from gt_secure.report.result import CONTROLS

KEEPS_IMAGES_FROM_WORKERS = (
    *("url-lock-both", "url-lock-portal-mismatch", "url-lock-one-path", "ipv4-only"),
    *("guard-private-address", "portal-lock-private", "cors-missing", "s3-endpoint-missing"),
    *("s3-endpoint-no-private-dns", "endpoint-policy-blocks", "team-locked-out"),
    *("bucket-deny-breaks-ground-truth", "kms-network-condition", "kms-session"),
)
CODES = ("url-lock-off", "presigned-from-anywhere", "cors-missing")


def made(*found: Any) -> AccountReport:
    """Return the report of a region with these findings of a bucket."""
    row = ReportRow("1" * 12, "us-east-1", "bucket", "gt-images", findings=found)
    return AccountReport(dt.datetime(2026, 11, 29), "arn", "1" * 12, "us-east-1", (row,))


def found(code: str, *depends: str) -> Any:
    return _finding(code, Match("gt-images", "", depends), ())


def test_the_report_lists_violated_controls() -> None:
    report = made(*map(found, CODES))
    assert report.controls == (
        ("AC-3 Access Enforcement", "violated", ("presigned-from-anywhere", "url-lock-off")),
        ("SC-7 Boundary Protection", "violated", ("presigned-from-anywhere",)),
    )
    assert report.to_dict()["controls"][0] == {
        "control": "AC-3 Access Enforcement", "status": "violated", "findings": ["presigned-from-anywhere", "url-lock-off"],
    }  # fmt: skip
    assert "AC-3 Access Enforcement" in report._repr_html_()
    [line] = [line for line in report.to_text().splitlines() if "SC-7" in line]
    assert "presigned-from-anywhere" in line
    assert made().controls == ()
    assert f"{CONTROLS}\n  unknown" in made().to_text(), "no finding is not shown as compliance"


def test_a_finding_that_depends_on_facts_leaves_its_control_unknown() -> None:
    unknown = found("guard-open", "aws:PrincipalOrgID")
    assert [status for _, status, _ in made(unknown).controls] == ["unknown"]
    assert [status for _, status, _ in made(unknown, found("url-lock-off")).controls] == [
        "violated"
    ]
    entry = Acceptance("url-lock-off", "known", dt.date(2099, 1, 1))
    assert made(replace(found("url-lock-off"), accepted=entry)).controls, (
        "the risk is accepted, and there"
    )


@pytest.mark.parametrize("code", CODES)
def test_sarif_html_and_the_page_have_them(code: str) -> None:
    each, names = found(code), control_names(code)
    [rule] = to_sarif([each])["runs"][0]["tool"]["driver"]["rules"]
    tags = [tag for tag in rule["properties"]["tags"] if tag.startswith("NIST-800-53-")]
    assert (
        tags
        == [f"NIST-800-53-{control}" for control in catalog()[code]["controls"]]
        == [f"NIST-800-53-{name.split()[0]}" for name in names]
    )
    assert each.to_dict()["controls"] == catalog()[code]["controls"]
    for text in (each._repr_html_(), page(code)):
        assert all(name in text for name in names)
    assert ("not by NIST" in page(code)) == bool(names)


def test_every_finding_says_whether_it_violates_a_control() -> None:
    assert [
        code for code, row in catalog().items() if not isinstance(row.get("controls"), list)
    ] == []


@pytest.mark.parametrize("code", KEEPS_IMAGES_FROM_WORKERS)
def test_what_only_keeps_images_from_workers_violates_no_control(code: str) -> None:
    assert catalog()[code]["controls"] == []


def test_a_url_that_works_from_anywhere_violates_access_enforcement() -> None:
    """No authorization of a person is enforced where whoever has a URL opens the object."""
    assert catalog()["presigned-from-anywhere"]["controls"] == ["AC-3", "SC-7"]


@pytest.mark.parametrize("code", catalog())
def test_the_page_names_no_bucket_and_no_team_of_the_sandbox(code: str) -> None:
    if "/" not in code:
        assert "$ gt-secure findings s3://your-bucket --team your-team\n" in page(code)
        assert "open-team" not in page(code)
