"""Role sessions: who may have one, and what their session policy must look like."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from .conftest import ELSEWHERE, OFFICE, ROLE


def refused(client, **more):
    with pytest.raises(ClientError) as caught:
        client.assume_role(RoleArn=ROLE, RoleSessionName="tester", **more)
    return caught.value.response["Error"]


@pytest.mark.parametrize("chained", [False, True])
def test_the_role_can_be_assumed_by_the_caller_and_by_itself(box, chained):
    sts = box.client("sts", box.assume() if chained else None)
    answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="again", DurationSeconds=3600)
    arn = box.client("sts", answer["Credentials"]).get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/again"


@pytest.mark.parametrize(
    ("policy", "code"),
    [("{", "MalformedPolicyDocument"), (json.dumps({"Statement": "x" * 2048}), "ValidationError")],
)
def test_session_policies_are_checked(box, policy, code):
    assert refused(box.client("sts"), Policy=policy)["Code"] == code


def test_who_is_not_trusted_gets_no_session(box):
    keys = box.keys(
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}, name="untrusted"
    )
    assert refused(box.client("sts", keys))["Code"] == "AccessDenied"
    keys = box.keys({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, name="unpermitted")
    assert (
        "no identity-based policy allows the sts:AssumeRole action"
        in refused(box.client("sts", keys))["Message"]
    )


def test_a_trust_policy_may_ask_for_an_address(box):
    trust = {"Statement": {
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/sandbox-admin"},
        "Action": "sts:AssumeRole", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    }}  # fmt: skip
    box.client("iam").create_role(RoleName="OfficeOnly", AssumeRolePolicyDocument=json.dumps(trust))
    ask = {
        "RoleArn": ROLE.replace("GroundTruthExecution", "OfficeOnly"),
        "RoleSessionName": "tester",
    }
    assert box.client("sts", source=OFFICE).assume_role(**ask)
    with pytest.raises(ClientError, match="AccessDenied"):
        box.client("sts", source=ELSEWHERE).assume_role(**ask)
