"""Labeling jobs, to be read only."""

from __future__ import annotations

from typing import Any

from ..settings import account_id
from ..state import Region, State
from . import paging
from .errors import not_found

Record = dict[str, Any]


def list_jobs(_state: State, region: Region, request: Record) -> Record:
    """ListLabelingJobs."""
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


def list_for_workteam(_state: State, region: Region, request: Record) -> Record:
    """ListLabelingJobsForWorkteam."""
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


def describe(_state: State, region: Region, request: Record) -> Record:
    """DescribeLabelingJob."""
    job = region.jobs.get(request["LabelingJobName"])
    if job is None:
        raise not_found(f"Labeling job {request['LabelingJobName']} does not exist.")
    return job


def list_flows(_state: State, _region: Region, _request: Record) -> Record:
    """ListFlowDefinitions: this account has no human-review workflows (they cannot be created here)."""
    return {"FlowDefinitionSummaries": []}
