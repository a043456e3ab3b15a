"""Facts that are read, with botocore's Stubber checking each call and each answer against the API's own model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gt_secure.account.facts import Missing
from gt_secure.account.key_facts import read_key_facts
from gt_secure.account.organization import NOT_IN_USE, read_organization
from gt_secure.aws.client import Aws, connect_aws

ME, ORG = "111122223333", "o-a1b2c3d4e5"
ROLE = f"arn:aws:iam::{ME}:role/path/GTWorker"
SERVICES = ("sts", "organizations", "s3", "iam", "ec2", "s3control")
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Stubs(dict[str, Stubber]):
    aws: Aws


@pytest.fixture
def stubs() -> Iterator[Stubs]:
    found = Stubs()
    found.aws = connect_aws(boto3_session=boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1"))
    with ExitStack() as stack:
        for service in SERVICES:
            found[service] = stack.enter_context(Stubber(found.aws.client(service)))
        identity = {"Account": ME, "Arn": f"arn:aws:sts::{ME}:assumed-role/GTWorker/s", "UserId": "AROA:s"}
        found["sts"].add_response("get_caller_identity", identity)
        yield found
        for stub in found.values():
            stub.assert_no_pending_responses()


def refuse(stub: Stubber, operation: str, code: str = "AccessDeniedException") -> None:
    stub.add_client_error(operation, code, http_status_code=403)


def organization(stubs: Stubs, identifier: str = ORG) -> None:
    stubs["organizations"].add_response("describe_organization", {"Organization": {"Id": identifier}})


def parents(stubs: Stubs, *levels: str) -> None:
    for child, parent in zip((ME, *levels), levels, strict=False):
        kind = "ROOT" if parent.startswith("r-") else "ORGANIZATIONAL_UNIT"
        stubs["organizations"].add_response(
            "list_parents", {"Parents": [{"Id": parent, "Type": kind}]}, {"ChildId": child}
        )


def policies(stubs: Stubs, kind: str, by_target: dict[str, list[dict[str, Any]]]) -> None:
    for target, documents in by_target.items():
        ids = [f"p-{target.replace('-', '')}{index}" for index in range(len(documents))]
        stubs["organizations"].add_response(
            "list_policies_for_target",
            {"Policies": [{"Id": each} for each in ids]},
            {"TargetId": target, "Filter": kind},
        )
        for identifier, document in zip(ids, documents, strict=True):
            stubs["organizations"].add_response(
                "describe_policy", {"Policy": {"Content": json.dumps(document)}}, {"PolicyId": identifier}
            )


def no_organization(stubs: Stubs) -> None:
    refuse(stubs["organizations"], "describe_organization")
    refuse(stubs["s3control"], "get_public_access_block", "AccessDenied")


def test_everything_that_may_be_read(stubs: Stubs) -> None:
    organization(stubs)
    refuse(stubs["organizations"], "list_parents")
    stubs["s3"].add_response("head_bucket", {}, {"Bucket": "gt-images", "ExpectedBucketOwner": ME})
    stubs["s3"].add_response(
        "get_object_tagging", {"TagSet": [{"Key": "class", "Value": "scan"}]}, {"Bucket": "gt-images", "Key": "k"}
    )
    stubs["iam"].add_response(
        "list_role_tags", {"Tags": [{"Key": "team", "Value": "radiology"}]}, {"RoleName": "GTWorker"}
    )
    own = {"VpcEndpointId": "vpce-0a1b2c3d", "OwnerId": ME, "VpcId": "vpc-1"}
    other = {"VpcEndpointId": "vpce-0ffffffff", "OwnerId": "444455556666", "VpcId": "vpc-2"}
    stubs["ec2"].add_response(
        "describe_vpc_endpoints",
        {"VpcEndpoints": [own, other]},
        {"Filters": [{"Name": "vpc-endpoint-id", "Values": ["vpce-0a1b2c3d", "vpce-0ffffffff"]}]},
    )
    stubs["s3control"].add_response(
        "get_public_access_block",
        {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True}},
        {"AccountId": ME},
    )
    facts = read_key_facts(
        stubs.aws, bucket="gt-images", key="k", role_arn=ROLE, endpoints=["vpce-0ffffffff", "vpce-0a1b2c3d"]
    )
    assert facts.values == {
        "aws:PrincipalAccount": ME,
        "aws:PrincipalOrgID": ORG,
        "aws:RequestedRegion": "eu-west-1",
        "aws:ResourceAccount": ME,
        "aws:ResourceOrgID": ORG,
        "s3:ExistingObjectTag/class": "scan",
        "aws:PrincipalTag/team": "radiology",
    }
    assert set(facts.complete) == {"s3:ExistingObjectTag/", "aws:PrincipalTag/"}
    assert facts.endpoints["vpce-0a1b2c3d"]["aws:VpceOrgID"] == ORG
    assert facts.endpoints["vpce-0ffffffff"] == {"aws:SourceVpc": "vpc-2", "aws:VpceAccount": "444455556666"}
    assert facts.public_access_block == {
        "BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False,
    }  # fmt: skip
    assert facts.missing == (Missing("organizations:ListParents"),)
    assert set(facts.read_by) == set(facts.values)
    assert facts.assumed


def test_a_role_that_may_read_nothing_gets_missing_permissions_and_no_error(stubs: Stubs) -> None:
    no_organization(stubs)
    refuse(stubs["s3"], "head_bucket", "403")
    refuse(stubs["s3"], "get_object_tagging", "AccessDenied")
    refuse(stubs["iam"], "list_role_tags", "AccessDenied")
    refuse(stubs["ec2"], "describe_vpc_endpoints", "UnauthorizedOperation")
    facts = read_key_facts(
        stubs.aws, bucket="gt-images", key="k", version_id="v1", role_arn=ROLE, endpoints=["vpce-0a1b2c3d"]
    )
    assert set(facts.values) == {"aws:PrincipalAccount", "aws:RequestedRegion"}
    assert (facts.complete, facts.absent, facts.public_access_block) == ((), frozenset(), None)
    assert {each.action for each in facts.missing} == {
        "organizations:DescribeOrganization", "s3:ListBucket", "s3:GetObjectVersionTagging", "iam:ListRoleTags",
        "ec2:DescribeVpcEndpoints", "s3:GetAccountPublicAccessBlock",
    }  # fmt: skip


def test_an_account_without_an_organization_has_no_organization_keys(stubs: Stubs) -> None:
    refuse(stubs["organizations"], "describe_organization", NOT_IN_USE)
    stubs["s3"].add_response("head_bucket", {})
    stubs["s3control"].add_client_error("get_public_access_block", "NoSuchPublicAccessBlockConfiguration", "", 404)
    facts = read_key_facts(stubs.aws, bucket="gt-images", region="eu-west-1")
    assert facts.absent == {"aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:ResourceOrgID"}
    assert (facts.organization.rcp, facts.organization.scp) == ((), ())
    assert facts.public_access_block is not None
    assert not any(facts.public_access_block.values())
    assert facts.missing == ()


def test_policies_of_each_level_up_to_the_root(stubs: Stubs) -> None:
    organization(stubs)
    parents(stubs, "ou-ab12-22222222", "ou-ab12-11111111", "r-ab12")
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}}
    nothing: dict[str, list[dict[str, Any]]] = {"ou-ab12-22222222": [], "ou-ab12-11111111": []}
    policies(stubs, "RESOURCE_CONTROL_POLICY", {ME: [], **nothing, "r-ab12": [FULL, deny]})
    policies(stubs, "SERVICE_CONTROL_POLICY", {ME: [FULL], **nothing, "r-ab12": [FULL]})
    found = read_organization(stubs.aws)
    assert found.path == f"{ORG}/r-ab12/ou-ab12-11111111/ou-ab12-22222222/"
    assert found.rcp == ({"Version": "2012-10-17", "Statement": [*FULL["Statement"], deny["Statement"]]},)
    assert found.scp == (FULL, FULL)
    assert found.missing == ()


@pytest.mark.parametrize("operation", ["list_policies_for_target", "describe_policy"])
def test_policies_that_may_not_be_read_are_unknown_and_not_none(stubs: Stubs, operation: str) -> None:
    organization(stubs)
    parents(stubs, "r-ab12")
    for _ in range(2):
        if operation == "describe_policy":
            stubs["organizations"].add_response("list_policies_for_target", {"Policies": [{"Id": "p-1"}]})
        refuse(stubs["organizations"], operation)
    found = read_organization(stubs.aws)
    assert (found.rcp, found.scp) == (None, None)
    assert [each.action for each in found.missing] == [
        "organizations:ListPoliciesForTarget" if operation.startswith("list") else "organizations:DescribePolicy"
    ]
