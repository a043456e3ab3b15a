"""Labeling jobs, and the flow definitions (Amazon A2I) that send work to a team.

An input manifest has one JSON object a line, with ``source-ref`` (Developer Guide, *Input manifest files*).
"""

from __future__ import annotations

import copy
import json
import secrets
import time

from .. import emulator
from ..settings import account_id
from ..state import Record, Region, SandboxState
from . import paging
from .model import in_use, not_found, validation

LABELED = "Labeled"
"""Member of a job, hidden from the API, that lists the objects with a label."""


def list_jobs(_state: SandboxState, region: Region, request: Record) -> Record:
    wanted = request.get("StatusEquals")
    jobs = [job for job in region.jobs.values() if wanted in (None, job["LabelingJobStatus"])]
    chosen = paging.select(jobs, request, name="LabelingJobName", created="CreationTime", modified="LastModifiedTime")
    found, token = paging.page(chosen, request)
    return {"LabelingJobSummaryList": [_summary(job) for job in found], "NextToken": token}


def _summary(job: Record) -> Record:
    tasks = job.get("HumanTaskConfig", {})
    return {
        **job,
        "WorkteamArn": tasks.get("WorkteamArn"),
        "PreHumanTaskLambdaArn": tasks.get("PreHumanTaskLambdaArn"),
        "AnnotationConsolidationLambdaArn": tasks.get("AnnotationConsolidationConfig", {}).get(
            "AnnotationConsolidationLambdaArn"
        ),
    }


def list_for_workteam(_state: SandboxState, region: Region, request: Record) -> Record:
    arn = request["WorkteamArn"]
    known = {team["WorkteamArn"] for team in (*region.workteams.values(), *region.subscribed)}
    if arn not in known:
        raise not_found(f"The work team {arn} does not exist.")
    code = request.get("JobReferenceCodeContains", "")
    jobs = [
        _for_team(job)
        for job in region.jobs.values()
        if job["HumanTaskConfig"]["WorkteamArn"] == arn and code in job["JobReferenceCode"]
    ]
    found, token = paging.page(paging.select(jobs, request, name="LabelingJobName", created="CreationTime"), request)
    return {"LabelingJobSummaryList": found, "NextToken": token}


def _for_team(job: Record) -> Record:
    counters = job["LabelCounters"]
    labeled, pending = counters["HumanLabeled"], counters["Unlabeled"]
    return {
        "LabelingJobName": job["LabelingJobName"],
        "JobReferenceCode": job["JobReferenceCode"],
        "WorkRequesterAccountId": account_id(),
        "CreationTime": job["CreationTime"],
        "LabelCounters": {"HumanLabeled": labeled, "PendingHuman": pending, "Total": labeled + pending},
        "NumberOfHumanWorkersPerDataObject": job["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"],
    }


def describe(_state: SandboxState, region: Region, request: Record) -> Record:
    job = region.jobs.get(request["LabelingJobName"])
    if job is None:
        raise not_found(f"Labeling job {request['LabelingJobName']} does not exist.")
    return job


def create(_state: SandboxState, region: Region, request: Record) -> Record:
    name, tasks = request["LabelingJobName"], request["HumanTaskConfig"]
    if name in region.jobs:
        raise in_use(f"Labeling job {name} already exists.")
    known = {team["WorkteamArn"] for team in (*region.workteams.values(), *region.subscribed)}
    if tasks["WorkteamArn"] not in known:
        raise validation(f"The work team {tasks['WorkteamArn']} does not exist in region {region.name}.")
    if "S3DataSource" not in request["InputConfig"]["DataSource"]:
        raise validation("The sandbox labels objects of S3 only: InputConfig.DataSource.S3DataSource must be given.")
    now = time.time()
    job = {
        **copy.deepcopy(request),
        "LabelingJobArn": arn(region, name),
        "JobReferenceCode": secrets.token_hex(5),
        "LabelingJobStatus": "InProgress",
        "LabelCounters": {
            "TotalLabeled": 0,
            "HumanLabeled": 0,
            "MachineLabeled": 0,
            "FailedNonRetryableError": 0,
            "Unlabeled": 0,
        },
        "CreationTime": now,
        "LastModifiedTime": now,
        "Tags": request.get("Tags", []),
    }
    region.jobs[name] = job
    return {"LabelingJobArn": job["LabelingJobArn"]}


def stop(state: SandboxState, region: Region, request: Record) -> Record:
    job = describe(state, region, request)
    if job["LabelingJobStatus"] != "InProgress":
        raise validation(f"Labeling job {job['LabelingJobName']} is {job['LabelingJobStatus']}.")
    job["LabelingJobStatus"], job["LastModifiedTime"] = "Stopped", time.time()
    return {}


def arn(region: Region, name: str) -> str:
    return f"arn:aws:sagemaker:{region.name}:{account_id()}:labeling-job/{name}"


async def objects_of(job: Record) -> list[str] | None:
    """Return the S3 URIs of the objects of a job in their order, or None if its manifest cannot be read."""
    uri = str(job["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"])
    status, _, manifest = await emulator.s3("GET", f"/{uri.removeprefix('s3://')}")
    if status != 200:
        return None
    try:
        return list(
            dict.fromkeys(str(json.loads(line)["source-ref"]) for line in manifest.splitlines() if line.strip())
        )
    except (ValueError, KeyError, TypeError):
        return None


async def start(job: Record) -> None:
    """Count the objects of a new job; without a readable manifest it fails, as on AWS."""
    objects = await objects_of(job)
    if not objects:
        job["LabelingJobStatus"] = "Failed"
        job["FailureReason"] = "ClientError: The input manifest file cannot be read, or has no object."
        return
    job["LabelCounters"]["Unlabeled"] = len(objects)


async def label(job: Record, uri: str) -> bool:
    """Count a label for one object; the last one completes the job. Returns False for an object of another job."""
    objects = await objects_of(job) or []
    if uri not in objects:
        return False
    labeled = job.setdefault(LABELED, [])
    if uri not in labeled:
        labeled.append(uri)
    count = len(set(objects).intersection(labeled))
    job["LabelCounters"] |= {"HumanLabeled": count, "TotalLabeled": count, "Unlabeled": len(objects) - count}
    job["LastModifiedTime"] = time.time()
    if count == len(objects):
        job["LabelingJobStatus"] = "Completed"
    return True


def flow_arn(region: Region, name: str) -> str:
    return f"arn:aws:sagemaker:{region.name}:{account_id()}:flow-definition/{name}"


def create_flow(_state: SandboxState, region: Region, request: Record) -> Record:
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


def delete_flow(_state: SandboxState, region: Region, request: Record) -> Record:
    flow = _flow(region, request["FlowDefinitionName"])
    del region.flows[flow["FlowDefinitionName"]]
    return {}
