"""Back to the seeded state, for the owner only; and what a sandbox keeps to itself."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import gt_secure.sandbox
from gt_secure.base.errors import GtSecureError, InvalidInput, Unreachable
from gt_secure.sandbox import Sandbox
from gt_secure.sandbox.process import overruled

from .conftest import Box


def picture(box):
    """Everything that a caller can read of the state."""
    s3, sm, iam = box.client("s3"), box.client("sagemaker"), box.client("iam")
    images = s3.list_objects_v2(Bucket="gt-images")["Contents"]
    teams = sm.list_workteams()["Workteams"]
    return {
        "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        "images": [(entry["Key"], entry["ETag"]) for entry in images],
        "logging": s3.get_bucket_logging(Bucket="gt-images")["LoggingEnabled"],
        "cors": s3.get_bucket_cors(Bucket="gt-images")["CORSRules"],
        "log policy": s3.get_bucket_policy(Bucket="gt-logs")["Policy"],
        "teams": [(team["WorkteamName"], team["WorkerAccessConfiguration"]) for team in teams],
        "cidrs": sm.list_workforces()["Workforces"][0]["SourceIpConfig"],
        "jobs": [
            job["LabelingJobName"] for job in sm.list_labeling_jobs()["LabelingJobSummaryList"]
        ],
        "users": [user["UserName"] for user in iam.list_users()["Users"]],
        "roles": [role["RoleName"] for role in iam.list_roles()["Roles"]],
        "caller": box.client("sts").get_caller_identity()["Arn"],
    }


def change_things(box):
    s3, sm = box.client("s3"), box.client("sagemaker")
    s3.put_object(Bucket="gt-images", Key="own.txt", Body=b"x")
    s3.delete_object(Bucket="gt-images", Key="scans/0001.png")
    s3.create_bucket(Bucket="own-bucket")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
    s3.put_bucket_policy(Bucket="gt-images", Policy=json.dumps({"Statement": statement}))
    sm.delete_workteam(WorkteamName="vpc-team")
    sm.update_workforce(
        WorkforceName="private-workforce", SourceIpConfig={"Cidrs": ["203.0.113.0/24"]}
    )
    box.keys({"Effect": "Allow", "Action": "*", "Resource": "*"})


def test_reset_brings_back_the_seed_and_keeps_the_keys():
    with Sandbox(log_delay_s=60, workforce_delay_s=0.1) as sandbox:
        box = Box(sandbox)
        before = picture(box)
        change_things(box)
        assert picture(box) != before
        url = box.client("s3").generate_presigned_url(
            "get_object", Params={"Bucket": "gt-images", "Key": "scans/0001.png"}
        )
        sandbox.reset()
        assert picture(box) == before
        assert box.fetch(url).status == 200, "the keys are the same"
        sandbox.reset()
        assert picture(box) == before


def test_reset_without_a_seed_leaves_the_administrator():
    with Sandbox(seed=None) as sandbox:
        box = Box(sandbox)
        box.client("s3").create_bucket(Bucket="own-bucket")
        sandbox.reset()
        assert box.client("s3").list_buckets()["Buckets"] == []
        assert box.client("sts").get_caller_identity()["Arn"].endswith("user/sandbox-admin")


def test_only_the_owner_may_reset(box):
    before = box.client("s3").list_buckets()["Buckets"]
    assert box.fetch("/_gt_secure/reset", method="POST").status == 403
    assert box.fetch("/_gt_secure/reset").status == 405
    weak = box.keys({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    for key, secret in [
        (weak["AccessKeyId"], weak["SecretAccessKey"]),
        (box.session.get_credentials().access_key, "wrong"),
        ("test", "test"),
        ("111122223333", "x"),
    ]:
        from botocore.credentials import Credentials

        from gt_secure.sandbox import control

        with pytest.raises(GtSecureError, match="did not reset"):
            control.post_signed(box.url, control.RESET, Credentials(key, secret))
    assert box.client("s3").list_buckets()["Buckets"] == before


def test_reset_from_the_environment(monkeypatch):
    with Sandbox(log_delay_s=60) as sandbox:
        box = Box(sandbox)
        before = picture(box)
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        change_things(box)
        gt_secure.sandbox.reset()
        assert picture(box) == before
    with pytest.raises(Unreachable, match="No answer"):
        gt_secure.sandbox.reset()


@pytest.mark.parametrize(
    "endpoint", ["", "https://s3.us-east-1.amazonaws.com", "http://evil.example", "http://10.0.0.1"]
)
def test_nothing_but_a_sandbox_is_reset(monkeypatch, endpoint):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(InvalidInput):
        gt_secure.sandbox.reset()


def test_files_for_clients_are_private_and_go_with_the_sandbox():
    with Sandbox(seed=None) as sandbox:
        env = sandbox.environment()
        folder = os.path.dirname(env["AWS_SHARED_CREDENTIALS_FILE"])
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            assert stat.S_IMODE(os.stat(env[name]).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        assert env["AWS_SECRET_ACCESS_KEY"] in Path(env["AWS_SHARED_CREDENTIALS_FILE"]).read_text()
    assert not os.path.exists(folder)


def test_the_account_can_be_chosen():
    with Sandbox(account="444455556666") as sandbox:
        box = Box(sandbox)
        assert box.client("sts").get_caller_identity()["Account"] == "444455556666"
        team = box.client("sagemaker").describe_workteam(WorkteamName="open-team")["Workteam"]
        assert ":444455556666:" in team["WorkteamArn"]
        role = "arn:aws:iam::444455556666:role/GroundTruthExecution"
        assert box.client("sts").assume_role(RoleArn=role, RoleSessionName="tester")["Credentials"]
        page = box.fetch(
            "/_gt_secure/portal/tasks/radiology-team", headers={"Accept": "application/json"}
        ).json()
        assert [box.fetch(url).status for url in page["urls"].values()] == [200]
    with pytest.raises(InvalidInput):
        Sandbox(account="4444")


def test_what_the_environment_has_beside_the_sandbox_is_overruled():
    own = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "AKIA"}
    hostile = {
        "AWS_PROFILE": "missing", "AWS_SESSION_TOKEN": "x", "AWS_ENDPOINT_URL_S3": "https://elsewhere.example",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_USE_FIPS_ENDPOINT": "true", "no_proxy": "own.example",
    }  # fmt: skip
    after = {**hostile, **overruled(own, hostile)}
    assert after["AWS_PROFILE"] == "default"
    assert after["AWS_SESSION_TOKEN"] == ""
    assert after["AWS_ENDPOINT_URL_S3"] == own["AWS_ENDPOINT_URL"]
    assert after["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] == after["AWS_USE_FIPS_ENDPOINT"] == "false"
    assert after["no_proxy"] == after["NO_PROXY"] == "127.0.0.1,localhost,::1,own.example"
    assert set(overruled(own, {})) == {*own, "NO_PROXY", "no_proxy"}


HOSTILE = {
    "AWS_PROFILE": "missing", "AWS_SESSION_TOKEN": "stale", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_USE_FIPS_ENDPOINT": "true",
}  # fmt: skip


def test_any_client_uses_the_sandbox_whatever_the_environment_says(tmp_path, monkeypatch):
    config = tmp_path / "config"
    config.write_text("[default]\ns3 =\n  use_accelerate_endpoint = true\nregion = eu-west-1\n")
    for name, value in {**HOSTILE, "AWS_CONFIG_FILE": str(config)}.items():
        monkeypatch.setenv(name, value)
    code = (
        "from boto3 import client; print([b['Name'] for b in"
        " client('s3').list_buckets()['Buckets']],client('sts').get_caller_identity()['Account'],"
        " len(client('sagemaker').list_workteams()['Workteams']))"
    )
    with Sandbox() as sandbox:
        env = {**os.environ, **sandbox.environment()}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300
        )
    assert (
        done.stdout.strip()
        == "['gt-images', 'gt-logs', 'gt-shared', 'ml-artifacts'] 111122223333 5"
    ), done.stderr
