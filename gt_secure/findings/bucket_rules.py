"""Checks of a data bucket: its policy, CORS, logging, public access and encryption."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ..access.decision import decide_request
from ..account.facts import BucketFacts, LogTargetFacts, Snapshot
from ..aws.arns import session_of_role
from ..errors import PolicyError
from ..iam.documents import Document, Statement, parse_document
from ..iam.facts import Facts
from ..iam.request import Policies, Request
from ..iam.request_context import header_context
from ..iam.verdict import Verdict
from ..network import Source, parse_address
from ..policies.equivalence import deleted_principals
from ..policies.public_access import SETTING
from ..policies.session_policy import BACK_END_ACTIONS, LOG_DELIVERY, back_end_endpoint
from .model import Match, bucket_rule

POLICY = "s3:GetBucketPolicy"
_READS = ("s3:getobject", "s3:getobjectversion")
_VPC_OF_AWS = "vpc-00000000"
"""Stands for the VPC of Ground Truth's endpoint, which is none of the account's."""
_NETWORK_KEYS = {"aws:sourceip", "aws:vpcsourceip", "aws:sourcevpce", "aws:sourcevpc"}


@lru_cache(maxsize=64)
def bucket_document(text: str | None) -> Document | None:
    """Return the compiled policy; None if there is none or it cannot be evaluated."""
    if text is None or not text.strip():
        return None
    try:
        return parse_document(text, "resource")
    except PolicyError:
        return None


def conditions_of(statement: Statement) -> str:
    """Name the conditions of a statement, to follow its label."""
    keys = sorted({f"{each.operator} {each.key}" for each in statement.conditions})
    return f" under {', '.join(keys)}" if keys else ", without any condition"


def reading_allows(bucket: BucketFacts) -> Iterator[Statement]:
    """Yield the statements of the bucket policy that allow reading objects."""
    document = bucket_document(bucket.policy_text)
    for statement in document.allows if document is not None else ():
        if any(statement.covers_action(action) for action in _READS):
            yield statement


@bucket_rule("bucket-allow-everyone", POLICY)
def bucket_allow_everyone(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """An Allow of reading names everyone, or everyone but some."""
    for statement in reading_allows(bucket):
        entries = statement.principals or ()
        if statement.not_principal or any(entry.kind == "everyone" for entry in entries):
            yield Match(bucket.name, f"It is {statement.label}{conditions_of(statement)}.")


@bucket_rule("bucket-allow-session", POLICY)
def bucket_allow_session(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """An Allow of reading names a session or user."""
    for statement in reading_allows(bucket):
        if not statement.not_principal:
            named = [entry.text for entry in statement.principals or () if entry.kind == "exact"]
            if named:
                yield Match(bucket.name, f"It is {statement.label}, for {', '.join(named)}.")


@bucket_rule("bucket-deny-breaks-ground-truth", POLICY)
def bucket_deny_breaks_ground_truth(snapshot: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """A Deny applies to a header-signed call of the back end through its own endpoint."""
    document = bucket_document(bucket.policy_text)
    if document is None:
        return
    region = bucket.region or snapshot.region
    account = snapshot.account_id or "111122223333"
    role = snapshot.role_arn or f"arn:{snapshot.partition}:iam::{account}:role/GroundTruthExecution"
    session = session_of_role(role, "SageMaker")
    source = Source(parse_address("10.0.0.1"), back_end_endpoint(region), _VPC_OF_AWS)
    context = header_context(source, principal_arn=role, region=region)
    bucket_arn = f"arn:{snapshot.partition}:s3:::{bucket.name}"
    for statement, alone in _denies_alone(document, str(bucket.policy_text)):
        arn = f"{bucket_arn}/{_example_key(statement)}"
        requests = [Request(action, arn, session, context, resource_account=account) for action in BACK_END_ACTIONS]
        verdicts = [
            decide_request(
                each, alone, Facts(snapshot.facts), signer_known=bool(snapshot.role_arn), session_known=False
            )
            for each in requests
        ]
        hit = [verdict.request.action for verdict in verdicts if verdict.decision == "explicit-deny"]
        label = f"It is {statement.label}{conditions_of(statement) if statement.conditions else ''}"
        if hit:
            yield Match(bucket.name, f"{label}; it denies {', '.join(hit)}.")
            continue
        keys = sorted({key for verdict in verdicts for key in verdict.depends_on if verdict.decision == "unknown"})
        if keys:
            yield Match(bucket.name, f"{label}.", tuple(keys))


def _denies_alone(document: Document, text: str) -> Iterator[tuple[Statement, Policies]]:
    """Yield each Deny with policies in which nothing else denies."""
    statements = json.loads(text)["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    for statement, data in zip(document.statements, listed, strict=True):
        if statement.deny:
            alone = {"Version": document.version, "Statement": [data]}
            yield statement, Policies(identity=[everything], resource=alone)


def _example_key(statement: Statement) -> str:
    """Return a key that the statement's first resource covers, so that a Deny on a prefix is found too."""
    text = statement.resources[0].text if statement.resources and not statement.not_resource else ""
    key = text.partition("/")[2]
    return (key.replace("*", "x").replace("?", "x") or "labeling/object") if "${" not in key else "labeling/object"


