"""A sandbox of its own for checks, with a restricted team and a guarded bucket
that tests may break.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gt_secure import Restriction, expect
from gt_secure.sandbox import Sandbox
from support.box import BUCKET, ELSEWHERE, OFFICE, VPCE
from support.consents import AGREED
from support.rig import Rig

TEAM, PREFIX = "open-team", "scans/"
ENDPOINT = VPCE

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


def row(
    ip: str,
    *,
    url: int = 0,
    status: int = 200,
    key: str = "scans/0001.png",
    bucket: str = BUCKET,
    more: str = "",
):
    """One line of an access log with a presigned URL;
    rows with the same number used the same URL.
    """
    code = "-" if status == 200 else "AccessDenied"
    minute = 10 + url + (20 if ip == ELSEWHERE else 0)
    query = SIGNED.format(n=url) + more
    return (
        f"79a59df900b949e55d96a1e698fb {bucket} [20/Nov/2026:09:{minute}:00 +0000] {ip} -"
        f" 3E57427F3EXAMPLE{url}{ip} "
        f'REST.GET.OBJECT {key} "GET /{bucket}/{key}?{query} HTTP/1.1" {status} {code} 113 113 7 6 '
        '"-" "Mozilla/5.0" - host= SigV4 TLS_AES_128_GCM_SHA256 QueryString'
        f" {bucket}.s3.amazonaws.com TLSv1.3 - -\n"
    )


GOOD = [row(OFFICE, url=1), row(OFFICE, url=2, key="scans/0002.png")]


class Scene(Rig):
    """A sandbox, a connection that may do everything, and plain clients that break things."""

    def toggles(self, source_ip: bool, vpc_source_ip: bool = False) -> None:
        words = {True: "Enabled", False: "Disabled"}
        value = {"SourceIp": words[source_ip], "VpcSourceIp": words[vpc_source_ip]}
        self.client("sagemaker").update_workteam(
            WorkteamName=TEAM,
            WorkerAccessConfiguration={"S3Presign": {"IamPolicyConstraints": value}},
        )

    def remove_guard(self) -> None:
        self.client("s3").delete_bucket_policy(Bucket=BUCKET)

    def change_guard(self, old: str, new: str) -> None:
        s3 = self.client("s3")
        policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
        text = json.dumps(policy, separators=(",", ":"))  # however the guard's text is laid out
        assert old in text
        s3.put_bucket_policy(Bucket=BUCKET, Policy=text.replace(old, new))


@pytest.fixture(scope="session")
def running_scene() -> Iterator[Scene]:
    with Sandbox(log_delay_s=60, workforce_delay_s=0.05) as sandbox:
        yield Scene(sandbox)


@pytest.fixture(scope="module")
def empty_scene(running_scene: Scene) -> Scene:
    running_scene.sandbox.reset()
    return running_scene


@pytest.fixture
def scene(empty_scene: Scene) -> Iterator[Scene]:
    """The restriction is applied; whatever a test does to it is put right before the next."""
    plan = empty_scene.gt.plan(WISH)
    if plan.changes:
        empty_scene.gt.apply(plan, confirm=AGREED)
    s3 = empty_scene.client("s3")
    policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    yield empty_scene
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)  # a plan leaves the guards of other prefixes
    again = empty_scene.gt.plan(WISH)
    if again.changes:
        empty_scene.gt.apply(again, confirm=[notice.code for notice in again.asks])
