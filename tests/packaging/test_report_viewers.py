"""Reports in the programs of others: viewers of JUnit XML,
and the validator of SARIF with GitHub's rules.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gt_secure.base.outcome import CheckResult
from gt_secure.check.report import Report
from gt_secure.findings import Finding
from gt_secure.findings.model import Match, catalog
from gt_secure.findings.run import _finding
from gt_secure.findings.sarif import rule, to_sarif
from support.rooms import Room, clean

HOSTILE = "<script>alert(1)</script> ]]> & \x00 \u2028 [x](https://evil.example)"
REPORT = Report(
    (
        CheckResult("team_is_restricted", "radiology-team", True, "The URL lock is on."),
        CheckResult(
            "guard_is_in_place",
            HOSTILE,
            False,
            f"There is no guard: {HOSTILE}",
            {"a": HOSTILE},
            "Apply.",
        ),
        CheckResult("is_proved", "open-team.json", None, "Not known.", {}, "Add the organization."),
        CheckResult(
            "no_findings",
            "open-team",
            True,
            "Clean.",
            {"not_applicable": {"guard-missing": "no bucket"}},
        ),
    ),
    "checks.json",
)
"""One that failed, one that is unknown, and a rule without a subject,
with a text that an attacker wrote.
"""


def finding(code: str, subject: str) -> Finding:
    return _finding(code, Match(subject, "It grants too much.", ()), ())


@pytest.mark.slow
def test_two_viewers_show_what_failed_and_what_is_unknown(tmp_path: Path) -> None:
    room = Room(tmp_path / "room", sys.executable)
    room.install("junitparser", "junit2html")
    (tmp_path / "report.xml").write_text(REPORT.to_junit(), encoding="utf-8")
    code = (
        "import json, sys, junitparser; report = junitparser.JUnitXml.fromfile(sys.argv[1]); "
        "report.update_statistics(); cases = [case for suite in report for case in suite]; "
        "rows = [[case.name, *(type(each).__name__ for each in case.result)] for case in cases]; "
        "print(json.dumps([[report.tests, report.failures, report.errors, report.skipped], rows]))"
    )
    numbers, rows = json.loads(room.run("-c", code, str(tmp_path / "report.xml")))
    assert numbers == [5, 1, 1, 1]
    assert [row[1:] for row in rows] == [[], ["Failure"], ["Error"], [], ["Skipped"]]
    assert rows[1][0].startswith("guard_is_in_place[<script>")
    words = ("-m", "junit2htmlreport", str(tmp_path / "report.xml"))
    room.run(*words, str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    summary = room.run("-m", "junit2htmlreport", "--summary-matrix", str(tmp_path / "report.xml"))
    assert [
        f"{word} : {number}" in " ".join(summary.split())
        for word, number in (("Failed", 2), ("Passed", 2))
    ]


VALIDATOR = "@microsoft/sarif-multitool-linux@5.7.0"
"""The validator of the format's authors,
with the schema and the rules of GitHub Advanced Security (``Ghas``).
"""
KNOWN = {
    "SARIF2002": "texts are not in a table of messages",
    "SARIF2003": "the account is no commit",
    "SARIF2005": "the package has no address yet",
    "SARIF2006": "the schema cannot be fetched here",
    "SARIF2009": "a finding has a name, not a number",
    "SARIF2010": "the account has no lines of code",
    "SARIF2011": "nor lines around them",
    "SARIF2012": "a check has no page of its own",
}
"""What it remarks, none of it an error, and why it stays."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the validator is a program for Linux")
def test_the_official_validator_and_githubs_rules(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("NOT TRIED: npm is not installed")
    done = subprocess.run(
        [npm, "pack", VALIDATOR], cwd=tmp_path, env=clean(), capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"NOT TRIED: the validator cannot be fetched: {done.stderr.strip()[-200:]}")
    [archive] = tmp_path.glob("*.tgz")
    shutil.unpack_archive(archive, tmp_path, "gztar")
    program = tmp_path / "package" / "Sarif.Multitool"
    program.chmod(0o755)
    found = [finding(code, "gt-images") for code in catalog()]
    for name, log in {
        "checks": REPORT.to_sarif(),
        "findings": to_sarif(found, source="checks.json"),
    }.items():
        (tmp_path / f"{name}.sarif").write_text(json.dumps(log), encoding="utf-8")
        words = (
            "validate",
            f"{name}.sarif",
            "--rule-kind",
            "Sarif;Ghas",
            "--level",
            "Error;Warning;Note",
        )
        env = {**clean(), "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": str(tmp_path)}
        command = [str(program), *words, "--output", f"{name}.out"]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=900
        )
        [run] = json.loads((tmp_path / f"{name}.out").read_text(encoding="utf-8-sig"))["runs"]
        remarks = run.get("results", [])
        assert [each for each in remarks if each.get("level") == "error"] == [], done.stdout
        assert {each["ruleId"] for each in remarks} <= {*KNOWN}
        assert done.returncode == 0


def test_a_large_report_is_one_that_github_takes() -> None:
    """GitHub, "SARIF results exceed limits" and "SARIF results file is too large": 20 runs, 25,000
    results, rules of 10 tags that are shown, 10 MB as gzip. Of more than 5,000 results it shows the
    most severe ones.
    """
    codes = [*catalog()]
    log = to_sarif(
        [finding(codes[number % len(codes)], f"bucket-{number}") for number in range(6_000)]
    )
    [run] = log["runs"]
    assert len(run["results"]) == 6_000 < 25_000
    assert len(gzip.compress(json.dumps(log).encode(), 6)) < 10_000_000 / 4
    assert {each["level"] for each in run["results"]} <= {"error", "warning", "note"}, (
        "by them GitHub chooses"
    )
    assert max(len(rule(code)["properties"]["tags"]) for code in catalog()) <= 10
