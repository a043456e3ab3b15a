"""Compute the changes that turn the current state into the wanted one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..account.state import State
from ..base.errors import InvalidInput
from ..base.network import all_private, parse_stored_cidrs
from ..base.text import Json, Texts, some
from ..engine.access.part import Part
from ..engine.policies.age_limit import SIGV2_SID, build_version_limit
from ..engine.policies.bucket_guard import (
    GUARD_SID,
    GUARD_SIDS,
    SIGNERS_SID,
    UPLOAD,
    Guard,
    build_guard,
    prefix_resource,
)
from ..engine.policies.bucket_policy import BucketPolicy
from ..engine.policies.revocation import expired_text
from ..engine.policies.signer_limit import build_signer_limit
from ..engine.policies.url_lock import UrlLock
from ..restriction.model import Restriction, UrlLockMode
from .change import Call, Change
from .targets import BucketGuard, TeamUrlLock, WorkforcePortal


def changes_for(restriction: Restriction, state: State) -> tuple[Change[Any], ...]:
    """Return the changes in the order in which they are carried out."""
    found = (
        _guard_change(restriction, state),
        _url_change(restriction, state),
        _portal_change(restriction, state),
    )
    return tuple(change for change in found if change is not None)


def wanted_lock(restriction: Restriction, state: State) -> UrlLock | None:
    """Return the wanted settings: True chooses those that fit, None wants no change."""
    mode = restriction.url_lock
    if mode is None:
        return None
    if mode is True:
        mode = _fitting(restriction, state)
    return UrlLock(mode == "SourceIp", mode == "VpcSourceIp")


def _fitting(restriction: Restriction, state: State) -> UrlLockMode:
    """Choose the setting: a workforce in a VPC also has the public portal,
    unless its list has private ranges only.
    """
    force, team = state.workforce.value, state.team.value
    if force is None or not force.in_vpc:
        return "SourceIp"
    if bool(restriction.addresses) != bool(restriction.allowed.ids):
        return "SourceIp" if restriction.addresses else "VpcSourceIp"
    lock = (team.url_lock if team is not None else None) or UrlLock()
    if lock.on and not lock.impossible:
        return "SourceIp" if lock.source_ip else "VpcSourceIp"
    closed = all_private(parse_stored_cidrs(force.cidrs))
    return "VpcSourceIp" if closed and not restriction.addresses else "SourceIp"


def policy_of(state: State) -> BucketPolicy:
    """Return the policy of a state's bucket; an empty one without a bucket or policy."""
    return BucketPolicy.of(None if state.bucket is None else state.bucket.policy.value)


def existing_guard(restriction: Restriction, state: State) -> Guard | None:
    """Return the guard of a restriction in the bucket's current policy;
    None without a bucket or guard.
    """
    policy = policy_of(state)
    return policy.guard_of(changed_prefix(restriction, policy))


def changed_prefix(restriction: Restriction, policy: BucketPolicy, kind: str = GUARD_SID) -> str:
    """Return the prefix of the statement of ours that a restriction changes: its own.

    To remove one that has no other beside it, its prefix need not be named. Raises InvalidInput
    where it has.
    """
    sids = (GUARD_SID, SIGNERS_SID, SIGV2_SID)
    wanted = dict(zip(sids, restriction.limits, strict=True))[kind]
    if wanted or wanted is None or restriction.prefix or policy.sid_of(kind, "") is not None:
        return restriction.prefix
    prefixes = policy.prefixes_of(kind)
    if len(prefixes) > 1:
        raise InvalidInput(
            f"{restriction.bucket} has {len(prefixes)} of this kind, for objects under"
            f" {some(prefixes)}.",
            next_step="Name the prefix of the one to remove.",
            field="prefix",
        )
    return prefixes[0] if prefixes else ""


def _guard_change(restriction: Restriction, state: State) -> Change[BucketPolicy | None] | None:
    if state.bucket is None or all(each is None for each in restriction.limits):
        return None
    before = policy_of(state)
    ended, name = before.expired(state.at), state.bucket.name
    after = _with_guard(restriction, state, name, before.without_expired(state.at))
    # an age limit has the statement of the version limit
    for kind, wanted in (
        (SIGNERS_SID, restriction.signers),
        (SIGV2_SID, restriction.version_4_only),
    ):
        if wanted:
            after = after.put_statement(_limit(kind, restriction, state, name), restriction.prefix)
        elif wanted is not None:
            after = after.drop((kind,), changed_prefix(restriction, after, kind))
    if after == before:
        return None
    target = BucketGuard(name, state.bucket.region)
    names = restriction.allowed_names if restriction.lists and restriction.guard else ()
    prefix = changed_prefix(restriction, before)
    return Change(
        target=target,
        before=before or None,
        after=after or None,
        before_text=before.words(prefix),
        after_text=after.words(prefix, names) + expired_text(ended),
        affects=_bucket_affects(state),
        calls=policy_calls(state.partition, target.name, after or None),
        seconds_typical=2,
    )


def policy_calls(partition: str, bucket: str, policy: str | None) -> tuple[Call, Call]:
    """Return the calls that read a bucket policy, and put or delete it."""
    resource, verb = f"arn:{partition}:s3:::{bucket}", "Delete" if policy is None else "Put"
    sent = {"Bucket": bucket} if policy is None else {"Bucket": bucket, "Policy": policy}
    return (
        Call("s3:GetBucketPolicy", resource, "GetBucketPolicy", {"Bucket": bucket}),
        Call(f"s3:{verb}BucketPolicy", resource, f"{verb}BucketPolicy", sent),
    )


