"""The role of a sweep in each account: its read-only policy, as a CloudFormation StackSet or Terraform.

Sources: CloudFormation User Guide, *Create a stack set with service-managed permissions*; IAM User Guide, *How to use
an external ID*.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ..doctor.features import FEATURES, choose
from ..errors import InvalidInput
from .members import check_external_id, check_role_name

FEATURE_NAMES = ("teams", "endpoints", "findings")
_PRINCIPAL = re.compile(r"[0-9]{12}|arn:aws[\w-]*:iam::[0-9]{12}:(?:root|(?:role|user)/[\w+=,.@/-]+)")


def role_actions() -> list[str]:
    assert set(FEATURE_NAMES) <= set(FEATURES)
    permissions = [each for feature in choose(FEATURE_NAMES) for each in feature.permissions]
    return sorted({each.action for each in permissions if not each.writes} - {"s3:GetObject"})


def role_policy() -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "GtSecureSweep", "Effect": "Allow", "Action": role_actions(), "Resource": "*"}],
    }


def trust_policy(trusted: str, external_id: str) -> dict[str, Any]:
    if not _PRINCIPAL.fullmatch(trusted or ""):
        raise InvalidInput(
            f"'{str(trusted)[:60]}' is neither an account id nor the ARN of a role.",
            next_step="Pass trusted= with the account or role that runs the sweep.",
            field="trusted",
        )
    principal = f"arn:${{AWS::Partition}}:iam::{trusted}:root" if trusted.isdigit() else trusted
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    if check_external_id(external_id):
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role_stackset(role_name: str, trusted: str, external_id: str = "") -> str:
    """Return a CloudFormation template (JSON) of the role that ``trusted`` may assume, for a StackSet."""
    path, name = _split(role_name)
    trust = trust_policy(trusted, external_id)
    principal = trust["Statement"][0]["Principal"]
    if "${" in principal["AWS"]:
        principal["AWS"] = {"Fn::Sub": principal["AWS"]}
    properties: dict[str, Any] = {
        "RoleName": name,
        "Description": "Read-only role of gt-secure sweep",
        "AssumeRolePolicyDocument": trust,
        "Policies": [{"PolicyName": "gt-secure-sweep", "PolicyDocument": role_policy()}],
    }
    if path:
        properties["Path"] = path
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role that gt-secure sweep assumes. Deploy it as a StackSet in one region.",
        "Resources": {"GtSecureSweep": {"Type": "AWS::IAM::Role", "Properties": properties}},
        "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["GtSecureSweep", "Arn"]}}},
    }
    return json.dumps(template, indent=2) + "\n"


def role_terraform(role_name: str, trusted: str, external_id: str = "") -> str:
    """Return Terraform configuration of the role, for one account; see :func:`role_stackset`."""
    path, name = _split(role_name)
    trust = json.dumps(trust_policy(trusted, external_id), indent=2).replace(
        "${AWS::Partition}", "${data.aws_partition.current.partition}"
    )
    lines = [
        'data "aws_partition" "current" {}',
        "",
        'resource "aws_iam_role" "gt_secure_sweep" {',
        f"  name               = {json.dumps(name)}",
        *([f"  path               = {json.dumps(path)}"] if path else []),
        '  description        = "Read-only role of gt-secure sweep"',
        "  assume_role_policy = <<-POLICY",
        *(f"    {line}" for line in trust.splitlines()),
        "  POLICY",
        "}",
        "",
        'resource "aws_iam_role_policy" "gt_secure_sweep" {',
        '  name   = "gt-secure-sweep"',
        "  role   = aws_iam_role.gt_secure_sweep.id",
        "  policy = <<-POLICY",
        *(f"    {line}" for line in json.dumps(role_policy(), indent=2).splitlines()),
        "  POLICY",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _split(role_name: str) -> tuple[str, str]:
    path, _, name = check_role_name(role_name).rpartition("/")
    return (f"/{path}/" if path else ""), name
