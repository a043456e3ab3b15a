"""Predict the caller's permissions with ``iam:SimulatePrincipalPolicy``, and read the trust policy
that it ignores.

Sources: IAM API Reference, *SimulatePrincipalPolicy*: it looks at identity policies, permissions
boundary and, for an account of an organization, service control policies; not at session policies
and not at resource policies. IAM User Guide, *Update a role trust policy*; AWS Security Blog,
*Announcing an update to IAM role trust policy behavior*: a role can assume itself only if its trust
policy allows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

from ..aws.client import Aws, aws_errors
from ..base.errors import AccessDenied, GtSecureError, PolicyError
from ..engine.iam.evaluate import evaluate
from ..engine.iam.request import Policies, Request


def trusts(aws: Aws, role_arn: str) -> Said:
    """Predict whether the trust policy of a role lets the caller assume it, with the reason."""
    name = role_arn.rsplit("/", 1)[-1]
    try:
        with aws_errors("iam:GetRole", role_arn):
            document: Any = aws.client("iam").get_role(RoleName=name)["Role"][
                "AssumeRolePolicyDocument"
            ]
    except GtSecureError as error:
        return "unknown", f"The trust policy of {name} cannot be read: {error.message}"
    if isinstance(document, str):
        document = json.loads(unquote(document))
    identity = aws.identity()
    return decide(document, role_arn, identity.arn, identity.account_id)


def decide(document: Mapping[str, Any], role_arn: str, caller: str, account: str) -> Said:
    """Read a trust policy.

    A trust policy has no Resource, and a principal that is an account means everybody there whose
    own policies allow the call; both are written out before the evaluator reads it.
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
        return (
            "unknown",
            "The trust policy of the role has conditions, which decide when the call is made.",
        )
    return "no", f"The trust policy of {role_arn.rsplit('/', 1)[-1]} does not name {caller}."


def _named(statement: Mapping[str, Any], caller: str, account: str) -> dict[str, Any]:
    principal = statement.get("Principal")
    if not isinstance(principal, Mapping) or "AWS" not in principal:
        return dict(statement)
    given = principal["AWS"]
    names = [given] if isinstance(given, str) else list(given)
    whole = {
        account,
        *(f"arn:{part}:iam::{account}:root" for part in ("aws", "aws-cn", "aws-us-gov")),
    }
    return {
        **statement,
        "Principal": {**principal, "AWS": [caller if name in whole else name for name in names]},
    }


Said: TypeAlias = "tuple[Literal['yes', 'no', 'unknown'], str]"


class Simulator:
    """Predicts the caller's permissions; after the first refusal it makes no more calls."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self._closed = ""

    def ask(self, actions: Sequence[str], resource: str) -> dict[str, Said]:
        """Predict by IAM whether the caller may use each action on a resource, with the reason."""
        if self.aws.identity().arn.endswith(":root"):
            return dict.fromkeys(actions, ("yes", "The root user has all permissions."))
        if not self._closed:
            try:
                return self._simulate(actions, resource)
            except AccessDenied:
                self._closed = "Missing permission for the prediction: iam:SimulatePrincipalPolicy."
            except GtSecureError as error:
                return dict.fromkeys(
                    actions, ("unknown", f"IAM does not predict it: {error.message}")
                )
        return dict.fromkeys(actions, ("unknown", self._closed))

    def _simulate(self, actions: Sequence[str], resource: str) -> dict[str, Said]:
        principal = self.aws.own_role() or self.aws.caller_arn
        with aws_errors("iam:SimulatePrincipalPolicy", principal):
            answer: Mapping[str, Any] = self.aws.client("iam").simulate_principal_policy(
                PolicySourceArn=principal, ActionNames=list(actions), ResourceArns=[resource]
            )
        found: dict[str, Said] = dict.fromkeys(
            actions, ("unknown", "IAM returned no result for it.")
        )
        for result in answer["EvaluationResults"]:
            found[str(result["EvalActionName"])] = _read(result)
        return found


def _read(result: Mapping[str, Any]) -> Said:
    decision = str(result["EvalDecision"])
    missing = [str(key) for key in result.get("MissingContextValues") or ()]
    if decision == "allowed":
        return "yes", ""
    if missing:
        return "unknown", f"It depends on {', '.join(missing)}."
    boundary = (result.get("PermissionsBoundaryDecisionDetail") or {}).get(
        "AllowedByPermissionsBoundary"
    )
    organization = (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations")
    if organization is False:
        return "no", "A policy of the organization does not allow it."
    if boundary is False:
        return "no", "The role's permissions boundary does not allow it."
    if decision == "explicitDeny":
        return "no", "A policy of the role denies it."
    return "no", "No policy of the role allows it."
