"""Keys with slashes at their ends and beside each other are other keys: stored,
listed and refused as they are.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import ELSEWHERE, Box

BUCKET = "keys-of-slashes"
KEYS = (
    "/",
    "//",
    "/a",
    "//a",
    "a/",
    "a//",
    "a//b",
    "/a/",
    "a/b",
    "a",
    "a/./b",
    "a/../b",
    ".",
    "..",
    "./a",
    "//../x",
)


@pytest.fixture(scope="module")
def s3(box: Box) -> Iterator[Any]:
    client = box.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.delete_bucket_policy(Bucket=BUCKET)
    for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=each["Key"])
    client.delete_bucket(Bucket=BUCKET)


def url(s3: Any, operation: str, key: str) -> str:
    return str(s3.generate_presigned_url(operation, Params={"Bucket": BUCKET, "Key": key}))


def deny(s3: Any, pattern: str) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*Object",
        "Resource": f"arn:aws:s3:::{pattern}",
    }
    s3.put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def matches(pattern: str, text: str) -> bool:
    return (
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None
    )


def store(box: Box, s3: Any) -> None:
    for key in KEYS:
        put = box.fetch(url(s3, "put_object", key), ELSEWHERE, method="PUT", body=key.encode())
        assert put.status == 200, key


def test_each_key_keeps_its_slashes(box: Box, s3: Any) -> None:
    store(box, s3)
    listed = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert listed == sorted(KEYS, key=str.encode)
    for key in KEYS:
        assert box.fetch(url(s3, "get_object", key), ELSEWHERE).body == key.encode()


def check_refusals(box: Box, s3: Any, seeds: range) -> None:
    s3.delete_bucket_policy(Bucket=BUCKET)
    store(box, s3)
    met = set()
    for seed in seeds:
        draw = random.Random(seed)
        kind = draw.choice(("exact", "below", "prefix", "one more"))
        key = draw.choice(KEYS)
        pattern = {"exact": key, "below": f"{key}/*", "prefix": f"{key}*", "one more": f"{key}?"}[
            kind
        ]
        deny(s3, f"{BUCKET}/{pattern}")
        for other in draw.sample(KEYS, 5):
            wanted = 403 if matches(pattern, other) else 200
            place = (seed, pattern, other)
            assert box.fetch(url(s3, "get_object", other), ELSEWHERE).status == wanted, place
            put = box.fetch(
                url(s3, "put_object", other), ELSEWHERE, method="PUT", body=other.encode()
            )
            assert put.status == wanted, place
            met.add(wanted)
    assert met == {200, 403}


def test_a_pattern_refuses_the_keys_that_it_matches(box: Box, s3: Any) -> None:
    check_refusals(box, s3, range(8))


@pytest.mark.slow
def test_more_patterns_refuse_the_keys_that_they_match(box: Box, s3: Any) -> None:
    check_refusals(box, s3, range(100, 400))