def _with_guard(
    restriction: Restriction, state: State, bucket: str, policy: BucketPolicy
) -> BucketPolicy:
    if not restriction.guard:
        return (
            policy
            if restriction.guard is None
            else policy.drop(GUARD_SIDS, changed_prefix(restriction, policy))
        )
    limit_s, reads = restriction.age_limit_s, restriction.guard == "reads"
    statement = build_guard(
        bucket,
        restriction.allowed,
        prefix=restriction.prefix,
        partition=state.partition,
        reads=reads,
    )
    wanted = Guard(
        bucket,
        restriction.prefix,
        restriction.allowed,
        statement,
        drifted=False,
        age_limit_s=limit_s,
        reads=reads,
    )
    is_only = [each.prefix for each in policy.guards].count(restriction.prefix) == 1
    return (
        policy if is_only and policy.guard_of(restriction.prefix) == wanted else policy.put(wanted)
    )


def _limit(kind: str, restriction: Restriction, state: State, bucket: str) -> Mapping[str, object]:
    if kind == SIGNERS_SID:
        names = restriction.signers or ()
        return build_signer_limit(
            bucket, names, state.account_id, prefix=restriction.prefix, partition=state.partition
        )
    covered: dict[str, object] = (
        {"NotAction": UPLOAD} if restriction.guard == "reads" else {"Action": "s3:*"}
    )
    return build_version_limit(
        {**covered, "Resource": prefix_resource(state.partition, bucket, restriction.prefix)}
    )


def _bucket_affects(state: State) -> Texts:
    bucket = state.bucket
    assert bucket is not None
    touched = ["everybody who uses presigned URLs of these objects, including the S3 console's"]
    used = [each for each in state.of_bucket if each.uses(bucket.name)]
    touched += [
        f"{text}, which uses the bucket" for each in used for text in each.uses_of(bucket.name)
    ]
    parts: tuple[Part[Any], ...] = (
        bucket.tags,
        bucket.folders,
        *(each.jobs for each in state.others),
    )
    return (*touched, *_unlisted(state.teams, state.jobs, *parts))


def _unlisted(*parts: Part[Any]) -> Iterator[str]:
    """Yield what a change may affect too, because it could not be read."""
    for missing in (part.missing for part in parts if part.was_asked):
        if missing is not None:
            yield f"{missing.what} that could not be listed ({missing.text})"


def _calls(state: State, kind: str, name: str, setting: Json) -> tuple[Call, ...]:
    """Return the calls that read and update a workteam or workforce."""
    owner = f"arn:{state.partition}:sagemaker:{state.region}:{state.account_id}"
    title = kind.capitalize()
    named = {f"{title}Name": name}
    return tuple(
        Call(f"sagemaker:{verb}", f"{owner}:{kind}/private-crowd/{name}", verb, parameters)
        for verb, parameters in (
            (f"Describe{title}", named),
            (f"Update{title}", {**named, **setting}),
        )
    )


def _url_change(restriction: Restriction, state: State) -> Change[UrlLock] | None:
    lock = wanted_lock(restriction, state)
    team = state.team.value if lock is not None else None
    if lock is None or team is None:
        return None
    before, after = team.url_lock or UrlLock(), lock
    if before == after:
        return None
    touched = [
        f"workers in {', '.join(team.members)}" if team.members else "all workers of the team"
    ]
    touched += [
        f"labeling job {job.name} ({job.pending} objects left)"
        for job in state.jobs.if_read or ()
        if job.in_progress
    ]
    touched += [f"human-review workflow {name}" for name in state.reviews.if_read or ()]
    touched += [f"evaluation job {name} of Bedrock" for name in state.evaluations.if_read or ()]
    touched += _unlisted(state.jobs, state.reviews, state.evaluations)
    target = TeamUrlLock(team.name)
    return Change(
        target=target,
        before=before,
        after=after,
        before_text=target.words(before),
        after_text=target.words(after),
        affects=tuple(touched),
        calls=_calls(state, "workteam", team.name, {"WorkerAccessConfiguration": lock.to_api()}),
        seconds_typical=2,
    )


def _portal_change(restriction: Restriction, state: State) -> Change[Texts] | None:
    force = state.workforce.value if restriction.portal_lock is not None else None
    if restriction.portal_lock is None or force is None:
        return None
    before = tuple(force.cidrs)
    after = tuple(map(str, restriction.addresses)) if restriction.portal_lock else ()
    if parse_stored_cidrs(before) == parse_stored_cidrs(after) and bool(before) == bool(after):
        return None
    unlisted = tuple(_unlisted(state.teams))
    others = unlisted or tuple(f"workteam {team.name}" for team in state.other_teams)
    target = WorkforcePortal(force.name)
    return Change(
        target=target,
        before=before,
        after=after,
        before_text=target.words(before),
        after_text=target.words(
            after, restriction.allowed_names if restriction.lists and after else ()
        ),
        affects=others,
        calls=_calls(state, "workforce", force.name, {"SourceIpConfig": {"Cidrs": list(after)}}),
        seconds_typical=45,
    )
