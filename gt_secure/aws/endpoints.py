"""VPC endpoints for S3 and their VPCs. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..base.errors import GtSecureError
from ..base.network import Source
from ..base.text import JsonLike
from ..engine.access.vpc_endpoint import VpcEndpoint
from .client import Aws, all_items, aws_errors


def list_s3_endpoints(aws: Aws) -> list[VpcEndpoint]:
    """List the S3 endpoints of the region;
    the portal's own endpoint is for another service and not among them.
    """
    service = f"com.amazonaws.{aws.region}.s3"
    with aws_errors("ec2:DescribeVpcEndpoints"):
        filters = [{"Name": "service-name", "Values": [service]}]
        found = all_items(aws, "ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=filters)
        names = _vpc_names(aws, {str(item["VpcId"]) for item in found})
        endpoints = [
            _from_api(item, names) for item in found if str(item.get("ServiceName")) == service
        ]
    return sorted(endpoints, key=lambda endpoint: (endpoint.vpc_id, endpoint.id))


def in_its_vpc(source: Source, endpoints: Mapping[str, VpcEndpoint]) -> Source:
    """Return a source with the VPC of its endpoint, since policies check ``aws:SourceVpc`` too."""
    endpoint = endpoints.get(source.endpoint or "")
    return source if endpoint is None else replace(source, vpc=endpoint.vpc_id)


def _from_api(item: JsonLike, vpc_names: Mapping[str, str]) -> VpcEndpoint:
    vpc = str(item["VpcId"])
    return VpcEndpoint(
        id=str(item["VpcEndpointId"]),
        vpc_id=vpc,
        type=str(item.get("VpcEndpointType") or "Gateway"),
        state=str(item.get("State") or ""),
        name=_name(item.get("Tags") or ()),
        vpc_name=vpc_names.get(vpc, ""),
        policy_text=item.get("PolicyDocument"),
        private_dns=bool(item.get("PrivateDnsEnabled")),
        owner=str(item.get("OwnerId") or ""),
    )


def _vpc_names(aws: Aws, ids: set[str]) -> dict[str, str]:
    if not ids:
        return {}
    try:
        with aws_errors("ec2:DescribeVpcs"):
            answer = aws.client("ec2").describe_vpcs(VpcIds=sorted(ids))
    except GtSecureError:
        return {}  # names are optional: without the permission the ids are shown
    return {str(vpc["VpcId"]): _name(vpc.get("Tags") or ()) for vpc in answer.get("Vpcs") or ()}


def _name(tags: Iterable[JsonLike]) -> str:
    return next((str(tag["Value"]) for tag in tags if tag.get("Key") == "Name"), "")
