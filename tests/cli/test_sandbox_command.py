"""``gt-secure sandbox``: what it prints and refuses, how it stops, and ``reset`` from a shell."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import boto3
import pytest

COMMAND = [sys.executable, "-m", "gt_secure.cli", "sandbox"]


def test_a_wrong_option_has_the_exit_code_of_every_usage_error():
    done = subprocess.run([*COMMAND, "--port", "x"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 64


def read_exports(process):
    lines = []
    while not (line := process.stdout.readline()).startswith("# Paste"):
        lines.append(line.strip())
    return dict(
        line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export ")
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_what_to_set_and_stops_cleanly(number):
    process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        exports = read_exports(process)
        assert set(exports) >= {
            "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION",
            "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "GT_SECURE_JOURNAL", "NO_PROXY",
        }  # fmt: skip
        sm = boto3.client(
            "sagemaker", endpoint_url=exports["AWS_ENDPOINT_URL"], region_name=exports["AWS_REGION"],
            aws_access_key_id=exports["AWS_ACCESS_KEY_ID"], aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        assert len(sm.list_workteams()["Workteams"]) == 5
        process.send_signal(number)
        assert process.wait(300) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()


def test_the_command_warns():
    done = subprocess.run(
        [*COMMAND, "--container-host", "10.255.254.253"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 64
    assert done.stderr.startswith("warning: ")


@pytest.mark.parametrize("host", ["0.0.0.0", "example.com", ""])
def test_an_address_of_other_machines_is_an_error(host):
    done = subprocess.run(
        [*COMMAND, "--host", host, "--json"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 64
    assert json.loads(done.stdout)["error"] == "InvalidInput"
    assert "not a loopback address" in done.stderr


def test_reset_from_a_shell(running_sandbox, monkeypatch):
    for name, value in running_sandbox.environment().items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3")
    running_sandbox.reset()  # other tests may have left buckets
    before = s3.list_buckets()["Buckets"]
    s3.create_bucket(Bucket="made-before-a-reset")
    done = subprocess.run([*COMMAND, "reset"], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [
        each["Name"] for each in before
    ]
