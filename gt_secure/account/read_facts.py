"""From a reading of the account to what findings look at, now or as changes would leave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..aws.buckets import BucketState
from ..aws.teams import UrlLock
from ..restriction.model import Restriction
from .facts import BucketFacts, EndpointFacts, LogTargetFacts, Missing, Snapshot, TeamFacts, Wanted, WorkforceFacts
from .snapshot import State


def snapshot_of(state: State, wish: Restriction | None = None, planned: Mapping[str, Any] | None = None) -> Snapshot:
    """Return the snapshot for :func:`gt_secure.findings.find_all`.

    Parameters
    ----------
    state : State
    wish : Restriction, optional
        What is wanted of the guard.
    planned : mapping, optional
        Planned values by kind of change: the findings are then those that remain after them.
    """
    after = dict(planned or {})
    wanted = None
    if wish is not None and wish.guard and wish.bucket is not None:
        wanted = Wanted(wish.bucket, wish.prefix, wish.addresses, wish.endpoints, wish.max_age_s)
    return Snapshot(
        region=state.region,
        account_id=state.account_id,
        partition=state.partition,
        team=_team(state, after),
        workforce=_workforce(state, after),
        buckets=() if state.bucket is None else (_bucket(state, state.bucket, after),),
        endpoints=tuple(
            EndpointFacts(one.id, one.vpc_id, one.type, one.state, one.policy_text, one.private_dns)
            for one in state.endpoints
        ),
        wanted=wanted,
        role_arn=next((job.role_arn for job in state.jobs if job.role_arn), ""),
        unseen=tuple(Missing(part.action, part.resource) for part in state.unseen if part.action),
    )


def _team(state: State, after: dict[str, Any]) -> TeamFacts | None:
    if state.team is None:
        return None
    lock = state.team.url_lock or UrlLock()
    on = {"SourceIp": lock.source_ip, "VpcSourceIp": lock.vpc_source_ip}
    if "url-lock" in after:
        on = {key: value == "Enabled" for key, value in after["url-lock"].items()}
    return TeamFacts(state.team.name, state.team.kind, on["SourceIp"], on["VpcSourceIp"])


def _workforce(state: State, after: dict[str, Any]) -> WorkforceFacts | None:
    force = state.workforce
    if force is None:
        return None
    return WorkforceFacts(force.name, tuple(after.get("portal-lock", force.cidrs)), force.vpc_id, force.ip_address_type)


def _bucket(state: State, bucket: BucketState, after: dict[str, Any]) -> BucketFacts:
    target = bucket.logging
    return BucketFacts(
        name=bucket.name,
        region=bucket.region,
        policy_text=after.get("bucket-guard", bucket.policy_text),
        logging=None if target is None else LogTargetFacts(target.bucket, target.prefix, "", state.log_policy),
        cors=bucket.cors,
        public_access_block=bucket.public_access_block,
        kms_key=bucket.default_kms_key,
    )
