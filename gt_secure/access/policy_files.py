"""The locks of a bucket whose policies are given as texts, without an account: for reviewers and CI.

The signer is a role of the bucket's account whose own policies allow everything; there are also an anonymous caller and
a signer of another account whose own policies allow everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ..account.bucket import Bucket
from ..account.organization import Organization
from ..account.part import Part
from ..account.state import State
from ..iam.documents import PolicySource
from ..iam.facts import Facts
from .locks import EffectiveLocks, locks_of


def locks_of_files(
    bucket: str,
    policy: PolicySource | None,
    account: str,
    facts: Facts | None = None,
    *,
    session: PolicySource | None = None,
    rcp: Sequence[PolicySource] = (),
    scp: Sequence[PolicySource] = (),
) -> EffectiveLocks:
    """Return the locks of a bucket under the policies that are given; raises PolicyError if one is not valid.

    ``session`` is the policy of the role session that signs; ``rcp`` and ``scp`` are those of the organization,
    each a level.
    """
    locks = locks_of(state_of_files(bucket, policy, account, facts, rcp=rcp, scp=scp), session=session)
    for signer in ("own", "anonymous"):
        _ = locks.policies(signer).compiled
    return locks


def state_of_files(
    bucket: str,
    policy: PolicySource | None,
    account: str,
    facts: Facts | None = None,
    *,
    rcp: Sequence[PolicySource] = (),
    scp: Sequence[PolicySource] = (),
) -> State:
    """Return the state of an account of which nothing is known but the policies that are given."""
    text = policy if policy is None or isinstance(policy, str) else json.dumps(policy)
    match = re.search(r"arn:(aws[a-z-]*):s3:::", text or "")
    return State(
        region="",
        partition=match[1] if match else "aws",
        account_id=account,
        caller_arn="",
        at=datetime.now(UTC).replace(microsecond=0),
        team=Part.of(None),
        workforce=Part.of(None),
        endpoints=Part.of(()),
        bucket=Bucket(bucket, "", Part.of(text), public_access_block=Part.of({})),
        organization=Organization(rcp=_given(rcp), scp=_given(scp)),
        facts=facts or Facts(),
    )


def _given(levels: Sequence[PolicySource]) -> Any:
    return Part.of(tuple(levels)) if levels else Organization().rcp
