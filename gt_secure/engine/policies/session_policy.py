"""The session policy of a test URL: exactly one object, under the condition that Ground Truth would
use.

Sources: SageMaker API Reference, *IamPolicyConstraints* (the worker's address becomes a condition
of the policy behind the URL); STS API Reference, *AssumeRole* (2,048 characters).

The requests that Ground Truth itself makes must keep working. Source: SageMaker Developer Guide,
*Use Amazon SageMaker Ground Truth in an Amazon Virtual Private Cloud*: the back end reads and
writes buckets through endpoints that AWS owns, one in each region.
"""

from __future__ import annotations

import json

from ...base.errors import InvalidInput, PolicyError
from ...base.network import Source, SourceLike
from ...base.text import Json
from .bucket_guard import UPLOAD, escape_key

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
"""The actions on objects."""

LOG_DELIVERY = "logging.s3.amazonaws.com"
"""The service principal that delivers server access logs."""


def back_end_endpoint(region: str) -> str:
    """Return the endpoint of the back end; for a region that AWS does not list,
    an id that stands for it.
    """
    return BACK_END_ENDPOINTS.get(region, "vpce-00000000000000000")


def service_buckets(region: str) -> tuple[str, str]:
    """Return the two buckets of Ground Truth that a VPC endpoint policy must allow."""
    return f"sagemaker-labeling-data-{region}", f"sm-bxcb-{region}-saved-task-states"


MAX_SESSION_POLICY = 2048
"""Longest session policy that STS takes, in characters."""


def session_policy(
    bucket: str,
    key: str,
    *,
    version_id: str | None = None,
    source: SourceLike | None = None,
    kms_key: str | None = None,
    partition: str = "aws",
    upload: bool = False,
) -> str:
    """Return the session policy as compact JSON; raises PolicyError if it has more than 2,048
    characters.

    ``source`` is the one source that may use the URL, as the URL lock of a workteam would set it;
    None allows any. A version needs ``s3:GetObjectVersion``. ``kms_key`` is the ARN of the key that
    encrypts the object: it adds ``kms:Decrypt`` for calls that S3 makes with the session.
    """
    if not bucket or not key:
        raise InvalidInput(
            "A test URL needs a bucket and a key.", next_step="Name one object.", field="key"
        )
    condition = {} if source is None else _only_from(Source.parse(source))
    if version_id is not None:
        condition.setdefault("StringEquals", {})["s3:VersionId"] = version_id
    statement: Json = {
        "Effect": "Allow",
        "Action": UPLOAD
        if upload
        else "s3:GetObject"
        if version_id is None
        else "s3:GetObjectVersion",
        "Resource": f"arn:{partition}:s3:::{bucket}/{escape_key(key)}",
    }
    statements = [statement | ({"Condition": condition} if condition else {})]
    if kms_key is not None:
        statements.append(
            {
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": kms_key,
                "Condition": {"Bool": {"aws:ViaAWSService": "true"}},
            }
        )
    # STS refuses characters above U+00FF in a policy, so they are written as escapes.
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    if len(text) > MAX_SESSION_POLICY:
        raise PolicyError(
            f"The session policy has {len(text):,} characters; STS takes {MAX_SESSION_POLICY:,}.",
            place="$",
            next_step="Use a shorter key.",
        )
    return text


def _only_from(source: Source) -> dict[str, Json]:
    """Return the condition that holds for requests from a source."""
    if source.address is None:
        return {"StringEquals": {"aws:SourceVpce": [str(source.endpoint)]}}
    key = "aws:VpcSourceIp" if source.is_endpoint else "aws:SourceIp"
    return {"IpAddress": {key: [f"{source.address}/{source.address.max_prefixlen}"]}}
