"""VPC endpoints, VPCs, subnets and security groups."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from .conftest import VPCE


@pytest.fixture(scope="module")
def ec2(box):
    return box.client("ec2")


def where(**filters):
    return [{"Name": name.replace("_", "-"), "Values": [values] if isinstance(values, str) else values}
            for name, values in filters.items()]  # fmt: skip


def test_the_s3_endpoint(ec2):
    found, other = ec2.describe_vpc_endpoints(
        Filters=where(service_name="com.amazonaws.us-east-1.s3")
    )["VpcEndpoints"]
    assert (other["VpcEndpointId"], other["VpcId"]) == ("vpce-0fedcba9876543210", "vpc-0f9e8d7c")
    assert (found["VpcEndpointId"], found["VpcId"], found["State"]) == (
        VPCE,
        "vpc-0a1b2c3d",
        "available",
    )
    assert found["CreationTimestamp"].tzinfo is not None
    assert found["PrivateDnsEnabled"] is False
    assert '"Effect": "Allow"' in found["PolicyDocument"]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 3),
        ({"vpc_id": "vpc-0a1b2c3d"}, 2),
        ({"vpc_id": "vpc-ffffffff"}, 0),
        ({"vpc_endpoint_type": "Gateway"}, 2),
        ({"vpc_endpoint_type": ["Gateway", "Interface"]}, 3),
        ({"vpc_endpoint_type": "Gateway", "vpc_endpoint_state": "pending"}, 0),
        ({"service_name": "*.s3"}, 2),
        ({"tag:Name": "s3-for-*"}, 2),
        ({"tag_key": "Name"}, 3),
        ({"vpc_endpoint_id": VPCE}, 1),
    ],
)
def test_filters(ec2, filters, count):
    assert len(ec2.describe_vpc_endpoints(Filters=where(**filters))["VpcEndpoints"]) == count


def test_ids_and_errors(ec2):
    assert len(ec2.describe_vpc_endpoints(VpcEndpointIds=[VPCE])["VpcEndpoints"]) == 1
    for call, arguments, code in (
        (
            ec2.describe_vpc_endpoints,
            {"VpcEndpointIds": ["vpce-00000000"]},
            "InvalidVpcEndpointId.NotFound",
        ),
        (ec2.describe_vpcs, {"VpcIds": ["vpc-00000000"]}, "InvalidVpcID.NotFound"),
        (ec2.describe_vpc_endpoints, {"Filters": where(colour="red")}, "InvalidParameterValue"),
        (ec2.describe_instances, {}, "InvalidAction"),
    ):
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        assert caught.value.response["Error"]["Code"] == code


def test_the_rest_of_the_network(ec2):
    vpc, other = ec2.describe_vpcs(Filters=where(is_default="false"))["Vpcs"]
    # they are not unique
    assert (other["VpcId"], other["CidrBlock"]) == (
        "vpc-0f9e8d7c",
        vpc["CidrBlock"],
    )
    assert (vpc["VpcId"], vpc["CidrBlock"]) == ("vpc-0a1b2c3d", "10.0.0.0/16")
    subnets = ec2.describe_subnets(Filters=where(vpc_id=vpc["VpcId"]))["Subnets"]
    assert [subnet["CidrBlock"] for subnet in subnets] == ["10.0.1.0/24", "10.0.2.0/24"]
    (group,) = ec2.describe_security_groups(Filters=where(vpc_id=vpc["VpcId"]))["SecurityGroups"]
    assert group["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "10.0.0.0/16"}]


def test_other_regions_are_empty(box):
    assert (
        box.session.client(
            "ec2", region_name="eu-west-1", endpoint_url=box.url
        ).describe_vpc_endpoints()["VpcEndpoints"]
        == []
    )
