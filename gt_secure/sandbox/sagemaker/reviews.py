"""Human review (Amazon A2I): the flow definitions that send work to a team."""

from __future__ import annotations

import time

from ..settings import account_id
from ..state import Record, Region, SandboxState
from . import paging
from .model import in_use, not_found, validation


def flow_arn(region: Region, name: str) -> str:
    return f"arn:aws:sagemaker:{region.name}:{account_id()}:flow-definition/{name}"


def create_flow(state: SandboxState, region: Region, request: Record) -> Record:
    name = request["FlowDefinitionName"]
    if name in region.flows:
        raise in_use(f"A flow definition named {name} already exists in region {region.name}.")
    team = request.get("HumanLoopConfig", {}).get("WorkteamArn")
    known = {record["WorkteamArn"] for record in (*region.workteams.values(), *region.subscribed)}
    if team not in known:
        raise validation(f"The work team {team} does not exist in region {region.name}.")
    flow = {name: value for name, value in request.items() if name != "Tags"}
    flow |= {
        "FlowDefinitionArn": flow_arn(region, name),
        "FlowDefinitionStatus": "Active",
        "CreationTime": time.time(),
    }
    region.flows[name] = flow
    state.save()
    return {"FlowDefinitionArn": flow["FlowDefinitionArn"]}


def describe_flow(_state: SandboxState, region: Region, request: Record) -> Record:
    return _flow(region, request["FlowDefinitionName"])


def _flow(region: Region, name: str) -> Record:
    if name not in region.flows:
        raise not_found(f"Flow definition {name} does not exist.")
    return region.flows[name]


def list_flows(_state: SandboxState, region: Region, request: Record) -> Record:
    flows = paging.select(region.flows.values(), request, name="FlowDefinitionName", created="CreationTime")
    found, token = paging.page(flows, request)
    return {"FlowDefinitionSummaries": found, "NextToken": token}


def delete_flow(state: SandboxState, region: Region, request: Record) -> Record:
    flow = _flow(region, request["FlowDefinitionName"])
    del region.flows[flow["FlowDefinitionName"]]
    state.save()
    return {}
