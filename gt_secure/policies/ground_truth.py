"""Requests that Ground Truth itself makes, which must keep working.

Source: SageMaker Developer Guide, *Use Amazon SageMaker Ground Truth in an Amazon Virtual Private Cloud*: the back end
reads and writes buckets through endpoints that AWS owns, one in each region.
"""

from __future__ import annotations

BACK_END_ENDPOINTS: dict[str, str] = {
    "us-east-1": "vpce-08408e335ebf95b40",
    "us-east-2": "vpce-02569ba1c40aad0bc",
    "us-west-2": "vpce-0ea07aa498eb78469",
    "ca-central-1": "vpce-0d46ea4c9ff55e1b7",
    "eu-central-1": "vpce-0865e7194a099183d",
    "eu-west-1": "vpce-0788e7ed8628e595d",
    "eu-west-2": "vpce-0bccd56798f4c5df0",
    "ap-south-1": "vpce-0d7fcda14e1783f11",
    "ap-southeast-1": "vpce-0e7e67b32e9efed27",
    "ap-southeast-2": "vpce-0b7609e6f305a77d4",
    "ap-northeast-1": "vpce-0247996a1a1807dbd",
    "ap-northeast-2": "vpce-007893f89e05f2bbf",
}
"""Region to the endpoint through which Ground Truth reaches S3."""

BACK_END_ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload")
"""What it does with objects."""

LOG_DELIVERY = "logging.s3.amazonaws.com"
"""The service principal that delivers server access logs."""


def back_end_endpoint(region: str) -> str:
    """Return the endpoint of the back end; for a region that AWS does not list, an id that stands for it."""
    return BACK_END_ENDPOINTS.get(region, "vpce-00000000000000000")


def service_buckets(region: str) -> tuple[str, str]:
    """Return the two buckets of Ground Truth that a VPC endpoint policy must allow."""
    return f"sagemaker-labeling-data-{region}", f"sm-bxcb-{region}-saved-task-states"
