"""Checks from files and from the command line: exit codes, JSON, SARIF and JUnit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import jsonschema
import pytest

from gt_secure import check
from gt_secure.base.errors import InvalidInput, NotFound
from gt_secure.check import CheckResult, Report, Spec, applied_locks, load_check_file
from gt_secure.cli.main import main
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.findings.model import Acceptance, Finding
from gt_secure.restriction.files import dump_restriction
from support.guards import merge_guard
from support.sample import sample
from support.scene import BUCKET, ELSEWHERE, GOOD, TEAM, WISH, Scene, row

SARIF = json.loads((Path(__file__).parent.parent / "data" / "sarif-schema-2.1.0.json").read_text())
PASSED, FAILED, UNKNOWN, USAGE = 0, 2, 3, 64


@pytest.fixture
def run(empty_scene: Scene, tmp_path, monkeypatch, capsys):
    """Run the command in this process: starting one for each call would take most of the time."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def call(*args, **more):
        for name, value in {**empty_scene.sandbox.environment(), **more}.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = main(["check", *map(str, args)])
        return (code, *capsys.readouterr())

    return call


@pytest.fixture
def checks(tmp_path):
    """A file with a check of each kind, and the restriction, log and notebook that it names."""
    dump_restriction(WISH, tmp_path / "wish.yaml")
    (tmp_path / "log").write_text("".join(GOOD))
    book = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": 1,
                "source": "1",
                "outputs": [],
                "metadata": {},
            }
        ]
    }
    (tmp_path / "book.ipynb").write_text(json.dumps(book))
    path = tmp_path / "checks.yaml"
    path.write_text(f"""
version: 1
checks:
  - {{check: team_is_restricted, team: {TEAM}, url_lock: SourceIp}}
  - {{check: guard-is-in-place, bucket: {BUCKET}, prefix: scans/, addresses: 203.0.113.0/24}}
  - {{check: nothing_drifted, restriction: wish.yaml}}
  - {{check: expectations_hold, restriction: wish.yaml}}
  - {{check: is_proved, restriction: wish.yaml}}
  - {{check: no_foreign_hits, restriction: wish.yaml, logs: log}}
  - {{check: no_leaked_urls, logs: [log], kinds: [leak, refused]}}
  - {{check: urls_are_consistent, logs: [log], team: radiology-team, pools: [203.0.113.0/24]}}
  - {{check: no_findings, team: {TEAM}, bucket: {BUCKET}, prefix: scans/, severity: high}}
  - {{check: no_code_cell_skipped, path: book.ipynb}}
  - {{check: no_secret_saved, path: book.ipynb}}
""")
    return path


def test_a_file_with_every_check(scene: Scene, checks):
    report = check.run_file(scene.gt, checks)
    assert [result.status for result in report] == ["passed"] * 11
    assert {result.name for result in report} == set(check.spec.RULES)
    assert report.require() is report
    scene.remove_guard()
    scene.toggles(False)
    with (checks.parent / "log").open("a") as log:
        log.write(row(ELSEWHERE, url=1))
    report = check.run_file(scene.gt, checks)
    failed = {result.name for result in report if result.status == "failed"}
    assert failed == {
        "team_is_restricted", "guard_is_in_place", "nothing_drifted", "expectations_hold", "no_foreign_hits",
        "no_leaked_urls", "urls_are_consistent", "is_proved", "no_findings",
    }  # fmt: skip
    assert report.exit_code == FAILED
    with pytest.raises(check.CheckFailed):
        report.require()


