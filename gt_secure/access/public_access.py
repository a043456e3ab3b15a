"""Block Public Access: whether S3 refuses what a public bucket policy grants to others than the account's own signers.

Source: S3 User Guide, *Blocking public access to your Amazon S3 storage* (``RestrictPublicBuckets``, *The meaning of
"public"*).
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import PolicyError
from ..iam.conditions import Condition
from ..iam.documents import Source, Statement
from ..iam.operators import policy_network
from ..iam.request import Policies

SETTING = "RestrictPublicBuckets"
READ_ACCOUNT_BLOCK = "s3:GetAccountPublicAccessBlock"
BLOCK_PUBLIC_ACCESS = "Block Public Access"
_FIXING = frozenset(
    {
        "aws:principalorgid",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
"""Keys whose fixed values make a grant to everybody not public."""
_SPARING = frozenset({"aws:principalaccount", "aws:principalarn", "aws:principalisawsservice", "aws:viaawsservice"})
"""Keys by which a Deny for other networks spares services or named principals."""
_BROAD = {4: 8, 6: 32}


def is_surely_public(policy: Source | None) -> bool:
    """Return whether S3 surely calls a policy public: it grants to everybody, and nothing fixes the source.

    Where it may not, such as under a Deny for other networks, the answer is False: what the policy grants stays opened.
    A Deny for presigned requests alone leaves the policy public.
    """
    try:
        layer = Policies(resource=policy).compiled.resource if policy else None
    except PolicyError:
        return False
    if layer is None or any(_is_for_everybody(each) and _narrows(each) for each in layer.document.denies):
        return False
    return any(_is_for_everybody(each) and not _is_fixed(each.conditions) for each in layer.document.allows)


def _is_for_everybody(statement: Statement) -> bool:
    return statement.not_principal or any(entry.kind == "everyone" for entry in statement.principals or ())


def _narrows(deny: Statement) -> bool:
    keys = {each.lower_key for each in deny.conditions}
    return bool(keys & _FIXING) and keys <= _FIXING | _SPARING


def _is_fixed(conditions: Iterable[Condition]) -> bool:
    return any(each.lower_key in _FIXING and not _is_broad(each) for each in conditions)


def _is_broad(condition: Condition) -> bool:
    if condition.name != "IpAddress":
        return False
    networks = [policy_network(value, "$") for value in condition.values]
    return any(network.prefixlen < _BROAD[network.version] for network in networks)
