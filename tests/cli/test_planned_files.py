"""``gt-secure prove`` and ``findings`` over plans of Terraform and templates of CloudFormation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gt_secure.cli.main import main
from gt_secure.engine.access import Claim, locks_of_policies
from gt_secure.engine.access.keep import parse_keep
from gt_secure.engine.access.planned_policies import PlannedDocument, PlannedPolicy, Unknown
from gt_secure.engine.policies.bucket_guard import build_guard
from support import planned_kinds
from support.planned_policies import (
    ACCOUNT,
    GUARD,
    OFFICE,
    PLANS,
    READ,
    TEMPLATES,
    change,
    plan,
    policy,
    template,
)


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


@pytest.mark.parametrize("option", ["--tf-plan", "--cloudformation", "--bucket-policy"])
def test_a_file_that_is_not_proved_is_what_must_change(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of the account is applied to mend a file, and no finding of an account is named."""
    file = tmp_path / "file.json"
    texts = {"--tf-plan": PLANS["known and open"][0], "--bucket-policy": policy(READ)}
    file.write_text(texts.get(option) or json.dumps(template(READ)))
    line = ["prove", "s3://gt-images", "--account", ACCOUNT, "--allow", OFFICE, option, str(file)]
    assert main(line) == 2
    said = capsys.readouterr().out
    assert f"Fix: change the bucket policy in {file}" in said
    assert "restriction" not in said.partition("Fix:")[2]
    assert "finding" not in said


