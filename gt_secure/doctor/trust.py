"""Evaluation of a role's trust policy, which IAM's simulation ignores.

Source: IAM User Guide, *Update a role trust policy*; AWS Security Blog, *Announcing an update to IAM role trust policy
behavior*: a role can assume itself only if its trust policy allows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ..aws.client import Aws, aws_errors
from ..errors import GtSecureError, PolicyError
from ..iam.evaluate import evaluate
from ..iam.request import Policies, Request
from .simulating import Said


def trusts(aws: Aws, role_arn: str) -> Said:
    """Decide if a role's trust policy lets the caller assume it."""
    name = role_arn.rsplit("/", 1)[-1]
    try:
        with aws_errors("iam:GetRole", role_arn):
            document: Any = aws.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    except GtSecureError as error:
        return "unknown", f"The trust policy of {name} cannot be read: {error.message}"
    if isinstance(document, str):
        import json

        document = json.loads(unquote(document))
    identity = aws.identity()
    return decide(document, role_arn, identity.arn, identity.account_id)


def decide(document: Mapping[str, Any], role_arn: str, caller: str, account: str) -> Said:
    """Read a trust policy.

    A trust policy has no Resource, and a principal that is an account means everybody there whose own policies allow
    the call; both are written out before the evaluator reads it.
    """
    statements = document.get("Statement") or []
    listed = [statements] if isinstance(statements, Mapping) else statements
    written = {
        "Version": str(document.get("Version", "2012-10-17")),
        "Statement": [{**_named(each, caller, account), "Resource": "*"} for each in listed],
    }
    context = {"aws:PrincipalArn": caller, "aws:PrincipalAccount": account}
    request = Request("sts:AssumeRole", role_arn, caller, context, resource_account=account)
    try:
        verdict = evaluate(request, Policies(resource=written))
    except PolicyError as error:
        return "unknown", f"The trust policy of the role cannot be evaluated: {error.message}"
    if verdict.allowed:
        return "yes", ""
    if verdict.decision == "invalid":
        return "unknown", "The trust policy of the role cannot be evaluated."
    if any("Condition" in each for each in listed):
        return "unknown", "The trust policy of the role has conditions, which decide when the call is made."
    return "no", f"The trust policy of {role_arn.rsplit('/', 1)[-1]} does not name {caller}."


def _named(statement: Mapping[str, Any], caller: str, account: str) -> dict[str, Any]:
    principal = statement.get("Principal")
    if not isinstance(principal, Mapping) or "AWS" not in principal:
        return dict(statement)
    given = principal["AWS"]
    names = [given] if isinstance(given, str) else list(given)
    whole = {account, *(f"arn:{part}:iam::{account}:root" for part in ("aws", "aws-cn", "aws-us-gov"))}
    return {**statement, "Principal": {**principal, "AWS": [caller if name in whole else name for name in names]}}
