"""Predict the caller's permissions with ``iam:SimulatePrincipalPolicy``, the only call made here.

Source: IAM API Reference, *SimulatePrincipalPolicy*: it looks at identity policies, permissions boundary and, for an
account of an organization, service control policies; not at session policies and not at resource policies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from ..aws.client import Aws, aws_errors
from ..connection import Connection
from ..errors import AccessDenied, GtSecureError
from .scope import execution_role

Said: TypeAlias = "tuple[Literal['yes', 'no', 'unknown'], str]"


class Simulator:
    """Predicts the caller's permissions; after the first refusal it makes no more calls."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self._closed = ""
        self._principal = ""

    def ask(self, actions: Sequence[str], resource: str) -> dict[str, Said]:
        """Predict some actions on one resource."""
        if self.aws.identity().arn.endswith(":root"):
            return dict.fromkeys(actions, ("yes", "The root user has all permissions."))
        if not self._closed:
            try:
                return self._simulate(actions, resource)
            except AccessDenied:
                self._closed = "Missing permission for the prediction: iam:SimulatePrincipalPolicy."
            except GtSecureError as error:
                return dict.fromkeys(actions, ("unknown", f"IAM does not predict it: {error.message}"))
        return dict.fromkeys(actions, ("unknown", self._closed))

    def _simulate(self, actions: Sequence[str], resource: str) -> dict[str, Said]:
        principal = self._principal or self._find_principal()
        with aws_errors("iam:SimulatePrincipalPolicy", principal):
            answer: Mapping[str, Any] = self.aws.client("iam").simulate_principal_policy(
                PolicySourceArn=principal, ActionNames=list(actions), ResourceArns=[resource]
            )
        found: dict[str, Said] = dict.fromkeys(actions, ("unknown", "IAM returned no result for it."))
        for result in answer["EvaluationResults"]:
            found[str(result["EvalActionName"])] = _read(result)
        return found

    def _find_principal(self) -> str:
        identity = self.aws.identity()
        self._principal = identity.arn if identity.role_arn is None else execution_role(Connection(self.aws)).arn
        return self._principal


def _read(result: Mapping[str, Any]) -> Said:
    decision = str(result["EvalDecision"])
    missing = [str(key) for key in result.get("MissingContextValues") or ()]
    if decision == "allowed":
        return "yes", ""
    if missing:
        return "unknown", f"It depends on {', '.join(missing)}."
    boundary = (result.get("PermissionsBoundaryDecisionDetail") or {}).get("AllowedByPermissionsBoundary")
    organization = (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations")
    if organization is False:
        return "no", "A policy of the organization does not allow it."
    if boundary is False:
        return "no", "The role's permissions boundary does not allow it."
    if decision == "explicitDeny":
        return "no", "A policy of the role denies it."
    return "no", "No policy of the role allows it."
