"""Input manifests of labeling jobs: one JSON object a line, with ``source-ref`` (Developer Guide, *Input manifest
files*)."""

from __future__ import annotations

import json
import time
from typing import Any

from .. import emulator

Record = dict[str, Any]
LABELED = "Labeled"
"""Member of a job, hidden from the API, that lists the objects with a label."""


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
