"""Existing labeling workflows on the sandbox: jobs and human review,
before and after a restriction.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from support.box import OPEN_TEAM as TEAM, job_request

from .conftest import ELSEWHERE, OFFICE, ROLE

JSON = {"Accept": "application/json"}


def opened(box, source):
    page = box.fetch("/_gt_secure/portal/tasks/open-team?key=scans/0003.png", source, headers=JSON)
    return page.json()["urls"]["s3://gt-images/scans/0003.png"]


def test_a_job_is_unaffected_by_the_url_lock_of_its_team(box):
    sm = box.client("sagemaker")
    sm.create_labeling_job(**job_request("unaffected"))
    assert (
        sm.describe_labeling_job(LabelingJobName="unaffected")["LabelingJobStatus"] == "InProgress"
    )
    assert sm.describe_labeling_job(LabelingJobName="unaffected")["Tags"] == [
        {"Key": "project", "Value": "p1"}
    ]
    before = opened(box, OFFICE)
    assert (box.fetch(before, OFFICE).status, box.fetch(before, ELSEWHERE).status) == (200, 200)
    lock = {
        "S3Presign": {"IamPolicyConstraints": {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}}
    }
    free = {
        "S3Presign": {"IamPolicyConstraints": {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"}}
    }
    sm.update_workteam(WorkteamName="open-team", WorkerAccessConfiguration=lock)
    try:
        after = opened(box, OFFICE)
        assert (box.fetch(after, OFFICE).status, box.fetch(after, ELSEWHERE).status) == (200, 403)
        job = sm.describe_labeling_job(LabelingJobName="unaffected")
        assert (job["LabelingJobStatus"], job["HumanTaskConfig"]["WorkteamArn"]) == (
            "InProgress",
            TEAM,
        )
    finally:
        sm.update_workteam(WorkteamName="open-team", WorkerAccessConfiguration=free)
    names = [
        job["JobReferenceCode"]
        for job in sm.list_labeling_jobs_for_workteam(WorkteamArn=TEAM)["LabelingJobSummaryList"]
    ]
    assert len(names) >= 1
    sm.stop_labeling_job(LabelingJobName="unaffected")
    assert sm.describe_labeling_job(LabelingJobName="unaffected")["LabelingJobStatus"] == "Stopped"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"LabelingJobName": "chest-scans"}, "ResourceInUse"),
        ({"team": TEAM + "-not"}, "ValidationException"),
    ],
)
def test_jobs_that_cannot_be_created(box, change, code):
    request = job_request("not-created", change.pop("team", TEAM)) | change
    with pytest.raises(ClientError) as caught:
        box.client("sagemaker").create_labeling_job(**request)
    assert caught.value.response["Error"]["Code"] == code


def test_a_job_needs_the_right_to_pass_its_role(box):
    keys = box.keys({"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"})
    with pytest.raises(ClientError, match="iam:PassRole"):
        box.client("sagemaker", keys).create_labeling_job(**job_request("no-role"))


def test_flow_definitions_of_a_team(box):
    sm = box.client("sagemaker")
    config = {
        "WorkteamArn": TEAM, "HumanTaskUiArn": "arn:aws:sagemaker:us-east-1:111122223333:human-task-ui/review-ui",
        "TaskTitle": "t", "TaskDescription": "d", "TaskCount": 1,
    }  # fmt: skip
    made = {"RoleArn": ROLE, "OutputConfig": {"S3OutputPath": "s3://gt-images/reviews/"}}
    sm.create_flow_definition(FlowDefinitionName="review", HumanLoopConfig=config, **made)
    with pytest.raises(ClientError, match="already exists"):
        sm.create_flow_definition(FlowDefinitionName="review", HumanLoopConfig=config, **made)
    assert [
        item["FlowDefinitionName"] for item in sm.list_flow_definitions()["FlowDefinitionSummaries"]
    ] == ["review"]
    assert (
        sm.describe_flow_definition(FlowDefinitionName="review")["HumanLoopConfig"]["WorkteamArn"]
        == TEAM
    )
    sm.delete_flow_definition(FlowDefinitionName="review")
    assert sm.list_flow_definitions()["FlowDefinitionSummaries"] == []


def test_replies_have_a_request_id(box):
    sm = box.client("sagemaker")
    assert sm.list_workteams()["ResponseMetadata"]["RequestId"]
    with pytest.raises(ClientError) as caught:
        sm.describe_workteam(WorkteamName="not-there")
    assert caught.value.response["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json\n",
        b'{"sources": "s3://gt-images/scans/0001.png"}\n',
        b'{"source": 5}\n',
        b"[[1]]\n",
        None,
    ],
)
def test_a_job_without_a_manifest_fails(box, body):
    sm, name = box.client("sagemaker"), f"fails-{'none' if body is None else len(body)}"
    source = box.put_manifest(f"{name}.manifest")
    if body is None:
        box.client("s3").delete_object(Bucket="gt-images", Key=f"manifests/{name}.manifest")
    else:
        box.client("s3").put_object(Bucket="gt-images", Key=f"manifests/{name}.manifest", Body=body)
    sm.create_labeling_job(**job_request(name) | {"InputConfig": source})
    job = sm.describe_labeling_job(LabelingJobName=name)
    assert job["LabelingJobStatus"] == "Failed"
    assert "manifest" in job["FailureReason"]
