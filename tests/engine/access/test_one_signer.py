"""The question about one signer, whose own policies count as far as they were read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.exposure_text import exposure_html, exposure_text
from gt_secure.engine.access.identities import Principals, principals_of
from gt_secure.engine.access.locks import EffectiveLocks, locks_of_policies
from gt_secure.engine.access.one_signer import locks_for_signer
from gt_secure.engine.access.part import NotRead
from gt_secure.engine.access.signers import signers_of
from support.answers import ACCOUNT

OFFICE, INSIDE, ELSEWHERE = "203.0.113.0/24", "203.0.113.7", "198.51.100.9"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TAGGED = {**READ, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}
GUARD = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"],
    "Condition": {
        "NotIpAddress": {"aws:SourceIp": OFFICE},
        "StringEquals": {"s3:authType": ["REST-QUERY-STRING", "POST"]},
        "StringNotEquals": {"aws:username": "uploader"},
    },
}


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{name}"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def inline(*statements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"PolicyName": "own", "PolicyDocument": policy(*statements)}]


def user(name: str, *statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = {"Arn": arn(f"user/{name}"), "UserId": f"AIDA{name.upper()}"}
    return {**found, "UserPolicyList": inline(*statements) if statements else [], **more}


GONE = [{"PolicyArn": arn("policy/gone"), "PolicyName": "gone"}]
TRUST = policy(
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
)
DETAILS = {
    "UserDetailList": [
        user("uploader", READ),
        user("poor"),
        user("half", AttachedManagedPolicies=GONE),
        user("red", TAGGED, Tags=[{"Key": "team", "Value": "red"}]),
        user("blue", TAGGED, Tags=[{"Key": "team", "Value": "blue"}]),
        user("bound", READ, PermissionsBoundary={"PermissionsBoundaryArn": arn("policy/none")}),
    ],
    "RoleDetailList": [
        {
            "Arn": arn("role/app"),
            "RoleId": "AROAAPP",
            "RolePolicyList": inline(READ),
            "AssumeRolePolicyDocument": TRUST,
        }
    ],
    "GroupDetailList": [],
    "Policies": [
        {
            "Arn": arn("policy/none"),
            "DefaultVersionId": "v1",
            "PolicyVersionList": [
                {
                    "VersionId": "v1",
                    "IsDefaultVersion": True,
                    "Document": policy({**READ, "Action": "s3:List*"}),
                }
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def people() -> Principals:
    return principals_of([DETAILS])


@pytest.fixture(scope="module")
def locks() -> EffectiveLocks:
    return locks_of_policies("gt-images", json.dumps(policy(GUARD)), ACCOUNT)


ANSWERS = {
    "user/uploader": ("opened", "opened"),
    "user/poor": ("refused", "refused"),
    "user/half": ("refused", "unknown"),
    "user/red": ("refused", "opened"),
    "user/blue": ("refused", "refused"),
    "user/bound": ("refused", "refused"),
    "role/app": ("refused", "opened"),
    "root": ("refused", "opened"),
}
"""Signers, with their answers from elsewhere and from the office."""


@pytest.mark.parametrize("name", ANSWERS)
def test_the_own_policies_of_one_signer_count(
    name: str, locks: EffectiveLocks, people: Principals
) -> None:
    exposure = Exposure(locks_for_signer(locks, arn(name), people), "k.png")
    answers = tuple(exposure.at(each, "presigned").answer for each in (ELSEWHERE, INSIDE))
    assert answers == ANSWERS[name]
    assert exposure.requests == ("presigned", "header", "post-form")
    row = exposure.row("presigned")
    listed = {each.arn: each for each in signers_of(Exposure(locks, "k.png"), people).refused}
    listed |= {each.arn: each for each in signers_of(Exposure(locks, "k.png"), people)}
    if name != "root":
        assert (row.word, row.opened.where) == (
            listed[arn(name)].answer,
            listed[arn(name)].opened.where,
        )
    assert arn(name) in exposure_text(exposure)
    assert arn(name) in exposure_html(exposure)
    assert exposure.to_dict()["signer"] == arn(name)


def test_a_signer_whose_policies_nobody_could_read_is_never_opened(locks: EffectiveLocks) -> None:
    action = "iam:GetAccountAuthorizationDetails"
    denied = NotRead("the users and roles", action, "denied", "It was denied.")
    asked = Exposure(locks_for_signer(locks, arn("user/other"), denied), "k.png")
    inside = asked.at(INSIDE, "presigned")
    assert (inside.answer, inside.depends_on) == ("unknown", (action,))
    assert asked.at(ELSEWHERE, "presigned").answer == "refused"
    assert asked.row("presigned").opened.is_empty
    assert asked.missing == (action,)


def test_without_the_users_of_the_account_its_own_policies_allow_everything(
    locks: EffectiveLocks,
) -> None:
    asked = Exposure(locks_for_signer(locks, arn("user/poor")), "k.png")
    assert asked.at(INSIDE, "presigned").answer == "opened"
    assert "a policy of the signer" in asked.at(INSIDE, "presigned").unless[0]


def test_a_permission_that_was_assumed_is_no_statement_of_a_policy(
    locks: EffectiveLocks, people: Principals
) -> None:
    """A person looks for the statement in the policy that a reason names."""
    read = Exposure(locks_for_signer(locks, arn("role/app"), people), "k.png")
    nobody = Exposure(locks_for_signer(locks, arn("role/app")), "k.png")
    reasons = [each.at(INSIDE, "presigned").reason for each in (read, nobody, Exposure(locks, "k"))]
    assumed = (
        "Full permission of the signer was assumed, because not every identity policy was read."
    )
    assert reasons == ["Statement 1 of the identity policy allows it.", assumed, assumed]


@pytest.mark.parametrize(
    ("signer", "message"),
    [
        ("uploader", '"uploader" is not the ARN of one role or user.'),
        ("", "An empty signer is not the ARN of one role or user."),
        (arn("user/*"), "is not the ARN of one role or user."),
        (arn("group/team"), "is not the ARN of one role or user."),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/app/work", "is one session"),
        ("arn:aws:iam::444455556666:user/ann", f"is not in account {ACCOUNT} of the bucket."),
        (f"arn:aws-cn:iam::{ACCOUNT}:user/ann", f"is not in account {ACCOUNT} of the bucket."),
        (arn("user/none"), f'No user or role with the ARN "{arn("user/none")}" was found.'),
    ],
)
def test_a_bad_signer_is_an_error_that_says_what_to_type(
    signer: str, message: str, locks: EffectiveLocks, people: Principals
) -> None:
    with pytest.raises(InvalidInput) as error:
        locks_for_signer(locks, signer, people)
    assert message in error.value.message
    assert error.value.next_step.startswith("Write ")


def test_a_signer_is_given_once(locks: EffectiveLocks) -> None:
    given = {"aws:principalarn": (arn("user/ann"),)}
    twice = replace(locks, facts=replace(locks.facts, values=given))
    with pytest.raises(InvalidInput, match="aws:PrincipalArn was given too"):
        locks_for_signer(twice, arn("user/ann"))
