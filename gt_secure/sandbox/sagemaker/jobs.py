"""Labeling jobs, and the flow definitions (Amazon A2I) that send work to a team.

An input manifest has one JSON object a line, with ``source-ref``, or ``source`` for a text
(Developer Guide, *Input manifest files*).
"""

from __future__ import annotations

import copy
import json
import secrets
import time

from ...base import task_liquid
from .. import emulator
from ..settings import account_id
from ..state import Record, Region
from . import paging
from .model import in_use, not_found, validation

JOB, FLOW = "labeling-job", "flow-definition"
LABELED = "Labeled"
"""Member of a job, hidden from the API, that lists the objects with a label."""


def list_jobs(region: Region, request: Record) -> Record:
    """Answer ListLabelingJobs."""
    wanted = request.get("StatusEquals")
    jobs = [job for job in region.jobs.values() if wanted in (None, job["LabelingJobStatus"])]
    chosen = paging.select(
        jobs, request, name="LabelingJobName", created="CreationTime", modified="LastModifiedTime"
    )
    return paging.listed("LabelingJobSummaryList", [_summary(job) for job in chosen], request)


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


def list_for_workteam(region: Region, request: Record) -> Record:
    """Answer ListLabelingJobsForWorkteam."""
    arn = request["WorkteamArn"]
    if not region.knows_team(arn):
        raise not_found(f"The work team {arn} does not exist.")
    code = request.get("JobReferenceCodeContains", "")
    jobs = [
        {
            "LabelingJobName": job["LabelingJobName"],
            "JobReferenceCode": job["JobReferenceCode"],
            "WorkRequesterAccountId": account_id(),
            "CreationTime": job["CreationTime"],
            "LabelCounters": {
                "HumanLabeled": job["LabelCounters"]["HumanLabeled"],
                "PendingHuman": job["LabelCounters"]["Unlabeled"],
                "Total": job["LabelCounters"]["HumanLabeled"] + job["LabelCounters"]["Unlabeled"],
            },
            "NumberOfHumanWorkersPerDataObject": job["HumanTaskConfig"][
                "NumberOfHumanWorkersPerDataObject"
            ],
        }
        for job in region.jobs.values()
        if job["HumanTaskConfig"]["WorkteamArn"] == arn and code in job["JobReferenceCode"]
    ]
    chosen = paging.select(jobs, request, name="LabelingJobName", created="CreationTime")
    return paging.listed("LabelingJobSummaryList", chosen, request)


def describe(region: Region, request: Record) -> Record:
    """Answer DescribeLabelingJob."""
    job = region.jobs.get(request["LabelingJobName"])
    if job is None:
        raise not_found(f"Labeling job {request['LabelingJobName']} does not exist.")
    return job


