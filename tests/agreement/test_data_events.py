"""Evidence for a restriction by endpoint: the data events of the sandbox,
read back by the checks.
"""

from __future__ import annotations

from typing import Any

import pytest

from gt_secure import Restriction
from gt_secure.check import no_foreign_hits
from support.box import BUCKET, ELSEWHERE, IN_VPC, VPCE

TRAIL = "s3://gt-logs/AWSLogs/"


@pytest.mark.parametrize(
    ("source", "passed"),
    [(IN_VPC, True), ("10.0.3.4 via vpce-0fedcba9876543210", False), (ELSEWHERE, False)],
)
def test_the_check_of_a_restriction_by_endpoint_is_decided(
    box: Any, source: str, passed: bool
) -> None:
    """Access logs name no endpoint, so they leave this unknown."""
    key = f"decided/{passed}-{len(source)}.png"
    box.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")
    box.fetch(box.presign(key=key), source)
    box.flush()
    with box.gt.hits(BUCKET, logs=TRAIL) as hits:
        found = no_foreign_hits.look(hits, Restriction(bucket=BUCKET, prefix=key, endpoints=VPCE))
    assert found.passed is passed, found
