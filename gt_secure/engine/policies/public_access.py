"""Block Public Access: whether S3 refuses what a public bucket policy grants to others than the
account's own signers.

Source: S3 User Guide, *Blocking public access to your Amazon S3 storage*
(``RestrictPublicBuckets``, *The meaning of "public"*); S3 API Reference, *GetBucketPolicyStatus*.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...base.errors import PolicyError
from ..iam.conditions import Condition
from ..iam.documents import PolicySource, Statement
from ..iam.operators import policy_network
from ..iam.request import Policies

SETTING = "RestrictPublicBuckets"
READ_STATUS = "s3:GetBucketPolicyStatus"
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
_NEAR = ("aws:principal", "aws:source", "aws:vpce")
"""Beginnings of keys for which the guide does not say whether their values
make a grant not public.
"""
_SPARING = frozenset(
    {"aws:principalaccount", "aws:principalarn", "aws:principalisawsservice", "aws:viaawsservice"}
)
"""Keys by which a Deny for other networks spares services or named principals."""
_BROAD = {4: 8, 6: 32}


def is_surely_public(policy: PolicySource | None) -> bool:
    """Return whether S3 surely calls a policy public: it grants to everybody, and nothing may fix
    the source.

    Where it may not, such as under a Deny for other networks or for principals of an account, the
    answer is False: what the policy grants stays opened. A Deny for presigned requests alone leaves
    the policy public.
    """
    narrowed = any(_is_for_everybody(e) and _narrows(e) for e in _statements(policy) if e.deny)
    grants = (e for e in _statements(policy) if not e.deny and _is_for_everybody(e))
    return not narrowed and any(
        not any(
            not _is_broad(one) and (one.lower_key in _FIXING or one.lower_key.startswith(_NEAR))
            for one in each.conditions
        )
        for each in grants
    )


def may_be_public(policy: PolicySource | None) -> bool:
    """Return whether S3 may call a policy public: it grants to everybody from a source that nothing
    in the grant fixes.

    Only S3 decides whether a Deny narrows the grant enough (:data:`READ_STATUS`).
    """
    grants = (each for each in _statements(policy) if not each.deny)
    some = (  # the guide says nothing of a statement that names every identity provider
        each
        for each in grants
        if _is_for_everybody(each)
        or any(e.kind == "federated" and "*" in e.text for e in each.principals or ())
    )
    return any(not any(map(_fixes, each.conditions)) for each in some)


def status_text(*, theirs: bool, ours: bool) -> str:
    """Return S3's verdict on a bucket policy beside our own, in a sentence."""
    if theirs:
        return (
            "S3 calls the bucket policy public, as gt_secure does."
            if ours
            else "S3 calls the bucket policy public."
        )
    if ours:
        return (
            "S3 calls the bucket policy not public. gt_secure would call it public, but the answer"
            " of S3 counts."
        )
    return "S3 calls the bucket policy not public."


def _statements(policy: PolicySource | None) -> Sequence[Statement]:
    try:
        layer = Policies(resource=policy).compiled.resource if policy else None
    except PolicyError:
        return ()
    return () if layer is None else layer.document.statements


def _is_for_everybody(statement: Statement) -> bool:
    return statement.not_principal or any(
        entry.kind == "everyone" for entry in statement.principals or ()
    )


def _narrows(deny: Statement) -> bool:
    keys = {each.lower_key for each in deny.conditions}
    return bool(keys & _FIXING) and keys <= _FIXING | _SPARING


def _fixes(condition: Condition) -> bool:
    """Return whether a condition surely asks for fixed values: without wildcards and variables,
    and of a known key.
    """
    is_open = (
        condition.negated or condition.if_exists or condition.qualifier or condition.name == "Null"
    )
    patterns = any(sign in value for value in condition.values for sign in ("*", "?", "${"))
    return (
        condition.lower_key in _FIXING and not is_open and not patterns and not _is_broad(condition)
    )


def _is_broad(condition: Condition) -> bool:
    if condition.name != "IpAddress":
        return False
    networks = [policy_network(value, "$") for value in condition.values]
    return any(network.prefixlen < _BROAD[network.version] for network in networks)