def test_exit_codes_and_outputs_of_the_command(scene: Scene, run, checks, tmp_path):
    sarif, junit = tmp_path / "out.sarif", tmp_path / "junit.xml"
    code, out, err = run("-f", checks, "--json", "--sarif", sarif, "--junit", junit)
    assert (code, json.loads(out)["counts"]) == (
        PASSED,
        {"passed": 11, "failed": 0, "unknown": 0},
    ), err
    log = json.loads(sarif.read_text())
    jsonschema.Draft4Validator(SARIF).validate(log)
    assert {result["kind"] for result in log["runs"][0]["results"]} == {"pass"}
    suite = ElementTree.parse(junit).getroot()
    skipped = [each.get("message") for each in suite.iter("skipped")]
    assert (
        suite.get("failures"),
        suite.get("errors"),
        int(suite.get("tests") or 0) - len(skipped),
    ) == ("0", "0", 11)
    assert skipped
    assert {each.partition(":")[0] for each in skipped} == {"not applicable", "not asked"}
    assert "not asked: the access log was not read" in skipped
    assert not any("not read" in each for each in skipped if each.startswith("not applicable"))

    scene.remove_guard()
    (tmp_path / "log").write_text("")
    code, out, err = run("-f", checks, "--sarif", sarif, "--junit", junit)
    assert code == FAILED
    assert "failed" in out
    assert "next (guard-is-in-place)" in err
    log = json.loads(sarif.read_text())
    jsonschema.Draft4Validator(SARIF).validate(log)
    levels = {result["ruleId"]: result["level"] for result in log["runs"][0]["results"]}
    assert levels["guard_is_in_place"] == "error"
    assert levels["no_foreign_hits"] == "warning"
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert all(
        rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in log["runs"][0]["results"]
    )
    suite = ElementTree.parse(junit).getroot()
    assert (
        suite.find(".//testcase[@classname='gt_secure.check.guard_is_in_place']/failure")
        is not None
    )
    assert suite.find(".//testcase[@classname='gt_secure.check.no_foreign_hits']/error") is not None
    assert int(suite.get("failures") or 0) == len(suite.findall(".//failure"))


# What Jenkins' xUnit plugin accepts (junit-10.xsd): children; needed attributes; others that are
# accepted.
JUNIT = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": ({"testcase", "properties", "system-out", "system-err"}, {"name", "tests", "failures", "errors"},
                  {"time", "skipped", "timestamp", "hostname", "id", "package", "file"}),
    "testcase": ({"failure", "error", "skipped", "system-out", "system-err"}, {"name"}, {"classname", "time", "group"}),
    "failure": (set(), set(), {"type", "message"}),
    "error": (set(), set(), {"type", "message"}),
    "skipped": (set(), set(), {"message"}),
}  # fmt: skip


def assert_junit(root: ElementTree.Element) -> None:
    children, needed, others = JUNIT[root.tag]
    assert needed <= set(root.attrib) <= needed | others, root.tag
    for child in root:
        assert child.tag in children
        assert_junit(child)


@pytest.mark.parametrize(
    ("name", "options"),
    sample(
        [
            ("team-is-restricted", ("--team", TEAM)),
            ("guard-is-in-place", (f"s3://{BUCKET}/scans/",)),
            ("no-foreign-hits", ("--restriction", "wish.yaml", "--logs", "log")),
            ("no-leaked-urls", ("--logs", "log")),
            ("urls-are-consistent", ("--logs", "log", "--team", "radiology-team")),
            ("no-findings", ("--team", TEAM, f"s3://{BUCKET}", "--severity", "medium")),
            ("nothing-drifted", ("--restriction", "wish.yaml")),
            ("expectations-hold", ("--restriction", "wish.yaml")),
            ("is-proved", ("--restriction", "wish.yaml")),
        ],
        2,
    ),
)
def test_each_command_passes_and_fails_when_what_it_watches_is_taken_away(
    name: str, options: tuple[str, ...], scene: Scene, run, checks, tmp_path
):
    found = scene.gt.findings(team=TEAM, bucket=BUCKET)
    known = sorted({finding.code for finding in found})
    if name == "no-findings":
        entries = [{"finding": code, "reason": "known", "until": "2099-01-01"} for code in known]
        (tmp_path / "checks.json").write_text(
            json.dumps({"checks": ["no_findings"], "accepted": entries})
        )
        options = (*options, "--accepted", tmp_path / "checks.json")
    sarif, junit = tmp_path / "out.sarif", tmp_path / "out.xml"

    def seen(code, status):
        got, out, err = run(name, *options, "--json", "--sarif", sarif, "--junit", junit)
        assert got == code, out + err
        assert [check["status"] for check in json.loads(out)["results"]] == [status]
        log = json.loads(sarif.read_text())
        jsonschema.Draft4Validator(SARIF).validate(log)
        root = ElementTree.parse(junit).getroot()
        assert_junit(root)
        wanted = ("pass", "none", 0) if code == PASSED else ("fail", "error", 1)
        results = [each for each in log["runs"][0]["results"] if not each.get("suppressions")]
        assert {
            (each["kind"], each["level"], len(root.findall(".//failure"))) for each in results
        } == {wanted}
        assert len(results) == 1 or name == "no-findings"

    seen(PASSED, "passed")
    scene.remove_guard()
    scene.toggles(False)
    with (tmp_path / "log").open("a") as log:
        log.write(row(ELSEWHERE, url=1))
    seen(FAILED, "failed")


