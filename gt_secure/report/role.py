"""The role of a report in each account: its credentials, and its policy as a StackSet of
CloudFormation.

Sources: CloudFormation User Guide, *Create a stack set with service-managed permissions*; STS API
Reference, *AssumeRole*; IAM User Guide, *The confused deputy problem* (external id).
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from typing import Any, TypeAlias

from ..aws.client import aws_errors
from ..base.errors import GtSecureError, InvalidInput, Throttled
from ..base.text import Json
from ..doctor.features import choose
from .region import ReportedRegion

SESSION_NAME = "gt-secure-report"
TIMEOUT_S = 15.0
"""Seconds to wait for one response of an account."""
DEFAULT_ROLE = "GtSecureReport"
RoleLike: TypeAlias = "str | tuple[str, str]"
"""The name of a role, or its name and the external id that it asks for."""
_ROLE = re.compile(r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/\\-]{2,1224}")
_PRINCIPAL = re.compile(
    r"[0-9]{12}|arn:aws[\w-]*:iam::[0-9]{12}:(?:root|(?:role|user)/[\w+=,.@/-]+)"
)


class Members:
    """Credentials of the role in each account."""

    def __init__(self, gt: ReportedRegion, role: RoleLike) -> None:
        name, external_id = (role, "") if isinstance(role, str) else role
        self._gt: Any = gt
        self._hub = gt.aws
        self.role_name = _check_role_name(name) if name else ""
        self.external_id = _check_external_id(external_id)
        self._keys: dict[str, dict[str, str] | GtSecureError] = {}
        self._lock = threading.Lock()

    def role_arn(self, account: str) -> str:
        """Return the ARN of the role in a member account."""
        return f"arn:{self._hub.partition}:iam::{account}:role/{self.role_name}"

    def connect(self, account: str, region: str) -> tuple[ReportedRegion, list[str]]:
        """Return a connection, and the list to which it adds the name of each call; the role is
        assumed once. Without a role it is the own account.
        """
        if not self.role_name:
            return replace(self._gt, aws=self._hub.in_region(region)), []
        keys = self._of(account)
        three = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        calls: list[str] = []
        aws = self._hub.with_keys(*three, region, timeout_s=TIMEOUT_S, calls=calls)
        return replace(self._gt, aws=aws, accepted=()), calls

    def _of(self, account: str) -> dict[str, str]:
        with self._lock:  # the workers read the regions of few accounts at the same time
            if account not in self._keys:
                try:
                    self._keys[account] = self._assume(account)
                except Throttled:  # the next reading asks again
                    raise
                except GtSecureError as error:
                    self._keys[account] = error
            known = self._keys[account]
        if isinstance(known, GtSecureError):
            raise known
        return known

    def _assume(self, account: str) -> dict[str, str]:
        role = self.role_arn(account)
        extra: Json = {"ExternalId": self.external_id} if self.external_id else {}
        with aws_errors("sts:AssumeRole", role):
            answer = self._hub.client("sts").assume_role(
                RoleArn=role, RoleSessionName=SESSION_NAME, **extra
            )
        keys = answer["Credentials"]
        return {
            name: str(keys[name]) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
        }


def _check_role_name(name: str) -> str:
    word = str(name or "").strip().strip("/")
    if not _ROLE.fullmatch(word):
        raise InvalidInput(
            f"'{word[:70]}' is not the name of a role.",
            next_step="Write the name without the ARN, for example GtSecureReport.",
            field="role",
        )
    return word


def _check_external_id(text: str) -> str:
    if text and not _EXTERNAL_ID.fullmatch(text):
        raise InvalidInput(
            "The external id has characters that AWS does not accept.",
            next_step="Use 2 to 1,224 letters, digits and + = , . @ : / -",
            field="role",
        )
    return text


def role_actions() -> list[str]:
    """Return the actions that a report on many accounts calls, all of them reads."""
    permissions = [
        each
        for feature in choose(("teams", "endpoints", "findings", "signers"))
        for each in feature.permissions
    ]
    return sorted({each.action for each in permissions if not each.writes} - {"s3:GetObject"})


def role_policy() -> Json:
    """Return the permissions policy of the role of a report on many accounts."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "GtSecureReport", "Effect": "Allow", "Action": role_actions(), "Resource": "*"}
        ],
    }


def _trust_policy(trusted: str, external_id: str) -> Json:
    if not _PRINCIPAL.fullmatch(trusted or ""):
        raise InvalidInput(
            f"'{str(trusted)[:60]}' is neither an account id nor the ARN of a role.",
            next_step="Name the account or the role that makes the report, as 111122223333.",
            field="trusted",
        )
    principal = f"arn:${{AWS::Partition}}:iam::{trusted}:root" if trusted.isdigit() else trusted
    statement: Json = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "sts:AssumeRole",
    }
    if _check_external_id(external_id):
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role_stackset(role_name: str, trusted: str, external_id: str = "") -> str:
    """Return a CloudFormation template (JSON) of the role that ``trusted`` may assume,
    for a StackSet.
    """
    path, _, name = _check_role_name(role_name).rpartition("/")
    trust = _trust_policy(trusted, external_id)
    principal = trust["Statement"][0]["Principal"]
    if "${" in principal["AWS"]:
        principal["AWS"] = {"Fn::Sub": principal["AWS"]}
    properties: Json = {
        "RoleName": name,
        "Description": "Read-only role of gt-secure report",
        "AssumeRolePolicyDocument": trust,
        "Policies": [{"PolicyName": "gt-secure-report", "PolicyDocument": role_policy()}],
    }
    if path:
        properties["Path"] = f"/{path}/"
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": (
            "The role that gt-secure report assumes. Deploy it as a StackSet in one region."
        ),
        "Resources": {"GtSecureReport": {"Type": "AWS::IAM::Role", "Properties": properties}},
        "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["GtSecureReport", "Arn"]}}},
    }
    return json.dumps(template, indent=2) + "\n"
