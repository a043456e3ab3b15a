"""Spark as a SageMaker Processing job: for logs too large for one machine, where no Spark is available.

The user's SageMaker SDK, version 2 or 3, starts the job with its PySparkProcessor. The job gets a script that ships
with gt_secure and a question in S3, and leaves its answer beside them. It costs money, so it runs only after the user
confirms.

Sources: SageMaker API Reference (CreateProcessingJob, DescribeProcessingJob, StopProcessingJob) and the source of
SageMaker's Spark images: their entry point runs ``spark-submit`` with the script and its arguments, and their EMRFS
reads ``s3://``.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...aws.arns import bucket_arn, client_partition
from ...aws.client import Aws, aws_errors
from ...errors import GtSecureError, InvalidInput, LogError, NotFound
from ...text import duration, redact
from ..coverage import Coverage
from ..sql.dialects import SPARK
from ..sql.query import MOST_ROWS, Question, statement
from ..storage.listing import day_start, list_logs, split_uri
from . import processing_script
from .consent import ask
from .processing_sdk import processor_of
from .processing_settings import Processing, ProcessingEstimate

FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 20.0
_RUNNING = ("InProgress", "Stopping")


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Progress of a Processing job: its name, its state and the seconds since it was started."""

    job: str
    state: str
    seconds: float

    @property
    def sentence(self) -> str:
        """The progress in words."""
        return f"Processing job {self.job}: {self.state}, {duration(int(self.seconds))}"


