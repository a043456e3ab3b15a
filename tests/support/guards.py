"""Bucket policies as texts, with our statements in them, and guards with a hole,
as a person may leave them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gt_secure.engine.policies.bucket_guard import GUARD_SID, Guard, read_guard
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from gt_secure.engine.policies.revocation import Revocation
from gt_secure.engine.policies.signer_limit import SignerLimit

policy_of = BucketPolicy.of


def without_forms(guard: Mapping[str, Any]) -> dict[str, Any]:
    """Return a guard that refuses neither POST forms nor requests on the bucket itself."""
    resource = guard["Resource"]
    return {
        **guard,
        "Resource": resource[-1] if isinstance(resource, list) else resource,
        "Condition": {**guard["Condition"], "StringEquals": {"s3:authType": "REST-QUERY-STRING"}},
    }


def find_guard(policy: str | None, prefix: str | None = None) -> Guard | None:
    """Return the guard of a prefix in a bucket policy, by default the first; None without one."""
    return BucketPolicy.of(policy).guard_of(prefix)


def find_guards(policy: str | None) -> tuple[Guard, ...]:
    return policy_of(policy).guards


def merge_guard(policy: str | None, statement: Mapping[str, Any]) -> str:
    return policy_of(policy).with_statement(statement)


def merge_guards(policy: str | None, statement: Mapping[str, Any], age_limit_s: int | None) -> str:
    return policy_of(policy).put(replace(read_guard(statement), age_limit_s=age_limit_s))


def merge_equal_guards(policy: str) -> str:
    return policy_of(policy).joined()


def remove_guard(policy: str, sid: str = GUARD_SID) -> str | None:
    return policy_of(policy).without([sid]) or None


def remove_statements(policy: str, sids: Iterable[str]) -> str | None:
    return policy_of(policy).without(sids) or None


def own_statements(policy: str | None) -> Mapping[str, Any]:
    return policy_of(policy).own


def find_signer_limit(policy: str | None) -> SignerLimit | None:
    return next(iter(policy_of(policy).signer_limits), None)


def find_signer_limits(policy: str | None) -> tuple[SignerLimit, ...]:
    return policy_of(policy).signer_limits


def find_revocations(policy: str | None) -> tuple[Revocation, ...]:
    return policy_of(policy).revocations


def revocations_of(policy: str | None, bucket: str, key: str) -> tuple[Revocation, ...]:
    return policy_of(policy).revocations_of(bucket, key)


def expired_revocations(policy: str | None, now: dt.datetime) -> tuple[str, ...]:
    return policy_of(policy).expired(now)


def deleted_principals(policy: str | None) -> tuple[str, ...]:
    return policy_of(policy).deleted_principals
