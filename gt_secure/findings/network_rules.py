"""Checks of the S3 endpoints in the portal's VPC."""

from __future__ import annotations

from collections.abc import Iterator

from ..account.state import State
from ..aws.endpoints import VpcEndpoint
from ..errors import PolicyError
from ..iam.documents import parse_document
from ..iam.evaluate import applies
from ..iam.request import Request
from ..iam.request_context import presigned_context
from ..network import Source, parse_address
from ..policies.session_policy import service_buckets
from .model import Match, rule


def _in_portal_vpc(state: State) -> list[VpcEndpoint] | None:
    """Return the usable S3 endpoints of the portal's VPC; None if there is no such VPC."""
    workforce = state.workforce.value
    if workforce is None or workforce.vpc_id is None:
        return None
    return [
        endpoint
        for endpoint in state.endpoints.value or ()
        if endpoint.vpc_id == workforce.vpc_id and endpoint.state.lower() == "available"
    ]


@rule("s3-endpoint-missing", "endpoint", "endpoints", "workforce", given=("portal in a VPC",))
def s3_endpoint_missing(state: State) -> Iterator[Match]:
    workforce = state.workforce.value
    if workforce is not None and _in_portal_vpc(state) == []:
        yield Match(str(workforce.vpc_id))


@rule("s3-endpoint-no-private-dns", "endpoint", "endpoints", "workforce", given=("portal in a VPC",))
def s3_endpoint_no_private_dns(state: State) -> Iterator[Match]:
    """The only S3 endpoints are interfaces without private DNS."""
    usable = _in_portal_vpc(state) or []
    if usable and not any(each.type == "Gateway" or each.private_dns for each in usable):
        yield Match(", ".join(each.id for each in usable))


@rule("endpoint-policy-blocks", "endpoint", "endpoints", "workforce", given=("portal in a VPC",))
def endpoint_policy_blocks(state: State) -> Iterator[Match]:
    """The endpoint's own policy lets a bucket, or the buckets of Ground Truth, not through."""
    names = [] if state.bucket is None else [state.bucket.name]
    for endpoint in _in_portal_vpc(state) or []:
        if endpoint.policy_text is None:
            continue
        blocked = [
            name
            for name in [*names, *(service_buckets(state.region) if names else ())]
            if not _lets_through(endpoint, name, state)
        ]
        if blocked:
            yield Match(endpoint.id, f"Not allowed: {', '.join(blocked)}.")


def _lets_through(endpoint: VpcEndpoint, bucket: str, state: State) -> bool:
    try:
        document = parse_document(endpoint.policy_text or "", "endpoint")
    except PolicyError:
        return True  # what cannot be read is no finding; a verdict for it is "invalid"
    request = Request(
        "s3:GetObject",
        f"arn:{state.partition}:s3:::{bucket}/object",
        f"arn:{state.partition}:sts::{state.account_id}:assumed-role/GroundTruthExecution/worker",
        presigned_context(Source(parse_address("10.0.0.1"), endpoint.id, endpoint.vpc_id)),
    )
    denied = any(applies(statement, request) for statement in document.denies)
    return not denied and any(applies(statement, request) for statement in document.allows)
