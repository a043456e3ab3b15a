"""Read what is needed to explain a probe, predict its answer, and explain the difference.

What cannot be read is not guessed: without the bucket policy there is no prediction. That the signer's own policies
allow the object is assumed, since reading them needs IAM permissions that a notebook role hardly ever has; where S3
then says otherwise, the explanation names the identity policy.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from ...aws.buckets import BucketState, read_bucket
from ...aws.client import Aws
from ...aws.endpoints import VpcEndpoint, in_its_vpc, list_s3_endpoints
from ...errors import GtSecureError, InvalidInput
from ...iam.request import Policies, Request
from ...iam.request_context import presigned_context
from ...iam.verdict import Verdict
from ...network import Source
from ...policies.bucket_guard import find_guard
from ...policies.session_policy import session_policy
from ...presign.inspect import inspect
from ...presign.probe import Probe
from ...presign.test_url import TestUrl
from ..decision import decide_request
from .explanation import Explanation, explain


def explain_probe(aws: Aws, probe: Probe, *, url: TestUrl | str | None = None, origin: str = "") -> Explanation:
    """Explain one answer with what this role can read.

    Parameters
    ----------
    aws : Aws
    probe : Probe
        What came back.
    url : TestUrl or str, optional
        The URL that was fetched: it names the signer and what the session policy demands.
    origin : str
        The web origin that asked, if a browser page did.
    """
    state = _bucket(aws, probe.bucket)
    made = url if isinstance(url, TestUrl) else None
    signed = None if url is None else inspect(made.reveal() if made else str(url))
    policy = state.policy_text if state is not None and state.sees("s3:GetBucketPolicy") else None
    return explain(
        probe,
        verdict=_predict(aws, probe, made, state),
        signed=signed,
        bound_to=made.bound_to if made else None,
        guard=find_guard(policy) if policy else None,
        kms=state is not None and "aws:kms" in json.dumps(dict(state.encryption), default=str),
        origin=origin,
    )


def predict(
    aws: Aws,
    url: TestUrl,
    source: Source | str,
    policy_text: str | None,
    *,
    endpoints: Mapping[str, VpcEndpoint] | None = None,
) -> Verdict:
    """Predict the answer to a test URL from a source, under a bucket policy.

    Parameters
    ----------
    aws : Aws
    url : TestUrl
    source : Source or str
        Where the request would come from.
    policy_text : str or None
        The bucket policy; None if the bucket has none.
    endpoints : mapping, optional
        The S3 endpoints by id: they name the VPC and the endpoint policy.
    """
    known = endpoints or {}
    where = in_its_vpc(Source.parse(source), known)
    endpoint = known.get(where.endpoint or "")
    resource = f"arn:{aws.partition}:s3:::{url.bucket}/{url.key}"
    action = "s3:GetObjectVersion" if url.version_id else "s3:GetObject"
    session = session_policy(
        url.bucket, url.key, version_id=url.version_id, source=url.bound_to, partition=aws.partition
    )
    is_session = ":assumed-role/" in url.signer or ":federated-user/" in url.signer
    context = presigned_context(
        where,
        age_ms=_age_ms(url),
        secure=not aws.is_local,
        principal_arn=url.principal,
        version_id=url.version_id,
        region=aws.region,
        extra={"aws:PrincipalAccount": url.signer.split(":")[4]},
    )
    return decide_request(
        Request(action, resource, url.signer, context),
        Policies(
            identity=(_ALLOWED,),
            session=session if is_session else None,
            resource=policy_text,
            endpoint=None if endpoint is None else endpoint.policy_text,
            gateway_endpoint=endpoint is not None and endpoint.type == "Gateway",
        ),
    )


_ALLOWED: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


def _age_ms(url: TestUrl) -> int:
    try:
        signed_at = inspect(url.reveal()).signed_at
    except InvalidInput:
        return 0  # forgotten
    return 0 if signed_at is None else max(0, int((dt.datetime.now(dt.UTC) - signed_at).total_seconds() * 1000))


def _predict(aws: Aws, probe: Probe, url: TestUrl | None, state: BucketState | None) -> Verdict | None:
    known = state is not None and state.sees("s3:GetBucketPolicy")
    if url is None or state is None or not known or probe.source is None or ":" not in url.signer:
        return None
    endpoints = s3_endpoints(aws) if probe.source.is_endpoint else {}
    return predict(aws, url, probe.source, state.policy_text, endpoints=endpoints)


def s3_endpoints(aws: Aws) -> dict[str, VpcEndpoint]:
    """The S3 endpoints of the region by id; none if this role may not list them."""
    try:
        return {endpoint.id: endpoint for endpoint in list_s3_endpoints(aws)}
    except GtSecureError:
        return {}


def _bucket(aws: Aws, name: str) -> BucketState | None:
    try:
        return read_bucket(aws, name)
    except GtSecureError:
        return None  # somebody else's bucket, or no network: the answer itself must do
