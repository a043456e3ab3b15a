"""The S3 endpoints through which Ground Truth itself reads and writes, by region.

Source: SageMaker Developer Guide, *Run a labeling job in a VPC* (dg/samurai-vpc-labeling-job.html).
"""

from __future__ import annotations

from collections.abc import Mapping

GROUND_TRUTH_ENDPOINTS: Mapping[str, str] = {
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
