"""A second opinion on a plan's bucket policy: IAM Access Analyzer is asked, and compared with our own verdict.

Sources: IAM Access Analyzer API reference, *ValidatePolicy* (free), *CheckNoNewAccess*, *CheckNoPublicAccess* (AWS
charges for each call: https://aws.amazon.com/iam/access-analyzer/pricing/).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..aws.client import Aws, aws_errors
from ..errors import AccessDenied, GtSecureError, InvalidInput
from ..policies.bucket_guard import GUARD_SIDS
from ..text import count
from .change import find_change
from .plan_data import PlanData
from .targets import BucketGuard

Agreement: TypeAlias = Literal["agrees", "disagrees", "unknown"]

_PRICES = "https://aws.amazon.com/iam/access-analyzer/pricing/"
_BROAD = 1 << 24
"""More IPv4 addresses count as public, as in S3's meaning of "public": ranges broader than /8 (S3 User Guide)."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """One answer of Access Analyzer, beside our own.

    Attributes
    ----------
    check : str
        The operation.
    agreement : str
        ``agrees``, ``disagrees``, or ``unknown`` if one of both gave no answer.
    theirs, ours : str
        Both answers in words.
    details : tuple of str
        Its reasons.
    """

    check: str
    agreement: Agreement
    theirs: str
    ours: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        reasons = f" ({'; '.join(self.details)})" if self.details else ""
        return f"{self.check} {self.agreement}: {self.theirs}{reasons}. gt_secure: {self.ours}."

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "check": self.check,
            "agreement": self.agreement,
            "theirs": self.theirs,
            "ours": self.ours,
            "details": list(self.details),
        }


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """The opinions of IAM Access Analyzer on the planned bucket policy."""

    opinions: tuple[Opinion, ...]
    charged: int = 0

    @property
    def disagreements(self) -> tuple[Opinion, ...]:
        """Opinions that contradict our own verdict."""
        return tuple(each for each in self.opinions if each.agreement == "disagrees")

    def __str__(self) -> str:
        return "\n".join(["IAM Access Analyzer:", *(f"  {each}" for each in self.opinions)])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {"opinions": [each.to_dict() for each in self.opinions], "charged_calls": self.charged}


def cross_check(
    aws: Aws, plan: PlanData, *, charged: bool = True, progress: Callable[[str], None] | None = None
) -> CrossCheck:
    """Ask IAM Access Analyzer about the bucket policy of a plan.

    Parameters
    ----------
    aws : Aws
    plan : Plan
    charged : bool
        Whether to ask the checks that AWS charges for too.
    progress : callable, optional
        Gets the cost in words before the first charged call.

    Raises
    ------
    InvalidInput
        If the plan has no bucket policy to check.
    """
    bucket = plan.state.bucket
    change = find_change(plan.changes, BucketGuard)
    before = bucket.policy_text if bucket is not None else None
    after = before if change is None else change.after
    if bucket is None or after is None:
        raise InvalidInput(
            "The plan leaves no bucket policy that Access Analyzer could check.",
            next_step="Name a bucket with a guard.",
            field="bucket",
        )
    region = bucket.region or aws.region
    client = aws.client("accessanalyzer", region)
    asker = _Asker(client, f"arn:{plan.state.partition}:s3:::{bucket.name}", plan)
    opinions = [asker.valid(before, after)]
    number = 0
    if charged:
        questions: list[Callable[[], Opinion]] = [lambda: asker.public(after)]
        if change is not None:
            questions.insert(0, lambda: asker.new_access(before, after))
        number = len(questions)
        if progress is not None:
            progress(cost_text(number))
        opinions += [ask() for ask in questions]
    return CrossCheck(tuple(opinions), number)


def cost_text(calls: int) -> str:
    """Return the cost of charged calls in words, without the price, which AWS may change."""
    return (
        f"IAM Access Analyzer: AWS charges for {count(calls, 'call')}, at its list price for custom policy checks. "
        f"Look it up at {_PRICES}"
    )


class _Asker:
    """Asks one question after the other; a refused question is an unknown opinion."""

    def __init__(self, client: Any, arn: str, plan: PlanData) -> None:
        self.client = client
        self.arn = arn
        self.plan = plan

    def valid(self, before: str | None, after: str) -> Opinion:
        """Compare problems of the new policy with those of the old one."""
        ours = "the guard is valid"
        try:
            known = {_key(each) for each in self._problems(before)} if before is not None else set()
            found = [each for each in self._problems(after) if _key(each) not in known]
        except GtSecureError as error:
            return _not_asked("ValidatePolicy", error, ours)
        bad = [
            each
            for each in found
            if each.get("findingType") == "ERROR"
            or (each.get("findingType") == "SECURITY_WARNING" and _is_own(each, after))
        ]
        details = tuple(f"{each.get('issueCode')}: {each.get('findingDetails')}" for each in bad or found)
        if bad:
            return Opinion("ValidatePolicy", "disagrees", f"it reports {count(len(bad), 'new problem')}", ours, details)
        theirs = f"no new error, {count(len(found), 'new remark')}" if found else "no new error"
        return Opinion("ValidatePolicy", "agrees", theirs, ours, details)

    def _problems(self, policy: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        more: dict[str, str] = {}
        with aws_errors("access-analyzer:ValidatePolicy"):
            while True:
                page = self.client.validate_policy(
                    policyDocument=policy,
                    policyType="RESOURCE_POLICY",
                    validatePolicyResourceType="AWS::S3::Bucket",
                    **more,
                )
                found += page["findings"]
                if not page.get("nextToken"):
                    return found
                more = {"nextToken": page["nextToken"]}

    def new_access(self, before: str | None, after: str) -> Opinion:
        """Ask whether the new policy opens anything that the old one did not."""
        rows = [each for each in self.plan.exposure if each.request not in ("worker", "forwarded")]
        gains = [each.request for each in rows if not each.gains.is_empty]
        unclear = [each.request for each in rows if not each.unclear.is_empty]
        ours, words = _our_answer(gains, unclear, "more is opened for", "nothing more is opened")
        try:
            with aws_errors("access-analyzer:CheckNoNewAccess"):
                answer = self.client.check_no_new_access(
                    newPolicyDocument=after,
                    existingPolicyDocument=before or _nothing(self.arn),
                    policyType="RESOURCE_POLICY",
                )
        except GtSecureError as error:
            return _not_asked("CheckNoNewAccess", error, words)
        return _compared("CheckNoNewAccess", answer, ours, words, "no new access", "new access")

    def public(self, after: str) -> Opinion:
        """Ask whether the new policy is public."""
        rows = [each.after for each in self.plan.exposure if each.request in ("anonymous", "other-account")]
        open_to = [row.request for row in rows if row.opened.count(4) > _BROAD]
        unclear = [row.request for row in rows if not row.unknown.is_empty]
        ours, words = _our_answer(open_to, unclear, "open to", "not public")
        try:
            with aws_errors("access-analyzer:CheckNoPublicAccess"):
                answer = self.client.check_no_public_access(policyDocument=after, resourceType="AWS::S3::Bucket")
        except GtSecureError as error:
            return _not_asked("CheckNoPublicAccess", error, words)
        return _compared("CheckNoPublicAccess", answer, ours, words, "no public access", "public access")


def _our_answer(opened: list[str], unclear: list[str], some: str, none: str) -> tuple[bool | None, str]:
    """Return whether kinds of requests are opened, by our exposure, and that in words."""
    if opened:
        return True, f"{some} {', '.join(opened)}"
    return (None, f"unknown for {', '.join(unclear)}") if unclear else (False, none)


def _compared(check: str, answer: Mapping[str, Any], ours: bool | None, said: str, good: str, bad: str) -> Opinion:
    theirs = {"PASS": False, "FAIL": True}.get(str(answer.get("result")))
    agreement: Agreement = "unknown" if theirs is None or ours is None else "agrees" if theirs == ours else "disagrees"
    reasons = tuple(str(each.get("description", "")) for each in answer.get("reasons", ()) if each.get("description"))
    words = {False: good, True: bad, None: f"no answer that is known here ({answer.get('result')})"}
    return Opinion(check, agreement, words[theirs], said, reasons)


def _not_asked(check: str, error: GtSecureError, ours: str) -> Opinion:
    reason = f"not permitted, needs {error.action}" if isinstance(error, AccessDenied) else error.message.rstrip(".")
    return Opinion(check, "unknown", reason, ours)


def _nothing(arn: str) -> str:
    """Return a policy that grants nothing: what a bucket without a policy grants."""
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _key(problem: Mapping[str, Any]) -> tuple[str, str]:
    return str(problem.get("issueCode")), str(problem.get("findingDetails"))


def _is_own(problem: Mapping[str, Any], policy: str) -> bool:
    """Return True if a problem is about a statement of ours."""
    statements = json.loads(policy).get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return any(index < len(listed) and listed[index].get("Sid") in GUARD_SIDS for index in _indexes(problem))


def _indexes(problem: Mapping[str, Any]) -> Iterator[int]:
    for location in problem.get("locations", ()):
        path = location.get("path", ())
        if len(path) > 1 and path[0].get("value") == "Statement" and isinstance(path[1].get("index"), int):
            yield path[1]["index"]
