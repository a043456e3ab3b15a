"""Causes of an answer: expiry, signatures, regions, missing objects and CORS, and the policy that
refused.

S3 names the kind of policy. A URL lock, the bucket guard and the others are told apart here. The
sentences of all causes are in ``causes.json``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..base.clock import utc_now
from ..base.denials import behind_resource, parse_denial
from ..base.network import Source
from ..base.situations import filled, situations
from ..base.text import Json, some
from ..engine.iam.verdict import Verdict
from ..engine.policies.age_limit import AGE_SID, SIGV2_SID, age_text
from ..engine.policies.bucket_guard import GUARD_SID, REVOKE, SIGNERS_SID, Guard, own_kind
from ..engine.policies.revocation import Revocation

if TYPE_CHECKING:
    from ..presign.inspect import PresignedUrl
    from ..presign.probe import Probe


@dataclass(frozen=True, slots=True)
class ProbeContext:
    """Everything that is known beside the answer itself."""

    probe: Probe
    verdict: Verdict | None
    signed: PresignedUrl | None
    bound_to: Source | None
    guard: Guard | None
    kms: bool
    origin: str
    revocations: tuple[Revocation, ...] = ()

    @property
    def seen(self) -> str:
        """The request as S3 saw it, where known."""
        return "another address" if self.probe.source is None else str(self.probe.source)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why: a stable code, sentences, and the lock that decided, if one did."""

    code: str
    headline: str
    why: str
    next_step: str
    lock: str = ""


def cause_of(key: str, /, **values: object) -> Cause:
    """Return the cause of a key, with values in its sentences;
    its code is the key up to a slash.
    """
    row = causes()[key]
    said = filled(row, values)
    return Cause(key.partition("/")[0], said["text"], said["why"], said["fix"], row.get("lock", ""))


def causes() -> dict[str, Json]:
    """Return the data file: every cause with its text, reason, fix and lock."""
    return situations(__package__, "causes.json")


def _opened(known: ProbeContext) -> Cause | None:
    probe = known.probe
    if probe.answer != "opened":
        return None
    if known.origin and "access-control-allow-origin" not in probe.headers:
        return cause_of("cors")
    where = "" if probe.source is None else f" from {probe.source}"
    if probe.method == "GET":
        return cause_of("opened", where=where)
    return cause_of("opened/method", method=probe.method, where=where)


def _no_answer(known: ProbeContext) -> Cause | None:
    probe = known.probe
    if probe.status is not None:
        return None
    if probe.failure == "cors":
        return cause_of("cors/no-status")
    key = f"no-answer/{probe.failure}"
    return cause_of(key if key in causes() else "no-answer")


def not_s3(known: ProbeContext) -> Cause | None:
    """Return whether the answer came from a proxy or firewall instead of S3."""
    probe = known.probe
    is_moved = probe.status is None or 300 <= probe.status < 400
    if probe.status == 407 or not (is_moved or probe.from_s3):
        by = "the proxy" if probe.proxied else "something between here and S3"
        return cause_of("not-s3", status=probe.status, by=by)
    return None


def _expiry(known: ProbeContext) -> Cause | None:
    probe, said = known.probe, known.probe.error_message.lower()
    if said.startswith("request has expired"):
        ended = probe.details.get("Expires", "")
        return cause_of("expired/at" if ended else "expired", ended=ended)
    if said.startswith("request is not yet valid") or probe.error_code == "RequestTimeTooSkewed":
        return cause_of("not-yet-valid")
    if probe.error_code in {
        "ExpiredToken",
        "InvalidToken",
        "InvalidAccessKeyId",
        "TokenRefreshRequired",
    }:
        return cause_of("credentials")
    return None


def _signature(known: ProbeContext) -> Cause | None:
    code, message = known.probe.error_code, known.probe.error_message
    expecting = re.search(r"region '([^']*)' is wrong; expecting '([^']*)'", message)
    if expecting or code in {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}:
        if expecting is None:
            return cause_of("region", message=message)
        return cause_of("region/named", message=message, signed=expecting[1], bucket=expecting[2])
    if code == "InvalidRequest" and "AWS4-HMAC-SHA256" in message:
        return cause_of("signature-version")
    if code == "SignatureDoesNotMatch":
        v2 = known.signed is not None and known.signed.signature_version == "SigV2"
        old = "; this one uses the old signature version 2" if v2 else ""
        sent, named = known.probe.method, known.probe.signed_for
        key = "signature"
        if named != sent:
            key = "signature/other-method" if named else "signature/method"
        return cause_of(key, sent=sent, named=named, old=old)
    if code == "AuthorizationQueryParametersError":
        return cause_of("signature/parameters", message=message)
    return None


