"""Signatures and IAM permissions for SageMaker and EC2."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from .conftest import ELSEWHERE, IN_VPC, OFFICE, ROLE

TEAM = "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd"


@pytest.fixture(scope="module")
def clerk(box):
    """May look at everything and update open-team, from the office only."""
    return box.keys({"Effect": "Allow", "Action": ["sagemaker:List*", "sagemaker:Describe*"], "Resource": "*"},
        {"Effect": "Allow", "Action": "sagemaker:UpdateWorkteam", "Resource": f"{TEAM}/open-team",
         "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}},
        {"Effect": "Allow", "Action": "sagemaker:CreateFlowDefinition", "Resource": "*"}, name="clerk")  # fmt: skip


def error(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]


def test_restricted_user_is_refused_by_name(box, clerk):
    sm = box.client("sagemaker", clerk, OFFICE)
    assert sm.list_workteams()["Workteams"]
    sm.update_workteam(
        WorkteamName="open-team", Description="General annotators; image URLs work from anywhere"
    )
    found = error(sm.update_workteam, WorkteamName="radiology-team", Description="x")
    assert found["Code"] == "AccessDeniedException"
    assert (
        found["Message"]
        == "User: arn:aws:iam::111122223333:user/clerk is not authorized to perform:"
        f" sagemaker:UpdateWorkteam on resource: {TEAM}/radiology-team because no identity-based"
        " policy allows the sagemaker:UpdateWorkteam action"
    )
    for call, arguments, action in (
        (sm.update_workforce, {"WorkforceName": "private-workforce"}, "sagemaker:UpdateWorkforce"),
        (sm.delete_workteam, {"WorkteamName": "open-team"}, "sagemaker:DeleteWorkteam"),
    ):
        found = error(call, **arguments)
        assert (found["Code"], action in found["Message"]) == ("AccessDeniedException", True)


@pytest.mark.parametrize(("source", "allowed"), [(OFFICE, True), (ELSEWHERE, False)])
def test_conditions_hold_for_sagemaker_too(box, clerk, source, allowed):
    sm = box.client("sagemaker", clerk, source)
    text = "General annotators; image URLs work from anywhere"
    if allowed:
        assert sm.update_workteam(WorkteamName="open-team", Description=text)
    else:
        assert (
            error(sm.update_workteam, WorkteamName="open-team", Description=text)["Code"]
            == "AccessDeniedException"
        )


def test_pass_role_is_a_permission_of_its_own(box, clerk):
    sm = box.client("sagemaker", clerk)
    output = {"S3OutputPath": "s3://gt-images/output/"}
    found = error(
        sm.create_flow_definition, FlowDefinitionName="flow", OutputConfig=output, RoleArn=ROLE
    )
    assert found["Code"] == "AccessDeniedException"
    assert f"iam:PassRole on resource: {ROLE}" in found["Message"]


def test_validation_tells_nothing_to_those_without_permission(box):
    keys = box.keys(
        {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}, name="nobody"
    )
    sm = box.client("sagemaker", keys)
    assert error(sm.describe_workteam, WorkteamName="nobody")["Code"] == "AccessDeniedException"
    ec2 = box.client("ec2", keys)
    found = error(ec2.describe_vpc_endpoints)
    assert found["Code"] == "UnauthorizedOperation"
    assert "ec2:DescribeVpcEndpoints" in found["Message"]


def test_session_policies_hold_for_sagemaker(box):
    session = box.keys(
        {"Effect": "Allow", "Action": ["sagemaker:*", "sts:*"], "Resource": "*"}, name="team-lead"
    )
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sagemaker:List*", "Resource": "*"}]}  # fmt: skip
    answer = box.client("sts", session).get_federation_token(
        Name="reader", Policy=json.dumps(policy)
    )
    sm = box.client("sagemaker", answer["Credentials"])
    assert sm.list_workteams()["Workteams"]
    assert error(sm.delete_workteam, WorkteamName="open-team")["Code"] == "AccessDeniedException"


@pytest.mark.parametrize("service", ["sagemaker", "ec2"])
def test_wrong_secret_and_unknown_key(box, service):
    call = {"sagemaker": "list_workteams", "ec2": "describe_vpcs"}[service]
    key = box.sandbox.environment()["AWS_ACCESS_KEY_ID"]
    for access_key, codes in (
        (key, {"InvalidSignatureException", "AuthFailure"}),
        ("AKIANOBODY0000000000", {"UnrecognizedClientException", "AuthFailure"}),
    ):
        client = boto3.client(
            service, endpoint_url=box.url, region_name="us-east-1", aws_access_key_id=access_key,
            aws_secret_access_key="wrong",
        )  # fmt: skip
        assert error(getattr(client, call))["Code"] in codes


def test_unsigned_and_wrongly_scoped_requests(box):
    import urllib3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    headers = {
        "X-Amz-Target": "SageMaker.ListWorkteams",
        "Content-Type": "application/x-amz-json-1.1",
    }
    answer = urllib3.request("POST", box.url + "/", body=b"{}", headers=headers)
    assert answer.json()["__type"] == "MissingAuthenticationTokenException"
    request = AWSRequest("POST", box.url + "/", headers=headers, data=b"{}")
    SigV4Auth(box.session.get_credentials(), "s3", "us-east-1").add_auth(request)
    answer = urllib3.request(
        "POST", box.url + "/", body=b"{}", headers=dict(request.headers.items())
    )
    assert answer.json()["__type"] == "InvalidSignatureException"
    SigV4Auth(box.session.get_credentials(), "sagemaker", "us-east-1").add_auth(request)
    changed = {**dict(request.headers.items()), "X-Amz-Target": "SageMaker.ListWorkforces"}
    assert urllib3.request("POST", box.url + "/", body=b"{}", headers=changed).status == 400
    assert (
        urllib3.request(
            "POST", box.url + "/", body=b'{"a":1}', headers=dict(request.headers.items())
        ).status
        == 400
    )


def test_the_s3_endpoint_serves_s3_only(box):
    found = error(box.client("sagemaker", source=IN_VPC).list_workteams)
    assert "serves Amazon S3 only" in found["Message"]
    assert box.client("s3", source=IN_VPC).list_buckets()["Buckets"]


@pytest.mark.parametrize(
    ("service", "call"),
    [("sqs", "list_queues"), ("dynamodb", "list_tables"), ("logs", "describe_log_groups")],
)
def test_other_services_say_that_they_are_not_there(box, service, call):
    client = box.client(service)
    assert "The sandbox does not offer" in error(getattr(client, call))["Message"]
