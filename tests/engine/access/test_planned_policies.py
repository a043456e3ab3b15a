"""Policies before they are deployed: what is unknown in a plan or template is unknown both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import parse_network
from gt_secure.cli.main import main
from gt_secure.engine.access import Claim, locks_of_files
from gt_secure.engine.access.planned_policies import (
    PlannedPolicy,
    cloudformation_policies,
    policy_of,
    terraform_policies,
)
from gt_secure.engine.policies.bucket_guard import build_guard

ACCOUNT, OFFICE = "111122223333", "203.0.113.0/24"
GUARD = build_guard("gt-images", networks=[OFFICE])
DENY = {**GUARD, "Resource": "*", "Principal": "*"}
READ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*"}


def decide(planned: PlannedPolicy) -> bool | None:
    proof = planned.prove(locks_of_files("gt-images", None, ACCOUNT), Claim("", (parse_network(OFFICE),)))
    assert (proof.proved is None) == bool(proof.depends_on)
    return proof.proved


def change(kind: str, name: str, after: Any, unknown: Any = None, *, module: str = "", **more: Any) -> dict[str, Any]:
    found = {"actions": more.pop("actions", ["create"]), "after": after, "after_unknown": unknown or {}}
    found |= {"before": more.pop("before")} if "before" in more else {}
    start = "data." if more.get("mode") == "data" else ""
    address = f"{module}{start}{kind}.{name}"
    return {"address": address, "mode": "managed", "type": kind, "name": name, "change": found, **more}


def plan(*changes: dict[str, Any], references: dict[str, list[str]] | None = None, module: str = "") -> str:
    expressions = {name: {"references": each} for name, each in (references or {}).items()}
    resource = {"type": "aws_s3_bucket_policy", "name": "p", "expressions": expressions}
    root: dict[str, Any] = {"resources": [resource]}
    if module:
        root = {"module_calls": {module: {"module": root}}}
    return json.dumps(
        {"format_version": "1.2", "resource_changes": list(changes), "configuration": {"root_module": root}}
    )


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


BUCKET = change("aws_s3_bucket", "b", {"bucket": "gt-images"}, {"arn": True})
UNKNOWN = change("aws_s3_bucket_policy", "p", {"bucket": "gt-images"}, {"policy": True})
AFTER = {
    "statement": [
        {
            "effect": "Deny", "actions": ["s3:*"], "principals": [{"type": "*", "identifiers": ["*"]}],
            "condition": [
                {"test": operator, "variable": key, "values": values if isinstance(values, list) else [values]}
                for operator, keys in GUARD["Condition"].items() for key, values in keys.items()
            ],
            "resources": ["*"],
        }
    ]
}  # fmt: skip


def document(unknown: Any) -> dict[str, Any]:
    return change("aws_iam_policy_document", "d", AFTER, unknown, mode="data", actions=["read"])


DEFERRED = {"policy": ["data.aws_iam_policy_document.d.json", "data.aws_iam_policy_document.d"]}
GONE = change("aws_s3_bucket_policy", "p", None, before={"bucket": "gt-images"}, actions=["delete"])
PLANS: dict[str, tuple[str, bool | None]] = {
    "its policy is deleted": (plan(GONE), False),
    "its policy is deleted and another bucket too": (
        plan(GONE, change("aws_s3_bucket", "o", None, before={"bucket": "gt-other"}, actions=["delete"])), False,
    ),
    "deleted with its policy": (
        plan(GONE, change("aws_s3_bucket", "b", None, before={"bucket": "gt-images"}, actions=["delete"])), None,
    ),
    "its policy moves to another resource": (
        plan(GONE, change("aws_s3_bucket_policy", "q", {"bucket": "gt-images", "policy": policy(GUARD)})), True,
    ),
    "its policy may move to another resource": (
        plan(GONE, change("aws_s3_bucket_policy", "q", {"policy": policy(GUARD)}, {"bucket": True})), None,
    ),
    "known guard": (plan(change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(GUARD)})), True),
    "no-op counts": (
        plan(change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(GUARD)}, actions=["no-op"])),
        True,
    ),
    "known and open": (
        plan(change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(READ)})), False,
    ),
    "unknown string": (plan(BUCKET, UNKNOWN), None),
    "not managed": (plan(BUCKET), None),
    "another bucket": (plan(change("aws_s3_bucket_policy", "p", {"bucket": "x", "policy": policy(GUARD)})), None),
    "deleted": (
        plan(change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(GUARD)}, actions=["delete"])),
        None,
    ),
    "bucket by reference": (
        plan(BUCKET, change("aws_s3_bucket_policy", "p", {"policy": policy(GUARD)}, {"bucket": True}),
             references={"bucket": ["aws_s3_bucket.b.id", "aws_s3_bucket.b"]}),
        True,
    ),
    "unknown bucket": (plan(change("aws_s3_bucket_policy", "p", {"policy": policy(GUARD)}, {"bucket": True})), None),
    "deferred document": (plan(BUCKET, document({"json": True}), UNKNOWN, references=DEFERRED), True),
    "deferred document with an unknown ARN": (
        plan(BUCKET, document({"json": True, "statement": [{"resources": [True]}]}), UNKNOWN, references=DEFERRED),
        None,
    ),
    "in a module": (
        plan(change("aws_s3_bucket", "b", {"bucket": "gt-images"}, module='module.m["a"].'),
             change("aws_s3_bucket_policy", "p", {"policy": policy(GUARD)}, {"bucket": True}, module='module.m["a"].'),
             references={"bucket": ["aws_s3_bucket.b"]}, module="m"),
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANS)
def test_a_terraform_plan(name: str) -> None:
    text, expected = PLANS[name]
    assert decide(policy_of(terraform_policies(text), "gt-images")) is expected


def template(*statements: Any, bucket: Any = "gt-images", **more: Any) -> dict[str, Any]:
    return {
        "Resources": {
            "Images": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "gt-images"}},
            "Policy": {
                "Type": "AWS::S3::BucketPolicy",
                "Properties": {
                    "Bucket": bucket,
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": [*statements]},
                },
            },
        },
        **more,
    }


ARN = {"Fn::Sub": "arn:${AWS::Partition}:s3:::${Images}/*"}
IF = {"Fn::If": ["Strict", ARN, {"Fn::Join": ["", [{"Fn::GetAtt": ["Images", "Arn"]}, "/*"]]}]}
TEMPLATES: dict[str, tuple[dict[str, Any], bool | None]] = {
    "guard": (template({**GUARD, "Resource": [{"Fn::GetAtt": ["Images", "Arn"]}, ARN]}), True),
    "both branches": (template({**GUARD, "Resource": [{"Fn::GetAtt": "Images.Arn"}, IF]}), True),
    "bucket by reference": (template(GUARD, bucket={"Ref": "Images"}), True),
    "no value": (template({**GUARD, "Sid": {"Ref": "AWS::NoValue"}}), True),
    "import": (template({**GUARD, "Resource": {"Fn::ImportValue": "x"}}), None),
    "parameter": (template({**GUARD, "Resource": {"Ref": "Arn"}}, Parameters={"Arn": {"Type": "String"}}), None),
    "default": (
        template({**GUARD, "Resource": {"Ref": "Arn"}}, Parameters={"Arn": {"Type": "String", "Default": "*"}}), True,
    ),
    "open whatever is unknown": (template(READ), False),
    "unknown Allow beside the guard": (template(GUARD, {**READ, "Principal": {"AWS": {"Ref": "Who"}}}), True),
    "unknown bucket": (template(GUARD, bucket={"Fn::ImportValue": "x"}), None),
    "no policy": ({"Resources": {}}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template(name: str) -> None:
    data, expected = TEMPLATES[name]
    assert decide(policy_of(cloudformation_policies(json.dumps(data), ACCOUNT), "gt-images")) is expected


def test_short_forms_of_yaml() -> None:
    pytest.importorskip("yaml")
    text = json.dumps(template({**GUARD, "Resource": "RESOURCE"}), indent=1).replace(
        '"RESOURCE"', '[!GetAtt Images.Arn, !Sub "${Images.Arn}/*", !Join ["", [!GetAtt Images.Arn, "/*"]]]'
    )
    text = "# a template\n" + text.replace('"2012-10-17"', "2012-10-17")
    assert decide(policy_of(cloudformation_policies(text, ACCOUNT), "gt-images")) is True
    with pytest.raises(InvalidInput, match="another form"):
        cloudformation_policies("a: [", ACCOUNT)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": "2.0", "resource_changes": []}'])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        terraform_policies(text)


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["prove", "--bucket", "gt-images", "--account", ACCOUNT, "--allow", OFFICE, "--json"]
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
    assert findings("--bucket", "gt-other", text=text, file=tmp_path / "plan.json")[0] == 0
    assert findings("--bucket", "gt-third", text=text, file=tmp_path / "plan.json")[0] == 3, "not managed is unknown"


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
