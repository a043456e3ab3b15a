"""A proof that a new version of a bucket policy opens nothing that the former one refuses, or one
concrete request that it newly opens.

The former version refuses a request if one of its Denies applies, or if nothing grants it. Each of
these is asked about by itself, as a policy beside the new version that allows only such requests:
what the new version opens then is new. Statements that both versions have open nothing new.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..base.errors import PolicyError
from ..base.text import Json, printable
from ..engine.access.identities import Principal
from ..engine.access.locks import EVERYTHING, NOTHING_GRANTED, EffectiveLocks
from ..engine.access.proof import Claim, Proof, origin_of, prove_closed, signed_by
from ..engine.iam.documents import PolicySource, StatementData, parse_document
from ..engine.policies.bucket_policy import BucketPolicy
from ..engine.policies.public_access import is_surely_public

CLAIM = "no request that the base refuses is opened"
_NAMELESS = Principal("")
"""Whoever of the account has no permission but what the bucket policy grants."""
_PUBLIC = "whether Block Public Access is on: the base is public, and the new policy is not"


def prove_no_new_access(base: EffectiveLocks, locks: EffectiveLocks, prefix: str = "") -> Proof:
    """Decide whether the bucket policy of locks opens a request that the one of a base refuses,
    whether presigned, a form, without a signature, or signed in the header.

    Parameters
    ----------
    base : EffectiveLocks
        The locks under the former version of the policy.
    locks : EffectiveLocks
        The locks under the new one; all else is that of the base.
    prefix : str
        Start of the keys; empty for the whole bucket.

    Returns
    -------
    Proof
        Its counterexample is a request that is newly opened, and ``refused_by`` says what refuses
        it in the base. A request that is newly refused is named in ``locked_out``.

    Examples
    --------
    >>> from gt_secure.engine.access.locks import locks_of_policies
    >>> allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
    ...          "Resource": "arn:aws:s3:::gt-images/*"}
    >>> policies = [{"Version": "2012-10-17", "Statement": each} for each in ([], [allow])]
    >>> before, after = (locks_of_policies("gt-images", each, "111122223333") for each in policies)
    >>> prove_no_new_access(before, after).proved, prove_no_new_access(after, before).proved
    (False, True)
    """
    proof, lost = _prove(base, locks, prefix), _prove(locks, base, prefix).counterexample
    if lost is None:
        return proof
    what = "{action} of {resource}".format_map(lost["request"])
    who = f"from {origin_of(lost)}, {signed_by(lost)}"
    sentence = printable(f"Newly refused: {what} {who}: {lost['refused_by']}.")
    return replace(proof, locked_out=(sentence,))


def _prove(base: EffectiveLocks, locks: EffectiveLocks, prefix: str) -> Proof:
    unknown = {*base.not_read, *locks.not_read}
    limits: dict[str, None] = {}
    for level, one, reason in _questions(base, locks):
        try:
            asked = replace(locks, rcp=(*(locks.rcp or ()), level), only=one)
            proof = prove_closed(asked, Claim(prefix, calls=True))
        except PolicyError as error:
            unknown.add(f"whether {reason} ({error.message.removesuffix('.')})")
            continue
        limits |= dict.fromkeys(proof.limits)
        if case := proof.counterexample:
            opened_by = f"{case['opened_by']} In the base, {reason}."
            own = {"opened_by": opened_by, "refused_by": reason}
            case = {**case, **own, "resourceControlPolicies": [*(locks.rcp or ())]}
            return replace(proof, counterexample=case, claim=CLAIM)
        unknown |= {*proof.depends_on}
    grants = any(each["Effect"] == "Allow" for each in _statements(locks.policy))
    if grants and is_surely_public(base.policy) and not is_surely_public(locks.policy):
        unknown.add(_PUBLIC)
    proved = None if unknown else True
    return Proof(proved, None, tuple(sorted(unknown)), (*limits,), CLAIM, prefix=prefix)


def _questions(
    base: EffectiveLocks, locks: EffectiveLocks
) -> Iterator[tuple[Json, Principal | None, str]]:
    """Yield policies that allow only what the base refuses, each with who asks, and the reason."""
    former, now = _statements(base.policy), _statements(locks.policy)
    for number, each in enumerate(former, 1):
        if each["Effect"] == "Deny" and each not in now:
            named = each.get("Sid") or f"number {number}"
            yield _level(base, {**each, "Effect": "Allow"}), None, f"statement {named} refuses it"
    granted = [each for each in former if each["Effect"] == "Allow"]
    if any(each["Effect"] == "Allow" and each not in granted for each in now):
        denied = [{**each, "Effect": "Deny"} for each in granted]
        everything = {**EVERYTHING["Statement"][0], "Principal": "*"}
        yield _level(base, everything, *denied), _NAMELESS, "no statement allows it"


def _level(base: EffectiveLocks, *statements: StatementData) -> Json:
    """Return a policy that has to allow a request, in the version of the base."""
    version = parse_document(base.policy or NOTHING_GRANTED, "resource").version
    return {"Version": version, "Statement": [*statements]}


def _statements(policy: PolicySource | None) -> Sequence[StatementData]:
    text = json.dumps(policy) if isinstance(policy, Mapping) else policy
    return BucketPolicy.of(text).statements
