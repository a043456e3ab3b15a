"""Provisos of an answer, which no call settles: each stands in the line of the answer, after
*unless*.

An opened request is refused if a policy that is not read refuses it: one of the signer, of an
organization, or of somebody else's VPC endpoint. No such policy opens what is refused. Otherwise
only the moment is left, where a policy names times, and what files do not have: ACLs and Block
Public Access.

Sources: S3 User Guide, *Controlling ownership of objects and disabling ACLs for your bucket* and
*Access policy guidelines*: where ACLs are on, an object belongs to the account that wrote it, a
bucket policy grants nothing of it, and its Deny still refuses. The bucket's account may not read
the object unless its ACL says so. S3 User Guide, *Using server-side encryption with AWS KMS keys*:
anonymous requests, requests over HTTP and those of signature version 2 are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC

from ...base.errors import PolicyError
from ..iam.facts import Signer
from ..iam.request_keys import OBJECT_ACLS, TIME_KEYS
from ..iam.request_space import Word
from ..iam.three_valued import spellings
from ..policies.acls import may_grant
from .locks import EffectiveLocks
from .request_kinds import KINDS

BY_ACL = "an ACL grants it"
_READ = "s3:GetObject"
_NOT_WITH_KMS = re.compile(r"signature version 2 only|\bHTTP\b")
"""Words for requests that S3 refuses for an object that a KMS key encrypts."""


def provisos(
    locks: EffectiveLocks,
    request: str,
    word: Word,
    *,
    when: Sequence[str] = (),
    endpoints: Sequence[str] | None = (),
    knows_signer: bool = False,
) -> tuple[str, ...]:
    """Return what the answer to a kind of request rests on; ``endpoints`` are those that it names,
    None for any. With ``knows_signer`` the answer has the signer's own policies.
    """
    signer, action = signer_of(request), KINDS[request][2] if request in KINDS else _READ
    if word == "opened":
        found = tuple(_refusing(locks, signer, endpoints, knows_signer=knows_signer))
        if action == _READ:
            is_refused = signer == "anonymous" or _NOT_WITH_KMS.search(" ".join(when))
            if is_refused and locks.has_kms_key is not False:
                found = (*found, "a KMS key encrypts the object")
            if locks.acls:
                found = (*found, "another account owns the object")
        return found
    with suppress(PolicyError):
        times = TIME_KEYS & spellings(locks.policies(signer).compiled).keys()
        # a policy compares the time, which nobody gave
        if word == "refused" and times and not times & locks.facts.values.keys():
            return (f"it comes after {locks.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",)
    return ()


def unless(found: Sequence[str]) -> str:
    """Return the end of a sentence that names what an answer rests on; empty for nothing."""
    return f", unless {', or '.join(found)}" if found else ""


def with_unless(said: str, found: Sequence[str]) -> str:
    """Return what is said of an answer with what it rests on."""
    end = "." if said.endswith(".") else ""
    return f"{said.removesuffix('.')}{unless(found)}{end}".removeprefix(", ")


def _refusing(
    locks: EffectiveLocks,
    signer: Signer,
    endpoints: Sequence[str] | None,
    *,
    knows_signer: bool,
) -> Iterator[str]:
    """Yield what may refuse a request that the policies open."""
    is_unread = locks.rcp is None or (signer == "own" and locks.scp is None)
    whose = [] if knows_signer or signer == "anonymous" else ["the signer"]
    whose += ["its organization"] if signer == "other" else ["the organization"] * is_unread
    if endpoints is None or not locks.endpoints.keys() >= set(endpoints):
        whose.append("the VPC endpoint")
    if whose:
        *first, last = whose
        named = f"{', '.join(first)} or {last}" if first else last
        yield f"a policy of {named} refuses it"
    if signer != "own" and locks.is_public_refused is None:
        yield "Block Public Access refuses it"


def signer_of(request: str) -> Signer:
    """Return who signs requests of a kind."""
    return KINDS[request][1] if request in KINDS else "own"


def granting(locks: EffectiveLocks) -> EffectiveLocks:
    """Return locks whose objects may have ACLs that grant what an ACL can."""
    statements = (may_grant(OBJECT_ACLS),)
    return replace(locks, acls={"other": statements, "anonymous": statements})
