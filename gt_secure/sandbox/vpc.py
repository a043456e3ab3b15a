"""The network of the demo in the emulator's EC2, and what ministack's EC2, WAF and S3 lack.

ministack makes resources with random ids, so those of the demo are written into its stores. It does
not filter VPC endpoints, answers without their policy, private DNS and creation time, and checks
the permissions of lists, and of objects whose keys begin or end with a slash, on other resources
than AWS.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from ..base.text import Json
from .settings import REGION, VPC_ID, account_id
from .state import Record

HttpAnswer = tuple[int, dict[str, str], bytes]
SEED = Path(__file__).parent / "demo_data" / "vpc.json"
_EVERYTHING = json.dumps(
    {
        "Version": "2008-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    }
)
_SLASH = "\ue003"
"""Character of no key that stands for a slash which the emulator would drop."""
_FILTERS = {
    "vpc-id": "VpcId",
    "vpc-endpoint-id": "VpcEndpointId",
    "vpc-endpoint-state": "State",
    "vpc-endpoint-type": "VpcEndpointType",
    "service-name": "ServiceName",
}


def install() -> None:
    """Let the emulator describe VPC endpoints as EC2 does."""
    from ministack.core import iam_actions
    from ministack.services import ec2

    ec2._ACTION_MAP["DescribeVpcEndpoints"] = _describe_endpoints
    iam_actions.extract_resource_arn = _with_lists(iam_actions.extract_resource_arn)
    original = iam_actions._s3_action
    # the emulator takes an object whose key has slashes only for the bucket
    iam_actions._s3_action = lambda method, path, query: original(
        method, path.lstrip("/").replace("//", "/-"), query
    )
    more = iam_actions.s3_additional_checks
    iam_actions.s3_additional_checks = lambda method, path, *rest: [
        (action, arn.replace(_SLASH, "/"))
        for action, arn in more(method, path.replace("/", _SLASH).replace(_SLASH, "/", 2), *rest)
    ]


def _with_lists(original: Callable[..., str]) -> Callable[..., str]:
    def resource(
        service: str, method: str, path: str, headers: Any, body: bytes, query: Any, *where: str
    ) -> str:
        region, account = where
        bucket, _, key = path.lstrip("/").partition("/")
        if service == "s3" and key:  # with all its slashes
            return f"arn:aws:s3:::{bucket}/{key}"
        if service == "ec2" and (identifier := query.get("PrefixListId")):
            return f"arn:aws:ec2:{region}:{account}:prefix-list/{identifier[0]}"
        if service == "wafv2" and "IPSet" in str(headers.get("x-amz-target")):
            given = json.loads(body)
            name, identity = given.get("Name", "*"), given.get("Id", "*")
            return f"arn:aws:wafv2:{region}:{account}:regional/ipset/{name}/{identity}"
        return original(service, method, path, headers, body, query, *where)

    return resource


def _describe_endpoints(parameters: Json) -> HttpAnswer:
    from ministack.services import ec2

    def refused(code: str, message: str) -> HttpAnswer:
        answer: HttpAnswer = ec2._error(code, message, 400)
        return answer

    ids, filters = (
        ec2._parse_member_list(parameters, "VpcEndpointId"),
        ec2._parse_filters(parameters),
    )
    for identifier in ids:
        if identifier not in ec2._vpc_endpoints:
            return refused(
                "InvalidVpcEndpointId.NotFound",
                f"The Vpc Endpoint Id '{identifier}' does not exist",
            )
    for name in filters:
        if name not in _FILTERS and not name.startswith("tag"):
            return refused("InvalidParameterValue", f"The filter '{name}' is invalid")
    of_members = {
        _FILTERS[name]: patterns for name, patterns in filters.items() if name in _FILTERS
    }
    items = "".join(
        _endpoint_xml(endpoint)
        for identifier, endpoint in ec2._vpc_endpoints.items()
        if (not ids or identifier in ids)
        and ec2._resource_matches_tag_filters(identifier, filters)
        and all(
            any(ec2._glob_match(each, endpoint[name]) for each in globs)
            for name, globs in of_members.items()
        )
    )
    answer: HttpAnswer = ec2._xml(
        200, "DescribeVpcEndpointsResponse", f"<vpcEndpointSet>{items}</vpcEndpointSet>"
    )
    return answer


def _endpoint_xml(endpoint: Record) -> str:
    from ministack.services import ec2

    private = str(endpoint["VpcEndpointType"] == "Interface").lower()
    created = dt.datetime.fromtimestamp(endpoint.get("CreationTimestamp", time.time()), dt.UTC)
    return (
        f"{ec2._vpce_fields_xml(endpoint).removesuffix('</item>')}"
        f"<policyDocument>{escape(_EVERYTHING)}</policyDocument><privateDnsEnabled>{private}</privateDnsEnabled>"
        f"<creationTimestamp>{created.isoformat()}</creationTimestamp></item>"
    )


def vpc_of(identifier: str) -> str | None:
    """Return the VPC of an S3 endpoint; None if there is no such endpoint."""
    from ministack.services import ec2

    endpoint = ec2._vpc_endpoints.get_scoped(account_id(), REGION, identifier)
    return (
        str(endpoint["VpcId"])
        if endpoint is not None and endpoint["ServiceName"].endswith(".s3")
        else None
    )


def seed() -> None:
    """Create the demo's VPCs with their endpoints, and its lists."""
    from ministack.services import ec2

    account = account_id()
    common = {"VpcId": VPC_ID, "OwnerId": account, "CreationTimestamp": time.time() - 90 * 86_400.0}
    for store, records in json.loads(
        SEED.read_text(encoding="utf-8").replace("${account}", account)
    ).items():
        for identifier, record in records.items():
            getattr(ec2, store).set_scoped(account, REGION, identifier, {**common, **record})
            ec2._tags.set_scoped(
                account, REGION, identifier, [{"Key": "Name", "Value": record["Name"]}]
            )
