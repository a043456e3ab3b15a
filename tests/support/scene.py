"""A sandbox of its own for checks, with a restricted team and a guarded bucket that tests may break."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

import gt_secure
from gt_secure import Connection, Restriction, expect
from gt_secure.sandbox import Sandbox

TEAM, BUCKET, PREFIX = "open-team", "gt-images", "scans/"
OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.9"
ENDPOINT = "vpce-0a1b2c3d4e5f60718"

WISH = Restriction(
    TEAM,
    addresses=["203.0.113.0/24"],
    bucket=BUCKET,
    prefix=PREFIX,
    expectations=[expect.allowed(OFFICE), expect.refused(ELSEWHERE)],
)

SIGNED = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE{n}%2F20261120%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20261120T0900{n:02}Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=XXXXXXXXXXXXXXXX"
)


def row(ip: str, *, url: int = 0, status: int = 200, key: str = "scans/0001.png", bucket: str = BUCKET, more: str = ""):
    """One line of an access log with a presigned URL; rows with the same number used the same URL."""
    code = "-" if status == 200 else "AccessDenied"
    minute = 10 + url + (20 if ip == ELSEWHERE else 0)
    query = SIGNED.format(n=url) + more
    return (
        f"79a59df900b949e55d96a1e698fb {bucket} [20/Nov/2026:09:{minute}:00 +0000] {ip} - 3E57427F3EXAMPLE{url}{ip} "
        f'REST.GET.OBJECT {key} "GET /{bucket}/{key}?{query} HTTP/1.1" {status} {code} 113 113 7 6 '
        f'"-" "Mozilla/5.0" - host= SigV4 TLS_AES_128_GCM_SHA256 QueryString {bucket}.s3.amazonaws.com TLSv1.3 - -\n'
    )


GOOD = [row(OFFICE, url=1), row(OFFICE, url=2, key="scans/0002.png")]


@dataclass
class Scene:
    """The sandbox, a connection that may do everything, and plain clients that break things."""

    sandbox: Sandbox
    session: boto3.Session
    gt: Connection

    def client(self, service: str, keys: dict[str, str] | None = None) -> Any:
        config = Config(signature_version="s3v4" if service == "s3" else None)
        named = {
            "aws_access_key_id": (keys or {}).get("AccessKeyId"),
            "aws_secret_access_key": (keys or {}).get("SecretAccessKey"),
        }
        return self.session.client(service, endpoint_url=self.sandbox.endpoint_url, config=config, **named)

    def as_user(self, name: str, *actions: str) -> Connection:
        """A connection of a new user who may call only these actions."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        statements = [{"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=document)
        keys = iam.create_access_key(UserName=name)["AccessKey"]
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name="us-east-1")
        return gt_secure.connect(boto3_session=session, endpoint_url=self.sandbox.endpoint_url)

    def toggles(self, source_ip: bool, vpc_source_ip: bool = False) -> None:
        words = {True: "Enabled", False: "Disabled"}
        value = {"SourceIp": words[source_ip], "VpcSourceIp": words[vpc_source_ip]}
        self.client("sagemaker").update_workteam(
            WorkteamName=TEAM, WorkerAccessConfiguration={"S3Presign": {"IamPolicyConstraints": value}}
        )

    def remove_guard(self) -> None:
        self.client("s3").delete_bucket_policy(Bucket=BUCKET)

    def change_guard(self, old: str, new: str) -> None:
        s3 = self.client("s3")
        text = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
        assert old in text
        s3.put_bucket_policy(Bucket=BUCKET, Policy=text.replace(old, new))

    def presign(self, key: str = "scans/0001.png") -> str:
        """A presigned URL without the mark of our own test URLs, as a labeler has one."""
        return self.client("s3").generate_presigned_url(
            "get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=300
        )

    def fetch(self, url: str, source: str, method: str = "GET") -> int:
        vantage = self.sandbox.vantage(source)
        parts = urlsplit(url)
        where = (vantage.bind, 0) if vantage.bind else None
        connection = http.client.HTTPConnection(*vantage.connect, timeout=10, source_address=where)
        try:
            connection.putrequest(method, f"{parts.path}?{parts.query}", skip_host=True)
            connection.putheader("Host", parts.netloc)
            for name, value in vantage.headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def deliver_logs(self) -> None:
        parts = urlsplit(self.sandbox.endpoint_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        connection.request("POST", "/_gt_secure/flush-logs")
        connection.getresponse().read()
        connection.close()


@pytest.fixture(scope="session")
def empty_scene() -> Iterator[Scene]:
    with Sandbox(log_delay_s=60, workforce_delay_s=0.05) as sandbox:
        env = sandbox.environment()
        session = boto3.Session(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name=env["AWS_REGION"])
        gt = gt_secure.connect(boto3_session=session, endpoint_url=sandbox.endpoint_url)
        yield Scene(sandbox, session, gt)


@pytest.fixture
def scene(empty_scene: Scene, tmp_path: Any) -> Iterator[Scene]:
    """The restriction is applied; whatever a test does to it is put right before the next."""
    journal = tmp_path / "journal"
    plan = empty_scene.gt.plan(WISH)
    if plan.changes:
        empty_scene.gt.apply(plan, journal_dir=journal)
    yield empty_scene
    again = empty_scene.gt.plan(WISH)
    if again.changes:
        empty_scene.gt.apply(again, journal_dir=journal, confirm=[notice.code for notice in again.blockers])