@pytest.mark.parametrize("option", ["--tf-plan", "--cloudformation"])
def test_a_bucket_that_the_file_does_not_have_has_a_next_step(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.json"
    file.write_text(
        PLANS["known guard"][0] if option == "--tf-plan" else json.dumps(template(GUARD))
    )
    line = ["prove", "s3://gt-other", "--account", ACCOUNT, "--allow", OFFICE, option, str(file)]
    assert main(line) == 3
    said = capsys.readouterr().out
    assert "is not managed here" in said
    step = "Name a bucket whose policy the file sets, or pass its policy with --bucket-policy."
    assert step in said
    assert main([line[0], "s3://gt-images", *line[2:]]) == 0
    assert step not in capsys.readouterr().out


CI = "arn:aws:iam::111122223333:role/ci"
LIST = {**GUARD, "Sid": "List", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::gt-images", "Condition": {"ArnNotLike": {"aws:PrincipalArn": CI}}}  # fmt: skip


@pytest.mark.parametrize(
    ("keep", "code"), [(CI, 0), (CI.replace("/ci", "/other"), 2), (f"{CI} from {OFFICE}", 0)]
)
@pytest.mark.parametrize("option", ["--tf-plan", "--cloudformation"])
def test_those_who_work_here_are_asked_about_too(
    option: str, keep: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "planned.json"
    planned = plan(
        change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(GUARD, LIST)})
    )
    file.write_text(planned if option == "--tf-plan" else json.dumps(template(GUARD, LIST)))
    line = ["prove", "s3://gt-images", "--account", ACCOUNT, "--allow", OFFICE, option, str(file)]
    assert main([*line, "--keep", keep, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert (found["refused"] is not None) == (code == 2)
    assert main([*line, "--keep", keep]) == code
    assert ("is refused" in capsys.readouterr().out) == (code == 2)


RIGHTS = policy({"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]})  # fmt: skip
ELSEWHERE = RIGHTS.replace("gt-images", "gt-other")


def of_terraform(names: dict[str, str], *statements: Any) -> str:
    """Return a plan that defines roles, each with a policy of its own."""
    rows = [change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(*statements)})]  # fmt: skip
    for i, (name, rights) in enumerate(names.items()):
        rows.append(change("aws_iam_role", f"r{i}", {"name": name, "path": "/"}))
        rows.append(change("aws_iam_role_policy", f"q{i}", {"role": name, "policy": rights}))
    return plan(*rows)


def of_cloudformation(names: dict[str, str], *statements: Any) -> str:
    """Return a template that defines roles, each with a policy of its own."""
    made = template(*statements)
    for i, (name, rights) in enumerate(names.items()):
        document = {"PolicyName": "x", "PolicyDocument": json.loads(rights)}
        made["Resources"][f"R{i}"] = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": name}}
        if i:
            made["Resources"][f"R{i}"]["Properties"]["Policies"] = [document]
        else:
            more = {"Roles": [{"Ref": "R0"}], **document}
            made["Resources"]["Q"] = {"Type": "AWS::IAM::Policy", "Properties": more}
    return json.dumps(made)


@pytest.mark.parametrize("made", [of_terraform, of_cloudformation])
def test_whoever_the_file_gives_rights_is_named_where_refused(
    made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "planned.json"
    option = "--tf-plan" if made is of_terraform else "--cloudformation"
    line = ["prove", "s3://gt-images", "--account", ACCOUNT, "--allow", OFFICE, option, str(file)]
    names = {"build": RIGHTS, "ci": RIGHTS, "second": RIGHTS, "third": ELSEWHERE}
    file.write_text(made(names, GUARD, LIST))
    assert main([*line, "--json"]) == 0  # a green answer stays green
    told = json.loads(capsys.readouterr().out)["locked_out"]
    said = "s3:ListBucket of arn:aws:s3:::gt-images is refused"
    assert len(told) == 2
    for sentence, name in zip(told, ("build", "second"), strict=True):
        assert sentence.startswith(said)
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        assert sentence.endswith(f"add --keep '{arn} for s3:GetObject, s3:ListBucket'.")
    assert main(line) == 0
    assert " ".join(capsys.readouterr().out.split()).count(said) == 2
    option = re.search("--keep '(.*)'", told[0])
    assert option is not None
    assert main([*line, "--keep", option[1]]) == 2  # what is offered can be typed
    file.write_text(made(names, GUARD))
    capsys.readouterr()
    assert main([*line, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["locked_out"] == []


def test_of_many_roles_some_are_decided_and_the_others_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "plan.json"
    file.write_text(of_terraform({f"r{i}": RIGHTS for i in range(22)}, GUARD, LIST))
    line = ["prove", "s3://gt-images", "--account", ACCOUNT, "--allow", OFFICE, "--json"]
    assert main([*line, "--tf-plan", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)["locked_out"]
    assert [each.startswith("Whether ") for each in told] == [False] * 20 + [True] * 2
    assert "role/r21 for s3:GetObject, s3:ListBucket is refused was not decided." in told[-1]


ODD = {
    "a name of two words": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "a b", "Policies": [{"PolicyDocument": json.loads(RIGHTS)}]}},
    "no name": {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": json.loads(RIGHTS)}]}},
    "a text as policy": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x", "Policies": ["x", None]}},
    "nothing as policies": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x", "Policies": None}},
    "a list as properties": {"Type": "AWS::IAM::User", "Properties": ["x"]},
    "no properties": {"Type": "AWS::IAM::User"},
    "a policy of no form": {"Type": "AWS::IAM::User", "Properties": {"UserName": "x", "Policies": [{"PolicyDocument": {"Statement": "x"}}]}},
    "a group": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "x"}},
    "a path that is not known": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x", "Path": {"Fn::ImportValue": "p"}}},
    "a choice": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x", "Policies": {"Fn::If": ["Some", [], []]}}},
}  # fmt: skip


@pytest.mark.parametrize("resource", ODD.values(), ids=ODD)
def test_an_odd_role_or_user_changes_no_answer(
    resource: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, made = tmp_path / "template.json", template(GUARD, LIST)
    made["Resources"]["Odd"] = resource
    file.write_text(json.dumps(made))
    line = ["prove", "s3://gt-images", "--account", ACCOUNT, "--allow", OFFICE, "--json"]
    assert main([*line, "--cloudformation", str(file)]) == 0
    assert json.loads(capsys.readouterr().out)["locked_out"] == []


HERE = {"name": "x", "path": "/team/"}


@pytest.mark.parametrize(
    ("role", "more", "named"),
    [
        (change("aws_iam_role", "r", HERE), [change("aws_iam_role_policy", "q", {"policy": RIGHTS}, {"role": True})], "role/team/x"),
        (change("aws_iam_user", "r", HERE), [change("aws_iam_user_policy_attachment", "q", {"user": "x"}, {"policy_arn": True}), change("aws_iam_policy", "d", {"policy": RIGHTS})], "user/team/x"),
        (change("aws_iam_user", "r", HERE), [change("aws_iam_user_policy_attachment", "q", {"user": "x", "policy_arn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"})], ""),
        (change("aws_iam_role", "r", HERE, actions=["delete"]), [change("aws_iam_role_policy", "q", {"policy": RIGHTS, "role": "x"})], ""),
        (change("aws_iam_role", "r", {}, {"name": True}), [change("aws_iam_role_policy", "q", {"policy": RIGHTS}, {"role": True})], ""),
        (change("aws_iam_role", "r", {"name": "x"}, {"path": True}), [change("aws_iam_role_policy", "q", {"policy": RIGHTS, "role": "x"})], ""),
        (change("aws_iam_role", "r", {"name": "a b"}), [change("aws_iam_role_policy", "q", {"policy": RIGHTS, "role": "a b"})], ""),
        (change("aws_iam_role", "r", HERE), [change("aws_iam_role_policy", "q", {"policy": "{", "role": "x"})], ""),
    ],
)  # fmt: skip
def test_a_role_of_a_plan_is_found_by_what_refers_to_it(
    role: Any, more: list[Any], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies = change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(GUARD, LIST)})  # fmt: skip
    data = json.loads(plan(policies, role, *more))
    refers = {"role": ["aws_iam_role.r.id", "aws_iam_role.r"], "policy_arn": ["aws_iam_policy.d.arn", "aws_iam_policy.d"]}  # fmt: skip
    data["configuration"]["root_module"]["resources"] += [
        {"address": each["address"], "expressions": {k: {"references": v} for k, v in refers.items()}}
        for each in more
    ]  # fmt: skip
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(data))
    line = ["prove", "s3://gt-images", "--account", ACCOUNT, "--allow", OFFICE, "--json"]
    assert main([*line, "--tf-plan", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)["locked_out"]
    assert len(told) == bool(named)
    assert named in "".join(told)


def test_a_plan_that_leaves_nobody_names_the_way_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "planned.json"
    nobody = {**GUARD, "Sid": "N", "Action": "s3:PutBucketPolicy", "Condition": {"Bool": {"aws:SecureTransport": ["true", "false"]}}}  # fmt: skip
    file.write_text(policy(GUARD, nobody))
    line = ["prove", "s3://gt-images", "--account", ACCOUNT, "--allow", OFFICE]
    for more in (["--bucket-policy", str(file)], ["--tf-plan", str(tmp_path / "plan.json")]):
        (tmp_path / "plan.json").write_text(of_terraform({}, GUARD, nobody))
        assert main([*line, *more]) == 0
        out = " ".join(capsys.readouterr().out.split())
        assert f"No user or role of account {ACCOUNT} can change the policy." in out
        assert "The way back is the root user of the account" in out


@pytest.mark.parametrize(("most", "code"), [(("203.0.113.0/24",), 0), ((), 3)])
def test_an_unknown_value_may_refuse_those_who_work_here(most: tuple[str, ...], code: int) -> None:
    spared = {"aws:PrincipalArn": [CI, Unknown("var.more")] if most else Unknown("var.who")}
    statement = {**LIST, "Condition": {"ArnNotLike": spared}}
    known = {**GUARD, "Sid": "Known"}
    document = PlannedDocument("p", "gt-images", [known, statement])
    planned = PlannedPolicy("gt-images", "p", [document], (), (), (None,))
    claim = Claim("", OFFICE, keep=parse_keep(CI))
    proof = planned.prove(locks_of_policies("gt-images", None, ACCOUNT), claim)
    assert (proof.proved, proof.refused) == ({0: True, 3: None}[code], None)
    assert ("var.who" in proof.depends_on) == (code == 3)


def findings(*words: str, text: str, file: Path) -> tuple[int, dict[str, Any]]:
    """Run findings over a file; return the exit code and the SARIF log's first run."""
    file.write_text(text)
    option = "--tf-plan" if file.suffix == ".json" else "--cloudformation"
    report = file.with_suffix(".sarif")
    code = main(
        [
            "findings",
            option,
            str(file),
            "--account",
            ACCOUNT,
            "--sarif",
            str(report),
            "--fail-on",
            "high",
            *words,
        ]
    )
    return code, json.loads(report.read_text())["runs"][0]


def test_findings_of_a_plan_point_to_its_resources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    guard = build_guard("gt-other", networks=[OFFICE])
    other = change("aws_s3_bucket_policy", "q", {"bucket": "gt-other", "policy": policy(guard)})
    text = json.dumps(
        json.loads(plan(other, *json.loads(PLANS["known and open"][0])["resource_changes"])),
        indent=1,
    )
    code, run = findings(text=text, file=tmp_path / "plan.json")
    assert code == 2
    found = {each["ruleId"]: each for each in run["results"] if each["kind"] == "fail"}
    place = found["bucket-allow-everyone"]["locations"][0]
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "aws_s3_bucket_policy.p"
    line = place["physicalLocation"]["region"]["startLine"]
    assert '"address": "aws_s3_bucket_policy.p"' in text.split("\n")[line - 1]
    assert findings("s3://gt-other", text=text, file=tmp_path / "plan.json")[0] == 0
    assert findings("s3://gt-third", text=text, file=tmp_path / "plan.json")[0] == 3, (
        "not managed is unknown"
    )


def test_a_planned_policy_of_another_bucket_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """S3 refuses it when the plan is applied, so the policy stays as it was."""
    wrong = change("aws_s3_bucket_policy", "q", {"bucket": "gt-other", "policy": policy(GUARD)})
    (tmp_path / "plan.json").write_text(plan(wrong))
    args = ["prove", "s3://gt-other", "--account", ACCOUNT, "--allow", OFFICE, "--tf-plan"]
    assert main([*args, str(tmp_path / "plan.json")]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "aws_s3_bucket_policy.q is not a valid policy: This policy names gt-images, not gt-other"
        in said
    )
    code, _ = findings("s3://gt-other", text=plan(wrong), file=tmp_path / "plan.json")
    assert code == 3
    made = template({**GUARD, "Resource": "arn:aws:s3:::acme/*"})
    (tmp_path / "template.json").write_text(json.dumps(made))
    args = ["prove", "s3://gt-images", "--account", ACCOUNT, "--allow", OFFICE, "--cloudformation"]
    assert main([*args, str(tmp_path / "template.json")]) == 3
    assert "This policy names acme, not gt-images." in " ".join(capsys.readouterr().out.split())


def test_one_known_statement_is_a_finding_beside_unknown_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yaml")
    monkeypatch.chdir(tmp_path)
    text = json.dumps(template(READ, {**GUARD, "Resource": {"Fn::ImportValue": "x"}}), indent=1)
    code, run = findings(text=f"# a template\n{text}", file=tmp_path / "template.yaml")
    assert code == 2
    kinds = {each["ruleId"]: each["kind"] for each in run["results"]}
    assert (kinds["bucket-allow-everyone"], kinds["presigned-from-anywhere"]) == ("fail", "open")
    assert kinds["guard-open"] == "open", "the guard may be among what is unknown"
    [place] = next(
        each["locations"] for each in run["results"] if each["ruleId"] == "bucket-allow-everyone"
    )
    assert '"Policy": {' in text.split("\n")[place["physicalLocation"]["region"]["startLine"] - 2]


@pytest.mark.parametrize("name", ["unknown string", "unknown bucket", "not managed"])
def test_what_is_not_known_is_no_finding(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, run = findings(text=PLANS[name][0], file=tmp_path / "plan.json")
    assert code == 3
    assert {each["kind"] for each in run["results"] if each["ruleId"] != "not-checked"} == {"open"}


LINE = ["prove", "s3://gt-images", "--account", ACCOUNT, "--allow", OFFICE]


def test_a_reference_is_accepted_by_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.json").write_text(planned_kinds.PLANS["one document"][0])
    line = [*LINE, "--tf-plan", str(tmp_path / "plan.json")]
    assert main(line) == 3
    first, *rest = capsys.readouterr().out.replace("\n  ", " ").splitlines()
    assert (
        first == "If the policy of aws_s3_bucket_policy.p is data.aws_iam_policy_document.d.json"
        " unchanged:"
    )
    assert rest[0].startswith("Proved: ")
    assert "--assume-unchanged" in rest[-1]
    assert main([*line, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["proved"] is None
    assert main([*line, "--assume-unchanged"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("Proved: ")
    assert (
        "The policy of aws_s3_bucket_policy.p is data.aws_iam_policy_document.d.json unchanged."
        in text
    )


def test_parameters_are_fixed_and_assumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.json").write_text(json.dumps(planned_kinds.TEMPLATES["a default"][0]))
    line = [*LINE, "--cloudformation", str(tmp_path / "t.json")]
    assert main(line) == 3
    assert "parameter Cidr can be given another value" in " ".join(capsys.readouterr().out.split())
    assert main([*line, "--parameters", f"Cidr={OFFICE}"]) == 0
    assert f"Cidr is {OFFICE}." in capsys.readouterr().out
    assert main([*line, "--parameters", "Cidr=0.0.0.0/0"]) == 2
    assert main([*line, "--parameters", "Other=x"]) == 64
    assert main([*line, "--parameters", "Cidr"]) == 64
    assert "NAME=VALUE" in capsys.readouterr().err


KINDS = {
    **{f"plan: {name}": (text, answer) for name, (text, answer, _) in planned_kinds.PLANS.items()},
    **{
        f"template: {name}": (json.dumps(data), answer)
        for name, (data, answer) in planned_kinds.TEMPLATES.items()
    },
}
SEVERAL = {
    "template: both branches closed",
    "template: both branches open",
    "template: a Version that does not matter",
    "template: an Allow of a role without an ARN yet",
    "template: an Allow of a user without an ARN yet and a role",
    "template: an Allow of a role and a service",
    "template: an open Allow beside one of unknown addresses",
    "template: an Allow of everybody from unknown addresses",
}
"""Kinds whose documents differ in a rule, and not in the proof."""


@pytest.mark.parametrize("name", KINDS)
def test_findings_agree_with_the_proof(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                       capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    text, proved = KINDS[name]
    (tmp_path / "file").write_text(text)
    option = "--tf-plan" if name.startswith("plan") else "--cloudformation"
    code = main(
        ["findings", "s3://gt-images", option, "file", "--account", ACCOUNT, "--sarif", "x.sarif"]
    )
    shown = capsys.readouterr().out
    kinds = {
        each["kind"]
        for each in json.loads((tmp_path / "x.sarif").read_text())["runs"][0]["results"]
    }
    if proved is None:
        assert "No findings" not in shown
        assert "open" in kinds or "fail" in kinds
        assert code == 3 or "two documents" in name
    else:
        assert code == (3 if name in SEVERAL else 0)
