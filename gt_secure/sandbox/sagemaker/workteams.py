"""Workteams: list, describe, create, update, delete.

Where AWS documents nothing, the sandbox keeps fields that an update leaves out, and replaces a
given ``WorkerAccessConfiguration`` as a whole. Both settings together are accepted, because AWS
documents no refusal.
"""

from __future__ import annotations

import copy
import time

from ..state import Record, Region
from . import paging
from .model import in_use, limit, validation

_NO_LOCK = {
    "S3Presign": {"IamPolicyConstraints": {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"}}
}
KIND = "workteam/private-crowd"
MAX_TEAMS = 25
"""Work teams per account and region (API reference, *CreateWorkteam*)."""


def _find(region: Region, name: str) -> Record:
    team = region.workteams.get(name)
    if team is None:
        raise validation(
            f"The work team {region.arn(KIND, name)} does not exist in region {region.name}."
        )
    return team


def list_workteams(region: Region, request: Record) -> Record:
    """Answer ListWorkteams."""
    teams = paging.select(
        region.workteams.values(), request, name="WorkteamName", created="CreateDate"
    )
    return paging.listed("Workteams", teams, request)


def list_subscribed(region: Region, request: Record) -> Record:
    """Answer ListSubscribedWorkteams."""
    contains = str(request.get("NameContains", "")).lower()
    teams = [
        team
        for team in region.subscribed
        if contains in team["WorkteamArn"].rsplit("/", 1)[-1].lower()
    ]
    return paging.listed("SubscribedWorkteams", teams, request)


def describe(region: Region, request: Record) -> Record:
    """Answer DescribeWorkteam."""
    return {"Workteam": _find(region, request["WorkteamName"])}


def create(region: Region, request: Record) -> Record:
    """Answer CreateWorkteam."""
    name = request["WorkteamName"]
    workforce = _workforce(region, request.get("WorkforceName"))
    _check_members(request["MemberDefinitions"], workforce)
    if name in region.workteams:
        raise in_use(f"A work team named {name} already exists in region {region.name}.")
    if len(region.workteams) >= MAX_TEAMS:
        raise limit(
            f"The account-level service limit for work teams is {MAX_TEAMS}; delete one to create"
            " another."
        )
    now = time.time()
    team: Record = {
        "WorkteamName": name,
        "MemberDefinitions": copy.deepcopy(request["MemberDefinitions"]),
        "WorkteamArn": region.arn(KIND, name),
        "WorkforceArn": workforce["WorkforceArn"],
        "Description": request["Description"],
        "SubDomain": workforce["SubDomain"],
        "CreateDate": now,
        "LastUpdatedDate": now,
        "NotificationConfiguration": request.get("NotificationConfiguration", {}),
        "WorkerAccessConfiguration": request.get("WorkerAccessConfiguration")
        or copy.deepcopy(_NO_LOCK),
    }
    region.workteams[name] = team
    return {"WorkteamArn": team["WorkteamArn"]}


def update(region: Region, request: Record) -> Record:
    """Answer UpdateWorkteam."""
    team = _find(region, request["WorkteamName"])
    if "MemberDefinitions" in request:
        _check_members(request["MemberDefinitions"], _workforce(region, None))
    for member in (
        "MemberDefinitions",
        "Description",
        "NotificationConfiguration",
        "WorkerAccessConfiguration",
    ):
        if member in request:
            team[member] = copy.deepcopy(request[member])
    team["LastUpdatedDate"] = time.time()
    return {"Workteam": team}


def delete(region: Region, request: Record) -> Record:
    """Answer DeleteWorkteam."""
    team = _find(region, request["WorkteamName"])
    del region.workteams[team["WorkteamName"]]
    return {"Success": True}


def _workforce(region: Region, name: str | None) -> Record:
    if name is not None and name not in region.workforces:
        raise validation(f"No workforce named {name} found in region {region.name}.")
    for workforce in region.workforces.values():
        if workforce["Status"] != "Deleting":
            return workforce
    raise validation(f"No workforce found in region {region.name}; create one first.")


def _check_members(members: list[Record], workforce: Record) -> None:
    if any(set(member) != {"CognitoMemberDefinition"} for member in members):
        raise validation("This workforce takes CognitoMemberDefinition only.")
    pool = (workforce.get("CognitoConfig") or {}).get("UserPool")
    for member in members:
        given = member["CognitoMemberDefinition"]["UserPool"]
        if pool is not None and given != pool:
            raise validation(f"User pool {given} is not the one of the workforce.")
