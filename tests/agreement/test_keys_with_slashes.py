"""Keys with slashes at their ends, doubled slashes and dots: the sandbox answers as the engine."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from gt_secure.engine.access import Exposure
from support.box import BUCKET as DEMO

from .conftest import ELSEWHERE, Box
from .test_guard_forms import send_form

BUCKET = "gt-slashes"
PARTS = ("", "", "", "a", "a", "apps", ".", "..", "b.png")
KEYS = (
    "apps/",
    "apps/a/",
    "apps/a//",
    "/apps",
    "/apps/a/x",
    "apps/./a",
    "apps/../a",
    "apps//a",
    "//",
    ".",
    "..",
)
PATTERNS = ("apps/a/*", "apps/a/", "apps/a*", "apps/*", "apps//*", "/apps*", "*/", "*//*", "./*", "?", "..", "/", "apps/?/")  # fmt: skip


@pytest.fixture(scope="module")
def s3(box: Box) -> Iterator[Any]:
    client = box.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.delete_public_access_block(Bucket=BUCKET)
    yield client
    client.delete_bucket_policy(Bucket=BUCKET)


def put_policy(s3: Any, pattern: str) -> None:
    everywhere = {"Principal": "*", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    allow = {
        "Sid": "All",
        "Effect": "Allow",
        "Action": ["s3:GetObject*", "s3:PutObject"],
        **everywhere,
    }
    deny = {
        "Sid": "Some",
        "Effect": "Deny",
        "Action": ["s3:GetObject", "s3:PutObject"],
        **everywhere,
        "Resource": f"arn:aws:s3:::{BUCKET}/{pattern}",
    }
    s3.put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})
    )


def statuses(box: Box, s3: Any, key: str) -> dict[str, int]:
    """Send each kind of request for one key."""
    to = {"Bucket": BUCKET, "Key": key}

    def url(call: str, **more: Any) -> str:
        return str(s3.generate_presigned_url(call, Params={**to, **more}))

    path = url("get_object").partition("?")[0]
    attributes = url("get_object_attributes", ObjectAttributes=["ETag"])
    copied = url("copy_object", CopySource=f"{BUCKET}/{key}", **{"Bucket": DEMO, "Key": "copy"})
    return {
        "put": box.fetch(url("put_object"), ELSEWHERE, "PUT", body=b"x").status,
        "presigned": box.fetch(url("get_object"), ELSEWHERE).status,
        "attributes": box.fetch(attributes, ELSEWHERE, headers={"x-amz-object-attributes": "ETag"}).status,
        "anonymous": box.fetch(path, ELSEWHERE).status,
        "post-form": send_form(box, s3.generate_presigned_post(BUCKET, key), ELSEWHERE).status,
        "copied": box.fetch(copied, ELSEWHERE, "PUT", headers={"x-amz-copy-source": f"{BUCKET}/{key}"}).status,
    }  # fmt: skip


def check(box: Box, s3: Any, seeds: range) -> Counter[str]:
    met: Counter[str] = Counter()
    for seed in seeds:
        draw = random.Random(seed)
        key = (
            draw.choice(KEYS)
            if draw.random() < 0.5
            else "/".join(draw.choices(PARTS, k=draw.randint(2, 5)))
        )
        pattern = draw.choice((*PATTERNS, f"{key}/*", f"{key}*", key, key.rstrip("/") or "/"))
        put_policy(s3, pattern)
        # a key that ends with a slash would be a prefix in a question about the account
        who = Exposure(box.gt.who_can_open(BUCKET).locks, key)
        got = statuses(box, s3, key)
        for kind in ("presigned", "anonymous", "post-form"):
            answer = who.at(ELSEWHERE, kind).answer
            assert answer == ("refused" if got[kind] == 403 else "opened"), (
                seed,
                kind,
                pattern,
                key,
                got,
            )
            met[answer] += 1
        assert len({status == 403 for status in got.values()}) == 1, (seed, pattern, key, got)
    return met


def test_the_sandbox_keeps_the_slashes_that_the_engine_keeps(box: Box, s3: Any) -> None:
    met = check(box, s3, range(14))
    assert min(met["opened"], met["refused"]) >= 9, met


@pytest.mark.slow
def test_more_keys_with_slashes(box: Box, s3: Any) -> None:
    met = check(box, s3, range(100, 500))
    assert min(met["opened"], met["refused"]) >= 250, met
