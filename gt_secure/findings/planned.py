"""Findings about bucket policies before they are deployed,
from a Terraform plan or a CloudFormation template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ..account.bucket import Bucket
from ..account.state import State
from ..base.clock import utc_now
from ..base.evidence import Evidence
from ..base.groups import grouped
from ..base.text import Json, capital
from ..engine.access.part import NotRead, Part
from ..engine.access.planned_policies import PlannedDocument, PlannedPolicy
from ..engine.iam.facts import Facts
from ..engine.policies.bucket_policy import BucketPolicy
from .model import NOT_CHECKED, SEVERITIES, Checked, Finding, by_code
from .run import RULES, Examined, examine

_WHY = "The file leaves open what the policy is, so it may allow and deny anything."
_FIX = "Write names and ARNs in the policy, or look again after deployment: gt-secure findings s3://NAME."
_NO_BUCKET = "the file has neither a bucket nor a bucket policy"
_RULES = [
    each
    for each in RULES
    if "bucket.policy" in each.needs and {*each.needs} <= {"bucket.policy", "team"}
]
_CODES = [each.code for each in _RULES]
_SETTLED = {each.code for each in _RULES if each.settled_by_one}


def findings_of(
    planned: Iterable[PlannedPolicy], account: str, facts: Facts | None = None
) -> Examined:
    """Run the rules about a bucket policy over all policies that are planned.

    A rule is decided if it comes to the same for each document that a policy may become. What is
    unknown in one leaves a rule open, unless one statement that is known is enough.
    """
    findings: list[Finding] = []
    checked = [Checked(each.code, "not applicable", _NO_BUCKET) for each in _RULES]
    read = []
    for each in planned:
        state = partial(_state, each.subject, account, facts)
        of_policy, outcomes = _examined(each, state)
        findings += of_policy
        read.append(each.subject)
        checked += outcomes.values()
    evidence = Evidence(
        ", ".join(read) or "no bucket", ("the bucket policy",), {"rule": len(_RULES)}
    )
    findings.sort(key=lambda each: SEVERITIES.index(each.severity))
    return Examined(tuple(findings), tuple(by_code(checked).values()), evidence)


def _examined(
    policy: PlannedPolicy, state: Callable[[Part[str]], State]
) -> tuple[list[Finding], dict[str, Checked]]:
    """Return the findings about a policy and what each rule comes to, over states with it."""
    is_open = policy.provided or not all(
        isinstance(each.value, str | Mapping) for each in policy.documents
    )
    documents = [] if is_open else policy.documents
    runs, least = (
        [examine(state(Part.of(text)), _RULES) for each in documents for text in read(each)]
        for read in (_texts, lambda each: each.texts(""))
    )
    findings, checked = ([*runs[0].findings], runs[0].checked) if runs else ([], ())
    outcomes = {one.code: one for one in checked}
    doubts = [
        *policy.doubts,
        *([] if policy.bucket else [f"the bucket of {policy.address} is not known"]),
    ]
    if reason := "; ".join(doubts):
        sure = _sure(policy, runs, least)
        findings = [one for one in findings if one.code in sure]
        if len(sure) < len(_RULES):
            findings += _not_settled(policy, state, reason)
        outcomes = {
            code: outcomes[code] if code in sure else Checked(code, "unknown", reason)
            for code in _CODES
        }
    return findings, outcomes


def _texts(document: PlannedDocument) -> list[str]:
    """Return a document, or what stands for it: with a text for what is unknown in conditions, and
    with as much as it may grant; and else with what is known of it.
    """
    filled = document.filled
    return [filled, *document.texts("Allow")] if filled else document.texts("")


def _not_settled(
    policy: PlannedPolicy, state: Callable[[Part[str]], State], reason: str
) -> list[Finding]:
    """Return the finding that names the rules which a policy that is not known leaves open."""
    unread = NotRead("the bucket policy", "s3:GetBucketPolicy", "no answer", reason, policy.subject)
    found = examine(state(Part.unread(unread)), _RULES).findings
    detail = f"{capital(reason)}. Not known: whatever one known statement does not settle."
    more: Json = {"detail": detail, "why": _WHY, "fix": _FIX, "could_not_see": ()}
    return [replace(one, **more) for one in found if one.code == NOT_CHECKED]


def _sure(policy: PlannedPolicy, runs: Sequence[Examined], least: Sequence[Examined]) -> set[str]:
    """Return the rules that come to the same for each document, whatever is unknown.

    ``least`` is without the statements of which something is unknown: one statement is enough for
    some rules, and these need not come to the same there.
    """
    words, fewer = (
        grouped((one.code, one.outcome) for run in some for one in run.checked)
        for some in (runs, least)
    )
    is_known = policy.bucket and all(
        isinstance(each.value, str) or each.filled for each in policy.documents
    )
    sure = set()
    for code, result in words.items():
        of_one = code in _SETTLED and {*result} == {"found"}
        if of_one or (is_known and len({*result, *fewer[code]}) == 1):
            sure.add(code)
    return sure


def _state(bucket: str, account: str, facts: Facts | None, policy: Part[str]) -> State:
    """Return a state of which the bucket policy alone is known."""
    return State(
        region="",
        partition="aws",
        account_id=account,
        caller_arn="",
        at=utc_now().replace(microsecond=0),
        team=Part.of(None),
        workforce=Part.of(None),
        endpoints=Part.of(()),
        bucket=Bucket(bucket, "", policy.map(BucketPolicy)),
        facts=facts or Facts(),
    )
