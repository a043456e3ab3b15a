"""Connecting to the sandbox by name: never to an account."""

from __future__ import annotations

from typing import Any

import pytest

import gt_secure
from gt_secure.base.errors import InvalidInput
from gt_secure.connection_arguments import log_of
from gt_secure.logs import LogLocation
from gt_secure.sandbox import Sandbox


def test_a_running_sandbox_is_enough(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    gt = gt_secure.connect(sandbox=sandbox)
    assert gt.aws.is_local
    assert "open-team" in {team.name for team in gt.workteams()}


def test_the_sandbox_of_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    assert gt_secure.connect(sandbox=True).workteam("open-team").name == "open-team"


@pytest.mark.parametrize(
    "endpoint", ["", "https://sagemaker.us-east-1.amazonaws.com", "http://192.0.2.7:4566"]
)
def test_without_a_sandbox_nothing_is_connected(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(InvalidInput) as caught:
        gt_secure.connect(sandbox=True)
    assert caught.value.field == "sandbox"


def test_other_credentials_contradict_it(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInput):
        gt_secure.connect(sandbox=sandbox, profile="mine")
    with pytest.raises(InvalidInput):
        gt_secure.connect(sandbox=True, endpoint_url="http://127.0.0.1:1")


def test_the_log_of_a_bucket_that_its_arn_names(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def find(_: object, bucket: str) -> LogLocation:
        seen.append(bucket)
        return LogLocation("gt-logs", "s3/")

    monkeypatch.setattr("gt_secure.logs.find_logs", find)
    aws: Any = None
    uri, filters = log_of(aws, "arn:aws:s3:::gt-images", None, None)
    assert (uri, filters["bucket"], seen) == ("s3://gt-logs/s3/", "gt-images", ["gt-images"])
    for name in ("arn:aws:s3:us-east-1:111122223333:accesspoint/logs", "arn:aws:sns:us-east-1:1:x"):
        with pytest.raises(InvalidInput, match="is not a bucket name"):
            log_of(aws, name, None, None)
