"""Locks of an account: what was not read is unknown to them,
and Block Public Access counts as it is there.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.account import locks_of
from gt_secure.account.fact_reader import READ_ACCOUNT_BLOCK
from gt_secure.changes.targets import BucketGuard
from gt_secure.engine.access.locks import READ_ENDPOINTS, READ_POLICY, READ_TEAM, READ_WORKFORCE
from gt_secure.engine.iam.facts import Facts
from gt_secure.engine.policies.bucket_guard import build_guard
from support.answers import S3_ENDPOINT
from support.states import data_bucket, state, unread

OFFICE = "203.0.113.0/24"
UNREAD: dict[str, dict[str, Any]] = {
    READ_TEAM: {"team": unread(READ_TEAM)},
    READ_WORKFORCE: {"workforce": unread(READ_WORKFORCE)},
    READ_ENDPOINTS: {"endpoints": unread(READ_ENDPOINTS)},
    READ_POLICY: {"bucket": data_bucket(policy=unread(READ_POLICY))},
}


@pytest.mark.parametrize("action", [None, *UNREAD])
def test_what_was_not_read_is_unknown_to_the_locks(action: str | None) -> None:
    locks = locks_of(state(**UNREAD.get(action or "", {})))
    assert (locks.url_lock is None) == (action == READ_TEAM)
    assert (locks.cidrs is None) == (action == READ_WORKFORCE)
    assert locks.endpoints == ({} if action == READ_ENDPOINTS else {S3_ENDPOINT.id: S3_ENDPOINT})
    assert locks.not_read == {action} & {READ_ENDPOINTS, READ_POLICY}
    assert locks.has_portal


@pytest.mark.parametrize("by", ["bucket", "account", None])
def test_block_public_access_is_that_of_the_bucket_or_of_the_account(by: str | None) -> None:
    public = statement("Allow")
    block = {"RestrictPublicBuckets": True}
    bucket = data_bucket(policy=policy(public), public_access_block=block if by == "bucket" else {})
    assert locks_of(
        state(bucket=bucket, account_block=block if by == "account" else {})
    ).is_public_refused is (by is not None)


def test_under_a_policy_that_was_not_read_only_a_deny_is_certain() -> None:
    """S3 needs a grant of the bucket policy to deliver a log,
    which a policy that was not read may hold.
    """
    denied = json.dumps(
        {"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}}
    )
    for parts, rcp, expected in (
        ({"bucket": data_bucket(policy=None)}, None, "refused"),
        (UNREAD[READ_POLICY], None, "unknown"),
        (UNREAD[READ_POLICY], (denied,), "refused"),
    ):
        answer = replace(locks_of(state(**parts)), rcp=rcp).log_delivery("logs/1")
        assert (answer.answer, answer.depends_on) == (
            expected,
            (READ_POLICY,) if expected == "unknown" else (),
        )


def test_a_setting_that_may_not_be_read_is_a_missing_permission() -> None:
    assert READ_ACCOUNT_BLOCK in locks_of(state(facts=Facts(missing=(READ_ACCOUNT_BLOCK,)))).missing


def statement(effect: str, **condition: Any) -> dict[str, Any]:
    made = {
        "Effect": effect,
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
    return {**made, "Condition": condition} if condition else made


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_the_verdict_of_s3_is_about_the_current_policy() -> None:
    narrowed = [statement("Allow"), statement("Deny", NotIpAddress={"aws:SourceIp": OFFICE})]
    bucket = data_bucket(
        policy=policy(*narrowed), public_access_block={"RestrictPublicBuckets": True}
    )
    seen = replace(state(bucket=bucket), facts=Facts(policy_is_public=True))
    assert locks_of(seen).is_public_refused
    guarded = [*narrowed, build_guard("gt-images", networks=[OFFICE])]
    assert locks_of(BucketGuard("gt-images").put(policy(*guarded), seen)).is_public_refused
    guarded.append(statement("Deny", StringNotEquals={"aws:SourceVpce": "vpce-0a1b2c3d"}))
    assert not locks_of(BucketGuard("gt-images").put(policy(*guarded), seen)).is_public_refused
