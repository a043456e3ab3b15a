"""The private workforce: list, describe, create, update, delete; one in each region,
with a login by Cognito.
"""

from __future__ import annotations

import copy
import ipaddress
import secrets
import time

from ..state import Record, Region
from . import paging
from .model import conflict, in_use, limit, validation

KIND = "workforce/private-crowd"
MAX_CIDRS = 10
"""Ranges in SourceIpConfig (API reference, *SourceIpConfig*)."""


def _find(region: Region, name: str) -> Record:
    workforce = region.workforces.get(name)
    if workforce is None:
        raise validation(f"No workforce named {name} found in region {region.name}.")
    return workforce


def list_workforces(region: Region, request: Record) -> Record:
    """Answer ListWorkforces."""
    found = paging.select(
        region.workforces.values(), request, name="WorkforceName", created="CreateDate"
    )
    return paging.listed("Workforces", found, request)


def describe(region: Region, request: Record) -> Record:
    """Answer DescribeWorkforce."""
    return {"Workforce": _find(region, request["WorkforceName"])}


def create(region: Region, request: Record) -> Record:
    """Answer CreateWorkforce; a region has at most one."""
    name = request["WorkforceName"]
    if name in region.workforces:
        raise in_use(f"A workforce named {name} already exists in region {region.name}.")
    if region.workforces:
        raise limit(
            f"The account already has a private workforce in region {region.name}; there can be"
            " only one."
        )
    _check(request)
    if "CognitoConfig" not in request:
        raise validation("CognitoConfig must be given.")
    now = time.time()
    workforce: Record = {
        "WorkforceName": name,
        "WorkforceArn": region.arn(KIND, name),
        "CreateDate": now,
        "SourceIpConfig": copy.deepcopy(request.get("SourceIpConfig", {"Cidrs": []})),
        "SubDomain": f"{secrets.token_hex(5)}.labeling.{region.name}.sagemaker.aws",
        "IpAddressType": request.get("IpAddressType", "ipv4"),
        "CognitoConfig": request["CognitoConfig"],
    }
    region.begin(workforce, "Initializing")
    region.workforces[name] = workforce
    return {"WorkforceArn": workforce["WorkforceArn"]}


def update(region: Region, request: Record) -> Record:
    """Answer UpdateWorkforce."""
    workforce = _find(region, request["WorkforceName"])
    if workforce["Status"] in ("Initializing", "Updating", "Deleting"):
        raise conflict(
            f"Workforce {workforce['WorkforceName']} is in status {workforce['Status']}; wait until"
            " it is Active."
        )
    _check(request)
    if "SourceIpConfig" in request:
        workforce["SourceIpConfig"] = copy.deepcopy(request["SourceIpConfig"])
    if "IpAddressType" in request:
        workforce["IpAddressType"] = request["IpAddressType"]
    region.begin(workforce, "Updating")
    return {"Workforce": workforce}


def delete(region: Region, request: Record) -> Record:
    """Answer DeleteWorkforce; one with workteams stays."""
    workforce = _find(region, request["WorkforceName"])
    if workforce["Status"] not in ("Active", "Failed"):
        raise conflict(
            f"Workforce {workforce['WorkforceName']} is in status {workforce['Status']}."
        )
    if region.workteams:
        raise in_use(
            f"Workforce {workforce['WorkforceName']} contains {len(region.workteams)} work teams."
        )
    region.begin(workforce, "Deleting")
    return {}


def _check(request: Record) -> None:
    for member in ("WorkforceVpcConfig", "OidcConfig"):
        if member in request:
            raise validation(
                f"The sandbox does not change the portal in a VPC or the login: leave out {member}."
            )
    cidrs = request.get("SourceIpConfig", {}).get("Cidrs", [])
    if len(cidrs) > MAX_CIDRS:
        raise validation(
            f"SourceIpConfig takes at most {MAX_CIDRS} CIDRs; {len(cidrs)} were given."
        )
    for cidr in cidrs:
        try:
            ipaddress.ip_network(cidr, strict=False)
        except ValueError as error:
            raise validation(f"Invalid CIDR {cidr} in SourceIpConfig.") from error
