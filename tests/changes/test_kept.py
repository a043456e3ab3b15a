"""A plan asks about those who must keep working, and stops where nobody could change it back."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from gt_secure.aws.client import Aws
from gt_secure.changes.plan import Plan, plan
from gt_secure.restriction.model import Restriction
from support.states import data_bucket, state

pytestmark = pytest.mark.usefixtures("known_texts")

NO_AWS = cast(Aws, None)  # a state is given, so nothing is called
ACCOUNT = state().account_id
CI = f"arn:aws:iam::{ACCOUNT}:role/ci"
BOTH = ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]
SPARED = {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/admin"}}


def made(*statements: dict[str, Any], **more: Any) -> Plan:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [*statements]}) if statements else None  # fmt: skip
    wish = {"bucket": "gt-images", "addresses": ["203.0.113.0/24"], "keep": CI}
    return plan(NO_AWS, Restriction(**(wish | more)), state=state(bucket=data_bucket(policy=policy)))  # fmt: skip


def deny(action: str, **condition: Any) -> dict[str, Any]:
    found = {"Condition": condition} if condition else {}
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": BOTH, **found}


def told(one: Plan) -> dict[str, str]:
    codes = ("refuses-kept", "kept-unknown", "nobody-changes-policy")
    return {each.code: each.text for each in one.notices if each.code in codes}


def test_the_guard_refuses_nobody_who_works_here() -> None:
    assert told(made()) == {}


@pytest.mark.parametrize(
    ("statement", "asked", "said"),
    [
        (deny("s3:ListBucket", **SPARED), ["refuses-kept"], f"{CI}, s3:ListBucket: Statement 1"),
        (deny("s3:GetObject", NotIpAddress={"aws:SourceIp": "203.0.113.0/24"}), ["refuses-kept"], "198.51.100.9"),
        (deny("s3:PutBucketPolicy"), ["refuses-kept", "nobody-changes-policy"], "The way back is the root user"),
        (deny("s3:PutBucketPolicy", **SPARED), ["refuses-kept"], "s3:PutBucketPolicy"),
    ],
)  # fmt: skip
def test_whom_a_plan_would_refuse_is_asked_about(
    statement: dict[str, Any], asked: list[str], said: str
) -> None:
    one = made(statement)
    assert {*asked} == {*told(one)} <= {each.code for each in one.asks}
    assert said in " ".join(told(one).values())


def test_nobody_is_left_stops_also_without_somebody_to_keep() -> None:
    one = made(deny("s3:PutBucketPolicy"), keep=())
    assert {*told(one)} == {"nobody-changes-policy"}
    assert [each.code for each in one.blockers] == ["nobody-changes-policy"]


def test_what_is_unknown_is_said_and_not_asked() -> None:
    statement = deny("s3:*", StringNotEquals={"aws:PrincipalTag/team": "x"})
    said = "Whether principals who must keep working would be refused is unknown"
    assert told(made(statement)) == {"kept-unknown": f"{said}: {CI} (aws:PrincipalTag/team)."}
    assert told(made(statement, facts={"aws:PrincipalTag/team": "x"})) == {}
