"""Block Public Access of the bucket and of the account, in exposures, plans and proofs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gt_secure import Restriction
from gt_secure.account import locks_of
from gt_secure.account.fact_reader import READ_ACCOUNT_BLOCK
from gt_secure.account.organization import no_organization
from gt_secure.account.state import State
from gt_secure.changes.plan import plan
from gt_secure.changes.targets import BucketGuard
from gt_secure.engine.access import Exposure
from gt_secure.engine.iam.facts import Facts
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.public_access import is_surely_public, may_be_public
from gt_secure.restriction.claim import claim_from
from support.answers import exposed, exposure_of
from support.states import data_bucket, part, state, unread

OFFICE = "203.0.113.0/24"
OBJECTS = "arn:aws:s3:::gt-images/*"


def statement(effect: str = "Allow", principal: Any = "*", **condition: Any) -> dict[str, Any]:
    made = {"Effect": effect, "Principal": principal, "Action": "s3:*", "Resource": OBJECTS}
    return {**made, "Condition": condition} if condition else made


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


PUBLIC = policy(statement())
GUARD = build_guard("gt-images", networks=[OFFICE], endpoints=[])


@pytest.mark.parametrize(
    ("text", "public"),
    [
        (PUBLIC, True),
        (policy(statement(principal={"AWS": "*"})), True),
        (policy(statement(principal={"AWS": "arn:aws:iam::444455556666:root"})), False),
        (policy(statement(IpAddress={"aws:SourceIp": OFFICE})), False),
        (policy(statement(IpAddress={"aws:SourceIp": "0.0.0.0/1"})), True),
        (policy(statement(IpAddress={"aws:SourceIp": [OFFICE, "2000::/3"]})), True),
        (policy(statement(StringEquals={"aws:SourceVpce": "vpce-0a1b2c3d"})), False),
        (policy(statement(StringEquals={"aws:PrincipalOrgID": "o-abc123"})), False),
        (policy(statement(Bool={"aws:SecureTransport": "true"})), True),
        (policy(statement(), statement("Deny", NotIpAddress={"aws:SourceIp": OFFICE})), False),
        (policy(statement(), statement("Deny", Bool={"aws:SecureTransport": "false"})), True),
        (policy(statement(), GUARD), True),
        (policy(statement("Deny")), False),
        (policy(statement(StringEquals={"aws:PrincipalAccount": "444455556666"})), False),
        (policy(statement(ArnEquals={"aws:PrincipalArn": "arn:aws:iam::444455556666:role/Partner"})), False),
        (policy(statement(StringEquals={"aws:PrincipalOrgPaths": "o-abc123/r-root/ou-x/"})), False),
        (policy(statement(Bool={"aws:PrincipalIsAWSService": "true"})), False),
        (policy(statement(StringEquals={"aws:VpceAccount": "444455556666"})), False),
        (policy(statement(StringLike={"aws:Referer": "https://example.com/*"})), True),
        (policy(statement(StringEquals={"aws:PrincipalAccount": "444455556666"}), statement()), True),
        (None, False),
        ("{", False),
    ],
)
def test_a_policy_that_is_surely_public(text: str | None, public: bool) -> None:
    assert is_surely_public(text) is public


@pytest.mark.parametrize(
    ("condition", "may_be"),
    [
        ({"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}, False),
        ({"StringLike": {"aws:SourceVpc": "vpc-91237329"}}, False),
        ({"StringLike": {"aws:SourceVpc": "vpc-*"}}, True),
        ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, True),
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-abc123"}}, True),
        ({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-0a1b2c3d"}}, True),
        ({"Null": {"aws:SourceVpce": "false"}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": "444455556666"}}, True),
    ],
)
def test_the_verdict_of_s3_is_asked_for_where_a_value_is_not_fixed(condition: dict[str, Any], may_be: bool) -> None:
    """*The meaning of "public"*: a fixed value contains no wildcard and no variable."""
    assert may_be_public(policy(statement(**condition))) is may_be


def test_whoever_any_identity_provider_signs_in_may_be_everybody() -> None:
    text = policy(statement(principal={"Federated": "*"}))
    assert may_be_public(text)
    assert not is_surely_public(text)
    assert not may_be_public(policy(statement(principal={"Federated": "accounts.google.com"})))


class Account:
    """An account whose bucket and own setting are chosen."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.bucket = data_bucket(policy=PUBLIC)
        self.block: Any = unread(READ_ACCOUNT_BLOCK)

    def state(self) -> State:
        return state(bucket=self.bucket, facts=self.facts, account_block=self.block, organization=no_organization())

    def exposure(self) -> tuple[dict[str, Any], Exposure]:
        found = exposure_of(self.state(), "scans/0001.png")
        return {row.request: row for row in found}, found


@pytest.fixture
def account() -> Account:
    return Account()


def test_what_is_assumed_names_policies_that_were_not_read(account: Account) -> None:
    """Nobody gave files: the role read the account. Files keep their own word."""
    _, found = account.exposure()
    assert not [sentence for sentence in found.assumed if "control policy" in sentence], "both were read: none is there"
    assert "No VPC endpoint policy was read: it is the default, full access." in found.assumed
    assert not [sentence for sentence in found.assumed if "given" in sentence]
    assert "No service control policy was given: they allow everything." in exposed(None).assumed


