"""ARNs of every partition, and the two directions between a role and its sessions."""

from __future__ import annotations

import boto3
import pytest

from gt_secure.account.bucket import Bucket
from gt_secure.aws.arns import bucket_arn, partition_of
from gt_secure.base.network import is_very_broad, parse_network
from gt_secure.engine.iam.sessions import role_of_session, session_of_role
from gt_secure.widgets.entry_feedback import read_address


def test_the_partition_is_that_of_boto3() -> None:
    session = boto3.session.Session()
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("s3", partition) or ():
            assert partition_of(region) == session.get_partition_for_region(region), region


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("us-east-1", "arn:aws:s3:::b"),
        ("us-gov-west-1", "arn:aws-us-gov:s3:::b"),
        ("cn-north-1", "arn:aws-cn:s3:::b"),
    ],
)
def test_a_bucket_has_the_partition_of_its_region(region: str, arn: str) -> None:
    assert Bucket("b", region).arn == arn
    assert bucket_arn(partition_of(region), "b", "a/k") == f"{arn}/a/k"


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_role_and_session(partition: str) -> None:
    role = f"arn:{partition}:iam::111122223333:role/service-role/Studio"
    session = session_of_role(role, "me@example.com")
    assert session == f"arn:{partition}:sts::111122223333:assumed-role/Studio/me@example.com"
    assert role_of_session(session) == f"arn:{partition}:iam::111122223333:role/Studio"
    assert role_of_session(f"arn:{partition}:iam::111122223333:user/x") is None


@pytest.mark.parametrize(
    ("text", "broad"),
    [("200.0.0.0/15", True), ("200.0.0.0/16", False), ("2400::/31", True), ("2400::/32", False)],
)
def test_panel_and_plan_agree_on_what_is_very_broad(text: str, broad: bool) -> None:
    assert is_very_broad(parse_network(text)) is broad
    assert ("very broad" in str(read_address(text).about)) is broad
