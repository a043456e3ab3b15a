"""What a report on many accounts is given: accounts, regions, files, and the role that it prints."""

from __future__ import annotations

import json

import pytest
from botocore.stub import Stubber

from gt_secure.base.errors import InvalidInput, NotFound
from gt_secure.cli.main import main
from gt_secure.report import (
    DEFAULT_REGIONS,
    Account,
    parse_regions,
    read_accounts,
    role_stackset,
)
from gt_secure.report.accounts import organization_accounts
from gt_secure.report.role import role_actions
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


def test_the_role_reads_settings_only():
    actions = role_actions()
    verbs = {action.partition(":")[2] for action in actions}
    assert all(verb.startswith(("Get", "List", "Describe")) for verb in verbs)
    assert "s3:GetObject" not in actions
    assert "sagemaker:ListWorkforces" in actions


HUB = f"arn:aws:iam::{ONE}:role/hub"


def trust(principal):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("name", "trusted", "external_id", "role", "statement"),
    [
        (
            "security/team/GtSecureReport", ONE, "example-id",
            {"RoleName": "GtSecureReport", "Path": "/security/team/"},
            trust({"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{ONE}:root"})
            | {"Condition": {"StringEquals": {"sts:ExternalId": "example-id"}}},
        ),
        ("GtSecureReport", HUB, "", {"RoleName": "GtSecureReport"}, trust(HUB)),
    ],
)  # fmt: skip
def test_the_stackset_of_the_role(name, trusted, external_id, role, statement):
    policy = {"Sid": "GtSecureReport", "Effect": "Allow", "Action": role_actions(), "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [policy]}
    assert json.loads(role_stackset(name, trusted, external_id)) == {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": (
            "The role that gt-secure report assumes. Deploy it as a StackSet in one region."
        ),
        "Resources": {
            "GtSecureReport": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    **role,
                    "Description": "Read-only role of gt-secure report",
                    "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
                    "Policies": [{"PolicyName": "gt-secure-report", "PolicyDocument": document}],
                },
            }
        },
        "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["GtSecureReport", "Arn"]}}},
    }


@pytest.mark.parametrize("trusted", ["", "*", "arn:aws:iam::1:root", "111122223333 "])
def test_who_is_trusted_is_an_account_or_a_role(trusted):
    with pytest.raises(InvalidInput):
        role_stackset("GtSecureReport", trusted)


def test_the_command_prints_the_role(capsys):
    assert main(["report", "--print-role", "--trusted", ONE]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["Resources"]
    assert "create-stack-set" in output.err
    assert main(["report", "--print-role"]) == 64
