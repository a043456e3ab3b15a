"""One model: the plan, the table of sources and the exposure give the same answer,
and unknown is never certain.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import cast

import pytest

from gt_secure.aws.client import Aws
from gt_secure.changes.plan import plan
from gt_secure.engine.iam.facts import supplied_facts
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.expectations import expect
from gt_secure.restriction.model import Restriction
from support.answers import answer_of, exposed
from support.opened import opened_by
from support.states import ENDPOINT, FORCE, TEAM, data_bucket, exposure_of, state

NO_AWS = cast(Aws, None)
VPC = "vpc-0a1b2c3d"
ALLOW = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::gt-images/*",
}


def deny(condition):
    base = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
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
    "owner": deny(
        {"StringNotEqualsIfExists": {"aws:VpceOrgID": "o-a"}, "Null": {"aws:SourceVpce": "false"}}
    ),
    "vpc": deny({"StringNotEquals": {"aws:SourceVpc": VPC}}),
    "guard": json.dumps(
        {"Statement": [build_guard("gt-images", networks=["203.0.113.0/24"], endpoints=[ENDPOINT])]}
    ),
}
SOURCES = ["203.0.113.7", "198.51.100.9", "2001:db8::7", ENDPOINT]


def answers(policy, source, lock=None):
    """Return the answer of the worker's row and of its answer at one source."""
    seen = state(bucket=data_bucket(policy=policy), team=replace(TEAM, url_lock=lock or UrlLock()))
    exposure = exposure_of(seen)
    answer = exposure.at(source, "worker")
    assert bool(answer.depends_on) == (answer.answer == "unknown")
    assert answer.lock or answer.answer != "refused"
    return answer_of(exposure.row("worker").to_dict(), source), answer.answer


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", list(POLICIES))
def test_the_sets_and_the_answer_agree(name, source):
    by_set, at = answers(POLICIES[name], source)
    assert by_set == at


@pytest.mark.parametrize("source", SOURCES[:3])
@pytest.mark.parametrize("name", list(POLICIES))
def test_policy_files_agree_with_them(name, source):
    row = exposed(POLICIES[name], facts=["aws:RequestedRegion=us-east-1"]).row("presigned")
    assert answer_of(row.to_dict(), source) == answers(POLICIES[name], source)[1]


def test_an_endpoint_without_an_address_under_the_url_lock():
    on = UrlLock(source_ip=False, vpc_source_ip=True)
    assert answers(None, ENDPOINT, on) == ("opened", "opened")
    assert answers(None, "203.0.113.7", on) == ("refused", "refused")


def made(policy, hits=None, **more):
    seen = state(bucket=data_bucket(policy=policy), workforce=FORCE)
    values = {
        "team": "radiology-team",
        "addresses": ["203.0.113.0/24"],
        "bucket": "gt-images",
        "prefix": "scans/",
    }
    return plan(NO_AWS, Restriction(**(values | more)), state=seen, hits=hits)


@pytest.mark.parametrize("expected", ["refused", "opened"])
def test_an_expectation_that_is_unknown_does_not_hold(expected):
    wanted = (
        expect.refused("198.51.100.9") if expected == "refused" else expect.allowed("203.0.113.7")
    )
    result = made(
        PERIMETER, guard=None, addresses=(), prefix="", expectations=[wanted]
    ).expectations
    assert [(each.answers[0].answer, each.proved) for each in result] == [("unknown", None)]


def test_a_plan_names_what_its_answers_depend_on():
    notice = next(each for each in made(PERIMETER).notices if each.code == "depends-on-facts")
    assert notice.severity == "warning"
    assert "aws:PrincipalOrgID" in notice.text
    assert not [each for each in made(None).notices if each.code == "depends-on-facts"]


def test_a_prediction_that_the_log_contradicts_is_a_blocker():
    refuse_all = deny({"Bool": {"aws:SecureTransport": "true"}})
    contradicted = made(refuse_all, hits=opened_by("203.0.113.7"))
    assert "prediction-contradicts-log" in {each.code for each in contradicted.blockers}
    assert "refuses-labeler" in {
        each.code for each in made(PERIMETER, hits=opened_by("198.51.100.9")).blockers
    }


def test_the_path_of_a_role_counts() -> None:
    """A session's ARN leaves the path out, and ``aws:PrincipalArn`` has it."""
    policy = deny({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/service-role/*"}})
    for path, answer in (("service-role/", "opened"), ("", "refused")):
        role = f"arn:aws:iam::111122223333:role/{path}GroundTruth"
        seen = state(
            bucket=data_bucket(policy=policy), facts=supplied_facts({"aws:PrincipalArn": role})
        )
        assert exposure_of(seen, "k").at("203.0.113.7", "presigned").answer == answer


@pytest.mark.parametrize(
    ("principals", "answer"),
    [
        (
            {"Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/GroundTruth/anna"}},
            "unknown",
        ),
        ({"Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/Another/anna"}}, "opened"),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:role/GroundTruth"}}, "refused"),
    ],
)
def test_the_name_of_a_session_is_not_known(principals, answer) -> None:
    statement = {
        "Effect": "Deny",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::gt-images/*",
        **principals,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = "arn:aws:iam::111122223333:role/GroundTruth"
    seen = state(
        bucket=data_bucket(policy=policy), facts=supplied_facts({"aws:PrincipalArn": role})
    )
    outcome = exposure_of(seen, "k").at("203.0.113.7", "presigned")
    assert outcome.answer == answer
    assert outcome.depends_on == (("aws:userid",) if answer == "unknown" else ())


def test_a_canonical_user_that_may_be_the_account_is_unknown() -> None:
    canonical = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
    statement = {
        "Effect": "Allow",
        "Principal": {"CanonicalUser": canonical},
        "Action": "s3:GetObject",
    }
    statement["Resource"] = "arn:aws:s3:::gt-images/*"
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    rows = {row.request: row.to_dict() for row in exposed(text, "k")}
    # the account's own policies allow it
    assert rows["presigned"]["opened"]["cidrs"] == [
        "0.0.0.0/0",
        "::/0",
    ]
    assert rows["other-account"]["opened"]["cidrs"] == ["0.0.0.0/0", "::/0"]
    assert rows["other-account"]["opened"]["when"] == [
        "with some values of the canonical user ID of the signer's account"
    ]
    assert rows["anonymous"]["refused"]["cidrs"] == ["0.0.0.0/0", "::/0"]
    rows = {row.request: row.to_dict() for row in exposed(text.replace('"Allow"', '"Deny"'), "k")}
    assert rows["presigned"]["unknown"]["depends_on"] == [
        "the canonical user ID of the signer's account"
    ]
