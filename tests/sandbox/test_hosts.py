"""The addresses that a sandbox listens on: loopback ones by any name,
and one for containers when asked to.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request

import boto3
import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.sandbox import Sandbox, Settings


@pytest.mark.parametrize("host", ["localhost", "127.0.0.5", "::1"])
def test_names_of_loopback(host):
    with Sandbox(host=host, log_delay_s=60) as sandbox:
        env = sandbox.environment()
        assert (f"[{host}]" if ":" in host else host) in sandbox.endpoint_url
        client = boto3.client(
            "s3", endpoint_url=sandbox.endpoint_url, region_name="us-east-1",
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        assert {bucket["Name"] for bucket in client.list_buckets()["Buckets"]} >= {"gt-images"}


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "0.0.0.0", "::", "127.0.0.1", "here", "", "169.254.169.254/32"]
)
def test_addresses_that_are_not_for_containers(host):
    with pytest.raises(InvalidInput) as caught:
        Settings(container_host=host).checked()
    assert caught.value.details["field"] == "container_host"


def test_an_address_of_another_machine():
    with pytest.raises(InvalidInput) as caught:
        Sandbox(container_host="10.255.254.253").start()
    assert caught.value.details["field"] == "container_host"


UNCHECKED = (
    "import sys\n"
    "from gt_secure.sandbox import server, settings\n"
    "settings._check_private = lambda host: None\n"
    "sys.exit(server.main(settings.Settings(container_host='127.0.0.9').to_json()))"
)
"""A test has no address that is surely private: a further loopback address stands for it."""


def test_an_address_for_containers():
    with subprocess.Popen(
        [sys.executable, "-c", UNCHECKED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        facts = json.loads(process.stdout.readline())
        try:
            env, url = facts["environment"], facts["container_url"]
            assert url == f"http://127.0.0.9:{facts['public'][1]}"
            assert env["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{facts['public'][1]}"
            s3 = boto3.client(
                "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            )  # fmt: skip
            link = s3.generate_presigned_url(
                "get_object", Params={"Bucket": "gt-images", "Key": "scans/0001.png"}
            )
            assert urllib.request.urlopen(link).status == 200
            assert status(url, "host.docker.internal") == 200
            assert status(url, "evil.example") == 403
        finally:
            process.terminate()


def status(url, host):
    """The status of the sandbox's health page under a host name."""
    ask = urllib.request.Request(f"{url}/_gt_secure/health", headers={"Host": host})
    try:
        return urllib.request.urlopen(ask).status
    except urllib.error.HTTPError as error:
        return error.code


def test_without_an_address_for_containers_there_is_none(box):
    assert box.sandbox.container_url is None
