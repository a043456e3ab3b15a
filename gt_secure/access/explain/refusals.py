"""The policy that refused: S3 names its kind; a URL lock, the bucket guard and the others are told apart here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace

from ...aws.denials import Denial, behind_resource, parse_denial
from ...network import Source, contains
from ...policies.age_cap import AGE_SID, SIGV2_SID, age_text
from ...policies.bucket_guard import GUARD_SID, SIGNERS_SID, Guard
from .s3_errors import Cause, ProbeContext, cause_of

URL_LOCK = "URL lock"
BUCKET_GUARD = "bucket guard"


def named_policy(known: ProbeContext) -> Cause | None:
    """Read the kind of policy from S3's message, or take it from the prediction if S3 names none."""
    message = known.probe.error_message
    reason = behind_resource(message).lower()
    if "block public access" in reason or "blockpublic" in reason:
        return cause_of("block-public-access", message=message)
    denial = parse_denial(message)
    if denial is None or not denial.kind:
        return _predicted(known)
    return _with_policy(_MAKERS[denial.kind](known, denial.explicit), denial)


def _with_policy(cause: Cause, denial: Denial) -> Cause:
    if not denial.policy_arn:
        return cause
    return replace(cause, why=f"{cause.why} AWS names the {denial.policy}.")


def _predicted(known: ProbeContext) -> Cause | None:
    """S3 returns no more than "Access Denied": take the lock from the prediction, if it predicts a refusal."""
    verdict = known.verdict
    if known.probe.error_code != "AccessDenied" or verdict is None or verdict.allowed or verdict.outcome.layer is None:
        return None
    kind, denied = verdict.outcome.layer.kind, verdict.decision == "explicit-deny"
    makers = {"session": _session, "resource": _resource, "endpoint": _endpoint, "boundary": _boundary}
    cause = makers.get(kind, _identity)(known, denied)
    return replace(cause, why=f"{cause.why} S3 itself returned no reason; this one is predicted.")


def _session(known: ProbeContext, _denied: bool) -> Cause:
    if known.bound_to is None:
        return cause_of("session-policy")
    if known.probe.source == known.bound_to:
        return cause_of("session-policy/same-address", bound=known.bound_to)
    why = _why_other_address(known)
    return cause_of("session-policy/other-address", bound=known.bound_to, seen=known.seen, why=why)


def _why_other_address(known: ProbeContext) -> str:
    source, bound = known.probe.source, known.bound_to
    if source is None or bound is None:
        return "Several egress addresses, a split VPN, IPv6 beside IPv4 or an S3 endpoint on the way are usual causes."
    if source.is_endpoint and not bound.is_endpoint:
        return "Through a VPC endpoint S3 does not see a public address at all."
    if bound.is_endpoint and not source.is_endpoint:
        return "The lock wants a VPC endpoint, and this request came over the internet."
    if source.address and bound.address and source.address.version != bound.address.version:
        return "One is an IPv4 and the other an IPv6 address: the portal and S3 were reached over different families."
    return "The lock takes exactly the address that the portal saw."


def _resource(known: ProbeContext, denied: bool) -> Cause:
    if denied and (too_old := _too_old(known)) is not None:
        return too_old
    decisive = known.verdict.outcome.statement if known.verdict is not None else None
    if denied and decisive is not None and decisive.sid == SIGNERS_SID:
        return cause_of("signer-lock", sid=SIGNERS_SID)
    if denied and _guard_hits(known):
        return cause_of("bucket-guard", seen=known.seen.replace("another", "your"), sid=GUARD_SID)
    if not denied:
        return cause_of("bucket-policy")
    which = known.verdict.statement if known.verdict is not None and known.verdict.policy == "bucket policy" else ""
    return cause_of("bucket-policy/denied", statement=f" ({which})" if which else "")


def _too_old(known: ProbeContext) -> Cause | None:
    """Return the cause if the age cap of the guard refuses, as the prediction or the URL itself tells."""
    cap = known.guard.max_age_s if known.guard is not None else None
    sid = _cap_statement(known, cap)
    if sid == SIGV2_SID:
        return cause_of("signature-version-2", sid=sid)
    if sid != AGE_SID:
        return None
    return cause_of("url-too-old", sid=sid, age=age_text(cap) if cap else "the age cap")


def _cap_statement(known: ProbeContext, cap: int | None) -> str:
    """Return the Sid of our statement that refuses for the age of the signature; empty if none does."""
    if known.verdict is not None:
        statement = known.verdict.outcome.statement
        return statement.sid if statement is not None else ""
    signed = known.signed
    if signed is None or cap is None or known.guard is None or not signed.key.startswith(known.guard.prefix):
        return ""
    if signed.signature_version == "SigV2":
        return SIGV2_SID
    age = None if signed.signed_at is None else dt.datetime.now(dt.UTC) - signed.signed_at
    return AGE_SID if age is not None and age > dt.timedelta(seconds=cap) else ""


def _guard_hits(known: ProbeContext) -> bool:
    verdict, guard, source = known.verdict, known.guard, known.probe.source
    if verdict is not None and verdict.decision == "explicit-deny" and verdict.outcome.statement is not None:
        return verdict.outcome.statement.sid == GUARD_SID
    if guard is None or source is None:
        return guard is not None
    return (source.is_endpoint or source.address is not None) and not is_listed(guard, source)


def is_listed(guard: Guard, source: Source) -> bool:
    """Return whether a guard admits requests from a source."""
    if source.is_endpoint:
        return source.endpoint in guard.endpoints
    return source.address is not None and contains(guard.networks, source.address)


def _identity(_known: ProbeContext, denied: bool) -> Cause:
    return cause_of("identity-policy/denied" if denied else "identity-policy")


def _boundary(_known: ProbeContext, _denied: bool) -> Cause:
    return cause_of("permissions-boundary")


def _endpoint(_known: ProbeContext, _denied: bool) -> Cause:
    return cause_of("endpoint-policy")


def _organization(known: ProbeContext, _denied: bool) -> Cause:
    return cause_of("organization-policy", message=known.probe.error_message)


_MAKERS: Mapping[str, Callable[[ProbeContext, bool], Cause]] = {
    "session": _session,
    "endpoint": _endpoint,
    "boundary": _boundary,
    "scp": _organization,
    "rcp": _organization,
    "identity": _identity,
    "resource": _resource,
}
