"""Checks of the S3 endpoints in the portal's VPC."""

from __future__ import annotations

from collections.abc import Iterator

from ..account.facts import EndpointFacts, Snapshot
from ..errors import PolicyError
from ..iam.documents import parse_document
from ..iam.evaluate import applies
from ..iam.request import Request
from ..iam.request_context import presigned_context
from ..network import Source, parse_address
from ..policies.session_policy import service_buckets
from .model import Match, rule

_ENDPOINTS = "ec2:DescribeVpcEndpoints"
_WORKFORCE = "sagemaker:DescribeWorkforce"


def _in_portal_vpc(snapshot: Snapshot) -> list[EndpointFacts] | None:
    """Return the usable S3 endpoints of the portal's VPC; None if there is no such VPC or they could not be read."""
    workforce = snapshot.workforce
    if workforce is None or workforce.vpc_id is None or snapshot.lacks(_ENDPOINTS):
        return None
    return [
        endpoint
        for endpoint in snapshot.endpoints
        if endpoint.vpc_id == workforce.vpc_id and endpoint.state.lower() == "available"
    ]


@rule("s3-endpoint-missing", _ENDPOINTS, _WORKFORCE)
def s3_endpoint_missing(snapshot: Snapshot) -> Iterator[Match]:
    """The portal is in a VPC without a usable S3 endpoint."""
    workforce = snapshot.workforce
    if workforce is not None and _in_portal_vpc(snapshot) == []:
        yield Match(str(workforce.vpc_id))


@rule("s3-endpoint-no-private-dns", _ENDPOINTS, _WORKFORCE)
def s3_endpoint_no_private_dns(snapshot: Snapshot) -> Iterator[Match]:
    """The only S3 endpoints are interfaces without private DNS."""
    usable = _in_portal_vpc(snapshot) or []
    if usable and not any(each.type == "Gateway" or each.private_dns for each in usable):
        yield Match(", ".join(each.id for each in usable))


@rule("endpoint-policy-blocks", _ENDPOINTS)
def endpoint_policy_blocks(snapshot: Snapshot) -> Iterator[Match]:
    """The endpoint's own policy lets a bucket, or the buckets of Ground Truth, not through."""
    names = [bucket.name for bucket in snapshot.buckets]
    for endpoint in _in_portal_vpc(snapshot) or []:
        if endpoint.policy_text is None:
            continue
        blocked = [
            name
            for name in [*names, *(service_buckets(snapshot.region) if names else ())]
            if not _lets_through(endpoint, name, snapshot)
        ]
        if blocked:
            yield Match(endpoint.id, f"Not allowed: {', '.join(blocked)}.")


def _lets_through(endpoint: EndpointFacts, bucket: str, snapshot: Snapshot) -> bool:
    try:
        document = parse_document(endpoint.policy_text or "", "endpoint")
    except PolicyError:
        return True  # what cannot be read is no finding; a verdict for it is "invalid"
    account = snapshot.account_id or "111122223333"
    request = Request(
        "s3:GetObject",
        f"arn:{snapshot.partition}:s3:::{bucket}/object",
        f"arn:{snapshot.partition}:sts::{account}:assumed-role/GroundTruthExecution/worker",
        presigned_context(Source(parse_address("10.0.0.1"), endpoint.id, endpoint.vpc_id)),
    )
    denied = any(applies(statement, request) for statement in document.denies)
    return not denied and any(applies(statement, request) for statement in document.allows)


RULES = (
    s3_endpoint_missing,
    s3_endpoint_no_private_dns,
    endpoint_policy_blocks,
)