def test_the_example_of_the_documentation_fails_on_an_open_bucket(scene: Scene, run, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "watch-in-ci.md").read_text(
        encoding="utf-8"
    )
    example = json.loads(
        page.partition("<!-- file: checks.json -->\n```json\n")[2].partition("```")[0]
    )
    [entry] = [each for each in example["checks"] if each["check"] == "no_findings"]
    file = tmp_path / "checks.json"
    scene.remove_guard()
    for severity in {entry["severity"], "high"}:
        file.write_text(
            json.dumps([{"check": "no_findings", "bucket": BUCKET, "severity": severity}])
        )
        assert run("-f", file)[0] == FAILED
        code, out, _ = run("no-findings", f"s3://{BUCKET}", "--severity", severity)
        assert (code, "presigned-from-anywhere" in out) == (FAILED, True)


@pytest.mark.parametrize(
    "words",
    [
        "guard-is-in-place s3://gt-images --allow 203.0.113.999",
        "guard-is-in-place s3://gt-images --allow 203.0.113.0/24 --endpoint vpce",
        "is-proved s3://gt-images --allow nowhere",
        "no-findings s3://gt-images --severity grave",
    ],
)
def test_an_argument_that_cannot_be_read_is_a_usage_error(run, words):
    code, _, err = run(*words.split())
    assert (code, "next: " in err) == (USAGE, True)


def test_an_option_may_hold_several_values(monkeypatch, run):
    from support import states

    lists = {
        "networks": ["203.0.113.0/24", "198.51.100.0/24"],
        "endpoints": ["vpce-0a1b2c3d4e5f60718"],
    }
    state = states.state(
        team=None,
        bucket=states.data_bucket(BUCKET, policy=merge_guard(None, build_guard(BUCKET, **lists))),
    )
    monkeypatch.setattr(applied_locks, "read_scope", lambda *_: state)
    one = ["guard-is-in-place", f"s3://{BUCKET}", "--endpoint", "vpce-0a1b2c3d4e5f60718"]
    for allow in (
        ["--allow", "203.0.113.0/24,198.51.100.0/24"],
        ["--allow", "203.0.113.0/24", "--allow", "198.51.100.0/24"],
    ):
        code, out, err = run(*one, *allow)
        assert code in (PASSED, UNKNOWN), (out, err)
        assert "also admits" not in out
    code, out, err = run(*one)
    assert (code, "--allow" in err, "addresses=" in err) == (FAILED, True, False)