@pytest.mark.parametrize("by", ["bucket", "account"])
def test_it_refuses_everybody_but_the_accounts_own_signers(account: Account, by: str) -> None:
    if by == "bucket":
        account.bucket = replace(account.bucket, public_access_block=part({"RestrictPublicBuckets": True}))
    else:
        account.block = {"RestrictPublicBuckets": True}
    rows, found = account.exposure()
    for kind in ("anonymous", "other-account"):
        assert rows[kind].refused.cidrs == ("0.0.0.0/0", "::/0")
        assert rows[kind].refused.other_endpoints
        assert rows[kind].refused.decided_by == ("Block Public Access",)
    assert rows["presigned"].opened.cidrs == ("0.0.0.0/0", "::/0")
    assert any("Block Public Access refuses" in each for each in found.assumed)


def test_without_it_a_public_policy_opens(account: Account) -> None:
    account.block = {"RestrictPublicBuckets": False}
    rows, found = account.exposure()
    assert rows["anonymous"].opened.cidrs == ("0.0.0.0/0", "::/0")
    assert not any("Block Public Access" in each for each in found.assumed)


def test_what_may_not_be_read_is_named(account: Account) -> None:
    account.facts = Facts(missing=(READ_ACCOUNT_BLOCK,))
    rows, found = account.exposure()
    assert rows["anonymous"].opened.cidrs
    assert found.missing == (READ_ACCOUNT_BLOCK,)
    assert any(READ_ACCOUNT_BLOCK in each for each in found.assumed)


def test_a_proof_needs_no_guard_against_signers_that_it_refuses(account: Account) -> None:
    own = statement("Deny", {"AWS": "111122223333"}, NotIpAddress={"aws:SourceIp": OFFICE})
    account.bucket = data_bucket(policy=policy(statement(), own))
    claim = Restriction(bucket="gt-images", prefix="scans/", addresses=[OFFICE])
    assert exposure_of(account.state()).proves(claim_from(claim)).proved is False
    account.bucket = replace(account.bucket, public_access_block=part({"RestrictPublicBuckets": True}))
    assert exposure_of(account.state()).proves(claim_from(claim)).proved is True


def test_a_grant_to_principals_of_an_account_is_no_proof_that_it_refuses_them(account: Account) -> None:
    """The guide does not say whether such a grant is public, and S3 was not asked: nothing is proved."""
    partner = statement(StringEquals={"aws:PrincipalAccount": "444455556666"})
    own = statement("Deny", {"AWS": "111122223333"}, NotIpAddress={"aws:SourceIp": OFFICE})
    account.bucket = data_bucket(policy=policy(partner, own), public_access_block={"RestrictPublicBuckets": True})
    rows, found = account.exposure()
    assert rows["other-account"].opened.cidrs == ("0.0.0.0/0", "::/0")
    assert (
        found.proves(claim_from(Restriction(bucket="gt-images", prefix="scans/", addresses=[OFFICE]))).proved is False
    )


def test_a_guard_opens_nobody_that_it_refuses() -> None:
    seen = state(bucket=data_bucket(policy=PUBLIC, public_access_block={"RestrictPublicBuckets": True}))
    made = plan(None, Restriction(bucket="gt-images", addresses=[OFFICE]), state=seen)  # type: ignore[arg-type]
    anonymous = next(change for change in made.exposure if change.request == "anonymous")
    assert not anonymous.changes
    assert anonymous.after.refused.decided_by == ("Block Public Access",)


@pytest.mark.parametrize(
    ("status", "ours"), [(True, True), (False, True), (True, False), (False, False), (None, False)]
)
def test_the_verdict_of_s3_counts(account: Account, status: bool | None, ours: bool) -> None:
    narrowed = statement("Deny", NotIpAddress={"aws:SourceIp": OFFICE})
    account.bucket = data_bucket(
        policy=PUBLIC if ours else policy(statement(), narrowed),
        public_access_block={"RestrictPublicBuckets": True},
    )
    account.facts = Facts(policy_is_public=status)
    rows, _ = account.exposure()
    assert bool(rows["anonymous"].opened.cidrs) is not bool(status)


def test_the_verdict_of_s3_is_about_the_current_policy() -> None:
    narrowed = policy(statement(), statement("Deny", NotIpAddress={"aws:SourceIp": OFFICE}))
    seen = state(bucket=data_bucket(policy=narrowed, public_access_block={"RestrictPublicBuckets": True}))
    seen = replace(seen, facts=Facts(policy_is_public=True))
    assert locks_of(seen).is_public_refused
    guarded = json.loads(narrowed)
    guarded["Statement"].append(GUARD)
    assert locks_of(BucketGuard("gt-images").put(json.dumps(guarded), seen)).is_public_refused
    guarded["Statement"].append(statement("Deny", StringNotEquals={"aws:SourceVpce": "vpce-0a1b2c3d"}))
    assert not locks_of(BucketGuard("gt-images").put(json.dumps(guarded), seen)).is_public_refused
