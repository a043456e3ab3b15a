"""``-v`` shows each call to AWS before it is made, and no secret."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

import gt_secure
from gt_secure.sandbox import Sandbox

CALLS = {"plan": "GetBucketPolicy", "hits": "ListObjectsV2", "history": "LookupEvents"}
LINES = (
    ("-v", "plan", "s3://gt-images", "--allow", "203.0.113.0/24"),
    ("hits", "s3://gt-images", "-v"),
    ("history", "-v", "s3://gt-images"),
)


@pytest.mark.check
@pytest.mark.parametrize("words", LINES)
def test_calls_are_shown_on_standard_error(
    words: tuple[str, ...], running_sandbox: Sandbox
) -> None:
    run = [sys.executable, "-m", "gt_secure"]
    env = {**os.environ, **running_sandbox.environment()}
    loud, quiet = (
        subprocess.run([*run, *given], env=env, capture_output=True, text=True, check=False)
        for given in (words, [word for word in words if word != "-v"])
    )
    assert loud.returncode == quiet.returncode
    calls = {line.split()[0] for line in loud.stderr.splitlines() if " http://127.0.0.1:" in line}
    verb = next(word for word in words if word != "-v")
    assert CALLS[verb] in calls
    assert "http://127.0.0.1:" not in quiet.stderr
    assert "Signature" not in loud.stderr
    assert env["AWS_SECRET_ACCESS_KEY"] not in loud.stderr


def test_python_logs_the_same_calls(
    running_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "gt_secure"):
        gt = gt_secure.connect(sandbox=running_sandbox)
        gt.plan(gt_secure.Restriction(bucket="gt-images", addresses="203.0.113.0/24"))
    said = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("GetBucketPolicy http") for line in said)
    assert any(line.startswith("ListWorkteams http") for line in said)
    assert not [line for line in said if "Signature" in line or "Credential" in line]