def create(region: Region, request: Record) -> Record:
    """Answer CreateLabelingJob."""
    name, tasks = request["LabelingJobName"], request["HumanTaskConfig"]
    if name in region.jobs:
        raise in_use(f"Labeling job {name} already exists.")
    if not region.knows_team(tasks["WorkteamArn"]):
        raise validation(
            f"The work team {tasks['WorkteamArn']} does not exist in region {region.name}."
        )
    if "S3DataSource" not in request["InputConfig"]["DataSource"]:
        raise validation(
            "The sandbox labels objects of S3 only: InputConfig.DataSource.S3DataSource must be"
            " given."
        )
    now = time.time()
    job = {
        **copy.deepcopy(request),
        "LabelingJobArn": region.arn(JOB, name),
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


def stop(region: Region, request: Record) -> Record:
    """Answer StopLabelingJob."""
    job = describe(region, request)
    if job["LabelingJobStatus"] != "InProgress":
        raise validation(f"Labeling job {job['LabelingJobName']} is {job['LabelingJobStatus']}.")
    job["LabelingJobStatus"], job["LastModifiedTime"] = "Stopped", time.time()
    return {}


async def tasks_of(job: Record) -> list[Record] | None:
    """Return the lines of a job's manifest, one for each labeled object or text,
    or None if it cannot be read.
    """
    manifest = await text_of(job["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"])
    try:
        lines = [json.loads(line) for line in str(manifest).splitlines() if line.strip()]
        tasks = {labeled(line): line for line in lines}
    except (ValueError, AttributeError, TypeError):
        return None
    return list(tasks.values()) if all(isinstance(each, str) for each in tasks) else None


async def text_of(uri: str) -> str | None:
    """Return the text of an object, or None if it cannot be read."""
    status, _, body = await emulator.s3("GET", f"/{uri.removeprefix('s3://')}")
    return body.decode("utf-8", "replace") if status == 200 else None


def labeled(line: Record) -> str:
    """Return the S3 URI or the text that the label of a line is for."""
    return task_liquid.task_input(line)["taskObject"]  # type: ignore[no-any-return]


def shown_in(line: Record) -> list[str]:
    """Return the S3 URIs in a line of a manifest, in their order; without one, its text."""
    strings = dict.fromkeys(task_liquid.strings_in(line))
    return [each for each in strings if each.startswith("s3://")] or [labeled(line)]


async def input_of(job: Record, line: Record) -> Record:
    """Return the input of the task of a job for a line of its manifest."""
    labels = await text_of(job.get("LabelCategoryConfigS3Uri", ""))
    return task_liquid.task_input(line, task_liquid.labels_in(str(labels)))


async def start(job: Record) -> None:
    """Count the objects of a new job; without a readable manifest it fails, as on AWS."""
    objects = await tasks_of(job)
    if not objects:
        job["LabelingJobStatus"] = "Failed"
        job["FailureReason"] = (
            "ClientError: The input manifest file cannot be read, or has no object."
        )
        return
    job["LabelCounters"]["Unlabeled"] = len(objects)


async def label(job: Record, uri: str) -> None:
    """Count a label for one object; the last one completes the job."""
    objects = [labeled(line) for line in await tasks_of(job) or ()]
    done = job.setdefault(LABELED, [])
    if uri not in done:
        done.append(uri)
    count = len(set(objects).intersection(done))
    job["LabelCounters"] |= {
        "HumanLabeled": count,
        "TotalLabeled": count,
        "Unlabeled": len(objects) - count,
    }
    job["LastModifiedTime"] = time.time()
    if count == len(objects):
        job["LabelingJobStatus"] = "Completed"


def create_flow(region: Region, request: Record) -> Record:
    """Answer CreateFlowDefinition."""
    name = request["FlowDefinitionName"]
    if name in region.flows:
        raise in_use(f"A flow definition named {name} already exists in region {region.name}.")
    team = request.get("HumanLoopConfig", {}).get("WorkteamArn")
    if not region.knows_team(team):
        raise validation(f"The work team {team} does not exist in region {region.name}.")
    flow = {name: value for name, value in request.items() if name != "Tags"}
    flow |= {
        "FlowDefinitionArn": region.arn(FLOW, name),
        "FlowDefinitionStatus": "Active",
        "CreationTime": time.time(),
    }
    region.flows[name] = flow
    return {"FlowDefinitionArn": flow["FlowDefinitionArn"]}


def describe_flow(region: Region, request: Record) -> Record:
    """Answer DescribeFlowDefinition."""
    name = request["FlowDefinitionName"]
    if name not in region.flows:
        raise not_found(f"Flow definition {name} does not exist.")
    return region.flows[name]


def list_flows(region: Region, request: Record) -> Record:
    """Answer ListFlowDefinitions."""
    flows = paging.select(
        region.flows.values(), request, name="FlowDefinitionName", created="CreationTime"
    )
    return paging.listed("FlowDefinitionSummaries", flows, request)


def delete_flow(region: Region, request: Record) -> Record:
    """Answer DeleteFlowDefinition."""
    flow = describe_flow(region, request)
    del region.flows[flow["FlowDefinitionName"]]
    return {}
