"""The lock that refuses a request of a log today, for access logs, which do not name it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ..aws.arns import bucket_arn
from ..aws.buckets import read_bucket
from ..aws.client import Aws
from ..errors import GtSecureError
from ..iam.request import Policies, Request
from ..iam.request_context import POST_FORM, SIGV2, SIGV4, anonymous_context, header_context, presigned_context
from ..iam.texts import TooManyClassesError
from ..logs.network_match import read_address
from ..logs.refusals import RefusedRequests
from ..network import Source, scope
from ..policies.bucket_guard import names_guard
from .decision import decide_request
from .request_kinds import LONGEST_SIGNATURE_MS, signature_ages_ms

EXPIRED = "expired URL"
OTHER = "URL lock or IAM"
"""The bucket policy opens the request: what refuses it is the session policy of the URL, or a policy of its signer."""

_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def refusal_decider(aws: Aws) -> Callable[[RefusedRequests], str | None]:
    """Return a function that names the lock which refuses a request under the current bucket policies."""

    @cache
    def policy_of(bucket: str) -> tuple[bool, str | None]:
        try:
            state = read_bucket(aws, bucket)
        except GtSecureError:
            return False, None
        return state.sees("s3:GetBucketPolicy"), state.policy_text

    def decide(refusal: RefusedRequests) -> str | None:
        if refusal.expired:
            return EXPIRED
        seen, policy = policy_of(refusal.bucket) if refusal.bucket else (False, None)
        return lock_of(refusal, policy, aws.account_id, aws.partition) if seen else None

    return decide


def lock_of(refusal: RefusedRequests, policy: str | None, account: str, partition: str = "aws") -> str | None:
    """Return the lock that refuses a request under a bucket policy; None if that is not known."""
    source = _source(refusal)
    if source is None:
        return None
    signed = refusal.auth_type is not None
    policies = Policies(identity=[_EVERYTHING] if signed else [], resource=policy)
    lock, *others = (_lock(refusal, source, age, policies, account, partition) for age in _ages_ms(refusal, policies))
    return lock if all(other == lock for other in others) else None


def _lock(
    refusal: RefusedRequests, source: Source, age_ms: int, policies: Policies, account: str, partition: str
) -> str | None:
    """Return the lock that refuses a request whose signature is of one age."""
    role = f"arn:{partition}:iam::{account}:role/some-role"
    signed = refusal.auth_type is not None
    request = Request(
        "s3:PutObject" if refusal.auth_type == "HtmlForm" else "s3:GetObject",
        bucket_arn(partition, refusal.bucket, refusal.key or "object"),
        f"arn:{partition}:sts::{account}:assumed-role/some-role/session" if signed else "*",
        _context(refusal, source, role, age_ms),
        resource_account=account,
    )
    verdict = decide_request(request, policies, signer_known=not signed)
    if verdict.decision in ("unknown", "invalid"):
        return None
    if verdict.allowed:
        return OTHER
    if not signed and verdict.decision == "implicit-deny":
        return "no permission"
    return "bucket guard" if names_guard(verdict.statement) else "bucket policy"


def _ages_ms(refusal: RefusedRequests, policies: Policies) -> list[int]:
    """Return the ages that the signature may have had, one for each answer that the policies can give.

    The log has the age in whole seconds, and none for a form. S3 compares milliseconds.
    """
    if refusal.auth_type not in ("QueryString", "HtmlForm") or refusal.version_2:
        return [0]
    first, last = 0, LONGEST_SIGNATURE_MS
    if refusal.age_s is not None:
        first, last = refusal.age_s * 1000, refusal.age_s * 1000 + 999
    try:
        told_apart = signature_ages_ms(policies.compiled)
    except (GtSecureError, TooManyClassesError):
        return [first, last]
    return sorted({first, last, *(age for age in told_apart if first < age < last)})


def _source(refusal: RefusedRequests) -> Source | None:
    """Return the source; None where the log does not name the endpoint behind a private address."""
    if refusal.endpoint is not None:
        return Source(None, refusal.endpoint)
    address = read_address(refusal.address)
    return None if address is None or scope(address) == "private" else Source(address)


def _context(refusal: RefusedRequests, source: Source, role: str, age_ms: int) -> dict[str, Any]:
    if refusal.auth_type is None:
        return anonymous_context(source)
    if refusal.auth_type not in ("QueryString", "HtmlForm"):
        return header_context(source, principal_arn=role)
    context = presigned_context(
        source,
        age_ms=age_ms,
        principal_arn=role,
        signature_version=SIGV2 if refusal.version_2 else SIGV4,
    )
    if refusal.auth_type == "HtmlForm":
        form = {"s3:authType": POST_FORM}
        return {key: value for key, value in context.items() if key != "s3:x-amz-content-sha256"} | form
    return context