@dataclass
class ProcessingRun:
    """One question on Spark in a Processing job.

    Parameters
    ----------
    aws : Aws
    settings : Processing
    uris : list of str
        ``s3://`` prefixes of the log.
    since, until : datetime, optional
        UTC; only the days of the range, with the margin of :data:`~gt_secure.logs.storage.listing.LATE`, are read.
    progress : callable, optional
        Gets a :class:`JobProgress`.
    cancel : threading.Event, optional
        Stops the job.
    """

    aws: Aws
    settings: Processing
    uris: list[str]
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    progress: Callable[[JobProgress], object] | None = None
    cancel: threading.Event | None = None
    estimate: ProcessingEstimate | None = field(default=None, init=False)
    job: str = field(default="", init=False)

    dialect = SPARK

    @property
    def folder(self) -> str:
        """The address of the job's own folder."""
        return f"{self.settings.folder.rstrip('/')}/{self.job}/"

    def rows(self, question: Question, *, with_source: bool) -> Iterator[list[str | None]]:
        """Ask for confirmation, run the job and yield the rows as text.

        Raises
        ------
        InvalidInput
            If the job was not confirmed, or settings cannot be used.
        MissingExtra
            Without the SageMaker SDK.
        AccessDenied
            Where AWS refuses; it names the action.
        LogError
            If the job fails or is cancelled.
        """
        self.job = f"gt-secure-{uuid.uuid4().hex[:12]}"
        self._check_folder()
        sql = statement(question, processing_script.VIEW, SPARK, with_source=with_source)
        paths, objects, size = self._listed()
        processor = processor_of(self.aws, self.settings)
        self.estimate = ProcessingEstimate(
            objects, size, processor.instances, processor.instance_type, processor.role, self.folder,
            processor.timeout_s / 3600, self.settings.usd_per_hour,
        )  # fmt: skip
        found = self.estimate
        ask(
            found, self.settings.confirm, yes=self.settings.yes, what="job", settings="Processing",
            details={"objects": found.objects, "bytes": found.bytes, "usd": found.usd},
        )  # fmt: skip
        self._put("question.json", json.dumps({"sql": sql, "paths": paths, "most": MOST_ROWS + 1}).encode())
        self._put("script.py", Path(processing_script.__file__).read_bytes())
        self._check_cancel()
        processor.start(self.folder + "script.py", [self.folder], self.job)
        self._wait(processor.client)
        yield from self._answer()

    def describe(self, coverage: Coverage) -> None:
        """Describe what Spark read."""
        if self.estimate is not None:
            coverage.objects = coverage.objects_read = self.estimate.objects
            coverage.bytes = self.estimate.bytes
        coverage.notes.append(
            f"Counted by Spark in the Processing job {self.job}, which gives no offsets of lines and does not report "
            "the objects it read. It reads the lines as access logs, and leaves out objects whose names start with _ "
            f"or a dot. Its question and answer stay in {self.folder}."
        )

    def _check_folder(self) -> None:
        for uri in self.uris:
            if self.folder.startswith(uri):
                raise InvalidInput(
                    "The folder of the job is inside the log location, so its answer would be read as log lines.",
                    next_step="Choose another prefix or bucket, as in folder='s3://bucket/prefix/'.",
                    field="folder",
                )

    def _listed(self) -> tuple[list[str], int, int]:
        """Return the addresses that Spark is to read, and the number and the bytes of the objects."""
        client, paths = self.aws.client("s3"), []
        objects = size = 0
        for uri in self.uris:
            bucket, prefix = split_uri(uri)
            days: set[str] = set()
            before = objects
            for item in list_logs(client, uri, since=self.since, until=self.until):  # may be millions
                objects, size = objects + 1, size + item.size
                days.add(day_start(item.key, prefix) if self.since or self.until else prefix)
                self._check_cancel()
            if objects == before:
                raise NotFound(f"No log objects under {uri} in this time.", next_step="Check the prefix and the time.")
            # What two addresses match would be read twice.
            paths += [_glob(bucket, start) for start in ([prefix] if prefix in days else sorted(days))]
        return paths, objects, size

    def _put(self, name: str, body: bytes) -> None:
        client = self.aws.client("s3")
        bucket, prefix = split_uri(self.folder)
        with aws_errors("s3:PutObject", bucket_arn(client_partition(client), bucket, prefix + name)):
            client.put_object(Bucket=bucket, Key=prefix + name, Body=body)

    def _wait(self, client: Any) -> None:
        """Follow the job to its end; an interrupt stops it as well, because it costs money."""
        try:
            job = self._followed(client)
        except BaseException:
            self._stop(client)
            raise
        if job["ProcessingJobStatus"] != "Completed":
            raise self._ended(job)

    def _followed(self, client: Any) -> dict[str, Any]:
        started, pause = time.monotonic(), FIRST_WAIT_S
        while True:
            with aws_errors("sagemaker:DescribeProcessingJob", f"processing-job/{self.job}"):
                job: dict[str, Any] = client.describe_processing_job(ProcessingJobName=self.job)
            if self.progress is not None:
                self.progress(JobProgress(self.job, job["ProcessingJobStatus"], time.monotonic() - started))
            if job["ProcessingJobStatus"] not in _RUNNING:
                return job
            if self.cancel is None:
                time.sleep(pause)
            else:
                self.cancel.wait(pause)
                self._check_cancel()
            pause = min(pause * 1.5, LONGEST_WAIT_S)

    def _stop(self, client: Any) -> None:
        """Stop the job; a failure to stop it never hides another error."""
        try:
            with aws_errors("sagemaker:StopProcessingJob", f"processing-job/{self.job}"):
                client.stop_processing_job(ProcessingJobName=self.job)
        except GtSecureError:
            return

    def _ended(self, job: dict[str, Any]) -> LogError:
        reason = self._error() or str(job.get("ExitMessage") or job.get("FailureReason") or "no reason given")
        state = "was stopped" if job["ProcessingJobStatus"] == "Stopped" else "failed"
        return LogError(
            f"The Processing job {self.job} {state}: {redact(reason)[:500]}",
            next_step="See its log in CloudWatch, in the group /aws/sagemaker/ProcessingJobs. The job's role needs "
            "s3:ListBucket and s3:GetObject on the log, and s3:ListBucket, s3:GetObject, s3:PutObject and "
            f"s3:DeleteObject on {self.folder}",
            details={"job": self.job, "folder": self.folder},
        )

    def _error(self) -> str:
        """Return the error that the script wrote, if it got that far and this role can read it."""
        try:
            texts = [_text(item.open().read()) for item in self._written("error/")]
        except (GtSecureError, OSError):
            return ""
        return " ".join(text for text in texts if text)

    def _answer(self) -> Iterator[list[str | None]]:
        for item in self._written("answer/"):
            self._check_cancel()
            with gzip.open(item.open(), "rt", encoding="utf-8", newline="\n") as lines:
                for line in lines:
                    yield json.loads(line)

    def _written(self, name: str) -> Iterator[Any]:
        """Yield the objects that Spark wrote into a folder, without its markers."""
        for item in list_logs(self.aws.client("s3"), self.folder + name):
            if item.size and not item.key.rpartition("/")[2].startswith(("_", ".")):
                yield item

    def _check_cancel(self) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise LogError("The Processing job was cancelled.", next_step="Start it again.")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").strip()


def _glob(bucket: str, start: str) -> str:
    """Return Hadoop's path for every key with this prefix, with a backslash before each of its special characters."""
    plain = "".join(f"\\{char}" if char in "\\*?[]{}," else char for char in start)
    return f"s3://{bucket}/{plain}" + ("" if start.endswith("/") or not start else "*")
