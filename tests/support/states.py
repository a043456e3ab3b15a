"""States made by hand, for tests that need no AWS."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gt_secure.account.snapshot import State
from gt_secure.aws.buckets import BucketState
from gt_secure.aws.endpoints import VpcEndpoint
from gt_secure.aws.teams import LabelingJob, UrlLock, Workforce, Workteam

ACCOUNT = "111122223333"
ENDPOINT = "vpce-0a1b2c3d4e5f60718"
TEAM = Workteam(
    "radiology-team",
    f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:workteam/private-crowd/radiology-team",
    "private",
    members=("radiologists",),
    workforce_name="default",
    url_lock=UrlLock(),
)
OTHER = replace(TEAM, name="open-team", arn=TEAM.arn.replace("radiology", "open"))
FORCE = Workforce("default", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:workforce/private-crowd/default", "Active")
BUCKET = BucketState("gt-images", "us-east-1")
S3_ENDPOINT = VpcEndpoint(ENDPOINT, "vpc-0a1b2c3d", "com.amazonaws.us-east-1.s3", "Gateway", "available")
JOB = LabelingJob(
    "chest-scans", "InProgress", TEAM.arn, 8, 12, "s3://gt-images/scans/manifest.json", "s3://gt-images/out/"
)


def state(**more: Any) -> State:
    values: dict[str, Any] = {
        "region": "us-east-1",
        "partition": "aws",
        "account_id": ACCOUNT,
        "caller_arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Studio/me",
        "at": datetime(2026, 11, 24, tzinfo=UTC),
        "team": TEAM,
        "teams": (TEAM, OTHER),
        "workforce": FORCE,
        "bucket": BUCKET,
        "endpoints": (S3_ENDPOINT,),
    }
    return State(**(values | more))
