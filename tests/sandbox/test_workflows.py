"""Existing labeling workflows on the sandbox: jobs and human review, before and after a restriction."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from gt_secure import Restriction
from gt_secure.base.errors import AccessDenied, InvalidInput
from gt_secure.sandbox import open_task, submit_task
from support.rig import OPEN_TEAM as TEAM, job_request

from .conftest import ELSEWHERE, OFFICE, ROLE

JSON = {"Accept": "application/json"}


def opened(box, source):
    page = box.fetch("/_gt_secure/portal/tasks/open-team?key=scans/0003.png", source, headers=JSON)
    return page.json()["image_url"]


def test_a_job_is_unaffected_by_the_url_lock_of_its_team(box):
    sm = box.client("sagemaker")
    sm.create_labeling_job(**job_request("unaffected"))
    assert sm.describe_labeling_job(LabelingJobName="unaffected")["LabelingJobStatus"] == "InProgress"
    assert sm.describe_labeling_job(LabelingJobName="unaffected")["Tags"] == [{"Key": "project", "Value": "p1"}]
    before = opened(box, OFFICE)
    assert (box.fetch(before, OFFICE).status, box.fetch(before, ELSEWHERE).status) == (200, 200)
    lock = {"S3Presign": {"IamPolicyConstraints": {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}}}
    free = {"S3Presign": {"IamPolicyConstraints": {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"}}}
    sm.update_workteam(WorkteamName="open-team", WorkerAccessConfiguration=lock)
    try:
        after = opened(box, OFFICE)
        assert (box.fetch(after, OFFICE).status, box.fetch(after, ELSEWHERE).status) == (200, 403)
        job = sm.describe_labeling_job(LabelingJobName="unaffected")
        assert (job["LabelingJobStatus"], job["HumanTaskConfig"]["WorkteamArn"]) == ("InProgress", TEAM)
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
    [({"LabelingJobName": "chest-scans"}, "ResourceInUse"), ({"team": TEAM + "-not"}, "ValidationException")],
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
    assert [item["FlowDefinitionName"] for item in sm.list_flow_definitions()["FlowDefinitionSummaries"]] == ["review"]
    assert sm.describe_flow_definition(FlowDefinitionName="review")["HumanLoopConfig"]["WorkteamArn"] == TEAM
    sm.delete_flow_definition(FlowDefinitionName="review")
    assert sm.list_flow_definitions()["FlowDefinitionSummaries"] == []


def test_replies_have_a_request_id(box):
    sm = box.client("sagemaker")
    assert sm.list_workteams()["ResponseMetadata"]["RequestId"]
    with pytest.raises(ClientError) as caught:
        sm.describe_workteam(WorkteamName="not-there")
    assert caught.value.response["ResponseMetadata"]["RequestId"]


def manifest(box, name, *keys):
    """Write the input manifest of a job."""
    lines = "".join(f'{{"source-ref": "s3://gt-images/{key}"}}\n' for key in keys)
    box.client("s3").put_object(Bucket="gt-images", Key=f"manifests/{name}", Body=lines.encode())
    return {"DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://gt-images/manifests/{name}"}}}


def test_workers_finish_a_job_across_a_restriction(box, tmp_path):
    """The whole job: labels before and after the restriction count alike, and the last one completes it."""
    sm, keys = box.client("sagemaker"), [f"scans/{number:04d}.png" for number in (1, 2, 3)]
    source = manifest(box, "across.manifest", *keys)
    sm.create_labeling_job(**job_request("across") | {"InputConfig": source})
    before = sm.describe_labeling_job(LabelingJobName="across")
    assert (before["LabelCounters"]["Unlabeled"], before["LabelCounters"]["HumanLabeled"]) == (3, 0)
    assert box.gt.probe(open_task(box.gt.aws, "open-team", keys[0], OFFICE), ELSEWHERE).opened
    assert submit_task(box.gt.aws, "open-team", keys[0], OFFICE)["counters"]["HumanLabeled"] == 1

    wish = Restriction("open-team", addresses="203.0.113.0/24", bucket="gt-images", prefix="scans/")
    plan = box.gt.plan(wish)
    assert "across" in str(plan)
    change = box.gt.apply(plan)
    try:
        url = open_task(box.gt.aws, "open-team", keys[1], OFFICE)
        assert box.gt.probe(url, OFFICE).opened
        assert not box.gt.probe(url, ELSEWHERE).opened
        during = sm.describe_labeling_job(LabelingJobName="across")
        for member in ("HumanTaskConfig", "InputConfig", "OutputConfig", "RoleArn", "LabelingJobStatus"):
            assert during[member] == before[member]
        assert submit_task(box.gt.aws, "open-team", keys[1], OFFICE)["status"] == "InProgress"
        assert submit_task(box.gt.aws, "open-team", keys[1], OFFICE)["counters"]["HumanLabeled"] == 2
        done = submit_task(box.gt.aws, "open-team", keys[2], OFFICE)
        assert (done["status"], done["counters"]["HumanLabeled"], done["counters"]["Unlabeled"]) == ("Completed", 3, 0)
        assert sm.describe_labeling_job(LabelingJobName="across")["LabelingJobStatus"] == "Completed"
        with pytest.raises(InvalidInput, match="no labeling job in progress"):
            submit_task(box.gt.aws, "open-team", keys[0], OFFICE)
    finally:
        box.gt.undo(change)


def test_a_label_needs_an_object_of_the_job_and_an_address_of_the_portal(box):
    sm = box.client("sagemaker")
    with pytest.raises(InvalidInput, match="has no s3://gt-images/templates"):
        submit_task(box.gt.aws, "radiology-team", "templates/bounding-box.liquid.html", OFFICE)
    sm.update_workforce(WorkforceName="private-workforce", SourceIpConfig={"Cidrs": ["203.0.113.0/24"]})
    try:
        with pytest.raises(AccessDenied):
            submit_task(box.gt.aws, "radiology-team", "scans/0009.png", ELSEWHERE)
    finally:
        box.until(lambda: sm.describe_workforce(WorkforceName="private-workforce")["Workforce"]["Status"] == "Active")
        sm.update_workforce(WorkforceName="private-workforce", SourceIpConfig={"Cidrs": []})
        box.until(lambda: sm.describe_workforce(WorkforceName="private-workforce")["Workforce"]["Status"] == "Active")
    counted = submit_task(box.gt.aws, "radiology-team", "scans/0005.png", OFFICE)["counters"]
    assert (counted["HumanLabeled"], counted["Unlabeled"]) == (5, 7)


@pytest.mark.parametrize("body", [b"", b"not json\n", b'{"source": "s3://gt-images/scans/0001.png"}\n', None])
def test_a_job_without_a_manifest_fails(box, body):
    sm, name = box.client("sagemaker"), f"fails-{'none' if body is None else len(body)}"
    source = manifest(box, f"{name}.manifest")
    if body is None:
        box.client("s3").delete_object(Bucket="gt-images", Key=f"manifests/{name}.manifest")
    else:
        box.client("s3").put_object(Bucket="gt-images", Key=f"manifests/{name}.manifest", Body=body)
    sm.create_labeling_job(**job_request(name) | {"InputConfig": source})
    job = sm.describe_labeling_job(LabelingJobName=name)
    assert job["LabelingJobStatus"] == "Failed"
    assert "manifest" in job["FailureReason"]
