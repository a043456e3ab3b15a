"""What can be read of an account beside its policies reaches the plan,
the exposure and the proof.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import pytest

from gt_secure import Restriction
from gt_secure.account.fact_reader import _FactReader
from gt_secure.account.organization import Organization
from gt_secure.aws.client import Aws
from gt_secure.changes.plan import plan
from gt_secure.engine.access import Proof
from gt_secure.engine.access.key_classes import Listing
from gt_secure.engine.access.part import NotRead, Part
from gt_secure.engine.iam.facts import Facts
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.claim import claim_from
from support.organizations import no_organization
from support.states import (
    ENDPOINT,
    JOB,
    S3_ENDPOINT,
    TEAM,
    data_bucket,
    exposure_of,
    state,
    unread,
    with_parts,
)

ROLE = "arn:aws:iam::111122223333:role/GroundTruth"
UNREAD = unread("ec2:DescribeVpcEndpoints", "VPC endpoints")
EVERYWHERE = ("0.0.0.0/0", "::/0")


def deny(condition: dict[str, Any]) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
    )


class Account:
    """An account that reads as the test says."""

    def __init__(self) -> None:
        self.seen = state(jobs=(replace(JOB, role_arn=ROLE),), organization=no_organization())
        self.aws: Aws = None  # type: ignore[assignment]

    def policy(self, text: str | None) -> None:
        self.seen = replace(self.seen, bucket=data_bucket(policy=text))

    def has(self, **facts: Any) -> None:
        self.seen = replace(self.seen, facts=Facts(**facts))

    def rows(self) -> dict[str, Any]:
        return {row.request: row for row in exposure_of(self.seen)}

    def proof(self, claim: Restriction) -> Proof:
        return exposure_of(self.seen).proves(claim_from(claim))


@pytest.fixture
def account() -> Account:
    return Account()


def test_the_tags_of_the_role_are_used(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.policy(deny({"StringNotEquals": {"aws:PrincipalTag/team": "radiology"}}))
    account.has(values={"aws:principaltag/team": ("radiology",)})
    rows = account.rows()
    assert rows["worker"].opened.cidrs == rows["presigned"].opened.cidrs == EVERYWHERE
    restriction = Restriction(
        "radiology-team", addresses=["203.0.113.0/24"], bucket="gt-images", prefix="scans/"
    )
    monkeypatch.setattr(
        sys.modules["gt_secure.changes.plan"], "read_state", lambda *_: account.seen
    )
    keys = Listing(("scans/a.png",), complete=True)
    monkeypatch.setattr("gt_secure.changes.rules.bucket.listing_of", lambda *_: lambda _: keys)
    made = plan(account.aws, restriction)
    exposed = {change.request: change for change in made.exposure}
    assert exposed["worker"].before.opened.cidrs == EVERYWHERE
    assert not [notice for notice in made.notices if notice.code == "depends-on-facts"]


def test_what_may_not_be_read_is_listed(account: Account) -> None:
    account.policy(deny({"StringNotEquals": {"aws:PrincipalTag/team": "radiology"}}))
    account.has(missing=("iam:ListRoleTags",))
    hidden = NotRead(
        "the organization", "organizations:DescribeOrganization", "denied", "This role may not."
    )
    account.seen = replace(account.seen, organization=Organization(*[Part.unread(hidden)] * 5))
    account.seen = with_parts(account.seen, endpoints=UNREAD)
    exposure = exposure_of(account.seen)
    assert exposure.missing == (
        "iam:ListRoleTags",
        "organizations:DescribeOrganization",
        "ec2:DescribeVpcEndpoints",
    )
    assert exposure.to_dict()["missing_permissions"] == list(exposure.missing)
    assert exposure.rows[0].unknown.depends_on == ("aws:PrincipalTag/team",)


def test_endpoints_that_could_not_be_read_are_unknown(account: Account) -> None:
    account.policy(None)
    account.seen = with_parts(account.seen, endpoints=UNREAD)
    row = account.rows()["presigned"]
    assert (row.opened.cidrs, row.opened.other_endpoints) == (EVERYWHERE, False)
    assert (row.unknown.other_endpoints, row.unknown.depends_on) == (
        True,
        ("ec2:DescribeVpcEndpoints",),
    )


@pytest.mark.parametrize(
    ("owner", "answer"), [("111122223333", "opened"), ("999988887777", "unknown")]
)
def test_the_owner_of_an_endpoint_is_a_fact(account: Account, owner: str, answer: str) -> None:
    account.policy(
        deny(
            {
                "StringNotEqualsIfExists": {"aws:VpceOrgID": "o-a1"},
                "Null": {"aws:SourceVpce": "false"},
            }
        )
    )
    keys = {"aws:vpceaccount": (owner,)} | (
        {"aws:vpceorgid": ("o-a1",)} if answer == "opened" else {}
    )
    account.has(endpoints={ENDPOINT: keys})
    row = account.rows()["presigned"]
    places = getattr(row, answer)
    assert ENDPOINT in places.endpoints or places.other_endpoints
    assert row.unknown.other_endpoints  # an endpoint of somebody else


def test_the_urls_of_a_team_meet_its_url_lock(account: Account) -> None:
    account.policy(None)
    on = replace(TEAM, url_lock=UrlLock(source_ip=True))
    account.seen = with_parts(account.seen, team=on)
    rows = account.rows()
    assert rows["worker"].opened.cidrs == EVERYWHERE
    assert rows["forwarded"].refused.cidrs == EVERYWHERE
    assert rows["forwarded"].refused.decided_by == ("URL lock",)
    account.seen = with_parts(account.seen, team=None)
    assert "worker" not in account.rows()


CLOSED = json.dumps(
    {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}
)


def test_the_policies_of_endpoints_and_of_the_organization_count(account: Account) -> None:
    account.policy(
        deny(
            {
                "StringNotEquals": {"aws:SourceVpce": ENDPOINT},
                "NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"},
            }
        )
    )
    restriction = Restriction(bucket="gt-images", prefix="scans/", addresses=["203.0.113.0/24"])
    assert account.proof(restriction).proved is False
    account.seen = with_parts(account.seen, endpoints=(replace(S3_ENDPOINT, policy_text=CLOSED),))
    assert ENDPOINT not in account.rows()["presigned"].opened.endpoints
    assert account.proof(restriction).proved is True
    account.policy(None)
    rcp = {
        "Version": "2012-10-17",
        "Statement": [json.loads(deny({"Bool": {"aws:ViaAWSService": "false"}}))["Statement"][0]],
    }
    organization = replace(no_organization(), id=Part.of("o-a1"), rcp=Part.of((rcp,)))
    account.seen = replace(account.seen, organization=organization)
    assert account.rows()["presigned"].refused.cidrs == EVERYWHERE
    assert account.proof(restriction).proved is True


class Tagged:
    """A bucket with tags, as S3 tells of it."""

    partition = "aws"

    def __init__(self, status: str) -> None:
        self.status, self.calls = status, 0

    def client(self, _service: str, _region: str) -> Tagged:
        return self

    def get_bucket_abac(self, Bucket: str) -> dict[str, Any]:
        self.calls += 1
        return {"AbacStatus": {"Status": self.status}} if self.status else {}

    def get_bucket_tagging(self, Bucket: str) -> dict[str, Any]:
        return {"TagSet": [{"Key": "Class", "Value": "open"}]}


@pytest.mark.parametrize(("status", "expected"), [("Enabled", ("open",)), ("Disabled", ())])
@pytest.mark.parametrize("key", ["aws:resourcetag/class", "s3:buckettag/class"])
def test_tags_of_the_bucket_count_where_its_access_control_uses_them(
    status: str, expected: Any, key: str
) -> None:
    aws: Any = Tagged(status)
    reader = _FactReader(aws, data_bucket(), no_organization(), frozenset({key}))
    reader.read_bucket_tags()
    assert reader.facts().values == {key: expected}
    silent: Any = Tagged("")
    unknown = _FactReader(silent, data_bucket(), no_organization(), frozenset({key}))
    unknown.read_bucket_tags()
    assert (dict(unknown.facts().values), unknown.facts().missing) == ({}, ("s3:GetBucketAbac",))
    nobody_asks = _FactReader(aws, data_bucket(), no_organization(), frozenset({"aws:sourceip"}))
    calls = aws.calls
    nobody_asks.read_bucket_tags()
    assert (aws.calls, nobody_asks.facts().values) == (calls, {})
