"""A pytest plugin: the sandbox that tests share,
and AWS clients that are made and retried quickly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.retries.standard import ExponentialBackoff

from gt_secure.sandbox import Sandbox
from support import aws_models
from support.box import Box

aws_models.reuse()
ExponentialBackoff.delay_amount = lambda *_: 0.0  # type: ignore[method-assign]  # no test is about how long AWS is spared


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox(log_delay_s=0.3, workforce_delay_s=0.3) as running:
        yield running


@pytest.fixture(scope="module")
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """One that every file finds as it was seeded."""
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def guard(box: Box) -> Iterator[Callable[..., None]]:
    """Put a bucket policy on gt-images, and take it away afterwards."""
    s3 = box.client("s3")

    def put(*statements: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        s3.put_bucket_policy(Bucket="gt-images", Policy=document)

    yield put
    s3.delete_bucket_policy(Bucket="gt-images")
