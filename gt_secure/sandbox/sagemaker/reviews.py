"""Human review (Amazon A2I): flow definitions, task templates, and the human loops of the runtime API.

A loop stays in progress until it is stopped or deleted: the sandbox has no workers that answer it.
"""

from __future__ import annotations

import time

from ..settings import account_id
from ..state import Record, Region, SandboxState
from . import paging, tags
from .model import ApiError, in_use, not_found, validation


def flow_arn(region: Region, name: str) -> str:
    return f"arn:aws:sagemaker:{region.name}:{account_id()}:flow-definition/{name}"


def ui_arn(region: Region, name: str) -> str:
    """Return the ARN of a worker task template."""
    return f"arn:aws:sagemaker:{region.name}:{account_id()}:human-task-ui/{name}"


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
    tags.keep(region, flow["FlowDefinitionArn"], request)
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
    tags.forget(region, flow["FlowDefinitionArn"])
    state.save()
    return {}


def create_ui(state: SandboxState, region: Region, request: Record) -> Record:
    name = request["HumanTaskUiName"]
    if name in region.task_uis:
        raise in_use(f"A human task UI named {name} already exists in region {region.name}.")
    arn = ui_arn(region, name)
    region.task_uis[name] = {
        "HumanTaskUiName": name, "HumanTaskUiArn": arn, "HumanTaskUiStatus": "Active", "CreationTime": time.time(),
        "Content": request["UiTemplate"]["Content"],
    }  # fmt: skip
    tags.keep(region, arn, request)
    state.save()
    return {"HumanTaskUiArn": arn}


def describe_ui(_state: SandboxState, region: Region, request: Record) -> Record:
    import hashlib

    ui = _ui(region, request["HumanTaskUiName"])
    return {**ui, "UiTemplate": {"ContentSha256": hashlib.sha256(ui["Content"].encode()).hexdigest()}}


def _ui(region: Region, name: str) -> Record:
    if name not in region.task_uis:
        raise not_found(f"Human task UI {name} does not exist.")
    return region.task_uis[name]


def list_uis(_state: SandboxState, region: Region, request: Record) -> Record:
    uis = paging.select(region.task_uis.values(), request, name="HumanTaskUiName", created="CreationTime")
    found, token = paging.page(uis, request)
    return {"HumanTaskUiSummaries": found, "NextToken": token}


def delete_ui(state: SandboxState, region: Region, request: Record) -> Record:
    ui = _ui(region, request["HumanTaskUiName"])
    del region.task_uis[ui["HumanTaskUiName"]]
    tags.forget(region, ui["HumanTaskUiArn"])
    state.save()
    return {}


def start_loop(state: SandboxState, region: Region, request: Record) -> Record:
    name, flow = str(request.get("HumanLoopName", "")), str(request.get("FlowDefinitionArn", ""))
    if not name or not flow or "InputContent" not in (request.get("HumanLoopInput") or {}):
        raise validation("HumanLoopName, FlowDefinitionArn and HumanLoopInput.InputContent must be given.")
    if flow not in {record["FlowDefinitionArn"] for record in region.flows.values()}:
        raise ApiError("ResourceNotFoundException", f"Flow definition {flow} does not exist.", 404)
    if name in region.loops:
        raise ApiError("ConflictException", f"A human loop named {name} already exists.", 409)
    arn = f"arn:aws:sagemaker:{region.name}:{account_id()}:human-loop/{name}"
    region.loops[name] = {
        "HumanLoopName": name, "HumanLoopArn": arn, "FlowDefinitionArn": flow, "HumanLoopStatus": "InProgress",
        "CreationTime": time.time(),
    }  # fmt: skip
    state.save()
    return {"HumanLoopArn": arn}


def describe_loop(_state: SandboxState, region: Region, request: Record) -> Record:
    return dict(_loop(region, request))


def _loop(region: Region, request: Record) -> Record:
    name = str(request.get("HumanLoopName", ""))
    if name not in region.loops:
        raise ApiError("ResourceNotFoundException", f"Human loop {name} does not exist.", 404)
    return region.loops[name]


def list_loops(_state: SandboxState, region: Region, request: Record) -> Record:
    flow = request.get("FlowDefinitionArn")
    loops = [loop for loop in region.loops.values() if loop["FlowDefinitionArn"] == flow]
    found, token = paging.page(loops, request)
    return {"HumanLoopSummaries": found, "NextToken": token}


def stop_loop(state: SandboxState, region: Region, request: Record) -> Record:
    _loop(region, request)["HumanLoopStatus"] = "Stopped"
    state.save()
    return {}


def delete_loop(state: SandboxState, region: Region, request: Record) -> Record:
    del region.loops[_loop(region, request)["HumanLoopName"]]
    state.save()
    return {}
