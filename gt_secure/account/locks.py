"""The locks of an account, for the questions who can open an object."""

from __future__ import annotations

from functools import partial
from operator import attrgetter

from ..aws.teams import Workteam
from ..base.text import Json, JsonLike
from ..engine.access.locks import READ_ENDPOINTS, READ_POLICY, EffectiveLocks
from ..engine.access.part import Part, note_missing
from ..engine.iam.facts import Signer
from ..engine.iam.request_keys import OBJECT_ACLS
from ..engine.policies.acls import EVERYBODY, IGNORE_PUBLIC_ACLS, NO_ACLS, grants_of, may_grant
from ..engine.policies.public_access import SETTING
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
        acls=_acls(bucket, state.account_block),
        requester_pays=bucket.requester_pays,
        access_points=bucket.access_points,
        kms_key=bucket.default_kms_key.map(partial(_kms_arn, keys)),
        has_kms_key=bucket.default_kms_key.map(bool).if_asked,
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


def _acls(bucket: Bucket, by_account: Part[JsonLike]) -> dict[Signer, tuple[Json, ...]] | None:
    """Return what ACLs grant, or may grant, to others, as statements;
    None where nobody asked about them.
    """
    ownership, acl = bucket.ownership, bucket.acl_grants
    if not ownership.was_asked:
        return None
    if ownership.if_read == NO_ACLS:
        return {}
    unread = ownership.missing or acl.missing
    blocks = [bucket.public_access_block, by_account]
    of_all = [may_grant(unread.action, of_bucket=True)] if unread is not None else []
    of_all.append(may_grant(ownership.missing.action if ownership.missing else OBJECT_ACLS))
    are_ignored = any((block.if_read or {}).get(IGNORE_PUBLIC_ACLS) for block in blocks)
    unsure = next((block.missing.action for block in blocks if block.missing is not None), "")
    grants = acl.value or () if unread is None else ()
    public = [each for each in grants if each.is_public and not are_ignored]
    everybody = [each for each in public if each.grantee == EVERYBODY]
    others = [*public, *(each for each in grants if not each.is_public)]
    return {
        "other": (*of_all, *grants_of(others, depends_on=unsure)),
        "anonymous": () if are_ignored else (*of_all, *grants_of(everybody, depends_on=unsure)),
    }


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
