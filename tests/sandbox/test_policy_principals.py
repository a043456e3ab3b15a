"""Bucket policies that name users and roles: those that exist,
and what becomes of them when they are deleted.
"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError


def policy(principal):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "S", "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
         "Resource": "arn:aws:s3:::principals/*"}]})  # fmt: skip


@pytest.fixture(scope="module")
def s3(box):
    box.client("s3").create_bucket(Bucket="principals")
    box.client("s3").delete_public_access_block(Bucket="principals")
    box.client("s3").put_object(Bucket="principals", Key="k", Body=b"x")
    return box.client("s3")


HERE = "arn:aws:iam::111122223333"


@pytest.mark.parametrize("principal", [
    "*", {"AWS": "*"}, {"AWS": "111122223333"}, {"AWS": f"{HERE}:root"}, {"AWS": f"{HERE}:role/GroundTruthExecution"},
    {"AWS": [f"{HERE}:user/sandbox-admin", "999988887777"]}, {"Service": "logging.s3.amazonaws.com"},
    {"AWS": "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/session"},
    {"AWS": "arn:aws:iam::999988887777:role/theirs"}, {"CanonicalUser": "a" * 64},
])  # fmt: skip
def test_principals_that_exist(s3, principal):
    s3.put_bucket_policy(Bucket="principals", Policy=policy(principal))


@pytest.mark.parametrize("principal", [
    {"AWS": f"{HERE}:role/none"}, {"AWS": f"{HERE}:user/none"}, {"AWS": f"{HERE}:role/*"},
    {"AWS": f"{HERE}:role/other/GroundTruthExecution"}, {"AWS": "nobody"}, {"AWS": ["*", f"{HERE}:user/none"]},
    {"AWS": "AIDA0123456789ABCDEF0"}, "nobody", {"AWS": 5},
    {"AWS": "arn:aws:sts::111122223333:assumed-role/none/session"},
])  # fmt: skip
def test_principals_that_do_not(s3, principal):
    with pytest.raises(ClientError, match="Invalid principal in policy") as caught:
        s3.put_bucket_policy(Bucket="principals", Policy=policy(principal))
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"


@pytest.mark.parametrize("kind", ["user", "role"])
def test_a_deleted_principal_is_shown_by_its_id(box, s3, kind):
    iam, name = box.client("iam"), f"leaving-{kind}"

    def create():
        if kind == "user":
            return iam.create_user(UserName=name)["User"]
        trust = json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}})  # fmt: skip
        return iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]

    made = create()
    s3.put_bucket_policy(Bucket="principals", Policy=policy({"AWS": made["Arn"]}))
    with pytest.raises(ClientError):
        iam.delete_user(UserName="not-there")
    if kind == "user":
        key = iam.create_access_key(UserName=name)["AccessKey"]
        assert box.client("s3", key).get_object(Bucket="principals", Key="k")["Body"].read() == b"x"
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)
    else:
        iam.delete_role(RoleName=name)
    shown = s3.get_bucket_policy(Bucket="principals")["Policy"]
    assert json.loads(shown)["Statement"][0]["Principal"]["AWS"] == made[f"{kind.title()}Id"]
    with pytest.raises(ClientError, match="Invalid principal"):
        s3.put_bucket_policy(Bucket="principals", Policy=shown)
    create()  # of the same name, and another one
    if kind == "user":
        key = iam.create_access_key(UserName=name)["AccessKey"]
        with pytest.raises(ClientError, match="AccessDenied"):
            box.client("s3", key).get_object(Bucket="principals", Key="k")


def test_a_deny_of_everybody_else_spares_whoever_is_named_by_every_arn(box, s3):
    role, session = (
        f"{HERE}:role/GroundTruthExecution",
        "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/ann",
    )
    keys = box.client("sts").assume_role(RoleArn=role, RoleSessionName="ann")["Credentials"]
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::principals/*"}
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": role},
        "Action": "s3:GetObject",
        "Resource": deny["Resource"],
    }

    def opened(*named):
        statements = [allow, {**deny, "NotPrincipal": {"AWS": list(named)}}]
        document = {"Version": "2012-10-17", "Statement": statements if named else [allow]}
        s3.put_bucket_policy(Bucket="principals", Policy=json.dumps(document))
        try:
            box.client("s3", keys).get_object(Bucket="principals", Key="k")
        except ClientError as error:
            return error.response["Error"]["Code"] != "AccessDenied"
        return True

    assert opened()
    assert opened(session, role, "111122223333")
    assert opened(session, role, f"{HERE}:root")
    assert not opened(session, role)
    assert not opened(role, "111122223333")
    assert not opened(session, "111122223333")
    s3.delete_bucket_policy(Bucket="principals")
