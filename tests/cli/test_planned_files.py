"""``gt-secure prove`` and ``findings`` over plans of Terraform and templates of CloudFormation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gt_secure.cli.main import main
from support.planned_policies import ACCOUNT, GUARD, OFFICE, PLANS, READ, TEMPLATES, change, plan, policy, template


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["prove", "s3://gt-images", "--account", ACCOUNT, "--allow", OFFICE, "--json"]
    codes = {}
    for name in ("known guard", "known and open", "unknown string"):
        (tmp_path / "plan.json").write_text(PLANS[name][0])
        codes[name] = main([*line, "--tf-plan", str(tmp_path / "plan.json")])
    assert codes == {"known guard": 0, "known and open": 2, "unknown string": 3}
    assert "aws_s3_bucket_policy.p" in capsys.readouterr().out
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATES["guard"][0]))
    assert main([*line, "--cloudformation", str(tmp_path / "template.json")]) == 0


def findings(*words: str, text: str, file: Path) -> tuple[int, dict[str, Any]]:
    """Run findings over a file; return the exit code and the SARIF log's first run."""
    file.write_text(text)
    option = "--tf-plan" if file.suffix == ".json" else "--cloudformation"
    report = file.with_suffix(".sarif")
    code = main(
        ["findings", option, str(file), "--account", ACCOUNT, "--sarif", str(report), "--fail-on", "high", *words]
    )
    return code, json.loads(report.read_text())["runs"][0]


def test_findings_of_a_plan_point_to_its_resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    other = change("aws_s3_bucket_policy", "q", {"bucket": "gt-other", "policy": policy(GUARD)})
    text = json.dumps(json.loads(plan(other, *json.loads(PLANS["known and open"][0])["resource_changes"])), indent=1)
    code, run = findings(text=text, file=tmp_path / "plan.json")
    assert code == 2
    found = {each["ruleId"]: each for each in run["results"] if each["kind"] == "fail"}
    place = found["bucket-allow-everyone"]["locations"][0]
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "aws_s3_bucket_policy.p"
    line = place["physicalLocation"]["region"]["startLine"]
    assert '"address": "aws_s3_bucket_policy.p"' in text.split("\n")[line - 1]
    assert findings("s3://gt-other", text=text, file=tmp_path / "plan.json")[0] == 0
    assert findings("s3://gt-third", text=text, file=tmp_path / "plan.json")[0] == 3, "not managed is unknown"


def test_one_known_statement_is_a_finding_beside_unknown_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yaml")
    monkeypatch.chdir(tmp_path)
    text = json.dumps(template(READ, {**GUARD, "Resource": {"Fn::ImportValue": "x"}}), indent=1)
    code, run = findings(text=f"# a template\n{text}", file=tmp_path / "template.yaml")
    assert code == 2
    kinds = {each["ruleId"]: each["kind"] for each in run["results"]}
    assert (kinds["bucket-allow-everyone"], kinds["presigned-from-anywhere"]) == ("fail", "open")
    assert kinds["guard-open"] == "open", "the guard may be among what is unknown"
    [place] = next(each["locations"] for each in run["results"] if each["ruleId"] == "bucket-allow-everyone")
    assert '"Policy": {' in text.split("\n")[place["physicalLocation"]["region"]["startLine"] - 2]


@pytest.mark.parametrize("name", ["unknown string", "unknown bucket", "not managed"])
def test_what_is_not_known_is_no_finding(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, run = findings(text=PLANS[name][0], file=tmp_path / "plan.json")
    assert code == 3
    assert {each["kind"] for each in run["results"] if each["ruleId"] != "not-checked"} == {"open"}
