"""Block Public Access of the bucket and of the account, in exposures, plans and proofs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.base.network import parse_networks
from gt_secure.engine.access import Claim, Exposure
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.iam.facts import Facts
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.public_access import is_surely_public, may_be_public
from support.answers import exposed, exposure_under, team_locks

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
        (
            policy(
                statement(ArnEquals={"aws:PrincipalArn": "arn:aws:iam::444455556666:role/Partner"})
            ),
            False,
        ),
        (policy(statement(StringEquals={"aws:PrincipalOrgPaths": "o-abc123/r-root/ou-x/"})), False),
        (policy(statement(Bool={"aws:PrincipalIsAWSService": "true"})), False),
        (policy(statement(StringEquals={"aws:VpceAccount": "444455556666"})), False),
        (policy(statement(StringLike={"aws:Referer": "https://example.com/*"})), True),
        (
            policy(statement(StringEquals={"aws:PrincipalAccount": "444455556666"}), statement()),
            True,
        ),
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
def test_the_verdict_of_s3_is_asked_for_where_a_value_is_not_fixed(
    condition: dict[str, Any], may_be: bool
) -> None:
    """*The meaning of "public"*: a fixed value contains no wildcard and no variable."""
    assert may_be_public(policy(statement(**condition))) is may_be


def test_whoever_any_identity_provider_signs_in_may_be_everybody() -> None:
    text = policy(statement(principal={"Federated": "*"}))
    assert may_be_public(text)
    assert not is_surely_public(text)
    assert not may_be_public(policy(statement(principal={"Federated": "accounts.google.com"})))


CLAIM = Claim("scans/", parse_networks(OFFICE))
OWN_SIGNERS_ONLY = statement("Deny", {"AWS": "111122223333"}, NotIpAddress={"aws:SourceIp": OFFICE})


def locks(text: str = PUBLIC, **values: Any) -> EffectiveLocks:
    """Return the locks of an account without an organization."""
    return team_locks(text, **({"rcp": (), "scp": ()} | values))


def exposure(text: str = PUBLIC, **values: Any) -> Exposure:
    return Exposure(locks(text, **values), "scans/0001.png")


OF_THE_SIGNER = "a policy of the signer refuses it"
OF_ITS_ORGANIZATION = "a policy of the signer or its organization refuses it"


def test_a_line_names_the_policies_that_were_not_read_and_may_refuse_it() -> None:
    """Nobody gave files: the role read the account. Files have more that may refuse."""
    found = exposure(account_restricts_public=False, restricts_public=False)
    opened = {row.request: row.opened.unless for row in found}
    behind = "a policy of the signer or the VPC endpoint refuses it"
    assert opened["presigned"] == opened["header"] == (behind,)
    assert found.at("198.51.100.9", "presigned").unless == (OF_THE_SIGNER,)
    assert found.at("198.51.100.9", "other-account").unless == (OF_ITS_ORGANIZATION,)
    assert found.at("198.51.100.9", "anonymous").unless == ("a KMS key encrypts the object",)
    given = exposed(PUBLIC, "scans/0001.png").at("198.51.100.9", "other-account").unless
    assert given == (OF_ITS_ORGANIZATION, "Block Public Access refuses it")
    assert exposed(None).row("anonymous").refused.unless == ("an ACL grants it",)


def test_no_acl_passes_a_deny_of_everybody() -> None:
    everybody = policy(statement("Deny", "*"))
    assert exposed(everybody).row("anonymous").refused.unless == ()
    assert exposed(everybody).at("198.51.100.9", "other-account").unless == ()


def test_the_moment_is_named_where_a_policy_names_one() -> None:
    later = statement("Deny", "*", DateLessThan={"aws:CurrentTime": "2033-01-01T00:00:00Z"})
    found = exposed(policy(statement(), later))
    [said] = found.row("presigned").refused.unless
    assert said.startswith("it comes after 20")
    assert found.at("198.51.100.9", "presigned").unless == (said,)
    moment = ["aws:CurrentTime=2032-01-01T00:00:00Z"]
    assert exposed(policy(statement(), later), facts=moment).row("presigned").refused.unless == ()


@pytest.mark.parametrize(("has_kms_key", "is_named"), [(None, True), (True, True), (False, False)])
def test_refusals_by_the_encryption_of_an_object_are_named(
    has_kms_key: bool | None, is_named: bool
) -> None:
    """An object need not have the default of its bucket,
    so the answers stay those of the policies.
    """
    found = exposure(has_kms_key=has_kms_key)
    assert found.row("anonymous").word == "opened"
    assert ("a KMS key encrypts the object" in found.row("anonymous").opened.unless) is is_named
    assert "a KMS key encrypts the object" not in found.row("presigned").opened.unless
    old = statement("Deny", "*", StringNotEquals={"s3:signatureversion": "AWS"})
    by_version_2 = exposure(policy(statement(), old), has_kms_key=has_kms_key).row("presigned")
    assert ("a KMS key encrypts the object" in by_version_2.opened.unless) is is_named


@pytest.mark.parametrize(
    "values",
    [{"restricts_public": True}, {"account_restricts_public": True}],
    ids=["bucket", "account"],
)
def test_it_refuses_everybody_but_the_accounts_own_signers(values: dict[str, Any]) -> None:
    found = exposure(**values)
    for kind in ("anonymous", "other-account"):
        assert found.row(kind).refused.cidrs == ("0.0.0.0/0", "::/0")
        assert found.row(kind).refused.other_endpoints
        assert found.row(kind).refused.decided_by == ("Block Public Access",)
    assert found.row("presigned").opened.cidrs == ("0.0.0.0/0", "::/0")


def test_without_it_a_public_policy_opens() -> None:
    found = exposure(account_restricts_public=False)
    assert found.row("anonymous").opened.cidrs == ("0.0.0.0/0", "::/0")


def test_a_proof_needs_no_guard_against_signers_that_it_refuses() -> None:
    text = policy(statement(), OWN_SIGNERS_ONLY)
    assert exposure_under(locks(text)).proves(CLAIM).proved is False
    assert exposure_under(locks(text, restricts_public=True)).proves(CLAIM).proved is True


def test_a_grant_to_principals_of_an_account_is_no_proof_that_it_refuses_them() -> None:
    """The guide does not say whether such a grant is public, and S3 was not asked:
    nothing is proved.
    """
    partner = statement(StringEquals={"aws:PrincipalAccount": "444455556666"})
    found = exposure(policy(partner, OWN_SIGNERS_ONLY), restricts_public=True)
    assert found.row("other-account").opened.cidrs == ("0.0.0.0/0", "::/0")
    assert found.proves(CLAIM).proved is False


def test_a_guard_opens_nobody_that_it_refuses() -> None:
    before = locks(restricts_public=True)
    guarded = exposure_under(replace(before, policy=policy(statement(), GUARD)))
    anonymous = next(
        row for row in guarded.diff(exposure_under(before)) if row.request == "anonymous"
    )
    assert not anonymous.changes
    assert anonymous.after.refused.decided_by == ("Block Public Access",)


@pytest.mark.parametrize(
    ("status", "ours"), [(True, True), (False, True), (True, False), (False, False), (None, False)]
)
def test_the_verdict_of_s3_counts(status: bool | None, ours: bool) -> None:
    narrowed = statement("Deny", NotIpAddress={"aws:SourceIp": OFFICE})
    text = PUBLIC if ours else policy(statement(), narrowed)
    found = exposure(text, restricts_public=True, facts=Facts(policy_is_public=status))
    assert bool(found.row("anonymous").opened.cidrs) is not bool(status)
