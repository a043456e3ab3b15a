"""A sandbox of its own for restrictions: everything in it is put back before each test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from gt_secure.aws.client import Aws, connect_aws
from gt_secure.sandbox import Sandbox

ENDPOINT = "vpce-0a1b2c3d4e5f60718"
BUCKET = "gt-images"
TEAM = "open-team"
FOREIGN = (
    '{ "Version":"2012-10-17",\n  "Id": "keep-me", "Statement" : [ {"Sid":"Team","Effect":"Allow",'
    '"Principal":{"AWS":["arn:aws:iam::111122223333:role/GroundTruthExecution"]},\n'
    '   "Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::gt-images","arn:aws:s3:::gt-images/*"]},\n'
    '  {"Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::gt-images"} ]}'
)


@dataclass
class Account:
    """A view of the sandbox for tests: an Aws that plans and applies, and plain clients that look and meddle."""

    sandbox: Sandbox
    aws: Aws
    s3: Any
    sagemaker: Any
    workforce: str
    journal: Path

    def policy(self) -> str | None:
        try:
            return str(self.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
        except self.s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
            return None

    def put_policy(self, text: str | None) -> None:
        if text is None:
            self.s3.delete_bucket_policy(Bucket=BUCKET)
        else:
            self.s3.put_bucket_policy(Bucket=BUCKET, Policy=text)

    def team(self, name: str = TEAM) -> dict[str, Any]:
        return dict(self.sagemaker.describe_workteam(WorkteamName=name)["Workteam"])

    def toggles(self, name: str = TEAM) -> dict[str, str]:
        config = self.team(name).get("WorkerAccessConfiguration") or {}
        found = (config.get("S3Presign") or {}).get("IamPolicyConstraints") or {}
        return {key: found.get(key, "Disabled") for key in ("SourceIp", "VpcSourceIp")}

    def set_toggles(self, source_ip: bool, vpc_source_ip: bool = False, name: str = TEAM) -> None:
        words = {True: "Enabled", False: "Disabled"}
        value = {"SourceIp": words[source_ip], "VpcSourceIp": words[vpc_source_ip]}
        self.sagemaker.update_workteam(
            WorkteamName=name, WorkerAccessConfiguration={"S3Presign": {"IamPolicyConstraints": value}}
        )

    def cidrs(self) -> list[str]:
        force = self.sagemaker.describe_workforce(WorkforceName=self.workforce)["Workforce"]
        return list((force.get("SourceIpConfig") or {}).get("Cidrs") or [])

    def set_cidrs(self, cidrs: list[str]) -> None:
        self.settle()
        self.sagemaker.update_workforce(WorkforceName=self.workforce, SourceIpConfig={"Cidrs": cidrs})
        self.settle()

    def settle(self) -> None:
        import time

        while self.sagemaker.describe_workforce(WorkforceName=self.workforce)["Workforce"]["Status"] == "Updating":
            time.sleep(0.01)

    def look(self) -> dict[str, Any]:
        """Everything that a change may touch, and everything that it may not."""
        team = {key: value for key, value in self.team().items() if key != "LastUpdatedDate"}
        team["WorkerAccessConfiguration"] = self.toggles()
        force = self.sagemaker.describe_workforce(WorkforceName=self.workforce)["Workforce"]
        force = {key: value for key, value in force.items() if key not in {"LastUpdatedDate", "Status"}}
        force["SourceIpConfig"] = {"Cidrs": self.cidrs()}
        return json.loads(json.dumps({"policy": self.policy(), "team": team, "workforce": force}, default=str))

    def reset(self, policy: str | None = None, cidrs: list[str] | None = None) -> None:
        if self.policy() != policy:
            self.put_policy(policy)
        self.set_toggles(False)
        if self.cidrs() != (cidrs or []):
            self.set_cidrs(cidrs or [])
        self.settle()


@pytest.fixture(scope="session")
def restriction_sandbox() -> Iterator[Sandbox]:
    with Sandbox(log_delay_s=60, workforce_delay_s=0.05) as running:
        yield running


def session_for(sandbox: Sandbox, keys: dict[str, str] | None = None) -> boto3.Session:
    env = sandbox.environment()
    return boto3.Session(
        aws_access_key_id=(keys or {}).get("AccessKeyId", env["AWS_ACCESS_KEY_ID"]),
        aws_secret_access_key=(keys or {}).get("SecretAccessKey", env["AWS_SECRET_ACCESS_KEY"]),
        region_name=env["AWS_REGION"],
    )


@pytest.fixture(scope="session")
def shared_session(restriction_sandbox: Sandbox) -> boto3.Session:
    """One session for all tests: reading the models of the services is what takes time."""
    return session_for(restriction_sandbox)


@pytest.fixture(scope="session")
def bystander(restriction_sandbox: Sandbox, shared_session: boto3.Session) -> tuple[Any, Any]:
    """Clients that look and meddle; tests never hook into these."""
    url = restriction_sandbox.endpoint_url
    return shared_session.client("s3", endpoint_url=url), shared_session.client("sagemaker", endpoint_url=url)


@pytest.fixture
def account(
    restriction_sandbox: Sandbox, shared_session: boto3.Session, bystander: tuple[Any, Any], tmp_path: Path
) -> Account:
    s3, sagemaker = bystander
    found = Account(
        sandbox=restriction_sandbox,
        aws=connect_aws(boto3_session=shared_session, endpoint_url=restriction_sandbox.endpoint_url),
        s3=s3,
        sagemaker=sagemaker,
        workforce=sagemaker.list_workforces()["Workforces"][0]["WorkforceName"],
        journal=tmp_path / "journal",
    )
    found.reset(FOREIGN)
    return found