def _redirect(known: ProbeContext) -> Cause | None:
    probe = known.probe
    if probe.status not in {301, 302, 303, 307, 308} and probe.error_code not in {
        "PermanentRedirect",
        "TemporaryRedirect",
    }:
        return None
    target = probe.details.get("Endpoint") or probe.details.get("Location host") or "another host"
    region = probe.headers.get("x-amz-bucket-region") or probe.details.get("Region", "")
    return cause_of("redirect/region" if region else "redirect", target=target, region=region)


def _object_state(known: ProbeContext) -> Cause | None:
    code, status = known.probe.error_code, known.probe.status
    if (key := f"not-found/{code}") in causes():
        return cause_of(key)
    if code == "InvalidObjectState":
        return cause_of("archived")
    if code in {"SlowDown", "InternalError", "ServiceUnavailable"} or status in {
        500,
        502,
        503,
        504,
    }:
        return cause_of("busy")
    return None


def _kms(known: ProbeContext) -> Cause | None:
    probe = known.probe
    # the first "perform:" is AWS's own; a later one may be part of a key
    action = re.match(r".*?not authorized to perform: (\S+)", probe.error_message)
    named = probe.error_code.startswith("KMS.") or (
        action is not None and action[1].startswith("kms:")
    )
    if not named and not (known.kms and "ciphertext" in probe.error_message.lower()):
        return None
    return cause_of("kms", message=probe.error_message)


def _without_reason(known: ProbeContext) -> Cause | None:
    """Explain a refused HEAD, whose answer has no body:
    by our statements where they are certain to refuse.
    """
    probe = known.probe
    if (
        probe.method != "HEAD"
        or probe.error_code
        or probe.status not in (400, 403, 404)
        or not probe.from_s3
    ):
        return None
    if probe.status == 404:
        return cause_of("not-found")
    sid = _own_statement(known) if probe.status == 403 and probe.source is not None else ""
    if not sid:
        return cause_of("no-reason", status=probe.status)
    cause = OWN_CAUSES[own_kind(sid)](known, sid)
    return replace(
        cause, why=f"{cause.why} An answer to HEAD has no reason; this one is predicted."
    )


RULES = (_opened, _no_answer, _expiry, _signature, _redirect, _object_state, _kms, _without_reason)
"""Tried in this order, before policies are considered."""


_BY_MESSAGE = {
    "two-signatures": r"Only one auth mechanism allowed",
    "unsigned-headers": r"There were headers present in the request which were not signed",
    "cut-url": r"Query-string authentication (version 4 )?requires|Anonymous access is forbidden"
    r"|Invalid date \(should be seconds since epoch\)",
    "signature-version/kms": r"Requests specifying Server Side Encryption with AWS KMS",
    "customer-key": r"The object was stored using a form of Server Side Encryption"
    r"|Requests specifying Server Side Encryption with Customer provided keys",
}
"""The beginning of S3's message for each cause."""
_BY_CODE = {
    "AllAccessDisabled": "disabled",
    "AccountProblem": "account",
    "NotSignedUp": "account",
    "InvalidURI": "unreadable",
    "BadRequest": "unreadable",
    "InvalidRange": "range",
}
"""Causes by S3's code of the error."""


def request_fault(known: ProbeContext) -> Cause | None:
    """Return what is wrong with the request, or with the account that owns the bucket."""
    names = known.probe.details.get("HeadersNotSigned", "")[:200]
    for key, beginning in _BY_MESSAGE.items():
        if re.match(beginning, known.probe.error_message):
            with_names = f"{key}/named"
            return cause_of(with_names if names and with_names in causes() else key, names=names)
    key = _BY_CODE.get(known.probe.error_code, "")
    return cause_of(key) if key else None


URL_LOCK = "URL lock"
BUCKET_GUARD = "bucket guard"


def named_policy(known: ProbeContext) -> Cause | None:
    """Read the kind of policy from S3's message,
    or take it from the prediction if S3 names none.
    """
    message = known.probe.error_message
    reason = behind_resource(message).lower()
    if "block public access" in reason or "blockpublic" in reason:
        return cause_of("block-public-access", message=message)
    denial = parse_denial(message)
    if denial is None or not denial.kind:
        return _predicted(known)
    cause = _by_policy(known, denial.kind, denial.explicit)
    if not denial.policy_arn:
        return cause
    return replace(cause, why=f"{cause.why} AWS names the {denial.policy}.")


def _predicted(known: ProbeContext) -> Cause | None:
    """S3 returns no more than "Access Denied": take the lock from the prediction,
    if it predicts a refusal.
    """
    verdict = known.verdict
    if (
        known.probe.error_code != "AccessDenied"
        or verdict is None
        or verdict.allowed
        or verdict.outcome.layer is None
    ):
        return None
    cause = _by_policy(known, verdict.outcome.layer.kind, verdict.decision == "explicit-deny")
    return replace(cause, why=f"{cause.why} S3 itself returned no reason; this one is predicted.")