def test_single_checks(scene: Scene, run, tmp_path):
    assert run("team-is-restricted", "--team", TEAM)[0] == PASSED
    assert (
        run("guard-is-in-place", f"s3://{BUCKET}/scans/", "--allow", "203.0.113.0/24")[0] == PASSED
    )
    assert run("guard-is-in-place", f"s3://{BUCKET}/scans/", "--allow", "192.0.2.0/24")[0] == FAILED
    for whole in (f"s3://{BUCKET}", f"s3://{BUCKET}/"):
        code, out, _ = run("guard-is-in-place", whole, "--allow", "203.0.113.0/24")
        assert code == FAILED
        assert "not all keys" in " ".join(out.split())
    assert run("team-is-restricted", "--team", "no-such-team")[0] == FAILED
    (tmp_path / "log").write_text("")
    code, out, _ = run("no-leaked-urls", "--logs", tmp_path / "log")
    assert (code, "unknown" in out) == (UNKNOWN, True)
    wrong = {"AWS_SECRET_ACCESS_KEY": "wrong"}
    assert run("team-is-restricted", "--team", TEAM, **wrong)[0] == UNKNOWN


def test_a_notebook_needs_no_account(run, checks):
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "", "AWS_DEFAULT_REGION": ""}
    assert run("no-secret-saved", "--path", checks.parent / "book.ipynb", **nowhere)[0] == PASSED


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "Name a check"),
        (("no-such-check",), "There is no check"),
        (("guard-is-in-place",), "needs s3://BUCKET"),
        (("guard-is-in-place", "s3://gt-images", "--team", "x"), "has no member --team"),
        (("no-findings",), "needs team or bucket"),
        (("-f", "missing.yaml"), "There is no file"),
        (("-f", "missing.yaml", "--team", "x"), "cannot be combined"),
        (
            ("no-secret-saved", "--path", __file__, "--junit", "/no/such/folder/x.xml"),
            "cannot be written",
        ),
        (("no-secret-saved", "--path", "x"), "There is no notebook"),
    ],
)
def test_bad_use_is_an_error_with_a_next_step(capsys, args, said):
    code, err = main(["check", *args]), capsys.readouterr().err
    assert code == 64
    assert said in err
    assert "next:" in err


def test_the_command_as_a_process():
    done = subprocess.run(
        [sys.executable, "-m", "gt_secure.cli", "check", "--help"], capture_output=True, text=True
    )
    assert done.returncode == PASSED
    words = "".join(done.stdout.split())  # names are wrapped at their hyphens
    assert "exitcodes:0allpassed,2onefailed,3nonefailed" in words
    for name in check.spec.RULES:
        assert name.replace("_", "-") in words


def test_a_wrong_option_has_a_code_of_its_own(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["check", "--no-such-option"])
    assert caught.value.code == USAGE
    assert "'--no-such-option' is not an option of check." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no checks"),
        ("checks: []", "lists no checks"),
        ("checks: 3", "lists no checks"),
        ("version: 2\nchecks: [no_findings]", "format 2"),
        ("check: [no_findings]", "no member 'check'"),
        ("- check: no_finding\n  team: x", "Did you mean no_findings"),
        ("- check: no_findings\n  teem: x", "Did you mean 'team'"),
        ("- {team: x}", "names no check"),
        ("- {check: no_findings, team: 3}", "is a text, not"),
        ("- {check: no_findings, team: ''}", "is a text, not"),
        (
            "- {check: no_foreign_hits, restriction: r.yaml, max_unreadable: -1}",
            "a number of 0 or more",
        ),
        ("- {check: no_foreign_hits, restriction: r.yaml, count_refused: maybe}", "true or false"),
        ("- {check: no_findings, team: x, team: y}", "twice"),
        ("- {check: [", "is not YAML"),
    ],
)
def test_bad_files(tmp_path, text, said):
    path = tmp_path / "checks.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        load_check_file(path)
    assert said in str(caught.value)


def test_a_missing_file_and_folders(tmp_path):
    with pytest.raises(NotFound):
        load_check_file(tmp_path)
    with pytest.raises(NotFound):
        load_check_file(tmp_path / "x.json")


