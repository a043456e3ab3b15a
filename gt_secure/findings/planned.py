"""Findings about bucket policies before they are deployed, from a Terraform plan or a CloudFormation template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..account.bucket import Bucket
from ..account.evidence import Evidence
from ..account.state import State
from ..base.text import capital
from ..engine.access.part import NotRead, Part
from ..engine.access.planned_policies import PlannedPolicy
from ..engine.iam.facts import Facts
from .model import OUTCOMES, SEVERITIES, Checked
from .run import RULES, Examined, examine

_WHY = "The document holds values that exist only after deployment, so it may allow and deny anything."
_FIX = "Name buckets and ARNs in it, or look again after deployment: gt-secure findings s3://NAME."
_NO_BUCKET = "the file has neither a bucket nor a bucket policy"
_RULES = [each for each in RULES if "bucket.policy" in each.needs and {*each.needs} <= {"bucket.policy", "team"}]
_SETTLED = {each.code for each in _RULES if each.settled_by_one}


def findings_of(planned: Iterable[PlannedPolicy], account: str, facts: Facts | None = None) -> Examined:
    """Run the rules about a bucket policy over all policies that are planned.

    What is known only after deployment leaves a rule open, unless one statement that is known is enough.
    """
    findings = []
    checked = {each.code: Checked(each.code, "not applicable", _NO_BUCKET) for each in _RULES}
    read = []
    for each in planned:
        name = each.subject
        state = partial(_state, name, account, facts)
        examined = examine(state(Part.of(each.text())), _RULES)
        of_policy, outcomes = list(examined.findings), {one.code: one for one in examined.checked}
        if each.doubtful or not each.bucket:
            reason = f"{each.address} is known only after it is deployed"
            unread = NotRead("the bucket policy", "s3:GetBucketPolicy", "no answer", reason, name)
            blind = examine(state(Part.unread(unread)), _RULES)
            sure = [one for one in of_policy if one.code in _SETTLED]
            detail = f"{capital(reason)}. Not known: whatever one known statement does not settle."
            more: dict[str, Any] = {"detail": detail, "why": _WHY, "fix": _FIX, "could_not_see": ()}
            of_policy = [*sure, *(replace(one, **more) for one in blind.findings)]
            outcomes = {one.code: one for one in blind.checked} | {one.code: outcomes[one.code] for one in sure}
        findings += of_policy
        read.append(name)
        for code, one in outcomes.items():
            checked[code] = min(checked.get(code, one), one, key=lambda each: OUTCOMES.index(each.outcome))
    evidence = Evidence(", ".join(read) or "no bucket", ("the bucket policy",), {"rule": len(_RULES)})
    findings.sort(key=lambda each: SEVERITIES.index(each.severity))
    return Examined(tuple(findings), tuple(checked.values()), evidence)


def _state(bucket: str, account: str, facts: Facts | None, policy: Part[str]) -> State:
    """Return a state of which the bucket policy alone is known."""
    return State(
        region="",
        partition="aws",
        account_id=account,
        caller_arn="",
        at=datetime.now(UTC).replace(microsecond=0),
        team=Part.of(None),
        workforce=Part.of(None),
        endpoints=Part.of(()),
        bucket=Bucket(bucket, "", policy),
        facts=facts or Facts(),
    )
