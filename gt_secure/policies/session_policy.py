"""The session policy of a test URL: exactly one object, under the condition that Ground Truth would use.

Sources: SageMaker API Reference, *IamPolicyConstraints* (the worker's address becomes a condition of the policy behind
the URL); STS API Reference, *AssumeRole* (2,048 characters). ``aws:SourceIp`` and ``aws:VpcSourceIp`` never occur in
one request, so each has a separate statement: together in one they would never allow.

The requests that Ground Truth itself makes must keep working. Source: SageMaker Developer Guide, *Use Amazon SageMaker
Ground Truth in an Amazon Virtual Private Cloud*: the back end reads and writes buckets through endpoints that AWS owns,
one in each region.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..errors import InvalidInput, PolicyError
from ..network import IPAddress, IPNetwork, Source, collapse, parse_endpoint_id, parse_networks
from .bucket_guard import escape_key

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
    """Return the endpoint of the back end; for a region that AWS does not list, an id that stands for it."""
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
    source: Source | str | None = None,
    networks: str | Iterable[str | IPNetwork | IPAddress] = (),
    vpc_networks: str | Iterable[str | IPNetwork | IPAddress] = (),
    endpoints: Iterable[str] = (),
    kms_key: str | None = None,
    partition: str = "aws",
) -> str:
    """Return the session policy as compact JSON.

    Parameters
    ----------
    bucket, key : str
        The object; every character of the key counts literally.
    version_id : str, optional
        One version: S3 then asks for ``s3:GetObjectVersion``.
    source : Source or str, optional
        The one source that may open the URL, as the URL lock of a workteam would set it.
    networks : iterable
        Public addresses and ranges (``aws:SourceIp``); merged losslessly.
    vpc_networks : iterable
        Private addresses and ranges behind a VPC endpoint (``aws:VpcSourceIp``).
    endpoints : iterable of str
        VPC endpoints (``aws:SourceVpce``).
    kms_key : str, optional
        ARN of the key that encrypts the object; adds ``kms:Decrypt`` for calls that S3 makes with the session.
    partition : str
        ``aws``, ``aws-cn`` or ``aws-us-gov``.

    Without any source, network or endpoint the URL works from anywhere.

    Raises
    ------
    PolicyError
        If it has more than 2,048 characters.
    """
    if not bucket or not key:
        raise InvalidInput("A test URL needs a bucket and a key.", next_step="Name one object.", field="key")
    public, private, through = list(parse_networks(networks)), list(parse_networks(vpc_networks)), list(endpoints)
    if source is not None:
        _add_source(Source.parse(source), public, private, through)
    conditions: list[dict[str, object]] = []
    if public:
        conditions.append({"IpAddress": {"aws:SourceIp": _texts(public)}})
    if private:
        conditions.append({"IpAddress": {"aws:VpcSourceIp": _texts(private)}})
    if through:
        conditions.append({"StringEquals": {"aws:SourceVpce": sorted({parse_endpoint_id(each) for each in through})}})
    resource = f"arn:{partition}:s3:::{bucket}/{escape_key(key)}"
    statements = [_statement(resource, version_id, condition) for condition in conditions or [{}]]
    if kms_key is not None:
        statements.append(
            {
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": kms_key,
                "Condition": {"Bool": {"aws:ViaAWSService": "true"}},
            }
        )
    return _written(statements, len(public) + len(private))


def _add_source(source: Source, public: list[IPNetwork], private: list[IPNetwork], through: list[str]) -> None:
    if source.address is not None:
        (private if source.is_endpoint else public).extend(parse_networks([source.address]))
    elif source.endpoint is not None:
        through.append(source.endpoint)


def _texts(networks: list[IPNetwork]) -> list[str]:
    return [str(network) for network in collapse(networks)]


def _statement(resource: str, version_id: str | None, condition: dict[str, object]) -> dict[str, object]:
    action = "s3:GetObject" if version_id is None else "s3:GetObjectVersion"
    statement: dict[str, object] = {"Effect": "Allow", "Action": action, "Resource": resource}
    if version_id is not None:
        equals = condition.get("StringEquals", {})
        both = {**(equals if isinstance(equals, dict) else {}), "s3:VersionId": version_id}
        condition = {**condition, "StringEquals": both}
    if condition:
        statement["Condition"] = condition
    return statement


def _written(statements: list[dict[str, object]], ranges: int) -> str:
    # STS refuses characters above U+00FF in a policy, so they are written as escapes.
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    if len(text) > MAX_SESSION_POLICY:
        raise PolicyError(
            f"The session policy has {len(text):,} characters; STS takes {MAX_SESSION_POLICY:,}.",
            place="$",
            next_step=f"List fewer or wider ranges than these {ranges}." if ranges > 1 else "Use a shorter key.",
        )
    return text
