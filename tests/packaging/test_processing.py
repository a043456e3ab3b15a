"""A Processing job with the real SageMaker SDK, of both generations: the request that AWS would get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gt_secure.sandbox import Sandbox
from support.rooms import Room, python_of

pytestmark = pytest.mark.slow

SCRIPT = """
import datetime as dt, gzip, json, sys, warnings
warnings.simplefilter("ignore")
import boto3
from botocore.stub import Stubber
import gt_secure
from gt_secure.errors import GtSecureError
from gt_secure.logs import Processing
from gt_secure.logs.engines import processing, processing_sdk

processing.FIRST_WAIT_S = 0
by, boto = sys.argv[1], boto3.Session(region_name="us-east-1")
s3 = boto.client("s3")
for bucket in ("job-log", "job-answer"):
    s3.create_bucket(Bucket=bucket)
s3.put_object(Bucket="job-log", Key="s3/2026-11-20-11-00-00-ABC", Body=b"x")
client, sent = boto.client("sagemaker"), []

def answered(params, model, **_):
    if model.name != "CreateProcessingJob":
        return
    sent.append(params)
    key = params["AppSpecification"]["ContainerArguments"][0].removeprefix("s3://job-answer/") + "answer/part-0.gz"
    row = ["hit", "403", "7", "2026-11-20 09:00:00", "2026-11-20 10:00:00", None]
    s3.put_object(Bucket="job-answer", Key=key, Body=gzip.compress(json.dumps(row).encode()))

client.meta.events.register("before-parameter-build.sagemaker.*", answered)
stub, arn = Stubber(client), "arn:aws:sagemaker:us-east-1:111122223333:processing-job/gt-secure"
stub.add_response("create_processing_job", {"ProcessingJobArn": arn})
for state in ("InProgress", "Completed"):
    stub.add_response("describe_processing_job", {
        "ProcessingJobName": "gt-secure", "ProcessingJobArn": arn, "ProcessingJobStatus": state,
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 3, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30},
        },
        "AppSpecification": {"ImageUri": "image"}, "CreationTime": dt.datetime(2026, 11, 20),
    })
Session = processing_sdk._imported(processing_sdk._SESSIONS, "Session")
PySparkProcessor = processing_sdk._imported(processing_sdk._PROCESSORS, "PySparkProcessor")
role = "arn:aws:iam::111122223333:role/GroundTruthExecution"
options = {"folder": "s3://job-answer/spark", "role": role, "instances": 3, "yes": True}
session = Session(boto_session=boto, sagemaker_client=client)
gt = gt_secure.connect(boto3_session=boto)
if by == "connection":
    gt = gt_secure.connect(sagemaker_session=session)
elif by == "session":
    options["sagemaker_session"] = session
elif by == "processor":
    options["processor"] = PySparkProcessor(
        role=role, instance_count=3, instance_type="ml.m5.xlarge", image_uri="1.dkr.ecr/spark:4",
        volume_kms_key="a-key", max_runtime_in_seconds=60, sagemaker_session=session,
    )
else:
    assert processing_sdk.processor_of(gt.aws, Processing(**options)).client is gt.aws.client("sagemaker")
    gt.aws._clients["sagemaker", "us-east-1"] = client
try:
    processing_sdk.processor_of(gt.aws, Processing(**{**options, "processor": None, "spark_version": "9.9"}))
    refused = None
except GtSecureError as error:
    refused = error.message
stub.activate()
table, coverage = gt.count_hits(
    by="http_status", logs="s3://job-log/s3/", engine="spark", processing=Processing(**options)
)
stub.assert_no_pending_responses()
print(json.dumps({"sent": sent, "rows": table.rows, "refused": refused, "job": coverage.notes[-1]}))
"""
IMAGE = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5-cpu"


@pytest.fixture(scope="module", params=["==2.245.0", ">=3"], ids=["v2", "v3"])
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Room:
    """The oldest version in a supported image, and the newest one."""
    made = Room(tmp_path_factory.mktemp("sdk") / "room", python_of("3.12"))
    made.install(f"sagemaker{request.param}", "duckdb", "matplotlib", "ipywidgets")
    made.install(f"gt_secure[sagemaker] @ {wheel.as_uri()}")
    return made


@pytest.mark.parametrize("by", ["connection", "session", "processor", "nothing"])
def test_the_request(room: Room, by: str, tmp_path: Path) -> None:
    with Sandbox(log_delay_s=60) as sandbox:
        env = {**sandbox.environment(), "HOME": str(tmp_path), "SAGEMAKER_SUPPRESS_V2_WARNING": "1"}
        said = json.loads(room.run("-c", SCRIPT, by, env=env).splitlines()[-1])
    [sent] = said["sent"]
    job = sent["ProcessingJobName"]
    folder = f"s3://job-answer/spark/{job}/"
    cluster = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 3, "VolumeSizeInGB": 30}
    if by == "processor":
        cluster["VolumeKmsKeyId"] = "a-key"
    assert sent["ProcessingResources"]["ClusterConfig"] == cluster
    assert sent["AppSpecification"] == {
        "ImageUri": "1.dkr.ecr/spark:4" if by == "processor" else IMAGE,
        "ContainerArguments": [folder],
        "ContainerEntrypoint": ["smspark-submit", "/opt/ml/processing/input/code/script.py"],
    }
    [code] = sent["ProcessingInputs"]
    assert code["S3Input"]["S3Uri"] == f"{folder}script.py"
    assert code["S3Input"]["LocalPath"] == "/opt/ml/processing/input/code"
    assert sent["RoleArn"] == "arn:aws:iam::111122223333:role/GroundTruthExecution"
    assert sent["StoppingCondition"] == {"MaxRuntimeInSeconds": 60 if by == "processor" else 3600}
    assert "ProcessingOutputConfig" not in sent
    assert said["rows"] == [[403, 7]]
    assert job in said["job"]
    assert "9.9" in said["refused"]
