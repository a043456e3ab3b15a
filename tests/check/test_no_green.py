"""No green without evidence: what was not decided passes on no surface of a report, and nothing run is no pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from gt_secure import check
from gt_secure.check import CheckFailed, CheckResult, Report
from gt_secure.check.spec import RULES

SURFACES: dict[str, Callable[[Report], bool]] = {
    "bool": bool,
    "passed": lambda report: report.passed is True,
    "exit code": lambda report: report.exit_code == 0,
    "counts": lambda report: report.counts["passed"] == len(report) > 0,
    "require": lambda report: not _raises(report.require),
    "JSON": lambda report: json.loads(json.dumps(report.to_dict()))["passed"] is True,
    "HTML": lambda report: (
        bool(len(report)) and "unknown" not in report._repr_html_() and "failed" not in report._repr_html_()
    ),
    "SARIF": lambda report: (
        bool(len(report)) and {each["kind"] for each in report.to_sarif()["runs"][0]["results"]} == {"pass"}
    ),
    "JUnit": lambda report: bool(len(report)) and not _red(report.to_junit()),
}
"""Whether each way to show a report says that it passed."""


def _raises(call: Callable[[], Any]) -> bool:
    try:
        call()
    except CheckFailed:
        return True
    return False


def _red(text: str) -> bool:
    root = ElementTree.fromstring(text)
    return any(root.find(f".//{tag}") is not None for tag in ("failure", "error"))


def result(name: str, passed: bool | None) -> CheckResult:
    return CheckResult(name, "a", passed, "x", {}, "" if passed else "y")


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("passed", [None, False])
@pytest.mark.parametrize("name", RULES)
def test_one_that_did_not_pass_turns_every_surface(name: str, passed: bool | None, surface: str) -> None:
    others = [result(each, True) for each in RULES if each != name]
    assert SURFACES[surface](Report((*others, result(name, True))))
    for results in ((*others, result(name, passed)), (result(name, passed),), ()):
        assert not SURFACES[surface](Report(results)), results


@pytest.mark.parametrize("name", RULES)
def test_a_check_that_was_not_called_has_no_truth(name: str) -> None:
    with pytest.raises(TypeError, match="was not called"):
        assert getattr(check, name)
