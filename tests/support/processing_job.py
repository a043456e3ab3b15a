"""A PySparkProcessor of nobody: it runs the job's script on this machine, or has a given end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from gt_secure.aws.client import Aws
from support.fake_s3 import FakeS3

End = Callable[["JobS3", str], str]
"""From the bucket and the folder of a job to the state in which it ends."""


class JobS3(FakeS3):
    """A bucket in memory that can be written to."""

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        self.put(Bucket, Key, Body)


class SageMaker:
    """The jobs that were started, and their states in order."""

    def __init__(self, states: list[str]) -> None:
        self.states = states
        self.described = 0
        self.stopped: list[str] = []
        self.more: dict[str, str] = {}

    def describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:
        state = self.states[min(self.described, len(self.states) - 1)]
        self.described += 1
        return {"ProcessingJobName": ProcessingJobName, "ProcessingJobStatus": state, **self.more}

    def stop_processing_job(self, ProcessingJobName: str) -> None:
        self.stopped.append(ProcessingJobName)


class Session:
    """As much of a session of the SageMaker SDK as is used."""

    def __init__(self, client: SageMaker) -> None:
        self.sagemaker_client = client


class Processor:
    """As much of a PySparkProcessor as is used; ``end`` is what happens when the job runs."""

    def __init__(self, s3: JobS3, end: End, *states: str) -> None:
        self.role, self.instance_count, self.instance_type = "arn:aws:iam::111122223333:role/Job", 3, "ml.m5.2xlarge"
        self.max_runtime_in_seconds = 1800
        self.client = SageMaker(list(states))
        self.sagemaker_session = Session(self.client)
        self.s3, self.end = s3, end
        self.runs: list[dict[str, Any]] = []

    def run(self, **given: Any) -> None:
        self.runs.append(given)
        state = self.end(self.s3, given["arguments"][0])
        self.client.states = [*self.client.states, state]


def connection(s3: JobS3) -> Aws:
    """Return a connection whose S3 is in memory."""
    aws = Aws(boto3.session.Session("AKIAEXAMPLE", "secret", region_name="us-east-1"), "us-east-1", None)
    aws._clients["s3", "us-east-1"] = s3
    return aws


def on_local_spark(folder: Path, prefix: str) -> End:
    """Return an end that runs the job's own script in a process of its own, on a folder that holds the log objects.

    Parameters
    ----------
    folder : path
        What ``s3://`` means on this machine: a folder for each bucket.
    prefix : str
        The ``s3://`` address of the job's folder begins so; its bucket is in memory only.
    """

    def run(s3: JobS3, job: str) -> str:
        assert job.startswith(prefix)
        bucket, _, key = job.removeprefix("s3://").partition("/")
        here = folder / "job" / key
        here.mkdir(parents=True)
        script, question = (s3.objects[bucket, key + name][0] for name in ("script.py", "question.json"))
        (here / "script.py").write_bytes(script)
        asked = json.loads(question)
        asked["paths"] = [path.replace("s3://", f"{folder}/") for path in asked["paths"]]
        (here / "question.json").write_text(json.dumps(asked), encoding="utf-8")
        start = (
            "import runpy, sys; from pyspark.sql import SparkSession as S; "
            "S.builder.master('local[2]').config('spark.ui.enabled', 'false').getOrCreate(); "
            "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
        )
        # Isolated, as in the job's image: neither gt_secure nor this checkout can be imported.
        done = subprocess.run(
            [sys.executable, "-P", "-c", start, str(here / "script.py"), f"{here}/"], capture_output=True, text=True,
            cwd=here, env={"PATH": os.environ["PATH"], "HOME": str(here)},
        )  # fmt: skip
        for file in here.glob("*/*"):
            if not file.name.endswith(".crc"):
                s3.put(bucket, f"{key}{file.parent.name}/{file.name}", file.read_bytes())
        return "Completed" if done.returncode == 0 else "Failed"

    return run
