"""Authorization ids in refusals of S3, and the IAM call that returns the details of one.

Off unless a sandbox is started with them: IAM's preview covers mainly its own APIs, and older SDKs have no client.

Source: IAM Toolbox API Reference, *GetRequestAuthorizationDetails*; IAM User Guide, *Troubleshoot access denied error
messages with authorization ID (Preview)*.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ..settings import REGION
from . import auth
from .http import HttpRequest, Reply, json_reply

PATH = "/authorization-details/"
ACTION = "iam:GetRequestAuthorizationDetails"
KEPT = 1000
_TYPES = {
    "identity-based policy": "IDENTITY_BASED_POLICY",
    "resource-based policy": "RESOURCE_BASED_POLICY",
    "session policy": "SESSION_POLICY",
    "permissions boundary": "PERMISSIONS_BOUNDARY",
}
_NAMES = (
    "aws:SourceIp",
    "aws:VpcSourceIp",
    "aws:SourceVpce",
    "aws:SourceVpc",
    "aws:SecureTransport",
    "aws:ViaAWSService",
    "aws:PrincipalIsAWSService",
    "s3:authType",
    "s3:signatureversion",
    "s3:signatureAge",
)
_SPELLED = {name.lower(): name for name in _NAMES}


class AuthorizationRecords:
    """The details of the last refusals, by authorization id."""

    def __init__(self) -> None:
        self._details: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def sentence(
        self, keys: Mapping[str, str | None], action: str, resource: str, kind: str, denied_by: str | None
    ) -> str:
        """Keep the details of a refusal; returns the end of its message, which names the id.

        Parameters
        ----------
        keys : mapping
            Condition keys of the request in lower case; one without a value is absent.
        action, resource : str
        kind : str
            Kind of the policy that refused, as in the message.
        denied_by : str or None
            Sid of the Deny that refused, empty if it has none; None where nothing allowed.
        """
        number = secrets.token_hex(16)
        policy = f"inline-{kind.replace(' ', '-')}"
        matched = [{"uri": policy, "matchedStatements": [{"sid": denied_by, "evaluatedEffect": "DENY"}]}]
        effect = "IMPLICIT_DENY" if denied_by is None else "EXPLICIT_DENY"
        self._details[number] = {
            "requestContext": {_SPELLED.get(key, key): value for key, value in keys.items() if value is not None},
            "evaluations": [
                {
                    "action": action,
                    "resource": resource,
                    "evaluatedEffect": effect,
                    "matchedPolicies": [] if denied_by is None else matched,
                }
            ],
            "policies": [{"type": _TYPES[kind], "uri": policy}] if kind in _TYPES else [],
        }
        while len(self._details) > KEPT:
            self._details.popitem(last=False)
        console = f"https://{REGION}.console.aws.amazon.com/iam/home?region={REGION}#{PATH}{number}"
        return (
            f" Go to {console} for complete details, or call the GetRequestAuthorizationDetails API with the following "
            f"authorization id: {number}"
        )

    def answer(self, request: HttpRequest) -> Reply:
        """Answer ``GetRequestAuthorizationDetails``."""
        fault = auth.authentication_fault(request, "iam") or auth.authorize(request, "iam", ACTION, "*")
        if fault is not None:
            return _error(403, "AccessDeniedException", fault.message)
        details = self._details.get(request.path.removeprefix(PATH))
        if details is None:
            return _error(404, "ResourceNotFoundException", "There are no details for this authorization id.")
        return json_reply(details)


def _error(status: int, code: str, message: str) -> Reply:
    reply = json_reply({"message": message}, status)
    reply.headers["x-amzn-errortype"] = code
    return reply
