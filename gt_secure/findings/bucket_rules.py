"""Checks of a data bucket: its policy, CORS, logging, public access and encryption."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from ..account.bucket import Bucket
from ..account.state import State
from ..aws.teams import Workteam
from ..base.errors import PolicyError
from ..base.groups import as_list
from ..base.network import Source, parse_address
from ..base.text import capital, count
from ..engine.access.decision import decide_request
from ..engine.iam.documents import Document, Statement, parse_document
from ..engine.iam.request import Policies, Request
from ..engine.iam.request_context import header_context
from ..engine.iam.sessions import session_of_role
from ..engine.iam.verdict import Verdict
from ..engine.policies.bucket_policy import BucketPolicy
from ..engine.policies.public_access import SETTING
from ..engine.policies.session_policy import BACK_END_ACTIONS, LOG_DELIVERY, back_end_endpoint
from ..logs.location import LogLocation
from ..restriction.applications import applications
from .model import Match, Severity, match, rule

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


def conditioned(statement: Statement) -> str:
    """Return the label of a statement with its conditions."""
    keys = sorted({f"{each.operator} {each.key}" for each in statement.conditions})
    under = f" under {', '.join(keys)}" if keys else ", without any condition"
    return f"{statement.label}{under}"


def reading_allows(bucket: Bucket) -> Iterator[Statement]:
    """Yield the statements of the bucket policy that allow reading objects."""
    document = bucket_document(bucket.policy.value)
    for statement in document.allows if document is not None else ():
        if any(statement.covers_action(action) for action in _READS):
            yield statement


@rule("bucket-allow-everyone", "bucket", "bucket.policy", settled_by_one=True)
def bucket_allow_everyone(_: State, bucket: Bucket) -> Iterator[Match]:
    """An Allow of reading names everyone, or everyone but some."""
    for statement in reading_allows(bucket):
        entries = statement.principals or ()
        if statement.not_principal or any(entry.kind == "everyone" for entry in entries):
            yield match("bucket-allow-everyone", bucket.name, statement=conditioned(statement))


@rule("bucket-allow-session", "bucket", "bucket.policy", settled_by_one=True)
def bucket_allow_session(_: State, bucket: Bucket) -> Iterator[Match]:
    """Match an Allow of reads for a single session or user."""
    for statement in reading_allows(bucket):
        if not statement.not_principal:
            named = [entry.text for entry in statement.principals or () if entry.kind == "exact"]
            if named:
                names = ", ".join(named)
                yield match(
                    "bucket-allow-session", bucket.name, statement=statement.label, names=names
                )


@rule("bucket-deny-breaks-ground-truth", "bucket", "bucket.policy", "team", given=("workteam",))
def bucket_deny_breaks_ground_truth(
    state: State, bucket: Bucket, _team: Workteam
) -> Iterator[Match]:
    """A Deny applies to a header-signed call of the back end through its own endpoint."""
    document = bucket_document(bucket.policy.value)
    if document is None:
        return
    region = bucket.region or state.region
    known, account = state.signing_role, state.account_id
    role = known or f"arn:{state.partition}:iam::{account}:role/GroundTruthExecution"
    session = session_of_role(role, "SageMaker")
    source = Source(parse_address("10.0.0.1"), back_end_endpoint(region), _VPC_OF_AWS)
    context = header_context(source, principal_arn=role, region=region)
    bucket_arn = f"arn:{state.partition}:s3:::{bucket.name}"
    for statement, alone in _denies_alone(document, str(bucket.policy.value)):
        arn = f"{bucket_arn}/{_example_key(statement)}"
        requests = [
            Request(action, arn, session, context, resource_account=account)
            for action in BACK_END_ACTIONS
        ]
        verdicts = [
            decide_request(each, alone, state.facts, signer_known=bool(known), session_known=False)
            for each in requests
        ]
        hit = [
            verdict.request.action for verdict in verdicts if verdict.decision == "explicit-deny"
        ]
        label = conditioned(statement) if statement.conditions else statement.label
        code = "bucket-deny-breaks-ground-truth"
        if hit:
            yield match(code, bucket.name, statement=label, actions=", ".join(hit))
            continue
        keys = sorted(
            {
                key
                for verdict in verdicts
                for key in verdict.depends_on
                if verdict.decision == "unknown"
            }
        )
        if keys:
            yield match(f"{code}/unknown", bucket.name, depends_on=tuple(keys), statement=label)


def _denies_alone(document: Document, text: str) -> Iterator[tuple[Statement, Policies]]:
    """Yield each Deny with policies in which nothing else denies."""
    listed = as_list(json.loads(text)["Statement"])
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    for statement, data in zip(document.statements, listed, strict=True):
        if statement.deny:
            alone = {"Version": document.version, "Statement": [data]}
            yield statement, Policies(identity=[everything], resource=alone)


def _example_key(statement: Statement) -> str:
    """Return a key that the statement's first resource covers,
    so that a Deny on a prefix is found too.
    """
    text = statement.resources[0].text if statement.resources and not statement.not_resource else ""
    key = text.partition("/")[2].replace("*", "x").replace("?", "x")
    return key if key and "${" not in key else "labeling/object"


@rule("bucket-policy-unreadable", "bucket", "bucket.policy")
def bucket_policy_unreadable(_: State, bucket: Bucket) -> Iterator[Match]:
    """Match a bucket policy that cannot be parsed."""
    text = bucket.policy.value
    if text is None or not text.strip():
        return
    try:
        parse_document(text, "resource")
    except PolicyError as error:
        code = "bucket-policy-unreadable"
        yield match(code, bucket.name, problem=error.message, place=error.place)


@rule("bucket-principal-deleted", "bucket", "bucket.policy", settled_by_one=True)
def bucket_principal_deleted(_: State, bucket: Bucket) -> Iterator[Match]:
    """A statement holds the unique id of a user or role instead of its ARN."""
    gone = BucketPolicy.of(bucket.policy.value).deleted_principals
    if gone:
        yield match("bucket-principal-deleted", bucket.name, principals="; ".join(gone))


Script: TypeAlias = tuple[str, Collection[str], Severity | None]


def scripts_of(state: State, bucket: Bucket) -> Iterator[Script]:
    """Yield who loads or uploads objects by script, with what it needs: a team, an application,
    refused preflights.
    """
    if state.team.value is not None:
        yield (
            f"Built-in task types of workteam {state.team.value.name} load by script",
            ("GET",),
            None,
        )
    named = state.wanted.application if state.wanted is not None else None
    for name, profile in applications().items():
        if profile.cors and (name == named or profile.name in bucket.applications):
            yield (
                f"Pages of {profile.name} work by script",
                (*profile.cors, *profile.cors_headers),
                None,
            )
    if bucket.preflights:
        yield f"The log shows {count(bucket.preflights, 'refused preflight request')}", (), "medium"


@rule(
    "cors-missing",
    "bucket",
    *("bucket.cors", "team"),
    uses=("bucket.log",),
    given=("page that loads by script",),
)
def cors_missing(_: State, bucket: Bucket, pages: Iterable[Script]) -> Iterator[Match]:
    """No rule with an origin allows a method, or exposes a header, that is needed."""
    rules = [rule for rule in bucket.cors.value or () if _list(rule, "AllowedOrigins")]
    there = {
        each
        for rule in rules
        for name in ("AllowedMethods", "ExposeHeaders")
        for each in _list(rule, name)
    }
    for who, needed, severity in pages:
        missing = [each for each in needed if each not in there]
        if missing or not rules:
            key = "cors-missing" if missing else "cors-missing/no-rule"
            names = ", ".join(missing)
            yield match(key, bucket.name, severity=severity, pages=who, names=names)


def _list(rule: Mapping[str, object], name: str) -> list[str]:
    value = rule.get(name)
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []


@rule("logging-off", "bucket", "bucket.logging")
def logging_off(_: State, bucket: Bucket) -> Iterator[Match]:
    """Match a bucket without access logs."""
    if bucket.logging.value is None:
        yield Match(bucket.name)


@rule("log-target-unfit", "bucket", "bucket.logging", uses=("bucket.log_bucket",))
def log_target_unfit(state: State, bucket: Bucket) -> Iterator[Match]:
    """The target is of a kind that S3 does not deliver to, or its policy does not let it."""
    target, held = bucket.logging.value, bucket.log_bucket.if_read
    if target is None:
        return
    problems = []
    if target.bucket == bucket.name:
        problems.append(
            "it is the source bucket itself, so that every log object makes another row"
        )
    problems += [] if held is None else _unfit_settings(held, bucket.region)
    text = None if held is None else held.policy.if_read
    verdict = (
        None if held is None or held.policy.missing else _delivery(state, bucket, target, text)
    )
    if verdict is not None and verdict.decision == "explicit-deny":
        problems.append(f"its policy denies delivery in {verdict.statement}")
    if verdict is not None and verdict.decision == "implicit-deny":
        problems.append(
            f"its policy does not allow {LOG_DELIVERY} to put objects (an ACL may still)"
        )
    if problems:
        yield match("log-target-unfit", target.bucket, problems=capital("; ".join(problems)))
    elif verdict is not None and verdict.decision == "unknown":
        yield Match(target.bucket, "", verdict.depends_on)


def _unfit_settings(target: Bucket, region: str) -> Iterator[str]:
    """Yield the settings of a target bucket that S3 does not deliver to."""
    if target.region and region and target.region != region:
        yield f"it is in {target.region}, the source in {region}"
    if target.default_kms_key.if_read:
        yield "its default encryption is KMS; only SSE-S3 works"
    if target.object_lock.if_read:
        yield "it has a default retention (Object Lock)"
    if target.requester_pays.if_read:
        yield "requesters pay for it"


def _delivery(state: State, bucket: Bucket, target: LogLocation, text: str | None) -> Verdict:
    arn = f"arn:{state.partition}:s3:::"
    extra = {"aws:SourceArn": arn + bucket.name, "aws:SourceAccount": state.account_id}
    request = Request(
        "s3:PutObject",
        f"{arn}{target.bucket}/{target.prefix}2026-01-01-00-00-00-0123456789ABCDEF",
        LOG_DELIVERY,
        header_context("198.51.100.200", service=LOG_DELIVERY, extra=extra),
    )
    return decide_request(request, Policies(resource=text or None), state.facts)


@rule("block-public-access-off", "bucket", "bucket.public_access_block", uses=("account_block",))
def block_public_access_off(state: State, bucket: Bucket) -> Iterator[Match]:
    """One of the four settings is off, and not known to be on for the account."""
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", SETTING)
    by_account, own = state.account_block.if_read, bucket.public_access_block.value or {}
    off = [name for name in names if not own.get(name) and not (by_account or {}).get(name)]
    if off:
        code = "block-public-access-off"
        key = f"{code}/unread" if by_account is None else code
        yield match(key, bucket.name, names=", ".join(off))


@rule("kms-network-condition", "bucket", "bucket.encryption", "bucket.key_policy")
def kms_network_condition(_: State, bucket: Bucket) -> Iterator[Match]:
    """A statement of the key policy that covers Decrypt asks for the caller's network,
    also in calls of a service.
    """
    key = bucket.default_kms_key.value or ""
    document = bucket_document(bucket.key_policy.value) if key else None
    for statement in document.statements if document is not None else ():
        keys = {each.lower_key for each in statement.conditions}
        if (
            statement.covers_action("kms:decrypt")
            and keys & _NETWORK_KEYS
            and "aws:viaawsservice" not in keys
        ):
            named = ", ".join(
                sorted(each.key for each in statement.conditions if each.lower_key in _NETWORK_KEYS)
            )
            yield match("kms-network-condition", key, statement=statement.label, names=named)


@rule("kms-session", "bucket", "bucket.encryption")
def kms_session(_: State, bucket: Bucket) -> Iterator[Match]:
    """Match a bucket whose default encryption uses a KMS key."""
    key = bucket.default_kms_key.value
    if key:
        yield match("kms-session", bucket.name, key=key)
