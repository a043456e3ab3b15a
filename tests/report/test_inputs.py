"""What a report on many accounts is given: accounts, regions, files, and the role that it prints."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from gt_secure.base.errors import InvalidInput, NotFound
from gt_secure.base.files import package_data
from gt_secure.cli.main import main
from gt_secure.doctor.features import choose
from gt_secure.report import (
    DEFAULT_REGIONS,
    Account,
    parse_regions,
    read_accounts,
)
from gt_secure.report.accounts import organization_accounts
from support.scene import Scene

ONE, TWO = "111122223333", "012345678901"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", f"{ONE}\n\n# {ONE}9\n{TWO} lab  # ours\n"),
        ("a.txt", f"\ufeff1111-2222-3333\r\n{TWO},lab\r\n{ONE}\r\n"),
        ("a.csv", f'account,name\n"{ONE}",\n{TWO},lab\n'),
        ("a.json", json.dumps([ONE, {"id": TWO, "name": "lab"}])),
        (
            "a.json",
            json.dumps(
                {
                    "Accounts": [
                        {"Id": ONE, "Name": ""},
                        {"Id": TWO, "Name": "lab", "Status": "ACTIVE"},
                    ]
                }
            ),
        ),
        ("a.yaml", f'accounts: ["{ONE}", {{id: "{TWO}", name: lab}}]\n'),
    ],
)
def test_account_files(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert read_accounts(path) == (Account(ONE), Account(TWO, "lab"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", ""),
        ("a.txt", "123\n"),
        ("a.txt", "1111222233334\n"),
        ("a.yaml", "- 012345670123\n"),  # YAML reads a number, whose zero is lost
        ("a.json", "{}"),
        ("a.json", '{"accounts": 3}'),
    ],
)
def test_bad_account_files(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        read_accounts(path)
    assert caught.value.next_step
    with pytest.raises(NotFound):
        read_accounts(tmp_path / "missing.txt")


def test_the_organization_lists_active_accounts(scene: Scene):
    client = scene.gt.aws.client("organizations")
    listed = [
        {"Id": ONE, "Name": "a", "Status": "ACTIVE"},
        {"Id": TWO, "Name": "b", "Status": "SUSPENDED"},
    ]
    with Stubber(client) as stub:
        stub.add_response("list_accounts", {"Accounts": listed}, {})
        assert organization_accounts(scene.gt.aws) == (Account(ONE, "a"),)


def test_regions():
    assert len(parse_regions("all")) == 17
    assert parse_regions("all,ap-east-1")[-1] == "ap-east-1"
    assert parse_regions(["eu-west-1", "eu-west-1, us-east-1"]) == ("eu-west-1", "us-east-1")
    assert parse_regions("ALL", "aws-cn") == DEFAULT_REGIONS["aws-cn"]


@pytest.mark.parametrize(
    ("regions", "message", "step"),
    [
        ("", "No region is given.", "Write all, or us-east-1,eu-west-1."),
        ("us east", "'us east' is not an AWS region.", "Write a region such as us-east-1, or all."),
        (
            "cn-north-1",
            "cn-north-1 is in the partition aws-cn.",
            "Name regions of aws: a role serves one partition.",
        ),
    ],
)
def test_bad_regions(regions, message, step):
    with pytest.raises(InvalidInput) as caught:
        parse_regions(regions)
    assert (caught.value.message, caught.value.next_step, caught.value.field) == (
        message,
        step,
        "regions",
    )


ROLE = package_data("gt_secure.report", "role.json")
PROPERTIES = ROLE["Resources"]["GtSecureReport"]["Properties"]


def test_the_role_has_what_a_report_reads_and_no_object():
    [policy] = PROPERTIES["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    features = choose(("teams", "endpoints", "findings", "signers"))
    read = {each.action for one in features for each in one.permissions if not each.writes}
    assert statement["Action"] == sorted(read - {"s3:GetObject"})
    verbs = {action.partition(":")[2] for action in statement["Action"]}
    assert all(verb.startswith(("Get", "List", "Describe")) for verb in verbs)
    assert (statement["Effect"], statement["Resource"]) == ("Allow", "*")


def test_the_role_trusts_whom_it_is_told_and_asks_for_the_external_id():
    [trust] = PROPERTIES["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": {"Ref": "Trusted"}}
    _, asked, nothing = trust["Condition"]["Fn::If"]
    assert asked == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    assert nothing == {"Ref": "AWS::NoValue"}
    arn = ROLE["Parameters"]["Trusted"]["AllowedPattern"]
    for fits in (f"arn:aws:iam::{ONE}:root", f"arn:aws-cn:iam::{ONE}:role/a/hub"):
        assert re.fullmatch(arn, fits)
    for wrong in ("", "*", ONE, "arn:aws:iam::1:root", f"arn:aws:iam::{ONE}:*"):
        assert not re.fullmatch(arn, wrong)
    secret = ROLE["Parameters"]["ExternalId"]["AllowedPattern"]
    assert [bool(re.fullmatch(secret, each)) for each in ("", "a", "ab", "a b")] == [
        True, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("external_id", ["", "example-id", "a,b=c"])
def test_the_command_prints_the_role_and_all_that_makes_it(capsys, external_id):
    """Each command is one that the AWS CLI has, with the parameters that the template has."""
    given = ["--external-id", external_id] if external_id else []
    assert main(["report", "--print-role", *given]) == 0
    output = capsys.readouterr()
    parameters = json.loads(output.out)["Parameters"]
    lines = [line for line in output.err.splitlines() if line.startswith("aws ")]
    words = [shlex.split(line) for line in lines]
    assert [line[1:3] for line in words] == [
        ["cloudformation", "activate-organizations-access"],
        ["cloudformation", "create-stack-set"],
        ["cloudformation", "create-stack-instances"],
        ["cloudformation", "create-stack"],
    ]
    model = Session().get_service_model("cloudformation")
    for line in words:
        operation = model.operation_model("".join(map(str.title, line[2].split("-"))))
        members = operation.input_shape.members if operation.input_shape else {}
        options = {word[2:].replace("-", "") for word in line if word.startswith("--")}
        options -= {"query", "output"}  # of the inner command
        assert options <= {name.lower() for name in members}
    for line in (words[1], words[3]):
        values = line[line.index("--parameters") + 1 :]
        named = {each.partition(",")[0].partition("=")[2] for each in values}
        assert named == {"Trusted", *(["ExternalId"] if external_id else [])} <= {*parameters}
        assert not external_id or f'ParameterValue="{external_id}"' in values[1]
    assert "OrganizationalUnitIds=" in lines[2]
    assert "management account" in output.err.partition(lines[2])[2].partition(lines[3])[0]
