"""Questions that AWS's documentation leaves open, asked of a real account; docs/live.md lists them.

Most answers are only reported. A test fails where the product depends on the answer.
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.logs import read_hits
from support.live import NOBODY, Room

pytestmark = pytest.mark.live


def attempt(call: Any, **params: Any) -> str:
    try:
        call(**params)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "accepted"


class Team:
    """A team whose settings are written and read without the product."""

    def __init__(self, room: Room, name: str) -> None:
        self.name, self.sagemaker = name, room.rig.client("sagemaker")

    def update(self, **members: Any) -> str:
        return attempt(self.sagemaker.update_workteam, WorkteamName=self.name, **members)

    def lock(self, **toggles: str) -> str:
        return self.update(
            WorkerAccessConfiguration={"S3Presign": {"IamPolicyConstraints": toggles}}
        )

    def read(self) -> dict[str, Any]:
        return dict(self.sagemaker.describe_workteam(WorkteamName=self.name)["Workteam"])

    def toggles(self) -> dict[str, str]:
        config = self.read().get("WorkerAccessConfiguration") or {}
        found = (config.get("S3Presign") or {}).get("IamPolicyConstraints") or {}
        return {name: found.get(name, "absent") for name in ("SourceIp", "VpcSourceIp")}


@pytest.fixture
def lock(room: Room, team: str) -> Any:
    made = Team(room, team)
    yield made
    assert made.lock(SourceIp="Disabled", VpcSourceIp="Disabled") == "accepted", (
        "both are sent, both are off"
    )


def test_both_settings_on(room: Room, lock: Team) -> None:
    answer = lock.lock(SourceIp="Enabled", VpcSourceIp="Enabled")
    read = ", ".join(f"{name} {value}" for name, value in lock.toggles().items())
    room.rig.settled("both URL lock settings on", f"{answer}; then {read}")


def test_an_omitted_setting(room: Room, lock: Team) -> None:
    assert lock.lock(SourceIp="Enabled", VpcSourceIp="Disabled") == "accepted"
    answer = lock.lock(VpcSourceIp="Disabled")
    kept = (
        "kept" if lock.toggles()["SourceIp"] == "Enabled" else f"now {lock.toggles()['SourceIp']}"
    )
    room.rig.settled("the omitted one of two settings", f"{answer}; SourceIp {kept}")


def test_omitted_members(room: Room, lock: Team) -> None:
    assert lock.lock(SourceIp="Enabled", VpcSourceIp="Disabled") == "accepted"
    before = lock.read()
    assert lock.update(Description="another text") == "accepted"
    kept = lock.toggles()["SourceIp"] == "Enabled"
    room.rig.settled(
        "WorkerAccessConfiguration left out of UpdateWorkteam", "kept" if kept else "reset"
    )
    lock.lock(SourceIp="Disabled", VpcSourceIp="Disabled")
    after = lock.read()
    lost = [
        name
        for name in ("MemberDefinitions", "NotificationConfiguration")
        if before.get(name) != after.get(name)
    ]
    lost += ["Description"] if after.get("Description") != "another text" else []
    room.rig.settled(
        "other members left out of UpdateWorkteam", f"reset: {', '.join(lost)}" if lost else "kept"
    )
    assert lost == [], "the product sends WorkerAccessConfiguration alone"


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("a letter of a name", "X-Amz-Expires", "X-Amz-Expire%73"),
        ("a digit of a value", "=600", "=%3600"),
    ],
)
def test_query_spelling(room: Room, place: str, old: str, new: str) -> None:
    url = room.presigned()
    assert old in url
    answer = room.rig.fetch(url.replace(old, new))
    room.rig.settled(f"{place} of the query percent-encoded", str(answer.status))
    assert answer.status < 500


def test_one_auth_mechanism(room: Room) -> None:
    """The guard depends on it: otherwise a presigned URL passes as a request signed in a header."""
    url = room.presigned()
    frozen = room.rig.session.get_credentials().get_frozen_credentials()
    request = AWSRequest("GET", url)
    S3SigV4Auth(frozen, "s3", room.rig.session.region_name).add_auth(request)
    answer = room.rig.fetch(
        url, headers={k: str(v) for k, v in request.headers.items() if k != "Host"}
    )
    room.rig.settled("two kinds of authentication", f"{answer.status} {code_of(answer.text)}")
    assert answer.status in {400, 403}


def test_how_late_a_guard_holds(room: Room) -> None:
    """S3 spreads a policy to its servers: until then a URL still opens, or opens now and then."""
    s3, url = room.rig.client("s3"), room.presigned()
    guard = build_guard(
        room.bucket,
        NOBODY,
        partition=room.rig.session.get_partition_for_region(s3.meta.region_name),
    )
    document = json.dumps({"Version": "2012-10-17", "Statement": [guard]})
    began = time.monotonic()
    s3.put_bucket_policy(Bucket=room.bucket, Policy=document)
    seen: list[int] = []

    def is_refused() -> bool:
        seen.append(room.rig.fetch(url).status)
        return seen[-20:] == [403] * 20

    try:
        assert room.rig.until_true(is_refused, pause_s=0.1), "the guard is in force"
        late = time.monotonic() - began if 200 in seen else 0
        again = 200 in seen[seen.index(403) :]
        answer = f"within {late:.0f} s" + (
            ", with openings after the first refusal" if again else ""
        )
        room.rig.settled("a guard holds", answer)
    finally:
        s3.delete_bucket_policy(Bucket=room.bucket)
    assert room.rig.until_true(lambda: room.rig.fetch(url).status == 200)


def test_acls_of_a_new_bucket(room: Room) -> None:
    s3 = room.rig.client("s3")
    answer = attempt(s3.put_object_acl, Bucket=room.bucket, Key=room.key, ACL="private")
    room.rig.settled("an ACL on an object of a new bucket", answer)


def test_cors_headers_of_a_refusal(room: Room) -> None:
    rules = [{"AllowedOrigins": ["https://example.org"], "AllowedMethods": ["GET"]}]
    room.rig.client("s3").put_bucket_cors(
        Bucket=room.bucket, CORSConfiguration={"CORSRules": rules}
    )
    answer = room.rig.fetch(altered(room.presigned()), headers={"Origin": "https://example.org"})
    assert answer.status == 403
    sent = "sent" if "access-control-allow-origin" in answer.headers else "not sent"
    room.rig.settled("CORS headers of a 403", sent)


def test_keys_and_requesters_in_logs(room: Room) -> None:
    """Access logs arrive within hours: only asked when the person gives the run time to wait."""
    rig, s3 = room.rig, room.rig.client("s3")
    if not rig.log_wait_min:
        pytest.skip("Give the run time to wait for access logs: LOG_WAIT_MIN=240")
    logs = rig.make_bucket("logs")
    allow_logging(rig, logs)
    target = {"LoggingEnabled": {"TargetBucket": logs, "TargetPrefix": "s3/"}}
    s3.put_bucket_logging(Bucket=room.bucket, BucketLoggingStatus=target)
    keys = ["a blank b.txt", "a+plus+b.txt"]
    for key in keys:
        s3.put_object(Bucket=room.bucket, Key=key, Body=b"x")
        assert rig.fetch(room.presigned(key)).status == 200
    assert rig.fetch(altered(room.presigned())).status == 403
    s3.delete_objects(Bucket=room.bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    lines = rig.until_true(
        lambda: enough(raw_lines(rig, logs)), timeout_s=60 * rig.log_wait_min, pause_s=2
    )
    assert lines, "the rows did not arrive in time: a larger LOG_WAIT_MIN may do"
    # the rows of the batch may come in another file, and the sandbox has none
    batch = partial(batch_lines, rig, logs)
    lines += rig.until_true(batch, timeout_s=3 * rig.log_wait_min, pause_s=1)
    for operation in ("REST.GET.OBJECT", "BATCH.DELETE.OBJECT"):
        written = sorted(
            {
                line.split(f" {operation} ")[1].split(" ")[0]
                for line in lines
                if f" {operation} " in line
            }
        )
        rig.settled(
            f"keys of {operation}",
            " ".join(key for key in written if "scans" not in key) or "no row",
        )
    [refused] = [line for line in lines if " 403 SignatureDoesNotMatch " in line][:1] or [""]
    rig.settled(
        "requester of an altered URL", refused.split("] ")[1].split(" ")[1] if refused else "no row"
    )
    read = {
        row[0]
        for row in read_hits(f"s3://{logs}/s3/", aws=rig.gt.aws).query(
            "SELECT DISTINCT key FROM {hits}"
        )
    }
    assert set(keys) <= read, "both keys are read as they were written"


def altered(url: str) -> str:
    """Change the last digit of the signature."""
    return url[:-1] + ("0" if url[-1] != "0" else "1")


def code_of(body: str) -> str:
    return body.partition("<Code>")[2].partition("</Code>")[0]


def allow_logging(rig: Any, bucket: str) -> None:
    statement = {
        "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
        "Resource": f"arn:{rig.session.get_partition_for_region(rig.session.region_name)}:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": rig.account}},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    rig.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)


def raw_lines(rig: Any, bucket: str) -> list[str]:
    s3 = rig.client("s3")
    found = [
        i["Key"]
        for p in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for i in p.get("Contents", [])
    ]
    bodies = (s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in found)
    return [line for body in bodies for line in body.splitlines()]


def batch_lines(rig: Any, bucket: str) -> list[str]:
    return [line for line in raw_lines(rig, bucket) if " BATCH.DELETE.OBJECT " in line]


def enough(lines: list[str]) -> list[str]:
    """Return the lines once they have all reads and the refusal."""
    text = "\n".join(lines)
    return (
        lines
        if text.count(" REST.GET.OBJECT ") >= 3 and " 403 SignatureDoesNotMatch " in text
        else []
    )
