"""A sandbox for the doctor, and users who may do only what a policy says."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

import gt_secure
from gt_secure import Connection
from gt_secure.sandbox import Sandbox

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/GroundTruthExecution"
BUCKET, LOGS, TEAM = "gt-images", "s3://gt-logs/s3/", "radiology-team"
SIMULATE = {"Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*"}


class Account:
    """The sandbox's account: makes users with exactly one policy."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        env = sandbox.environment()
        self.session = boto3.Session(
            env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name=env["AWS_REGION"]
        )
        self.gt = gt_secure.connect(boto3_session=self.session, endpoint_url=sandbox.endpoint_url)
        self._numbers = itertools.count(1)

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.sandbox.endpoint_url)

    def keys(self, *statements: dict[str, Any]) -> dict[str, str]:
        iam, name = self.client("iam"), f"user-{next(self._numbers)}"
        iam.create_user(UserName=name)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=document)
        return iam.create_access_key(UserName=name)["AccessKey"]

    def user(self, *statements: dict[str, Any]) -> Connection:
        keys = self.keys(*statements)
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name="us-east-1")
        return gt_secure.connect(boto3_session=session, endpoint_url=self.sandbox.endpoint_url)


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    with Sandbox(log_delay_s=0.1, workforce_delay_s=0.05) as sandbox:
        yield Account(sandbox)