@bucket_rule("bucket-policy-unreadable", POLICY)
def bucket_policy_unreadable(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The policy does not parse."""
    if bucket.policy_text is None or not bucket.policy_text.strip():
        return
    try:
        parse_document(bucket.policy_text, "resource")
    except PolicyError as error:
        yield Match(bucket.name, f"{error.message} At {error.place}.")


@bucket_rule("bucket-principal-deleted", POLICY)
def bucket_principal_deleted(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """A statement holds the unique id of a user or role instead of its ARN."""
    gone = deleted_principals(bucket.policy_text)
    if gone:
        yield Match(bucket.name, f"It is {'; '.join(gone)}.")


@bucket_rule("cors-missing", "s3:GetBucketCORS")
def cors_missing(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """No rule has GET and an origin."""
    fits = [rule for rule in bucket.cors if "GET" in _list(rule, "AllowedMethods") and _list(rule, "AllowedOrigins")]
    if not fits:
        yield Match(bucket.name, f"It has {len(bucket.cors)} CORS rules." if bucket.cors else "")


def _list(rule: Mapping[str, object], name: str) -> list[str]:
    value = rule.get(name)
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []


@bucket_rule("logging-off", "s3:GetBucketLogging")
def logging_off(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """There is no target."""
    if bucket.logging is None:
        yield Match(bucket.name)


@bucket_rule("log-target-unfit", "s3:GetBucketLogging")
def log_target_unfit(snapshot: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The target is of a kind that S3 does not deliver to, or its policy does not let it."""
    target = bucket.logging
    if target is None:
        return
    problems: list[str] = []
    if target.bucket == bucket.name:
        problems.append("it is the source bucket itself, so that every log object makes another row")
    if target.region and bucket.region and target.region != bucket.region:
        problems.append(f"it is in {target.region}, the source in {bucket.region}")
    if target.kms:
        problems.append("its default encryption is KMS; only SSE-S3 works")
    if target.object_lock:
        problems.append("it has a default retention (Object Lock)")
    if target.requester_pays:
        problems.append("requesters pay for it")
    verdict = None if snapshot.lacks(POLICY, target.bucket) else _delivery(snapshot, bucket, target)
    if verdict is not None and verdict.decision == "explicit-deny":
        problems.append(f"its policy denies delivery in {verdict.statement}")
    if verdict is not None and verdict.decision == "implicit-deny":
        problems.append(f"its policy does not allow {LOG_DELIVERY} to put objects (an ACL may still)")
    if problems:
        yield Match(target.bucket, "; ".join(problems).capitalize() + ".")
    elif verdict is not None and verdict.decision == "unknown":
        yield Match(target.bucket, "", verdict.depends_on)


def _delivery(snapshot: Snapshot, bucket: BucketFacts, target: LogTargetFacts) -> Verdict:
    arn = f"arn:{snapshot.partition}:s3:::"
    extra = {"aws:SourceArn": arn + bucket.name}
    if snapshot.account_id:
        extra["aws:SourceAccount"] = snapshot.account_id
    request = Request(
        "s3:PutObject",
        f"{arn}{target.bucket}/{target.prefix}2026-01-01-00-00-00-0123456789ABCDEF",
        LOG_DELIVERY,
        header_context("198.51.100.200", service=LOG_DELIVERY, extra=extra),
    )
    return decide_request(request, Policies(resource=target.policy_text or None), Facts(snapshot.facts))


@bucket_rule("block-public-access-off", "s3:GetBucketPublicAccessBlock")
def block_public_access_off(snapshot: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """One of the four settings is off, and not known to be on for the account."""
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", SETTING)
    by_account = snapshot.account_block
    off = [name for name in names if not bucket.public_access_block.get(name) and not (by_account or {}).get(name)]
    if off:
        named = ", ".join(off)
        yield Match(
            bucket.name,
            f"Off for the bucket and the account: {named}."
            if by_account is not None
            else f"Off: {named}. The settings of the account, which can turn them on too, were not read.",
        )


@bucket_rule("kms-network-condition", "s3:GetEncryptionConfiguration", "kms:GetKeyPolicy")
def kms_network_condition(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """A statement of the key policy that covers Decrypt asks for the caller's network, also in calls of a service."""
    if not bucket.kms_key:
        return
    document = bucket_document(bucket.kms_key_policy)
    for statement in document.statements if document is not None else ():
        keys = {each.lower_key for each in statement.conditions}
        if statement.covers_action("kms:decrypt") and keys & _NETWORK_KEYS and "aws:viaawsservice" not in keys:
            named = ", ".join(sorted(each.key for each in statement.conditions if each.lower_key in _NETWORK_KEYS))
            yield Match(bucket.kms_key, f"It is {statement.label} of the key policy, under {named}.")


@bucket_rule("kms-session", "s3:GetEncryptionConfiguration")
def kms_session(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The bucket uses a KMS key."""
    if bucket.kms_key:
        yield Match(bucket.name, f"The key is {bucket.kms_key}.")


RULES = (
    bucket_allow_everyone,
    bucket_allow_session,
    bucket_deny_breaks_ground_truth,
    bucket_policy_unreadable,
    bucket_principal_deleted,
    cors_missing,
    logging_off,
    log_target_unfit,
    block_public_access_off,
    kms_network_condition,
    kms_session,
)
