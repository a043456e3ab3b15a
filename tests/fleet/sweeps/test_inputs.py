"""What a sweep is given: accounts, regions, files, and the role that it prints."""

from __future__ import annotations

import json

import pytest
from botocore.stub import Stubber

from gt_secure.base.errors import InvalidInput, NotFound
from gt_secure.cli.main import main
from gt_secure.fleet.sweeps import (
    DEFAULT_REGIONS,
    Account,
    load_sweep,
    parse_regions,
    read_accounts,
    role_stackset,
    role_terraform,
)
from gt_secure.fleet.sweeps.accounts import organization_accounts
from gt_secure.fleet.sweeps.role import role_actions
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
    ("text", "field"),
    [
        ("[]", "file"),
        ("rol_name: x", "rol_name"),
        ("version: 2", "version"),
        ("organization: yes please", "organization"),
        ("accounts: 3", "accounts"),
        ("regions: 3", "regions"),
        ("external_id: 12", "external_id"),
        ("accepted: [{finding: url-lock-off, until: 2026-01-01}]", "reason"),
    ],
)
def test_bad_sweep_files(tmp_path, text, field):
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        load_sweep(path)
    assert caught.value.field == field


def test_the_role_reads_settings_only():
    actions = role_actions()
    verbs = {action.partition(":")[2] for action in actions}
    assert all(verb.startswith(("Get", "List", "Describe")) for verb in verbs)
    assert "s3:GetObject" not in actions
    assert "sagemaker:ListWorkforces" in actions


def test_the_stackset_and_terraform_of_the_role():
    template = json.loads(role_stackset("security/GtSecureSweep", ONE, "example-id"))
    properties = template["Resources"]["GtSecureSweep"]["Properties"]
    assert (properties["RoleName"], properties["Path"]) == ("GtSecureSweep", "/security/")
    [statement] = properties["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "example-id"}}
    text = role_terraform("GtSecureSweep", f"arn:aws:iam::{ONE}:role/hub")
    assert f'"AWS": "arn:aws:iam::{ONE}:role/hub"' in text
    for trusted in ("", "*", "arn:aws:iam::1:root", "111122223333 "):
        with pytest.raises(InvalidInput):
            role_stackset("GtSecureSweep", trusted)


def test_the_command_prints_the_role(capsys):
    assert main(["sweep", "--print-role", "stackset", "--trusted", ONE]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["Resources"]
    assert "create-stack-set" in output.err
    assert main(["sweep", "--print-role", "terraform", "--trusted", ONE]) == 0
    assert main(["sweep", "--print-role", "terraform"]) == 64
