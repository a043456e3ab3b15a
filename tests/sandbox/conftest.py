"""A sandbox of its own for the tests of the sandbox, so that they may change everything in it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from gt_secure.sandbox import Sandbox

ROLE = "arn:aws:iam::111122223333:role/GroundTruthExecution"
VPCE = "vpce-0a1b2c3d4e5f60718"
OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.9"
IN_VPC, OTHER_IN_VPC = f"10.0.3.4 via {VPCE}", f"10.0.7.9 via {VPCE}"
OFFICE_V6 = "2001:db8:113::7"


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.body)


class Box:
    """A running sandbox and the calls that tests make."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.url = sandbox.endpoint_url
        self._clients: dict[str, Any] = {}
        env = sandbox.environment()
        self.session = boto3.Session(
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            region_name=env["AWS_REGION"],
        )

    def client(self, service: str, credentials: dict[str, str] | None = None, source: str | None = None) -> Any:
        if credentials is None and source is None:
            if service not in self._clients:
                self._clients[service] = self._client(service, {})
            return self._clients[service]
        given = credentials or {}
        keys = {
            "aws_access_key_id": given.get("AccessKeyId"),
            "aws_secret_access_key": given.get("SecretAccessKey"),
            "aws_session_token": given.get("SessionToken"),
        }
        client = self._client(service, keys)
        if source is not None:
            client.meta.events.register(
                "before-sign", lambda request, **_: request.headers.add_header("X-Gt-Secure-Sandbox-Source", source)
            )
        return client

    def _client(self, service: str, keys: dict[str, Any]) -> Any:
        config = Config(signature_version="s3v4" if service == "s3" else None, retries={"total_max_attempts": 1})
        return self.session.client(service, endpoint_url=self.url, config=config, **keys)

    def assume(self, policy: dict[str, Any] | None = None, role: str = ROLE) -> dict[str, str]:
        extra = {} if policy is None else {"Policy": json.dumps(policy)}
        return self.client("sts").assume_role(RoleArn=role, RoleSessionName="tester", **extra)["Credentials"]

    def presign(
        self, condition: dict[str, Any] | None = None, key: str = "scans/0001.png", *, life_s: int = 60, **more: str
    ) -> str:
        statement: dict[str, Any] = {
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::gt-images/{key}",
        }  # fmt: skip
        if condition:
            statement["Condition"] = condition
        credentials = self.assume({"Version": "2012-10-17", "Statement": [statement]})
        params = {"Bucket": "gt-images", "Key": key, **more}
        return self.client("s3", credentials).generate_presigned_url("get_object", Params=params, ExpiresIn=life_s)

    def fetch(
        self, url: str, source: str = OFFICE, method: str = "GET", headers: dict[str, str] | None = None
    ) -> Answer:
        """Call from a place: bind the socket and connect to its listener, but keep the signed Host header."""
        vantage = self.sandbox.vantage(source)
        parts = urlsplit(url if "://" in url else self.url + url)
        connection = http.client.HTTPConnection(
            *vantage.connect, timeout=10, source_address=(vantage.bind, 0) if vantage.bind else None
        )
        try:
            connection.putrequest(method, parts.path + (f"?{parts.query}" if parts.query else ""), skip_host=True)
            connection.putheader("Host", parts.netloc)
            for name, value in {**vantage.headers, **(headers or {})}.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()})
        finally:
            connection.close()

    def flush(self) -> Any:
        return self.fetch("/_gt_secure/flush-logs", method="POST").json()

    def user(self, name: str, *statements: dict[str, Any]) -> dict[str, str]:
        """Make an IAM user with a policy; returns its keys."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=document)
        return iam.create_access_key(UserName=name)["AccessKey"]

    def until(self, check: Callable[[], Any], timeout_s: float = 5) -> Any:
        deadline = time.monotonic() + timeout_s
        while not (found := check()):
            assert time.monotonic() < deadline, "timed out"
            time.sleep(0.05)
        return found


@pytest.fixture(scope="session")
def box() -> Iterator[Box]:
    with Sandbox(log_delay_s=60, workforce_delay_s=0.4) as sandbox:
        yield Box(sandbox)


@pytest.fixture
def guard(box: Box) -> Iterator[Callable[..., None]]:
    """Put a bucket policy on gt-images, and take it away afterwards."""
    s3 = box.client("s3")

    def put(*statements: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        s3.put_bucket_policy(Bucket="gt-images", Policy=document)

    yield put
    s3.delete_bucket_policy(Bucket="gt-images")
