"""The page of a finding: risk, evidence, fix and source, as Markdown that reads well in a terminal too."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from ..account.state import action_of
from ..errors import InvalidInput
from ..restriction.messages import notices
from .model import catalog
from .run import RULES

_BUCKET = "aws s3api {} --bucket BUCKET"
_TEAM = "aws sagemaker describe-workteam --workteam-name TEAM"
_WORKFORCE = "aws sagemaker describe-workforce --workforce-name default"
_POLICY = _BUCKET.format("get-bucket-policy")
_ENDPOINTS = "aws ec2 describe-vpc-endpoints"
READ_WITH = {
    "the bucket policy": _POLICY,
    "the bucket guard": _POLICY,
    "the workforce's SourceIpConfig": _WORKFORCE,
    "the workforce's VPC configuration": _WORKFORCE,
    "the workforce's address type": _WORKFORCE,
    "the workteam's WorkerAccessConfiguration": _TEAM,
    "the kind of the workteam": _TEAM,
    "the region's S3 endpoints": _ENDPOINTS,
    "the policies of the S3 endpoints": _ENDPOINTS,
    "the bucket's ACL": _BUCKET.format("get-bucket-acl"),
    "the bucket's CORS rules": _BUCKET.format("get-bucket-cors"),
    "the access log, if one was given": "gt-secure hits --bucket gt-images --presigned --by requester,age_s,expires_s",
    "the bucket's logging configuration": _BUCKET.format("get-bucket-logging"),
    "the log bucket's region, encryption, retention and policy": _BUCKET.format("get-bucket-logging"),
    "the account's Block Public Access, where the bucket policy is public": (
        "aws s3control get-public-access-block --account-id ACCOUNT"
    ),
    "the bucket's Block Public Access": _BUCKET.format("get-public-access-block"),
    "the bucket's encryption": _BUCKET.format("get-bucket-encryption"),
    "the bucket's replication configuration": _BUCKET.format("get-bucket-replication"),
    "the bucket's website configuration": _BUCKET.format("get-bucket-website"),
    "the key policy of the bucket's encryption": "aws kms get-key-policy --key-id KEY --policy-name default",
    "the access points of the bucket": "aws s3control list-access-points --account-id ACCOUNT --bucket BUCKET",
    "the templates of the team's labeling jobs": "aws sagemaker describe-labeling-job --labeling-job-name JOB",
    "the restriction": "gt-secure export --team TEAM --bucket BUCKET",
}
"""The command that prints what a rule looks at, so that a person can check the evidence without gt_secure."""


def page(code: str) -> str:
    """Return the page of a finding, or of a message of a plan.

    Raises
    ------
    InvalidInput
        No finding or message has this code. The next step names the nearest one.
    """
    if code in notices():
        return "\n".join(_notice_lines(code)) + "\n"
    if code not in catalog():
        next_step = nearest_code(code, {*catalog(), *notices()})
        raise InvalidInput(f"Unknown finding code '{code[:40]}'.", next_step=next_step, field="explain")
    return "\n".join(_lines(code)) + "\n"


def _notice_lines(code: str) -> Iterator[str]:
    row = notices()[code]
    yield from (f"# {code}", "", f"**{row['title']}.** Severity: {row['severity']}.", "")
    yield from ("## Meaning", "", row["why"], "")
    yield from ("## Fix", "", row["fix"])
    if row["severity"] == "blocker" and code != "expectation-broken":
        yield from ("", "To apply the plan with this blocker:", "")
        yield from ("```text", f"$ gt-secure apply -f FILE --confirm {code}", "```")


def nearest_code(code: str, codes: Collection[str] | None = None) -> str:
    """Return the next step for a misspelled code; ``codes`` are by default those of findings."""
    known = sorted(catalog() if codes is None else codes)
    near = difflib.get_close_matches(code, known, 1, 0.5)
    return f"Did you mean {near[0]}?" if near else f"Choose from {', '.join(known)}."


def _lines(code: str) -> Iterator[str]:
    row = catalog()[code]
    yield from (f"# {code}", "", f"**{row['title']}.** Severity: {row['severity']}.", "")
    yield from ("## Risk", "", str(row["why"]), "")
    yield from ("## Evidence", "", *_evidence(code, row["looked_at"]), "")
    yield from ("## Fix", "", str(row["fix"]), "", "Then run the rule again:", "")
    yield from ("```text", "$ gt-secure findings --team TEAM --bucket BUCKET", "```", "")
    if code != "not-checked":
        entry = f'{{"finding": "{code}", "subject": "NAME", "reason": "TEXT", "until": "YYYY-MM-DD"}}'
        yield from ("To accept the risk until a day, add it to the list `accepted` of a check file:", "")
        yield from ("```json", entry, "```", "")
    yield from ("## AWS source", "", f"<{row['source_url']}>")


def _evidence(code: str, looked_at: object) -> Iterator[str]:
    places = looked_at if isinstance(looked_at, list) else []
    if not places:
        yield "The finding names each action that was denied."
    else:
        yield "gt_secure reads:"
        yield ""
    for place in places:
        yield f"- {place}: `{READ_WITH[place]}`"
    needs = next((rule.needs for rule in RULES if rule.code == code), ())
    if needs:
        yield from ("", f"Required permissions: {', '.join(f'`{action_of(name)}`' for name in needs)}.")
