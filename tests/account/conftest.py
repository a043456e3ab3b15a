"""Clients of AWS with answers that a test gives: each must be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import boto3
import pytest
from botocore.stub import Stubber

from gt_secure.aws.client import connect_aws
from support.stubs import Stubs


@pytest.fixture
def stubs() -> Iterator[Stubs]:
    found = Stubs()
    found.aws = connect_aws(
        boto3_session=boto3.Session("AKIAEXAMPLE", "secret", region_name="us-east-1")
    )
    with ExitStack() as stack:
        for service in ("sts", "organizations", "s3", "iam", "kms", "ec2", "s3control"):
            found[service] = stack.enter_context(Stubber(found.aws.client(service)))
        yield found
        for stub in found.values():
            stub.assert_no_pending_responses()
