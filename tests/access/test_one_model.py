"""One model: the plan, the table of sources and the exposure give the same answer, and unknown is never certain."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import cast

import pytest

from gt_secure.access.locks import EffectiveLocks
from gt_secure.access.policy_files import PolicyFiles, exposure_dict
from gt_secure.access.who_can_open import who_can_open
from gt_secure.aws.client import Aws
from gt_secure.aws.teams import UrlLock
from gt_secure.changes.plan import plan
from gt_secure.iam.facts import parse_facts, supplied_facts
from gt_secure.network import Source, parse_stored_cidrs
from gt_secure.policies.bucket_guard import build_guard
from gt_secure.restriction.expectations import expect
from gt_secure.restriction.model import Restriction
from support.states import BUCKET, ENDPOINT, FORCE, TEAM, state

NO_AWS = cast(Aws, None)
VPC = "vpc-0a1b2c3d"
ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*"}


def deny(condition):
    base = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-images/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**base, "Condition": condition}]})


PERIMETER = deny({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"}})
POLICIES = {
    "none": None,
    "organization": PERIMETER,
    "region": deny({"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}),
    "other region": deny({"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}),
    "tag": deny({"StringEquals": {"s3:ExistingObjectTag/secret": "yes"}}),
    "referer": deny({"StringNotLike": {"aws:Referer": "https://x.example/*"}}),
    "service": deny({"Bool": {"aws:ViaAWSService": "false"}}),
    "account": deny({"StringNotEquals": {"aws:ResourceAccount": "111122223333"}}),
    "owner": deny({"StringNotEqualsIfExists": {"aws:VpceOrgID": "o-a"}, "Null": {"aws:SourceVpce": "false"}}),
    "vpc": deny({"StringNotEquals": {"aws:SourceVpc": VPC}}),
    "guard": json.dumps({"Statement": [build_guard("gt-images", networks=["203.0.113.0/24"], endpoints=[ENDPOINT])]}),
}
SOURCES = ["203.0.113.7", "198.51.100.9", "2001:db8::7", ENDPOINT]
WORDS = {"allowed": "opened", "refused": "refused", "unknown": "unknown"}


def by_plan(policy, source, lock=None):
    team = replace(TEAM, url_lock=lock or UrlLock())
    seen = state(bucket=replace(BUCKET, policy_text=policy), team=team)
    place = Source.parse(source)
    return WORDS[EffectiveLocks.of(seen).worker(place, "scans/").decision]


def by_table(policy, source, lock=None):
    place = Source.parse(source)
    if place.is_endpoint:
        place = replace(place, vpc=VPC)
    (row,) = who_can_open(
        "gt-images",
        "scans/example.png",
        [place],
        forwarded_from=None,
        bucket_policy=policy,
        url_lock=lock,
        region="us-east-1",
    )
    data = row.to_dict()
    assert data["decided_by"] or data["answer"] != "refused"
    assert bool(data["depends_on"]) == (data["answer"] == "unknown")
    return data["answer"]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", list(POLICIES))
def test_the_plan_and_the_table_agree(name, source):
    assert by_plan(POLICIES[name], source) == by_table(POLICIES[name], source)


@pytest.mark.parametrize("source", SOURCES[:3])
@pytest.mark.parametrize("name", list(POLICIES))
def test_the_exposure_agrees_with_them(name, source):
    files = PolicyFiles(
        "gt-images", POLICIES[name], given=supplied_facts(parse_facts(["aws:RequestedRegion=us-east-1"]))
    )
    row = exposure_dict(files, "scans/example.png")["requests"][0]
    address = Source.parse(source).address
    answers = [each for each in ("opened", "refused", "unknown") if _holds(row[each]["cidrs"], address)]
    assert answers == [by_plan(POLICIES[name], source)]


def _holds(cidrs, address):
    return any(address in network for network in parse_stored_cidrs(cidrs) if network.version == address.version)


def test_an_endpoint_without_an_address_under_the_url_lock():
    on = UrlLock(source_ip=False, vpc_source_ip=True)
    assert by_plan(None, ENDPOINT, on) == by_table(None, ENDPOINT, "VpcSourceIp") == "opened"
    assert by_plan(None, "203.0.113.7", on) == by_table(None, "203.0.113.7", "VpcSourceIp") == "refused"


def made(policy, hits=None, **more):
    seen = state(bucket=replace(BUCKET, policy_text=policy), workforce=FORCE)
    values = {"team": "radiology-team", "addresses": ["203.0.113.0/24"], "bucket": "gt-images", "prefix": "scans/"}
    return plan(NO_AWS, Restriction(**(values | more)), state=seen, hits=hits)


@pytest.mark.parametrize("expected", ["refused", "allowed"])
def test_an_expectation_that_is_unknown_does_not_hold(expected):
    wanted = expect.refused("198.51.100.9") if expected == "refused" else expect.allowed("203.0.113.7")
    result = made(PERIMETER, guard=None, addresses=(), prefix="", expectations=[wanted]).expectations
    assert [(each.observed, each.holds) for each in result] == [("unknown", False)]


def test_a_plan_names_what_its_answers_depend_on():
    notice = next(each for each in made(PERIMETER).notices if each.code == "depends-on-facts")
    assert notice.severity == "warning"
    assert "aws:PrincipalOrgID" in notice.text
    assert not [each for each in made(None).notices if each.code == "depends-on-facts"]


def test_a_prediction_that_the_log_contradicts_is_a_blocker():
    refuse_all = deny({"Bool": {"aws:SecureTransport": "true"}})
    codes = {each.code for each in made(refuse_all, hits=["203.0.113.7"]).notices if each.severity == "blocker"}
    assert "prediction-contradicts-log" in codes
    codes = {each.code for each in made(PERIMETER, hits=["198.51.100.9"]).notices if each.severity == "blocker"}
    assert "refuses-labeler" in codes


def test_the_path_of_a_role_counts() -> None:
    """A session's ARN leaves the path out, and ``aws:PrincipalArn`` has it."""
    policy = deny({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/service-role/*"}})
    for path, answer in (("service-role/", "allowed"), ("", "refused")):
        role = f"arn:aws:iam::111122223333:role/{path}GroundTruth"
        by_fact = EffectiveLocks.of(
            state(bucket=replace(BUCKET, policy_text=policy), facts=supplied_facts({"aws:PrincipalArn": role}))
        )
        assert by_fact.presigned(Source.parse("203.0.113.7"), "k").decision == answer


@pytest.mark.parametrize(
    ("principals", "answer"),
    [
        ({"Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/GroundTruth/anna"}}, "unknown"),
        ({"Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/Another/anna"}}, "allowed"),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:role/GroundTruth"}}, "refused"),
    ],
)
def test_the_name_of_a_session_is_not_known(principals, answer) -> None:
    statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-images/*", **principals}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = "arn:aws:iam::111122223333:role/GroundTruth"
    locks = EffectiveLocks.of(
        state(bucket=replace(BUCKET, policy_text=policy), facts=supplied_facts({"aws:PrincipalArn": role}))
    )
    outcome = locks.presigned(Source.parse("203.0.113.7"), "k")
    assert outcome.decision == answer
    assert outcome.depends_on == (("aws:userid",) if answer == "unknown" else ())


def test_a_canonical_user_that_may_be_the_account_is_unknown() -> None:
    canonical = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
    statement = {"Effect": "Allow", "Principal": {"CanonicalUser": canonical}, "Action": "s3:GetObject"}
    statement["Resource"] = "arn:aws:s3:::gt-images/*"
    files = PolicyFiles("gt-images", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    rows = {row["request"]: row for row in exposure_dict(files, "k")["requests"]}
    assert rows["presigned"]["opened"]["cidrs"] == ["0.0.0.0/0", "::/0"]  # the account's own policies allow it
    assert rows["other-account"]["opened"]["cidrs"] == ["0.0.0.0/0", "::/0"]
    assert rows["other-account"]["opened"]["when"] == [
        "with some values of the canonical user ID of the signer's account"
    ]
    assert rows["anonymous"]["refused"]["cidrs"] == ["0.0.0.0/0", "::/0"]
    files = replace(files, bucket_policy=str(files.bucket_policy).replace('"Allow"', '"Deny"'))
    rows = {row["request"]: row for row in exposure_dict(files, "k")["requests"]}
    assert rows["presigned"]["unknown"]["depends_on"] == ["the canonical user ID of the signer's account"]
