"""Event patterns of Amazon EventBridge for presigned requests from elsewhere.

They match what CloudTrail records of a request: how it was signed
(``additionalEventData.AuthenticationMethod``), its address, and its VPC endpoint if it came through
one, with a private address. A pattern cannot negate a range, so that patterns list the ranges
around the allowed ones; it has at most 2,048 characters by default (EventBridge User Guide,
quotas), so that a list may need several. That EventBridge gets the events that read, which a trail
records, is inferred.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...base.allowed import Allowed
from ...base.errors import InvalidInput
from ...base.network import parse_networks, subtract
from ...base.text import Json, json_text

_CHARACTERS = 2048
_RANGES = 128
"""No pattern has more ranges: each is written with 16 characters or more."""
_ANYWHERE = parse_networks("0.0.0.0/0, ::/0")


def event_patterns(bucket: str, prefix: str, allowed: Allowed) -> Iterator[Json]:
    """Yield the patterns for a bucket's objects: one for endpoints, and as many for addresses as
    their ranges need.

    Raises
    ------
    InvalidInput
        For an allowed VPC, which CloudTrail does not record.

    Examples
    --------
    >>> first, *others = event_patterns("gt-images", "", Allowed.of("203.0.113.0/24"))
    >>> first["detail"]["vpcEndpointId"], len(others)
    ([{'exists': True}], 1)
    """
    if allowed.vpcs:
        raise InvalidInput(
            "CloudTrail does not record the VPC of a request.",
            next_step="Allow the VPC's endpoints by their ids.",
            field="endpoints",
        )
    detail: Json = {
        "requestParameters": {"bucketName": [bucket]}
        | ({"key": [{"prefix": prefix}]} if prefix else {}),
        "additionalEventData": {"AuthenticationMethod": ["QueryString"]},
    }
    pattern = {"source": ["aws.s3"], "detail-type": ["AWS API Call via CloudTrail"]}
    known = list(allowed.endpoints)
    others = {"anything-but": known} if known else {"exists": True}
    yield pattern | {"detail": detail | {"vpcEndpointId": [others]}}
    detail["vpcEndpointId"] = [{"exists": False}]
    ranges = [{"cidr": str(each)} for each in subtract(_ANYWHERE, allowed.networks)]
    while ranges:
        for fit in range(min(len(ranges), _RANGES), 0, -1):
            found = pattern | {"detail": detail | {"sourceIPAddress": ranges[:fit]}}
            if len(json_text(found)) <= _CHARACTERS:
                break
        yield found
        ranges = ranges[fit:]
