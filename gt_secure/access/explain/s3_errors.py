"""Answers of S3 or the network where no policy decided: expiry, signatures, regions, missing objects, CORS."""

from __future__ import annotations

import re
from dataclasses import dataclass
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


def _opened(known: ProbeContext) -> Cause | None:
    probe = known.probe
    if not probe.opened:
        return None
    if known.origin and "access-control-allow-origin" not in probe.headers:
        return Cause(
            "cors",
            "S3 sent the object, but a browser page may not read it: the bucket has no CORS rule for this origin.",
            "Without the header Access-Control-Allow-Origin a task that fetches the image by script shows nothing.",
            "Add a CORS rule with GET to the bucket, as the SageMaker guide on CORS asks.",
        )
    where = "" if probe.source is None else f" from {probe.source}"
    return Cause("opened", f"The object opened{where}.", "Every policy on the way allowed it.", "")


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
    if probe.failure == "cors":
        return Cause("cors", "The browser gave no status: CORS, or a refusal without CORS headers.", why, step)
    return Cause("no-answer", "No answer came from S3: this says nothing about the locks.", why, step)


def not_s3(known: ProbeContext) -> Cause | None:
    """Return whether the answer came from a proxy or firewall instead of S3."""
    probe = known.probe
    if probe.status == 407 or (probe.status is not None and probe.status >= 400 and not _from_s3(probe)):
        by = "the proxy" if probe.proxied else "something between here and S3"
        return Cause(
            "not-s3",
            f"The status {probe.status} came from {by}, not from S3.",
            "The answer has neither an S3 error nor an S3 request id.",
            "Ask the owner of the network, or probe from another place.",
        )
    return None


def _from_s3(probe: Probe) -> bool:
    return bool(probe.error_code or probe.request_id or "x-amz-id-2" in probe.headers)


def _expiry(known: ProbeContext) -> Cause | None:
    probe, said = known.probe, known.probe.error_message.lower()
    if said.startswith("request has expired"):
        ended = probe.details.get("Expires", "")
        return Cause(
            "expired",
            "The URL has expired" + (f": it ended at {ended}." if ended else "."),
            "Expiry is checked before any policy, so this says nothing about the locks.",
            "Mint a new test URL; a worker reloads the task.",
        )
    if said.startswith("request is not yet valid") or probe.error_code == "RequestTimeTooSkewed":
        return Cause(
            "not-yet-valid",
            "S3 treats the URL as one from the future.",
            "The clock of the machine that signed it is ahead.",
            "Set that clock and sign again.",
        )
    if probe.error_code in {"ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "TokenRefreshRequired"}:
        return Cause(
            "credentials",
            "The credentials that signed the URL have expired or been revoked.",
            "A URL signed with temporary credentials stops working when they expire, whatever its own lifetime.",
            "Mint a new test URL.",
        )
    return None


def _signature(known: ProbeContext) -> Cause | None:
    code, message = known.probe.error_code, known.probe.error_message
    expecting = re.search(r"region '([^']*)' is wrong; expecting '([^']*)'", message)
    if expecting or code in {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}:
        wanted = f" The bucket is in {expecting[2]}; the URL was signed for {expecting[1]}." if expecting else ""
        return Cause(
            "region", "The URL is signed for the wrong region.", message + wanted, "Sign for the bucket's region."
        )
    if code == "InvalidRequest" and "AWS4-HMAC-SHA256" in message:
        return Cause(
            "signature-version",
            "The URL uses signature version 2, which this bucket does not take.",
            "boto3 writes such URLs by default in some regions.",
            'Use Config(signature_version="s3v4") and the regional host.',
        )
    if code == "SignatureDoesNotMatch":
        v2 = known.signed is not None and known.signed.signature_version == "SigV2"
        return Cause(
            "signature",
            "The signature does not match: the URL was altered on its way, or signed with other keys.",
            "Usual causes are a & turned into &amp;, a percent sign encoded twice, a cut URL, or another host"
            + ("; this one uses the old signature version 2." if v2 else "."),
            "Use the URL exactly as it was minted, with its host.",
        )
    if code == "AuthorizationQueryParametersError":
        return Cause("signature", "The signature's parameters are not valid.", message, "Mint the URL again.")
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
    return Cause(
        "redirect",
        f"S3 sends the request to {target}.",
        "The host is part of the signature, so a presigned URL cannot follow"
        + (f"; the bucket is in {region}." if region else "."),
        "Sign for the bucket's regional host.",
    )


_GONE = {
    "NoSuchKey": "The object does not exist.",
    "NoSuchBucket": "The bucket does not exist.",
    "NoSuchVersion": "This version of the object does not exist.",
    "MethodNotAllowed": "The object's current version is a delete marker.",
}


def _object_state(known: ProbeContext) -> Cause | None:
    code, status = known.probe.error_code, known.probe.status
    if code in _GONE:
        return Cause("not-found", _GONE[code], "The policies let the request through.", "Choose another object.")
    if code == "InvalidObjectState":
        why = "It is in an archive storage class."
        return Cause("archived", "The object must be restored before it can be read.", why, "Restore the object.")
    if code in {"SlowDown", "InternalError", "ServiceUnavailable"} or status in {500, 502, 503, 504}:
        why = "This says nothing about the locks."
        return Cause("busy", "S3 could not answer just now.", why, "Probe again in a minute.")
    return None


def _kms(known: ProbeContext) -> Cause | None:
    probe = known.probe
    # the first "perform:" is AWS's own; a later one may be part of a key
    action = re.match(r".*?not authorized to perform: (\S+)", probe.error_message)
    named = probe.error_code.startswith("KMS.") or (action is not None and action[1].startswith("kms:"))
    if not named and not (known.kms and "ciphertext" in probe.error_message.lower()):
        return None
    return Cause(
        "kms",
        "S3 let the request through, but the KMS key did not.",
        "S3 decrypts with the credentials of the URL; their policies, the session policy and the key policy must allow "
        f"kms:Decrypt. {probe.error_message}",
        "Allow kms:Decrypt to the signing role, without an address condition, and mint the URL with the key named.",
    )


RULES = (_opened, _no_answer, _expiry, _signature, _redirect, _object_state, _kms)
"""Tried in this order, before policies are considered."""
