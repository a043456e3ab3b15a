"""The private workforce: list, describe, create, update, delete; one in each region.

``SourceIpConfig`` restricts the public portal. The developer guide uses it to close the public portal of a workforce
in VPC mode, while the API reference says that it is not supported for portals in a VPC: so one request that asks for
both is refused, and setting it later restricts the public portal only.
"""

from __future__ import annotations

import copy
import ipaddress
import secrets
import time

from .. import vpc
from ..settings import account_id
from ..state import Record, Region, SandboxState
from . import paging
from .model import conflict, in_use, limit, validation

MAX_CIDRS = 10
"""Ranges in SourceIpConfig (API reference, *SourceIpConfig*)."""


def arn(region: Region, name: str) -> str:
    return f"arn:aws:sagemaker:{region.name}:{account_id()}:workforce/private-crowd/{name}"


def find(region: Region, name: str) -> Record:
    """Return a workforce; raises ``ValidationException`` when there is none."""
    workforce = region.workforces.get(name)
    if workforce is None:
        raise validation(f"No workforce named {name} found in region {region.name}.")
    return workforce


def list_workforces(_state: SandboxState, region: Region, request: Record) -> Record:
    found = paging.select(region.workforces.values(), request, name="WorkforceName", created="CreateDate")
    cut, token = paging.page(found, request)
    return {"Workforces": cut, "NextToken": token}


def describe(_state: SandboxState, region: Region, request: Record) -> Record:
    return {"Workforce": find(region, request["WorkforceName"])}


def create(state: SandboxState, region: Region, request: Record) -> Record:
    name = request["WorkforceName"]
    if name in region.workforces:
        raise in_use(f"A workforce named {name} already exists in region {region.name}.")
    if region.workforces:
        raise limit(f"The account already has a private workforce in region {region.name}; there can be only one.")
    if ("CognitoConfig" in request) == ("OidcConfig" in request):
        raise validation("Exactly one of CognitoConfig and OidcConfig must be given.")
    _check_cidrs(request)
    _check_not_both(request)
    now = time.time()
    workforce: Record = {
        "WorkforceName": name,
        "WorkforceArn": arn(region, name),
        "CreateDate": now,
        "SourceIpConfig": copy.deepcopy(request.get("SourceIpConfig", {"Cidrs": []})),
        "SubDomain": f"{secrets.token_hex(5)}.labeling.{region.name}.sagemaker.aws",
        "IpAddressType": request.get("IpAddressType", "ipv4"),
        **({"CognitoConfig": request["CognitoConfig"]} if "CognitoConfig" in request else {}),
    }
    _set_oidc(workforce, request)
    _set_vpc(region, workforce, request)
    state.begin(workforce, "Initializing")
    region.workforces[name] = workforce
    state.save()
    return {"WorkforceArn": workforce["WorkforceArn"]}


def update(state: SandboxState, region: Region, request: Record) -> Record:
    workforce = find(region, request["WorkforceName"])
    if workforce["Status"] in ("Initializing", "Updating", "Deleting"):
        raise conflict(
            f"Workforce {workforce['WorkforceName']} is in status {workforce['Status']}; wait until it is Active."
        )
    _check_cidrs(request)
    _check_not_both(request)
    if "OidcConfig" in request and "OidcConfig" not in workforce:
        raise validation("OidcConfig can only be updated for a workforce that was created with your own IdP.")
    if request.get("WorkforceVpcConfig"):
        _check_vpc(region, request["WorkforceVpcConfig"])
    if "SourceIpConfig" in request:
        workforce["SourceIpConfig"] = copy.deepcopy(request["SourceIpConfig"])
    if "IpAddressType" in request:
        workforce["IpAddressType"] = request["IpAddressType"]
    _set_oidc(workforce, request)
    _set_vpc(region, workforce, request)
    state.begin(workforce, "Updating")
    state.save()
    return {"Workforce": workforce}


def delete(state: SandboxState, region: Region, request: Record) -> Record:
    workforce = find(region, request["WorkforceName"])
    if workforce["Status"] not in ("Active", "Failed"):
        raise conflict(f"Workforce {workforce['WorkforceName']} is in status {workforce['Status']}.")
    if region.workteams:
        raise in_use(f"Workforce {workforce['WorkforceName']} contains {len(region.workteams)} work teams.")
    state.begin(workforce, "Deleting")
    state.save()
    return {}


def _check_cidrs(request: Record) -> None:
    cidrs = request.get("SourceIpConfig", {}).get("Cidrs", [])
    if len(cidrs) > MAX_CIDRS:
        raise validation(f"SourceIpConfig takes at most {MAX_CIDRS} CIDRs; {len(cidrs)} were given.")
    for cidr in cidrs:
        try:
            ipaddress.ip_network(cidr, strict=False)
        except ValueError as error:
            raise validation(f"Invalid CIDR {cidr} in SourceIpConfig.") from error


def _check_not_both(request: Record) -> None:
    if request.get("WorkforceVpcConfig") and request.get("SourceIpConfig", {}).get("Cidrs"):
        raise validation("SageMaker does not support Source IP restriction for worker portals in VPC.")


def _set_oidc(workforce: Record, request: Record) -> None:
    given = request.get("OidcConfig")
    if given is not None:
        workforce["OidcConfig"] = {name: value for name, value in given.items() if name != "ClientSecret"}


def _set_vpc(region: Region, workforce: Record, request: Record) -> None:
    """Set or, with an empty structure, remove the VPC portal and its endpoint."""
    config = request.get("WorkforceVpcConfig")
    if config is None:
        return
    if config:
        _check_vpc(region, config)
    old = workforce.pop("WorkforceVpcConfig", None)
    if old is not None:
        vpc.remove_endpoint(region.name, old["VpcEndpointId"])
    if not config:
        return
    endpoint = "vpce-" + secrets.token_hex(9)[:17]
    workforce["WorkforceVpcConfig"] = {**copy.deepcopy(config), "VpcEndpointId": endpoint}
    vpc.add_portal_endpoint(region.name, endpoint, config)


def _check_vpc(region: Region, config: Record) -> None:
    for member in ("VpcId", "Subnets", "SecurityGroupIds"):
        if not config.get(member):
            raise validation(f"WorkforceVpcConfig needs VpcId, Subnets and SecurityGroupIds; {member} is missing.")
    if (problem := vpc.missing(region.name, config)) is not None:
        raise validation(problem)
