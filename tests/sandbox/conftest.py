"""A sandbox of its own for the tests of the sandbox: they may change everything in it, and each file starts anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.rig import (  # noqa: F401 - the names that the tests of this folder import
    ELSEWHERE,
    IN_VPC,
    OFFICE,
    OFFICE_V6,
    OTHER_IN_VPC,
    ROLE,
    VPCE,
    Answer,
    Rig as Box,
)


@pytest.fixture(scope="session")
def running_box() -> Iterator[Box]:
    with Box.running(log_delay_s=60, workforce_delay_s=0.4) as box:
        yield box


@pytest.fixture(scope="module")
def box(running_box: Box) -> Box:
    """A sandbox that every file finds as it was seeded."""
    running_box.sandbox.reset()
    return running_box


@pytest.fixture
def guard(box: Box) -> Iterator[Callable[..., None]]:
    """Put a bucket policy on gt-images, and take it away afterwards."""
    s3 = box.client("s3")

    def put(*statements: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        s3.put_bucket_policy(Bucket="gt-images", Policy=document)

    yield put
    s3.delete_bucket_policy(Bucket="gt-images")
