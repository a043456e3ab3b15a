"""Policy variables: in identity, bucket and session policies,
with defaults and literal wildcards.
"""

from __future__ import annotations

import itertools
import json

import pytest
from botocore.exceptions import ClientError

from .conftest import ROLE

NAMES = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def objects(box):
    for key in ("home/ann/a.png", "home/bob/a.png", "home/*/a.png", "home/nobody/a.png"):
        box.client("s3").put_object(Bucket="gt-images", Key=key, Body=b"x")


def reads(box, keys, key):
    try:
        box.client("s3", keys).get_object(Bucket="gt-images", Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True


def statement(resource, effect="Allow", **more):
    return {
        "Effect": effect,
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::gt-images/{resource}",
        **more,
    }


@pytest.mark.parametrize(
    ("resource", "opened"),
    [
        ("home/${aws:username}/*", {"home/NAME/a.png"}),
        ("home/${AWS:UserName}/*", {"home/NAME/a.png"}),
        ("home/${aws:PrincipalTag/team, 'nobody'}/*", {"home/nobody/a.png"}),
        ("home/${aws:PrincipalTag/team}/*", set()),
        ("home/${*}/a.png", {"home/*/a.png"}),
        (
            "home/*/a.png",
            {"home/NAME/a.png", "home/bob/a.png", "home/*/a.png", "home/nobody/a.png"},
        ),
        ("home/${aws:TagKeys}/*", set()),
    ],
)
def test_in_the_resource_of_an_identity_policy(box, resource, opened):
    name = f"ann{next(NAMES)}"
    box.client("s3").put_object(Bucket="gt-images", Key=f"home/{name}/a.png", Body=b"x")
    keys = box.keys(statement(resource), name=name)
    tried = {f"home/{name}/a.png", "home/bob/a.png", "home/*/a.png", "home/nobody/a.png"}
    assert {key.replace(name, "NAME") for key in tried if reads(box, keys, key)} == opened


def test_in_a_deny(box):
    name = f"ann{next(NAMES)}"
    box.client("s3").put_object(Bucket="gt-images", Key=f"home/{name}/a.png", Body=b"x")
    keys = box.keys(statement("*"), statement("home/${aws:username}/*", "Deny"), name=name)
    assert not reads(box, keys, f"home/{name}/a.png")
    assert reads(box, keys, "home/bob/a.png")


@pytest.mark.parametrize(
    ("value", "opened"), [("${aws:userid}", True), ("x${aws:userid}", False), ("${no:key}", False)]
)
def test_in_a_condition(box, value, opened):
    keys = box.keys(statement("*", Condition={"StringEquals": {"aws:userid": value}}))
    assert reads(box, keys, "home/bob/a.png") is opened


def test_a_value_with_a_wildcard_is_literal(box):
    iam, keys = (
        box.client("iam"),
        box.keys(statement("home/${aws:PrincipalTag/team}/*"), name="wild"),
    )
    iam.tag_user(UserName="wild", Tags=[{"Key": "team", "Value": "*"}])
    assert reads(box, keys, "home/*/a.png")
    assert not reads(box, keys, "home/bob/a.png")


@pytest.mark.parametrize(("who", "opened"), [("bob", True), ("ann", False)])
def test_under_a_session_policy(box, who, opened):
    policy = {
        "Version": "2012-10-17",
        "Statement": [statement(f"home/{who}/*"), statement("home/${aws:username}/*")],
    }
    keys = box.client("sts").assume_role(
        RoleArn=ROLE, RoleSessionName="bob", Policy=json.dumps(policy)
    )["Credentials"]
    assert reads(box, keys, "home/bob/a.png") is opened
    policy["Statement"] = [statement("home/${aws:PrincipalAccount}/*"), statement("*", Condition={
        "StringLike": {"aws:userid": ["*:${aws:PrincipalTag/none, 'bob'}"]}})]  # fmt: skip
    keys = box.client("sts").assume_role(
        RoleArn=ROLE, RoleSessionName=who, Policy=json.dumps(policy)
    )["Credentials"]
    assert reads(box, keys, "home/bob/a.png") is opened
