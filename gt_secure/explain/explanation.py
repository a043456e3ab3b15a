"""Explanation of an answer to a probe: the lock that decided, what S3 must have seen, and the next
step. Pure.

Sources: S3 User Guide, *Troubleshoot access denied (403 Forbidden) errors in Amazon S3* (within an
account, S3 names the kind of policy) and *Download and upload objects with presigned URLs*; S3 API
Reference, *Error responses*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.denials import parse_denial
from ..base.html import (
    Tone,
    join as join_html,
    notice as notice_box,
    output as cell_output,
    text as html_text,
)
from ..base.network import Source, SourceLike
from ..base.shown import Shown
from ..base.text import Texts, printable
from ..base.truth import Ambiguous
from ..engine.access.answer import tone
from ..engine.iam.request_space import Word
from ..engine.iam.verdict import Verdict
from ..engine.policies.bucket_guard import Guard
from ..engine.policies.revocation import Revocation
from .causes import (
    BUCKET_GUARD,
    RULES,
    URL_LOCK,
    Cause,
    ProbeContext,
    named_policy,
    not_s3,
    request_fault,
)

if TYPE_CHECKING:
    from ..presign.inspect import PresignedUrl
    from ..presign.probe import Probe

__all__ = ["BUCKET_GUARD", "URL_LOCK", "Explanation", "explain"]


_DETAILS = "get-request-authorization-details"


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(Shown, Ambiguous):
    """One answer, explained.

    Attributes
    ----------
    cause : str
        A stable code: ``opened``, ``session-policy``, ``bucket-guard``, ``bucket-policy``,
        ``identity-policy``, ``permissions-boundary``, ``endpoint-policy``, ``organization-policy``,
        ``block-public-access``, ``kms``, ``expired``, ``not-yet-valid``, ``credentials``,
        ``signature``, ``signature-version``, ``region``, ``redirect``, ``cors``, ``not-found``,
        ``archived``, ``busy``, ``no-answer``, ``not-s3``, ``two-signatures``, ``unsigned-headers``,
        ``url-too-old``, ``signature-version-2``, ``cut-url``, ``customer-key``, ``disabled``,
        ``account``, ``unreadable``, ``range``, ``signer-limit``, ``revoked``, ``no-reason`` or
        ``unknown``.
    lock : str
        ``URL lock``, ``bucket guard``, ``signer limit`` or ``revocation`` if one of them decided.
    headline, why, next_step : str
        Sentences for a person. Where prediction and observation differ, the difference is the
        headline.
    observed : str
        ``opened``, ``refused``, ``unknown`` where S3 decided nothing, or ``no answer``.
    predicted : str
        The verdict's decision; empty if none was given.
    agrees : bool or None
        Whether the prediction fits; None if there is none, or policies did not decide.
    policy_arn : str
        ARN of the denying policy, if AWS named it.
    authorization_id : str
        Id under which IAM keeps the details of the refusal, if AWS gave one.
    stranger : bool or None
        Whether the URL was used from another address than the one that it was signed for, or from
        outside the list of the bucket guard; None if neither is known.
    """

    _ask = ".predicted"

    cause: str
    lock: str
    headline: str
    why: str
    next_step: str
    observed: str
    predicted: str = ""
    predicted_reason: str = ""
    agrees: bool | None = None
    policy_arn: str = ""
    authorization_id: str = ""
    stranger: bool | None = None

    @property
    def tone(self) -> Tone:
        """The colour of the answer: a warning where it differs from the prediction."""
        words: dict[str, Word] = {"opened": "opened", "refused": "refused"}
        return (
            "warn"
            if self.agrees is False
            else tone(words.get(self.observed, "unknown"), self.stranger)
        )

    def to_text(self) -> str:
        """Plain text of a few lines."""
        lines = [self.headline, self.why, f"Next: {self.next_step}" if self.next_step else ""]
        if self.predicted:
            lines.append(f"Predicted: {self.predicted}. {self.predicted_reason}")
        if self.authorization_id:
            lines.append(
                f"Details: aws iam-toolbox {_DETAILS} --authorization-id {self.authorization_id}"
            )
        return "\n".join(printable(line) for line in lines if line)

    def __str__(self) -> str:
        return self.to_text()

    def to_html(self) -> str:
        """HTML fragment; everything is escaped."""
        head, *rest = self.to_text().split("\n")
        body = join_html(*(f"<p>{html_text(line, 900)}</p>" for line in rest))
        return notice_box(self.tone, html_text(head, 600), more=body)

    def _repr_html_(self) -> str:
        return cell_output(self.to_html())


def explain(
    probe: Probe,
    *,
    verdict: Verdict | None = None,
    signed: PresignedUrl | None = None,
    bound_to: SourceLike | None = None,
    guard: Guard | None = None,
    kms: bool = False,
    origin: str = "",
    revocations: tuple[Revocation, ...] = (),
) -> Explanation:
    """Explain the answer to one fetch of a presigned URL.

    ``verdict`` is what the known policies predict, ``signed`` what the URL says about itself,
    ``bound_to`` the source that its session policy names, ``kms`` whether the bucket encrypts with
    a KMS key, ``origin`` the web page that asked, ``revocations`` those of the bucket policy that
    cover the object.
    """
    bound = None if bound_to is None else Source.parse(bound_to)
    known = ProbeContext(probe, verdict, signed, bound, guard, kms, origin, revocations)
    causes = (rule(known) for rule in (request_fault, *RULES, named_policy, not_s3))
    cause = next(filter(None, causes), None) or Cause(
        "unknown",
        "Refused with status"
        f" {probe.status}{f' ({probe.error_code})' if probe.error_code else ''}.",
        probe.error_message or "S3 returned no reason.",
        "Look up the request id in CloudTrail data events, or the row in the access log.",
    )
    observed = "no answer" if probe.status is None else probe.answer
    agrees = _agrees(verdict, probe, cause)
    headline, why = cause.headline, cause.why
    denial = parse_denial(probe.error_message)
    if agrees is False and verdict is not None:
        headline = f"Predicted {verdict.decision}, but the object was {observed}: {cause.headline}"
        why = (
            f"{cause.why} A policy that could not be read, or that changed just now, would explain"
            " the difference."
        )
    return Explanation(
        cause=cause.code,
        lock=cause.lock,
        headline=headline,
        why=why,
        next_step=cause.next_step,
        observed=observed,
        predicted="" if verdict is None else verdict.decision,
        predicted_reason="" if verdict is None else verdict.reason,
        agrees=agrees,
        policy_arn="" if denial is None else denial.policy_arn,
        authorization_id="" if denial is None else denial.authorization_id,
        stranger=_is_stranger(bound, guard, probe),
    )


def _is_stranger(bound: Source | None, guard: Guard | None, probe: Probe) -> bool | None:
    source = probe.source
    if source is None:
        return None
    known = []
    if bound is not None and bound.address is not None and source.address is not None:
        known.append(bound.address != source.address)
    admitted = (
        None
        if guard is None or not probe.key.startswith(guard.prefix)
        else guard.allowed.admits(source)
    )
    if admitted is not None:
        known.append(not admitted)
    return any(known) if known else None


_BY_POLICY: Mapping[str, Texts | None] = {
    "opened": None,
    "session-policy": ("session",),
    "bucket-guard": ("resource",),
    "bucket-policy": ("resource",),
    "url-too-old": ("resource",),
    "signature-version-2": ("resource",),
    "signer-limit": ("resource",),
    "revoked": ("resource",),
    "identity-policy": ("identity",),
    "permissions-boundary": ("boundary",),
    "endpoint-policy": ("endpoint",),
    "organization-policy": ("scp", "rcp"),
    "unknown": None,
}


def _agrees(verdict: Verdict | None, probe: Probe, cause: Cause) -> bool | None:
    """Compare prediction and observation; expiry,
    signatures and networks are no matter of policies.
    """
    if (
        verdict is None
        or verdict.decision in ("invalid", "unknown")
        or cause.code not in _BY_POLICY
        or probe.answer == "unknown"
    ):
        return None
    if verdict.allowed != (probe.answer == "opened"):
        return False
    kinds, layer = _BY_POLICY[cause.code], verdict.outcome.layer
    return verdict.allowed or kinds is None or layer is None or layer.kind in kinds
