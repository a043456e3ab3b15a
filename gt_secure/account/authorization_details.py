"""IAM's record of one refused request: its context, and the check that decided.

IAM keeps the details of a refusal under an authorization id for at least 24 hours and writes them a moment after the
refusal. Only APIs of its preview put such an id into their message.

Source: IAM Toolbox API Reference, *GetRequestAuthorizationDetails*; IAM User Guide, *Troubleshoot access denied error
messages with authorization ID (Preview)*.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..aws.client import Aws, aws_errors
from ..aws.denials import PolicyKind
from ..errors import AccessDenied, GtSecureError, NotFound

ACTION = "iam:GetRequestAuthorizationDetails"
_TRIES = 3
_PAGES = 20
_KINDS: Mapping[str, PolicyKind] = {
    "IDENTITY_BASED_POLICY": "identity",
    "RESOURCE_BASED_POLICY": "resource",
    "PERMISSIONS_BOUNDARY": "boundary",
    "SESSION_POLICY": "session",
    "SERVICE_CONTROL_POLICY": "scp",
    "RESOURCE_CONTROL_POLICY": "rcp",
    "VPC_ENDPOINT_POLICY": "endpoint",
}
_DECISIONS = {"ALLOW": "allow", "EXPLICIT_DENY": "explicit-deny", "IMPLICIT_DENY": "implicit-deny"}


@dataclass(frozen=True, slots=True)
class AuthorizationCheck:
    """One check of a request: an action on a resource.

    Attributes
    ----------
    action, resource : str
        What was checked; one request may need several.
    decision : str
        ``allow``, ``explicit-deny`` or ``implicit-deny``; empty if IAM did not say.
    kind, policy, statement : str
        The denying policy: its kind as in a verdict, its ARN or id, and the Sid; empty for an implicit deny.
    context : mapping
        Keys of this check alone.
    """

    action: str
    resource: str
    decision: str
    kind: PolicyKind | str = ""
    policy: str = ""
    statement: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuthorizationDetails:
    """IAM's record of one refused request.

    Attributes
    ----------
    authorization_id : str
    context : mapping
        Condition keys and their values, as IAM had them.
    checks : tuple of AuthorizationCheck
        In the order of IAM.
    problem : str
        The reason why there are no details; empty if there are.
    """

    authorization_id: str
    context: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[AuthorizationCheck, ...] = ()
    problem: str = ""

    @property
    def deciding(self) -> AuthorizationCheck | None:
        """The check that refused the request: an explicit Deny before an implicit one."""
        for decision in ("explicit-deny", "implicit-deny"):
            for check in self.checks:
                if check.decision == decision:
                    return check
        return None

    def value(self, key: str) -> Any:
        """Return the value of a condition key in any spelling, or None."""
        deciding = self.deciding
        merged = {**self.context, **(deciding.context if deciding is not None else {})}
        return next((value for name, value in merged.items() if name.lower() == key.lower()), None)


def read_authorization_details(
    aws: Aws, authorization_id: str, *, pause_s: float = 1.0, sleep: Callable[[float], None] = time.sleep
) -> AuthorizationDetails:
    """Ask IAM for the details of a refusal; never raises for a missing permission or an old SDK.

    Parameters
    ----------
    aws : Aws
    authorization_id : str
        The id in the message of the refusal.
    pause_s : float
        Seconds between the attempts, because IAM writes the details after the refusal.
    sleep : callable
        Pause; tests replace it.
    """
    from botocore.exceptions import UnknownServiceError

    try:
        client = aws.client("iam-toolbox")
    except UnknownServiceError:
        return _none(authorization_id, "The installed botocore cannot ask IAM (1.43.106 or newer can).")
    for attempt in range(_TRIES):
        try:
            return _details(authorization_id, _pages(client, authorization_id))
        except NotFound:
            if attempt + 1 < _TRIES:
                sleep(pause_s)
        except AccessDenied:
            return _none(authorization_id, f"This role may not call {ACTION}.")
        except GtSecureError as error:
            return _none(authorization_id, error.message)
    return _none(authorization_id, "IAM has no details for this id, or not yet.")


def _none(authorization_id: str, problem: str) -> AuthorizationDetails:
    return AuthorizationDetails(authorization_id, problem=problem)


def _pages(client: Any, authorization_id: str) -> list[Mapping[str, Any]]:
    pages: list[Mapping[str, Any]] = []
    token: dict[str, str] = {}
    while len(pages) < _PAGES:
        with aws_errors(ACTION):
            page = client.get_request_authorization_details(authorizationId=authorization_id, **token)
        pages.append(page)
        if not page.get("nextToken"):
            break
        token = {"nextToken": page["nextToken"]}
    return pages


def _details(authorization_id: str, pages: Sequence[Mapping[str, Any]]) -> AuthorizationDetails:
    kinds = {str(info.get("uri")): str(info.get("type")) for page in pages for info in page.get("policies", ())}
    checks = tuple(_check(each, kinds) for page in pages for each in page.get("evaluations", ()))
    return AuthorizationDetails(authorization_id, dict(pages[0].get("requestContext", {})), checks)


def _check(evaluation: Mapping[str, Any], kinds: Mapping[str, str]) -> AuthorizationCheck:
    policy, statement = _denying(evaluation)
    kind = kinds.get(policy, "")
    return AuthorizationCheck(
        action=str(evaluation.get("action", "")),
        resource=str(evaluation.get("resource", "")),
        decision=_DECISIONS.get(str(evaluation.get("evaluatedEffect")), ""),
        kind=_KINDS.get(kind, kind),
        policy=policy,
        statement=statement,
        context=dict(evaluation.get("context", {})),
    )


def _denying(evaluation: Mapping[str, Any]) -> tuple[str, str]:
    for matched in evaluation.get("matchedPolicies", ()):
        for statement in matched.get("matchedStatements", ()):
            if statement.get("evaluatedEffect") == "DENY":
                return str(matched.get("uri", "")), str(statement.get("sid", ""))
    return "", ""
