"""The lock that refuses a request of a log today, for access logs, which do not name it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

from ..account.locks import locks_of
from ..account.part_reader import part_of
from ..account.reader import read_state
from ..aws.client import Aws
from ..base.errors import InvalidInput, PolicyError
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
from ..engine.iam.request_keys import ConditionKey
from ..engine.iam.sessions import role_of_session
from ..engine.iam.three_valued import key_values
from ..engine.iam.wildcards import TooManyClassesError
from ..logs.refusals import Refusal

EXPIRED = "expired URL"
_ARN = "aws:principalarn"
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
    try:
        found = {
            _lock(refusal, source, age, locks, *signer)
            for signer in _signers(refusal, locks)
            for age in _ages_ms(refusal, locks.policies())
        }
    except (InvalidInput, TooManyClassesError):
        return None
    return found.pop() if len(found) == 1 else None


def _signers(refusal: Refusal, locks: EffectiveLocks) -> Iterator[tuple[str, str]]:
    """Yield who may have signed, with the ARN that ``aws:PrincipalArn`` then is: the log leaves the
    path of a role out. Without an ARN in the log, the signer is an unknown caller of the account.
    """
    requester = refusal.get("requester") or ""
    role = role_of_session(requester)
    if refusal["auth_type"] is None:
        yield "*", ""
    elif role and requester.count(":") >= 5:
        start, name = role.rsplit("/", 1)
        like = ConditionKey("", like=f"{start}/?*/{name}")
        statements = locks.policies().compiled.statements
        asked = [each for one in statements for each in one.conditions if each.lower_key == _ARN]
        yield requester, role
        for (arn,) in key_values(like, asked, absent=False):
            yield requester, arn
    elif requester.count(":") >= 5:
        yield requester, requester
    else:
        yield "", f"arn:{locks.partition}:iam::{locks.account}:user/some-user"


def _lock(
    refusal: Refusal, source: Source, age_ms: int, locks: EffectiveLocks, signer: str, arn: str
) -> str | None:
    """Return the lock that refuses a request whose signature is of one age."""
    request = Request(
        "s3:PutObject" if refusal["auth_type"] == "HtmlForm" else "s3:GetObject",
        f"{locks.arn}/{refusal['key'] or 'object'}",
        signer or arn,
        _context(refusal, source, arn, age_ms),
        resource_account=locks.account,
    )
    answer = locks.decide(request, is_known=bool(signer))
    if answer.answer == "unknown":
        return None
    # A federated user has what the policy of a session grants, which no log shows.
    is_session_alone = request.caller.kind == "federated-user" and not answer.statement
    if answer.answer == "opened" or is_session_alone:
        return OTHER
    is_own = request.caller.account == locks.account
    return answer.lock if answer.statement or is_own else "no permission"


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
