"""The lock that refuses a request of a log today, for access logs, which do not name it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from ..account.locks import locks_of
from ..account.part_reader import part_of
from ..account.reader import read_state
from ..aws.client import Aws
from ..base.errors import PolicyError
from ..base.network import Source, read_address, scope
from ..base.text import Json
from ..engine.access.locks import EffectiveLocks
from ..engine.access.request_kinds import LONGEST_SIGNATURE_MS, signature_ages_ms
from ..engine.iam.request import Policies, Request
from ..engine.iam.request_context import (
    POST_FORM,
    SIGV2,
    SIGV4,
    anonymous_context,
    header_context,
    presigned_context,
)
from ..engine.iam.wildcards import TooManyClassesError
from ..logs.refusals import Refusal

EXPIRED = "expired URL"
OTHER = "URL lock or IAM"
"""The bucket policy opens the request: what refuses it is the session policy of the URL,
or a policy of its signer.
"""


def refusal_decider(aws: Aws) -> Callable[[Refusal], str | None]:
    """Return a function that names the lock which refuses a request of a log under
    the current policies.
    """

    @cache
    def locks_on(bucket: str) -> EffectiveLocks | None:
        read = partial(read_state, aws, bucket=bucket)
        return part_of(f"the bucket {bucket}", "s3:ListBucket", lambda: locks_of(read())).if_read

    def decide(refusal: Refusal) -> str | None:
        if is_expired(refusal):
            return EXPIRED
        locks = locks_on(refusal["bucket"]) if refusal["bucket"] else None
        return None if locks is None else lock_of(refusal, locks)

    return decide


def is_expired(refusal: Refusal) -> bool:
    """Return whether the URL had expired when it was used:
    an age of 2 in the log is one of 2.000 to 2.999 seconds.
    """
    age, lifetime = refusal["age_s"], refusal["expires_s"]
    return age is not None and lifetime is not None and age >= lifetime


def lock_of(refusal: Refusal, locks: EffectiveLocks) -> str | None:
    """Return the lock that refuses a request; None if that is not known."""
    source = _source(refusal)
    if source is None:
        return None
    lock, *others = (
        _lock(refusal, source, age, locks) for age in _ages_ms(refusal, locks.policies())
    )
    return lock if all(other == lock for other in others) else None


def _lock(refusal: Refusal, source: Source, age_ms: int, locks: EffectiveLocks) -> str | None:
    """Return the lock that refuses a request whose signature is of one age."""
    somebody = f"arn:{locks.partition}:iam::{locks.account}:user/some-user"
    signed = refusal["auth_type"] is not None
    request = Request(
        "s3:PutObject" if refusal["auth_type"] == "HtmlForm" else "s3:GetObject",
        f"{locks.arn}/{refusal['key'] or 'object'}",
        somebody if signed else "*",
        _context(refusal, source, somebody, age_ms),
        resource_account=locks.account,
    )
    answer = locks.decide(request, is_known=not signed)
    if answer.answer == "unknown":
        return None
    if answer.answer == "opened":
        return OTHER
    return answer.lock if answer.statement or signed else "no permission"


def _ages_ms(refusal: Refusal, policies: Policies) -> list[int]:
    """Return the ages that the signature may have had, one for each answer that the policies can
    give.

    The log has the age in whole seconds, and none for a form. S3 compares milliseconds.
    """
    if refusal["auth_type"] not in ("QueryString", "HtmlForm") or refusal["version_2"]:
        return [0]
    first, last = 0, LONGEST_SIGNATURE_MS
    if refusal["age_s"] is not None:
        first, last = refusal["age_s"] * 1000, refusal["age_s"] * 1000 + 999
    try:
        told_apart = signature_ages_ms(policies.compiled)
    except (PolicyError, TooManyClassesError):
        return [first, last]
    return sorted({first, last, *(age for age in told_apart if first < age < last)})


def _source(refusal: Refusal) -> Source | None:
    """Return the source; None where the log does not name the endpoint behind a private address."""
    if refusal["endpoint"] is not None:
        return Source(None, refusal["endpoint"])
    address = read_address(refusal["remote_ip"])
    return None if address is None or scope(address) == "private" else Source(address)


def _context(refusal: Refusal, source: Source, signer: str, age_ms: int) -> Json:
    if refusal["auth_type"] is None:
        return anonymous_context(source)
    if refusal["auth_type"] not in ("QueryString", "HtmlForm"):
        return header_context(source, principal_arn=signer)
    context = presigned_context(
        source,
        age_ms=age_ms,
        principal_arn=signer,
        signature_version=SIGV2 if refusal["version_2"] else SIGV4,
    )
    if refusal["auth_type"] == "HtmlForm":
        return context | {"s3:authType": POST_FORM}
    return context