def test_one_broken_check_neither_hides_the_others_nor_passes(scene: Scene, tmp_path):
    specs = [
        Spec.make("nothing_drifted", {"restriction": "missing.yaml"}, tmp_path),
        Spec.make("guard_is_in_place", {"bucket": "NOT A BUCKET"}),
        Spec.make("no_foreign_hits", {"restriction": {"team": TEAM}}),
        Spec.make("guard_is_in_place", {"bucket": BUCKET, "prefix": "scans/"}),
    ]
    report = check.run_specs(scene.gt, specs)
    assert [result.status for result in report] == ["failed", "unknown", "unknown", "passed"]


@pytest.mark.parametrize(
    ("logs", "asked"),
    [
        ([], None),
        (["s3://gt-logs/s3/"], ["s3://gt-logs/s3/"]),
        (["a.log", "s3://gt-logs/s3/"], ["{folder}/a.log", "s3://gt-logs/s3/"]),
        (["s3://gt-logs/s3/", "a.log"], ["s3://gt-logs/s3/", "{folder}/a.log"]),
        (["a.log", "b.log"], "nothing"),
    ],
)
def test_logs_are_read_with_the_account_if_one_of_them_is_there(tmp_path, logs, asked):
    """A file needs no account; a log in S3, or the one that the bucket names, does."""
    seen = []

    def hits(bucket, *, logs, **_):
        seen.append((bucket, logs))
        raise NotFound("There is no log.")

    members = {"bucket": BUCKET, **({"logs": logs} if logs else {})}
    report = check.run_specs(
        lambda: SimpleNamespace(hits=hits), [Spec.make("no_leaked_urls", members, tmp_path)]
    )
    assert not report
    folder = (
        []
        if asked == "nothing"
        else [(BUCKET, asked and [each.format(folder=tmp_path) for each in asked])]
    )
    assert seen == folder


@pytest.mark.parametrize(
    ("passed", "results"),
    [
        (False, [("guard-open", False), ("url-lock-off", False), ("guard-missing", True)]),
        (None, [("no_findings", False), ("guard-missing", True)]),
        (True, [("no_findings", False), ("guard-missing", True)]),
    ],
)
def test_a_finding_is_a_result_of_its_own_where_it_fails_the_check_or_is_accepted(passed, results):
    codes = ("guard-open", "url-lock-off", "guard-missing")
    *failing, known = (
        Finding(code, "high", code, "", "", "https://docs.aws.amazon.com/", ()) for code in codes
    )
    accepted = replace(known, accepted=Acceptance(known.code, "known", date.max))
    details = {"findings": [each.to_dict() for each in failing], "accepted": [accepted.to_dict()]}
    log = Report((CheckResult("no_findings", "gt-images", passed, "said", details),)).to_sarif()
    jsonschema.Draft4Validator(SARIF).validate(log)
    assert [
        (each["ruleId"], "suppressions" in each) for each in log["runs"][0]["results"]
    ] == results


def test_nothing_run_is_not_passed():
    assert Report(()).exit_code == UNKNOWN


def test_hostile_text_is_harmless_in_every_output():
    nasty = '<script>alert(1)</script>\x00\x1b[31m]]>&"\ud800'
    report = Report(
        (CheckResult("no_leaked_urls", nasty, False, nasty, {"key": nasty}, nasty),),
        'a "b" <c>.yaml',
    )
    root = ElementTree.fromstring(report.to_junit().encode("utf-8", "strict"))
    assert root.find(".//failure") is not None
    jsonschema.Draft4Validator(SARIF).validate(report.to_sarif())
    assert "<script>" not in report._repr_html_()


def test_fingerprints_are_stable_across_runs():
    one = Report((CheckResult("no_findings", "t", False, "found 3"),)).to_sarif()
    two = Report((CheckResult("no_findings", "t", None, "denied"),)).to_sarif()
    prints = [log["runs"][0]["results"][0]["partialFingerprints"] for log in (one, two)]
    assert prints[0] == prints[1]
