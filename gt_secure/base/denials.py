"""The reason in an AWS access denied message: kind of policy, its ARN, and IAM's authorization id.

An object key or a policy name is text from outside and may contain any of these words. The reason
is read after the quoted resource only, the last one wins, and the kind is matched as a whole.

Sources: IAM User Guide, *Troubleshoot access denied error messages* and *... with authorization ID
(Preview)*; S3 User Guide, *Troubleshoot access denied (403 Forbidden) errors in Amazon S3*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

PolicyKind: TypeAlias = Literal[
    "identity", "resource", "session", "boundary", "scp", "rcp", "endpoint"
]
"""Kinds of policies that AWS names in a refusal."""

KIND_NAMES: dict[PolicyKind, str] = {
    "identity": "identity-based policy",
    "resource": "resource-based policy",
    "session": "session policy",
    "boundary": "permissions boundary",
    "scp": "service control policy",
    "rcp": "resource control policy",
    "endpoint": "VPC endpoint policy",
}

_BY_NAME: dict[str, PolicyKind] = {name.lower(): kind for kind, name in KIND_NAMES.items()}
_KIND = r"[a-z][a-z -]*? (?:policy|policies|boundary|boundaries)"
_REASON = re.compile(
    rf"(?:because no (?P<silent>{_KIND}) allows? the \S+ action|with an explicit deny in"
    rf" (?:an?|the) (?P<deny>{_KIND})"
    r"(?::\s*(?P<arn>arn:[^\s\"<>,;]+))?)(?=[.,;]?(?:\s|$))",
    re.I,
)
_AUTHORIZATION_ID = re.compile(r"(?:authorization id: |/authorization-details/)([0-9A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Denial:
    """The reason that AWS gave: the kind of policy, whether a Deny statement decided,
    and the ids in the message.
    """

    kind: PolicyKind | Literal[""] = ""
    explicit: bool = False
    policy_arn: str = ""
    authorization_id: str = ""

    @property
    def policy(self) -> str:
        """The kind of the policy in words, and its ARN."""
        name = KIND_NAMES[self.kind] if self.kind else "policy"
        return f"{name} {self.policy_arn}".rstrip()


def parse_denial(message: str) -> Denial | None:
    """Return the reason in a message; None if it names none."""
    reasons = list(_REASON.finditer(behind_resource(message)))
    ids = _AUTHORIZATION_ID.findall(behind_resource(message))
    if not reasons and not ids:
        return None
    authorization_id = ids[-1] if ids else ""
    if not reasons:
        return Denial(authorization_id=authorization_id)
    match = reasons[-1]
    name = (
        (match["deny"] or match["silent"])
        .lower()
        .replace("policies", "policy")
        .replace("boundaries", "boundary")
    )
    return Denial(
        _BY_NAME.get(name, ""),
        match["deny"] is not None,
        (match["arn"] or "").removesuffix("."),
        authorization_id,
    )


def behind_resource(message: str) -> str:
    """Drop the quoted resource, whose name anybody may choose."""
    return message.rpartition('"')[2] if 'on resource: "' in message else message