_OF_POLICY = {
    "endpoint": "endpoint-policy",
    "boundary": "permissions-boundary",
    "scp": "organization-policy",
    "rcp": "organization-policy",
}
"""Causes by the kind of policy, where nothing else is looked at."""


def _by_policy(known: ProbeContext, kind: str, denied: bool) -> Cause:
    """Return the cause of a refusal by a kind of policy: a Deny, or no Allow."""
    if kind == "session":
        return _session(known)
    if kind == "resource":
        return _resource(known, denied)
    identity = "identity-policy/denied" if denied else "identity-policy"
    message = known.probe.error_message.rstrip(".")
    return cause_of(_OF_POLICY.get(kind, identity), message=f"{message}.")


def _session(known: ProbeContext) -> Cause:
    source, bound = known.probe.source, known.bound_to
    if bound is None:
        return cause_of("session-policy")
    if source == bound:
        return cause_of("session-policy/same-address", bound=bound)
    key = "session-policy/other-address"
    if source is None:
        key += "/unseen"
    elif source.is_endpoint and not bound.is_endpoint:
        key += "/endpoint"
    elif bound.is_endpoint and not source.is_endpoint:
        key += "/internet"
    elif source.address and bound.address and source.address.version != bound.address.version:
        key += "/family"
    return cause_of(key, bound=bound, seen=known.seen)


def _resource(known: ProbeContext, denied: bool) -> Cause:
    if not denied:
        return cause_of("bucket-policy")
    sid = _own_statement(known)
    if sid:
        return OWN_CAUSES[own_kind(sid)](known, sid)
    which = (
        known.verdict.statement
        if known.verdict is not None and known.verdict.policy == "bucket policy"
        else ""
    )
    key = "bucket-policy/denied/statement" if which else "bucket-policy/denied"
    return cause_of(key, statement=which)


def _own_statement(known: ProbeContext) -> str:
    """Return the Sid of our statement that refuses, as the prediction or the URL itself shows;
    empty if none does.

    Of a URL whose signer is not known, S3 names no statement: the guard comes first where the
    source is not listed, or may not be.
    """
    if known.verdict is not None and known.verdict.decision == "explicit-deny":
        statement = known.verdict.outcome.statement
        return statement.sid if statement is not None and own_kind(statement.sid) else ""
    sid = _limit_statement(known)
    if sid or known.verdict is not None:
        return sid
    guard, source = known.guard, known.probe.source
    if guard is not None and source is not None and not guard.allowed.admits(source):
        return guard.sid
    if known.revocations:
        return known.revocations[0].sid
    return guard.sid if guard is not None and source is None else ""


def _limit_statement(known: ProbeContext) -> str:
    """Return the Sid of the age limit if the URL is too old for it, or has no age;
    empty otherwise.
    """
    signed, guard = known.signed, known.guard
    if (
        signed is None
        or guard is None
        or guard.age_limit_s is None
        or not signed.key.startswith(guard.prefix)
    ):
        return ""
    end = guard.sid.removeprefix(GUARD_SID)
    if signed.signature_version == "SigV2":
        return SIGV2_SID + end
    age = None if signed.signed_at is None else utc_now() - signed.signed_at
    return (
        AGE_SID + end if age is not None and age > dt.timedelta(seconds=guard.age_limit_s) else ""
    )


def _by_guard(known: ProbeContext, sid: str) -> Cause:
    guard = known.guard
    named = some(guard.allowed.names(), 2) if guard is not None else ""
    listed = f" ({named})" if named else ""
    cause = cause_of(
        "bucket-guard", seen=known.seen.replace("another", "your"), sid=sid, listed=listed
    )
    also = (each.sentence for each in known.revocations)
    return replace(cause, why=" ".join((cause.why, *also)))


def _by_age_limit(known: ProbeContext, sid: str) -> Cause:
    guard = known.guard
    is_its_own = guard is not None and guard.sid.removeprefix(GUARD_SID) == sid.removeprefix(
        AGE_SID
    )
    limit = guard.age_limit_s if guard is not None and is_its_own else None
    return cause_of("url-too-old", sid=sid, age=age_text(limit) if limit else "the age limit")


def _by_revocation(known: ProbeContext, sid: str) -> Cause:
    is_named = known.verdict is not None
    named = [each for each in known.revocations if not is_named or each.sid == sid]
    return cause_of(
        "revoked" if is_named else "revoked/unnamed",
        sid=" or ".join(each.sid for each in named) or sid,
        sentence=" ".join(each.sentence for each in named),
    )


OWN_CAUSES: Mapping[str, Callable[[ProbeContext, str], Cause]] = {
    GUARD_SID: _by_guard,
    AGE_SID: _by_age_limit,
    SIGV2_SID: lambda _, sid: cause_of("signature-version-2", sid=sid),
    SIGNERS_SID: lambda _, sid: cause_of("signer-limit", sid=sid),
    REVOKE: _by_revocation,
}
"""The cause for each of our statements: those of ``OWN_LOCKS``."""
