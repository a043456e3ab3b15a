"""Answers of S3 or the network where no policy decided: expiry, signatures, regions, missing objects, CORS.

The sentences of all causes are in ``causes.json``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ...iam.verdict import Verdict
from ...network import Source
from ...policies.bucket_guard import Guard

if TYPE_CHECKING:
    from ...presign.inspect import PresignedUrl
    from ...presign.probe import Probe


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
    """Return the cause of a key, with values in its sentences; its code is the key up to a slash."""
    row = _causes()[key]
    headline, why, next_step = (row[part].format_map(values) for part in ("headline", "why", "next_step"))
    return Cause(key.partition("/")[0], headline, why, next_step, row.get("lock", ""))


@lru_cache(maxsize=1)
def _causes() -> dict[str, dict[str, str]]:
    data: dict[str, dict[str, str]] = json.loads(files(__package__).joinpath("causes.json").read_text(encoding="utf-8"))
    return data


def _opened(known: ProbeContext) -> Cause | None:
    probe = known.probe
    if not probe.opened:
        return None
    if known.origin and "access-control-allow-origin" not in probe.headers:
        return cause_of("cors")
    return cause_of("opened", where="" if probe.source is None else f" from {probe.source}")


_FAILURES = {
    "dns": ("The host name of the URL does not resolve here.", "Check DNS, or the private DNS of the S3 endpoint."),
    "time-out": ("S3 did not answer in time.", "Check the route to S3: a NAT, an S3 endpoint, security groups."),
    "refused": ("The connection was refused.", "Check the route to S3 and any proxy."),
    "tls": ("The TLS handshake failed.", "A proxy that opens TLS traffic is the usual cause; ask the network's owner."),
    "cors": ("The browser hid the answer.", "Try an <img> element, or read the row of the access log."),
}


def _no_answer(known: ProbeContext) -> Cause | None:
    probe = known.probe
    if probe.status is not None:
        return None
    why, step = _FAILURES.get(probe.failure, ("The connection broke.", "Check the network and try again."))
    return cause_of("cors/no-status" if probe.failure == "cors" else "no-answer", why=why, step=step)


def not_s3(known: ProbeContext) -> Cause | None:
    """Return whether the answer came from a proxy or firewall instead of S3."""
    probe = known.probe
    if probe.status == 407 or (probe.status is not None and probe.status >= 400 and not _from_s3(probe)):
        by = "the proxy" if probe.proxied else "something between here and S3"
        return cause_of("not-s3", status=probe.status, by=by)
    return None


def _from_s3(probe: Probe) -> bool:
    return bool(probe.error_code or probe.request_id or "x-amz-id-2" in probe.headers)


def _expiry(known: ProbeContext) -> Cause | None:
    probe, said = known.probe, known.probe.error_message.lower()
    if said.startswith("request has expired"):
        ended = probe.details.get("Expires", "")
        return cause_of("expired", ended=f": it ended at {ended}" if ended else "")
    if said.startswith("request is not yet valid") or probe.error_code == "RequestTimeTooSkewed":
        return cause_of("not-yet-valid")
    if probe.error_code in {"ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "TokenRefreshRequired"}:
        return cause_of("credentials")
    return None


def _signature(known: ProbeContext) -> Cause | None:
    code, message = known.probe.error_code, known.probe.error_message
    expecting = re.search(r"region '([^']*)' is wrong; expecting '([^']*)'", message)
    if expecting or code in {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}:
        wanted = f" The bucket is in {expecting[2]}; the URL was signed for {expecting[1]}." if expecting else ""
        return cause_of("region", message=message + wanted)
    if code == "InvalidRequest" and "AWS4-HMAC-SHA256" in message:
        return cause_of("signature-version")
    if code == "SignatureDoesNotMatch":
        v2 = known.signed is not None and known.signed.signature_version == "SigV2"
        return cause_of("signature", old="; this one uses the old signature version 2" if v2 else "")
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
    return cause_of("redirect", target=target, region=f"; the bucket is in {region}" if region else "")


_GONE = {
    "NoSuchKey": "The object does not exist.",
    "NoSuchBucket": "The bucket does not exist.",
    "NoSuchVersion": "This version of the object does not exist.",
    "MethodNotAllowed": "The object's current version is a delete marker.",
}


def _object_state(known: ProbeContext) -> Cause | None:
    code, status = known.probe.error_code, known.probe.status
    if code in _GONE:
        return cause_of("not-found", what=_GONE[code])
    if code == "InvalidObjectState":
        return cause_of("archived")
    if code in {"SlowDown", "InternalError", "ServiceUnavailable"} or status in {500, 502, 503, 504}:
        return cause_of("busy")
    return None


def _kms(known: ProbeContext) -> Cause | None:
    probe = known.probe
    # the first "perform:" is AWS's own; a later one may be part of a key
    action = re.match(r".*?not authorized to perform: (\S+)", probe.error_message)
    named = probe.error_code.startswith("KMS.") or (action is not None and action[1].startswith("kms:"))
    if not named and not (known.kms and "ciphertext" in probe.error_message.lower()):
        return None
    return cause_of("kms", message=probe.error_message)


RULES = (_opened, _no_answer, _expiry, _signature, _redirect, _object_state, _kms)
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
            return cause_of(key, names=f": {names}" if names else "")
    key = _BY_CODE.get(known.probe.error_code, "")
    return cause_of(key) if key else None
