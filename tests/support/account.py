"""A sandbox of its own for restrictions: everything in it is put back before each test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gt_secure.aws.client import Aws, connect_aws
from gt_secure.base import clock
from gt_secure.changes import Journal
from gt_secure.sandbox import Sandbox
from support.box import BUCKET, VPCE
from support.rig import Rig

ENDPOINT = VPCE
TEAM = "open-team"
FOREIGN = (
    '{ "Version":"2012-10-17",\n  "Id": "keep-me", "Statement" : [ {"Sid":"Team","Effect":"Allow",'
    '"Principal":{"AWS":["arn:aws:iam::111122223333:role/GroundTruthExecution"]},\n'
    '   "Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::gt-images","arn:aws:s3:::gt-images/*"]},\n'
    '  {"Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::gt-images"} ]}'
)


@dataclass
class Account:
    """A view of the sandbox for tests: an Aws that plans and applies,
    and plain clients that look and meddle.
    """

    rig: Rig
    aws: Aws
    s3: Any
    sagemaker: Any
    workforce: str
    journal: Journal

    @property
    def sandbox(self) -> Sandbox:
        return self.rig.sandbox

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
            WorkteamName=name,
            WorkerAccessConfiguration={"S3Presign": {"IamPolicyConstraints": value}},
        )

    def cidrs(self) -> list[str]:
        force = self.sagemaker.describe_workforce(WorkforceName=self.workforce)["Workforce"]
        return list((force.get("SourceIpConfig") or {}).get("Cidrs") or [])

    def set_cidrs(self, cidrs: list[str]) -> None:
        self.settle()
        self.sagemaker.update_workforce(
            WorkforceName=self.workforce, SourceIpConfig={"Cidrs": cidrs}
        )
        self.settle()

    def settle(self) -> None:
        import time

        while (
            self.sagemaker.describe_workforce(WorkforceName=self.workforce)["Workforce"]["Status"]
            == "Updating"
        ):
            time.sleep(0.01)

    def look(self) -> dict[str, Any]:
        """Everything that a change may touch, and everything that it may not."""
        team = {key: value for key, value in self.team().items() if key != "LastUpdatedDate"}
        team["WorkerAccessConfiguration"] = self.toggles()
        force = self.sagemaker.describe_workforce(WorkforceName=self.workforce)["Workforce"]
        force = {
            key: value for key, value in force.items() if key not in {"LastUpdatedDate", "Status"}
        }
        force["SourceIpConfig"] = {"Cidrs": self.cidrs()}
        return json.loads(
            json.dumps({"policy": self.policy(), "team": team, "workforce": force}, default=str)
        )

    def reset(self, policy: str | None = None, cidrs: list[str] | None = None) -> None:
        if self.policy() != policy:
            self.put_policy(policy)
        self.set_toggles(False)
        if self.cidrs() != (cidrs or []):
            self.set_cidrs(cidrs or [])
        self.settle()


@pytest.fixture(autouse=True)
def clock_of_here() -> Iterator[None]:
    """Forget the time of the AWS that a test played: the next one is on this machine's again."""
    before = dict(clock._AHEAD)
    yield
    clock._AHEAD.clear()
    clock._AHEAD.update(before)


@pytest.fixture(scope="session")
def running_rig() -> Iterator[Rig]:
    """One for all tests: starting it and reading the models of the services is what takes time."""
    with Rig.running(log_delay_s=24 * 3600, workforce_delay_s=0.05) as rig:
        yield rig


@pytest.fixture(scope="module")
def restriction_rig(running_rig: Rig) -> Rig:
    running_rig.sandbox.reset()
    return running_rig


@pytest.fixture
def account(restriction_rig: Rig, tmp_path: Path) -> Account:
    """The account under somebody else's bucket policy; tests hook into ``aws`` only,
    never into the rig's clients.
    """
    sagemaker = restriction_rig.client("sagemaker")
    account = Account(
        rig=restriction_rig,
        aws=connect_aws(boto3_session=restriction_rig.session, endpoint_url=restriction_rig.url),
        s3=restriction_rig.client("s3"),
        sagemaker=sagemaker,
        workforce=sagemaker.list_workforces()["Workforces"][0]["WorkforceName"],
        journal=Journal(tmp_path / "journal"),
    )
    account.reset(FOREIGN)
    return account
