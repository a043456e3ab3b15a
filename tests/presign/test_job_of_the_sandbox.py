"""A labeling job of the sandbox is made of what was given, and of its own names for the rest."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput
from gt_secure.presign import worker

TEAM = "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/open-team"
LAMBDAS = "arn:aws:lambda:us-east-1:432418664414:function"


class Local:
    """A connection to a sandbox that keeps what it is asked."""

    def __init__(self, is_local: bool = True) -> None:
        self.is_local, self.calls = is_local, list[tuple[str, dict[str, Any]]]()

    def client(self, _: str) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        def call(**given: Any) -> Any:
            self.calls.append((name, given))
            return {"Workteam": {"WorkteamArn": TEAM}}

        return call


def sent(manifest: str, page: str, name: str) -> tuple[str, dict[str, Any]]:
    return "create_labeling_job", {
        "LabelingJobName": name,
        "LabelAttributeName": "label",
        "RoleArn": "arn:aws:iam::111122223333:role/GroundTruthExecution",
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://gt-images/{manifest}"}}},
        "OutputConfig": {"S3OutputPath": "s3://gt-images/output/"},
        "HumanTaskConfig": {
            "WorkteamArn": TEAM,
            "UiConfig": {"UiTemplateS3Uri": f"s3://gt-images/{page}"},
            "PreHumanTaskLambdaArn": f"{LAMBDAS}:PRE-BoundingBox",
            "TaskTitle": name,
            "TaskDescription": name,
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 3600,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": f"{LAMBDAS}:ACS-BoundingBox"},
        },
    }  # fmt: skip


TASKS = [{"source-ref": "s3://gt-images/a.png"}, {"source-ref": "s3://gt-images/b.png"}]
LINES = "\n".join(map(json.dumps, TASKS)).encode()
MANIFEST, TEMPLATE = "manifests/chest-scans.manifest", "templates/bounding-box.liquid.html"


@pytest.mark.parametrize(
    ("given", "objects", "job"),
    [
        ({}, {}, (MANIFEST, TEMPLATE, "open-team-job")),
        ({"name": "mine"}, {}, (MANIFEST, TEMPLATE, "mine")),
        (
            {"name": "mine", "tasks": TASKS},
            {"manifests/mine.manifest": LINES},
            ("manifests/mine.manifest", TEMPLATE, "mine"),
        ),
        (
            {"template": "<p>é</p>"},
            {"templates/open-team-job.liquid.html": "<p>é</p>".encode()},
            (MANIFEST, "templates/open-team-job.liquid.html", "open-team-job"),
        ),
    ],
)
def test_what_a_job_is_made_of(given: Any, objects: Any, job: tuple[str, str, str]) -> None:
    aws = Local()
    assert worker.create_job(cast(Aws, aws), "open-team", **given) == job[2]
    puts = [{"Bucket": "gt-images", "Key": key, "Body": body} for key, body in objects.items()]
    assert aws.calls == [
        *(("put_object", each) for each in puts),
        ("describe_workteam", {"WorkteamName": "open-team"}),
        sent(*job),
    ]


def test_no_job_is_made_on_aws() -> None:
    aws = Local(is_local=False)
    with pytest.raises(InvalidInput):
        worker.create_job(cast(Aws, aws), "open-team")
    assert aws.calls == []
