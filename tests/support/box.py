"""A running sandbox with the calls that its tests make: clients, users and roles,
presigned URLs, requests.
"""

from __future__ import annotations

import http.client
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from gt_secure.sandbox import Sandbox

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/GroundTruthExecution"
OPEN_TEAM = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:workteam/private-crowd/open-team"
BUCKET, LOGS = "gt-images", "s3://gt-logs/s3/"
VPCE = "vpce-0a1b2c3d4e5f60718"
PREFIX_LIST_ID = "pl-0a1b2c3d4e5f60718"
OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.9"
OFFICE_V6 = "2001:db8:113::7"
IN_VPC, OTHER_IN_VPC = f"10.0.3.4 via {VPCE}", f"10.0.7.9 via {VPCE}"

Statement = Mapping[str, Any]
Keys = Mapping[str, str]
_numbers = itertools.count(1)


@dataclass
class Answer:
    """A reply to a plain HTTP request."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.body)


def until(check: Callable[[], Any], timeout_s: float = 240) -> Any:
    """Wait for a condition; returns its first true value.
    The limit only ends tests that would hang.
    """
    deadline = time.monotonic() + timeout_s
    while not (result := check()):
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.02)
    return result


class Box:
    """A running sandbox, its administrator, and whoever else a test needs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.url = sandbox.endpoint_url
        self._clients: dict[str, Any] = {}

    @classmethod
    @contextmanager
    def running(cls, **options: Any) -> Iterator[Self]:
        """Start a sandbox for as long as the block lasts."""
        with Sandbox(**options) as sandbox:
            yield cls(sandbox)

    @cached_property
    def session(self) -> boto3.Session:
        """The administrator's session."""
        return self.session_of()

    def session_of(self, keys: Keys | None = None, region: str | None = None) -> boto3.Session:
        """Make a session with these keys, or with the administrator's."""
        env = self.sandbox.environment()
        return boto3.Session(
            (keys or {}).get("AccessKeyId", env["AWS_ACCESS_KEY_ID"]),
            (keys or {}).get("SecretAccessKey", env["AWS_SECRET_ACCESS_KEY"]),
            (keys or {}).get("SessionToken"),
            region_name=region or env["AWS_REGION"],
        )

    def client(
        self, service: str, credentials: Keys | None = None, source: str | None = None
    ) -> Any:
        """Make a client that signs with SigV4 and never retries; the administrator's are kept."""
        if credentials is None and source is None:
            if service not in self._clients:
                self._clients[service] = self._client(self.session, service)
            return self._clients[service]
        session = self.session if credentials is None else self.session_of(credentials)
        client = self._client(session, service)
        if source is not None:
            client.meta.events.register(
                "before-sign",
                lambda request, **_: request.headers.add_header(
                    "X-Gt-Secure-Sandbox-Source", source
                ),
            )
        return client

    def _client(self, session: boto3.Session, service: str) -> Any:
        config = Config(
            signature_version="s3v4" if service == "s3" else None, retries={"total_max_attempts": 1}
        )
        return session.client(service, endpoint_url=self.url, config=config)

    def keys(self, *statements: Statement, name: str = "") -> dict[str, str]:
        """Make an IAM user with a policy of exactly these statements; returns its keys."""
        iam, name = self.client("iam"), name or f"user-{next(_numbers)}"
        iam.create_user(UserName=name)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=document)
        return dict(iam.create_access_key(UserName=name)["AccessKey"])

    def assume(self, policy: Statement | None = None, role: str = ROLE) -> dict[str, str]:
        """Return credentials of a role, under a session policy if one is given."""
        extra = {} if policy is None else {"Policy": json.dumps(policy)}
        reply = self.client("sts").assume_role(RoleArn=role, RoleSessionName="tester", **extra)
        return dict(reply["Credentials"])

    def presign(
        self,
        condition: Statement | None = None,
        key: str = "scans/0001.png",
        *,
        life_s: int = 60,
        **more: str,
    ) -> str:
        """Sign a URL as Ground Truth does: under a session policy with a condition."""
        statement: dict[str, Any] = {
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/{key}",
        }  # fmt: skip
        if condition:
            statement["Condition"] = condition
        credentials = self.assume({"Version": "2012-10-17", "Statement": [statement]})
        params = {"Bucket": BUCKET, "Key": key, **more}
        return str(
            self.client("s3", credentials).generate_presigned_url(
                "get_object", Params=params, ExpiresIn=life_s
            )
        )

    def presign_plain(self, key: str = "scans/0001.png", life_s: int = 300) -> str:
        """Sign a URL with the administrator's own keys: no session policy,
        no mark of a test URL.
        """
        params = {"Bucket": BUCKET, "Key": key}
        return str(
            self.client("s3").generate_presigned_url("get_object", Params=params, ExpiresIn=life_s)
        )

    def fetch(
        self,
        url: str,
        source: str = OFFICE,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Call from a source: connect to the sandbox, but keep the signed Host header."""
        origin = self.sandbox.origin(source)
        parts = urlsplit(url if "://" in url else self.url + url)
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=120)
        try:
            connection.putrequest(
                method, parts.path + (f"?{parts.query}" if parts.query else ""), skip_host=True
            )
            connection.putheader("Host", parts.netloc)
            for name, value in {**origin.headers, **(headers or {})}.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(
                answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
            )
        finally:
            connection.close()

    def put_manifest(self, name: str, *keys: str) -> dict[str, Any]:
        """Write the input manifest of a job over objects of gt-images;
        return the source of its data.
        """
        lines = "".join(f'{{"source-ref": "s3://{BUCKET}/{key}"}}\n' for key in keys)
        self.client("s3").put_object(Bucket=BUCKET, Key=f"manifests/{name}", Body=lines.encode())
        return {
            "DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{BUCKET}/manifests/{name}"}}
        }

    def start_jobs(self, *teams: str) -> None:
        """Start a labeling job over the demo's scans for each of these workteams."""
        for team in teams:
            arn = OPEN_TEAM.replace("open-team", team)
            self.client("sagemaker").create_labeling_job(**job_request(f"{team}-job", arn))

    def flush(self) -> Any:
        """Deliver the access logs now."""
        return self.fetch("/_gt_secure/flush-logs", method="POST").json()

    until = staticmethod(until)

    def use_environment(self, patch: pytest.MonkeyPatch, **more: str) -> None:
        """Set the variables that make any AWS client use the sandbox."""
        for name, value in {**self.sandbox.environment(), **more}.items():
            patch.setenv(name, value)


def allowing(*actions: str) -> list[Statement]:
    """Return the statement that allows these actions everywhere, or none if there are none."""
    return [{"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}] if actions else []


def job_request(name: str, team: str = OPEN_TEAM) -> dict[str, Any]:
    """Return the request for a labeling job over the demo's scans."""
    lambdas = "arn:aws:lambda:us-east-1:432418664414:function"
    return {
        "LabelingJobName": name, "LabelAttributeName": "label", "RoleArn": ROLE,
        "InputConfig": {
            "DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://gt-images/manifests/chest-scans.manifest"}}
        },
        "OutputConfig": {"S3OutputPath": "s3://gt-images/output/"},
        "HumanTaskConfig": {
            "WorkteamArn": team, "UiConfig": {"UiTemplateS3Uri": "s3://gt-images/templates/bounding-box.liquid.html"},
            "PreHumanTaskLambdaArn": f"{lambdas}:PRE-BoundingBox", "TaskTitle": "t", "TaskDescription": "d",
            "NumberOfHumanWorkersPerDataObject": 1, "TaskTimeLimitInSeconds": 60,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": f"{lambdas}:ACS-BoundingBox"},
        },
        "Tags": [{"Key": "project", "Value": "p1"}],
    }  # fmt: skip
