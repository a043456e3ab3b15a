"""Role sessions: who may have one, for how long, and what their session policy must look like."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from .conftest import ELSEWHERE, OFFICE, ROLE


def refused(client, **more):
    with pytest.raises(ClientError) as caught:
        client.assume_role(RoleArn=ROLE, RoleSessionName="tester", **more)
    return caught.value.response["Error"]


@pytest.mark.parametrize(
    ("chained", "seconds", "message"),
    [
        (False, 3601, "exceeds the MaxSessionDuration set for this role"),
        (False, 43_201, "less than or equal to 43200"),
        (True, 3601, "1 hour session limit for roles assumed by role chaining"),
    ],
)
def test_sessions_are_limited(box, chained, seconds, message):
    found = refused(box.client("sts", box.assume() if chained else None), DurationSeconds=seconds)
    assert (found["Code"], message in found["Message"]) == ("ValidationError", True)


@pytest.mark.parametrize("chained", [False, True])
def test_the_role_can_be_assumed_by_the_caller_and_by_itself(box, chained):
    sts = box.client("sts", box.assume() if chained else None)
    answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="again", DurationSeconds=3600)
    arn = box.client("sts", answer["Credentials"]).get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/again"


def test_a_longer_role_may_last_longer(box):
    trust = {"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}
    box.client("iam").create_role(RoleName="Long", AssumeRolePolicyDocument=json.dumps(trust), MaxSessionDuration=7200)
    role = ROLE.replace("GroundTruthExecution", "Long")
    assert box.client("sts").assume_role(RoleArn=role, RoleSessionName="tester", DurationSeconds=7200)


@pytest.mark.parametrize(
    ("policy", "code"), [("{", "MalformedPolicyDocument"), (json.dumps({"Statement": "x" * 2048}), "ValidationError")]
)
def test_session_policies_are_checked(box, policy, code):
    assert refused(box.client("sts"), Policy=policy)["Code"] == code


def test_who_is_not_trusted_gets_no_session(box):
    keys = box.keys({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}, name="untrusted")
    assert refused(box.client("sts", keys))["Code"] == "AccessDenied"
    keys = box.keys({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, name="unpermitted")
    assert "no identity-based policy allows the sts:AssumeRole action" in refused(box.client("sts", keys))["Message"]


def test_a_trust_policy_may_ask_for_an_address(box):
    trust = {"Statement": {
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/sandbox-admin"},
        "Action": "sts:AssumeRole", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    }}  # fmt: skip
    box.client("iam").create_role(RoleName="OfficeOnly", AssumeRolePolicyDocument=json.dumps(trust))
    ask = {"RoleArn": ROLE.replace("GroundTruthExecution", "OfficeOnly"), "RoleSessionName": "tester"}
    assert box.client("sts", source=OFFICE).assume_role(**ask)
    with pytest.raises(ClientError, match="AccessDenied"):
        box.client("sts", source=ELSEWHERE).assume_role(**ask)
