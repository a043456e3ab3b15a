"""A rig on a real account that a person names: what it makes has a name of its own and is removed
again.

Nothing is called but ``sts:GetCallerIdentity`` before the person's confirmation equals the account
that answers.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import gt_secure
from gt_secure import Connection
from support.box import Answer, Keys
from support.rig import Rig

PREFIX = "gt-secure-live-"
"""Every resource's name starts with it."""
NOBODY = "198.51.100.0/24"
"""Addresses for documentation (RFC 5737): no request comes from them."""


class Refused(Exception):
    """The run does not start; nothing was changed."""


@dataclass(frozen=True)
class Wanted:
    """Settings of a run, from the variables that ``tools/live.py`` sets."""

    profile: str
    confirm: str
    log_wait_min: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Wanted:
        """Read the settings."""
        return cls(
            environment.get("GT_SECURE_LIVE_PROFILE", "").strip(),
            environment.get("GT_SECURE_LIVE_CONFIRM", "").strip(),
            float(environment.get("GT_SECURE_LIVE_LOG_WAIT_MIN") or 0),
        )


class LiveRig(Rig):
    """The rig's calls on a real account; requests leave from this machine as they are."""

    def __init__(self, session: boto3.Session, account: str, log_wait_min: float = 0) -> None:
        self.account, self.run, self.log_wait_min = (
            account,
            PREFIX + secrets.token_hex(4),
            log_wait_min,
        )
        self._session = session
        self._clients: dict[str, Any] = {}
        self.answers: dict[str, str] = {}
        self.left: list[str] = []
        self._cleanup = ExitStack()

    @classmethod
    @contextmanager
    def on_account(cls, wanted: Wanted) -> Iterator[LiveRig]:
        """Check the confirmation, and remove everything that was made when the block ends."""
        session, account = confirmed_session(wanted)
        rig = cls(session, account, wanted.log_wait_min)
        try:
            yield rig
        finally:
            rig._cleanup.close()

    def session_of(self, keys: Keys | None = None, region: str | None = None) -> boto3.Session:
        """Make a session with these keys, or return the person's."""
        if keys is None:
            return self._session
        region = region or self._session.region_name
        return boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region
        )

    def connect(self, keys: Keys | None = None) -> Connection:
        """Connect with these keys, or as the person."""
        return gt_secure.connect(boto3_session=self.session_of(keys), endpoint_url=self._endpoint)

    @property
    def _endpoint(self) -> str | None:
        """Return what the person's profile names in the place of AWS."""
        return self._session._session.get_config_variable(
            "endpoint_url"
        ) or self._session._session.get_scoped_config().get("endpoint_url")

    def _client(self, session: boto3.Session, service: str) -> Any:
        endpoint = self._session.client(
            service
        ).meta.endpoint_url  # of the person's profile, for other keys too
        if service == "s3":
            return session.client(
                service, endpoint_url=endpoint, config=Config(signature_version="s3v4")
            )
        return session.client(service, endpoint_url=endpoint)

    def fetch(
        self,
        url: str,
        source: str = "",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request from this machine; the path and the query stay as they are written."""
        parts = urlsplit(url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(str(parts.hostname), parts.port, timeout=30)
        try:
            connection.request(method, f"{parts.path}?{parts.query}", headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answer(
                answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
            )
        finally:
            connection.close()

    def settled(self, question: str, answer: str) -> None:
        """Keep the answer to a documented unknown for the summary."""
        self.answers[question] = answer

    def until_true(
        self, check: Callable[[], Any], timeout_s: float = 60, pause_s: float = 0.5
    ) -> Any:
        """Wait for what AWS spreads slowly: policies, new roles, logs."""
        deadline = time.monotonic() + timeout_s
        while not (result := check()) and time.monotonic() < deadline:
            time.sleep(pause_s)
        return result

    # What a run makes

    def removing(self, name: str, remove: Callable[[], Any]) -> None:
        """Remove it at the end; what cannot be removed is named,
        and the rest is removed all the same.
        """

        def attempt() -> None:
            try:
                remove()
            except (ClientError, BotoCoreError) as error:
                self.left.append(f"{name}: {error}")

        self._cleanup.callback(attempt)

    def make_bucket(self, word: str) -> str:
        """Make an empty, private bucket."""
        s3, name, region = self.client("s3"), f"{self.run}-{word}", self._session.region_name
        where = (
            {}
            if region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        self.removing(f"bucket {name}", lambda: self._remove_bucket(name))
        s3.create_bucket(Bucket=name, **where)
        return name

    def _remove_bucket(self, name: str) -> None:
        s3 = self.client("s3")
        try:
            s3.delete_bucket_policy(Bucket=name)
            s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={})
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
                for item in page.get("Contents", []):
                    s3.delete_object(Bucket=name, Key=item["Key"])
            s3.delete_bucket(Bucket=name)
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise

    def make_team(self) -> str | None:
        """Make a team with the members of an existing private team; None without one."""
        sagemaker = self.client("sagemaker")
        teams = sagemaker.list_workteams(MaxResults=50)["Workteams"]
        if not teams:
            return None
        self.removing(
            f"workteam {self.run}", lambda: sagemaker.delete_workteam(WorkteamName=self.run)
        )
        sagemaker.create_workteam(
            WorkteamName=self.run,
            MemberDefinitions=teams[0]["MemberDefinitions"],
            Description="gt_secure live test",
        )
        return self.run

    def make_role(self, bucket: str) -> str | None:
        """Make a role that may read the bucket and that the caller may assume;
        None where IAM refuses it.
        """
        iam = self.client("iam")
        trust = _policy(
            {"Effect": "Allow", "Principal": {"AWS": self.account}, "Action": "sts:AssumeRole"}
        )
        read = _policy(
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:*:s3:::{bucket}/*"}
        )
        try:
            arn = iam.create_role(RoleName=self.run, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        except ClientError as error:
            if error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}:
                return None
            raise
        self.removing(f"role {self.run}", lambda: iam.delete_role(RoleName=self.run))
        read = read.replace("arn:*:", f"arn:{arn.split(':')[1]}:")
        self.removing(
            f"policy of {self.run}",
            lambda: iam.delete_role_policy(RoleName=self.run, PolicyName="read"),
        )
        iam.put_role_policy(RoleName=self.run, PolicyName="read", PolicyDocument=read)
        return str(arn)


@dataclass
class Room:
    """What the tests of a run share."""

    rig: LiveRig
    bucket: str
    key: str = "scans/0001.txt"
    body: bytes = b"a picture"
    team: str | None = None
    role: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)

    def presigned(self, key: str | None = None, life_s: int = 600) -> str:
        """Presign with the person's own keys."""
        params = {"Bucket": self.bucket, "Key": key or self.key}
        client = self.rig.client("s3")
        return str(client.generate_presigned_url("get_object", Params=params, ExpiresIn=life_s))


def confirmed_session(wanted: Wanted) -> tuple[boto3.Session, str]:
    """Return the session and its account, if the person confirmed exactly this account."""
    if not wanted.profile:
        raise Refused(
            "No profile is named. Type: python tools/live.py <profile> --confirm <account id>"
        )
    session = boto3.Session(profile_name=wanted.profile)
    if not session.region_name:
        raise Refused(f"The profile {wanted.profile} has no region. Set AWS_REGION.")
    identity = session.client("sts").get_caller_identity()
    account, who = identity["Account"], identity["Arn"]
    if wanted.confirm != account:
        given = f"CONFIRM is {wanted.confirm}" if wanted.confirm else "nothing is confirmed"
        raise Refused(
            f"The profile {wanted.profile} is {who} in {session.region_name}, and {given}. The run"
            " makes and removes 2 buckets, 1 workteam and 1 role there. To allow it, add"
            f" CONFIRM={account}"
        )
    return session, str(account)


def _policy(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
