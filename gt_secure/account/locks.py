"""The locks of an account, for the questions who can open an object."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from operator import attrgetter
from typing import Any

from ..aws.teams import Workteam
from ..engine.access.locks import READ_ENDPOINTS, READ_POLICY, EffectiveLocks
from ..engine.access.part import Part, note_missing
from ..engine.iam.facts import Signer
from ..engine.iam.request_keys import OBJECT_ACLS
from ..engine.policies.public_access import IGNORE_PUBLIC_ACLS, NO_ACLS, SETTING
from ..engine.policies.url_lock import UrlLock
from .bucket import Bucket
from .state import State


def locks_of(state: State) -> EffectiveLocks:
    """Return the locks of a state: the only maker of those of an account."""
    bucket, team, force = state.bucket or Bucket("", ""), state.team, state.workforce
    is_given = not state.region  # by files, which know none
    blocks = bucket.public_access_block, state.account_block
    own, by_account = (each.map(lambda block: bool(block.get(SETTING))) for each in blocks)
    keys = f"arn:{state.partition}:kms:{bucket.region}:{state.account_id}:key/"
    return EffectiveLocks(
        bucket=bucket.name,
        policy=bucket.policy.if_read,
        url_lock=_url_lock(team),
        cidrs=None if force.missing else force.value.cidrs if force.value else (),
        has_portal=team.missing is not None
        or (team.value is not None and team.value.kind == "private"),
        account=state.account_id,
        partition=state.partition,
        region=bucket.region or state.region,
        signer=state.signer_arn,
        endpoints={endpoint.id: endpoint for endpoint in state.endpoints.if_read or ()},
        facts=state.facts,
        rcp=state.organization.rcp.if_read,
        scp=state.organization.scp.if_read,
        restricts_public=None if is_given else own.if_read,
        account_restricts_public=None
        if own.if_read
        else by_account.if_read,  # not asked for where the first decides
        acls=_acl_doubts(bucket.ownership, *blocks),
        access_points=bucket.access_points,
        kms_key=bucket.default_kms_key.map(partial(_kms_arn, keys)),
        kms_policy=bucket.key_policy,
        missing=state.missing_permissions(),
        not_read=_not_read(state),
        origin="given" if is_given else "read",
        at=state.at,
        others={each.team.name: locks_of(state.of(each)) for each in state.users},
        portal_vpc=str(force.map(attrgetter("vpc_id")).if_read or ""),
    )


def _url_lock(team: Part[Workteam]) -> UrlLock | None:
    return None if team.missing else (team.value and team.value.url_lock) or UrlLock()


def _acl_doubts(ownership: Part[str], *blocks: Part[Mapping[str, Any]]) -> dict[Signer, str]:
    """Return what hides whether ACLs grant something to anonymous requests,
    and to those of other accounts.
    """
    are_ignored = any((block.if_read or {}).get(IGNORE_PUBLIC_ACLS) for block in blocks)
    doubts: dict[Signer, str] = {
        "other": _acl_doubt(ownership),
        "anonymous": _acl_doubt(ownership, are_ignored=are_ignored),
    }
    return {signer: doubt for signer, doubt in doubts.items() if doubt}


def _acl_doubt(ownership: Part[str], *, are_ignored: bool = False) -> str:
    """Return what hides whether ACLs grant something; empty where they are ignored or disabled,
    or nobody asked.
    """
    if are_ignored or not ownership.was_asked:
        return ""
    if ownership.missing is not None:
        return ownership.missing.action
    return "" if ownership.value == NO_ACLS else OBJECT_ACLS


def _not_read(state: State) -> frozenset[str]:
    """Return the actions that read what can change every answer, and did not."""
    # an answer may ask for them
    note_missing(part for name, part in state.unread() if name != "account_block")
    policy = state.bucket is not None and state.bucket.policy.missing is not None
    unread = {READ_POLICY: policy, READ_ENDPOINTS: state.endpoints.missing is not None}
    return frozenset(action for action, missing in unread.items() if missing)


def _kms_arn(start: str, key: str) -> str:
    """Return the ARN of a KMS key, or its alias; empty for none, and for AWS's own,
    which has no policy to set.
    """
    used = key.removeprefix("aws/s3")
    return f"{start}{used}" if used and not {":", "/"} & set(used) else used
