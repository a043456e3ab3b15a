"""The stock AWS CLI, told only the endpoint."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gt_secure.sandbox.settings import OTHER_S3_ENDPOINT_ID, S3_ENDPOINT_ID

_BESIDE = Path(sys.executable).with_name("aws")
AWS = str(_BESIDE) if _BESIDE.exists() else shutil.which("aws") or ""
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not AWS, reason="the AWS CLI is not installed")]


@pytest.fixture
def aws(box, tmp_path):
    def call(*words, fails=False):
        home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "AWS_PAGER": ""}
        done = subprocess.run(
            [AWS, *words, "--output", "json"],
            env={**home, **box.sandbox.environment()}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else json.loads(done.stdout or "null")

    return call


def test_list_update_and_be_refused(aws):
    teams = {team["WorkteamName"] for team in aws("sagemaker", "list-workteams")["Workteams"]}
    assert {"open-team", "radiology-team", "vpc-team"} <= teams
    on = '{"S3Presign":{"IamPolicyConstraints":{"SourceIp":"Enabled"}}}'
    update = (
        "sagemaker",
        "update-workteam",
        "--workteam-name",
        "open-team",
        "--worker-access-configuration",
    )
    answer = aws(*update, on)
    assert answer["Workteam"]["WorkerAccessConfiguration"] == json.loads(on)
    aws(*update, on.replace("Enabled", "Disabled"))
    said = aws(
        "sagemaker",
        "update-workteam",
        "--workteam-name",
        "nobody",
        "--description",
        "x",
        fails=True,
    )
    assert (
        "An error occurred (ValidationException) when calling the UpdateWorkteam operation" in said
    )
    said = aws(*update, on.replace("Enabled", "203.0.113.0/24"), fails=True)
    assert "ValidationException" in said
    assert "enum value set: [Enabled, Disabled]" in said


def test_s3_and_ec2(aws, box, tmp_path):
    file = tmp_path / "up.txt"
    file.write_text("from the CLI")
    subprocess.run(
        [AWS, "s3", "cp", str(file), "s3://gt-images/cli/up.txt"], check=True, capture_output=True, timeout=300,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], **box.sandbox.environment()},
    )  # fmt: skip
    assert (
        box.client("s3").get_object(Bucket="gt-images", Key="cli/up.txt")["Body"].read()
        == b"from the CLI"
    )
    endpoints = aws(
        "ec2", "describe-vpc-endpoints", "--filters", "Name=vpc-endpoint-type,Values=Gateway"
    )
    assert {e["VpcEndpointId"] for e in endpoints["VpcEndpoints"]} == {
        S3_ENDPOINT_ID,
        OTHER_S3_ENDPOINT_ID,
    }
    assert aws("sts", "get-caller-identity")["Account"] == "111122223333"
