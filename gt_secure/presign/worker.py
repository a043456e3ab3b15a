"""Simulate a labeling job of the sandbox: give a workteam tasks, open one from an address,
and submit its label.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from ..aws.client import Aws, aws_errors
from ..base.clock import utc_now
from ..base.errors import AccessDenied, GtSecureError, InvalidInput
from ..base.network import Source, SourceLike
from ..base.text import Json
from .inspect import inspect
from .origin import probe_origin_for
from .signed_url import TestUrl

_PORTAL = "/_gt_secure/portal"
_BUCKET, _LAMBDAS = "gt-images", "arn:aws:lambda:us-east-1:432418664414:function"
_MANIFEST, _TEMPLATE = "manifests/chest-scans.manifest", "templates/bounding-box.liquid.html"


def create_job(
    aws: Aws,
    team: str,
    name: str = "",
    *,
    tasks: Iterable[Mapping[str, object]] = (),
    template: str = "",
) -> str:
    """Start a labeling job of the sandbox, so that a workteam has tasks.

    Parameters
    ----------
    aws : Aws
        A connection to the sandbox (``connection.aws``).
    team : str
        The workteam that gets the tasks.
    name : str, optional
        The name of the job; by default that of the team with ``-job``.
    tasks : iterable of dict, optional
        The lines of the input manifest, each with ``source-ref``, or ``source`` for a text; by
        default the scans of ``chest-scans``.
    template : str, optional
        The text of the task template; by default that of ``chest-scans``.

    Returns
    -------
    str
        The name of the job.

    Raises
    ------
    InvalidInput
        If the connection is to real AWS.
    GtSecureError
        If the sandbox refuses the job, for example because there is one of this name.

    Examples
    --------
    >>> create_job(gt.aws, "open-team")  # doctest: +SKIP
    'open-team-job'
    """
    _require_sandbox(aws, "On AWS, create the labeling job with CreateLabelingJob.")
    chosen, lines = name or f"{team}-job", [json.dumps(task) for task in tasks]
    manifest = f"manifests/{chosen}.manifest" if lines else _MANIFEST
    page = f"templates/{chosen}.liquid.html" if template else _TEMPLATE
    with aws_errors("sagemaker:CreateLabelingJob"):
        s3, sagemaker = aws.client("s3"), aws.client("sagemaker")
        for key, text in ((manifest, "\n".join(lines)), (page, template)):
            if text:
                s3.put_object(Bucket=_BUCKET, Key=key, Body=text.encode())
        arn = sagemaker.describe_workteam(WorkteamName=team)["Workteam"]["WorkteamArn"]
        account = arn.split(":")[4]
        sagemaker.create_labeling_job(
            LabelingJobName=chosen,
            LabelAttributeName="label",
            RoleArn=f"arn:aws:iam::{account}:role/GroundTruthExecution",
            InputConfig={
                "DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{_BUCKET}/{manifest}"}}
            },
            OutputConfig={"S3OutputPath": f"s3://{_BUCKET}/output/"},
            HumanTaskConfig={
                "WorkteamArn": arn,
                "UiConfig": {"UiTemplateS3Uri": f"s3://{_BUCKET}/{page}"},
                "PreHumanTaskLambdaArn": f"{_LAMBDAS}:PRE-BoundingBox",
                "TaskTitle": chosen,
                "TaskDescription": chosen,
                "NumberOfHumanWorkersPerDataObject": 1,
                "TaskTimeLimitInSeconds": 3600,
                "AnnotationConsolidationConfig": {
                    "AnnotationConsolidationLambdaArn": f"{_LAMBDAS}:ACS-BoundingBox"
                },
            },
        )
    return chosen


def open_task(aws: Aws, team: str, key: str, source: SourceLike) -> TestUrl:
    """Open a task as a worker at an address.

    Parameters
    ----------
    aws : Aws
        A connection to the sandbox (``connection.aws``).
    team : str
        The workteam the worker belongs to.
    key : str
        An object of one of its tasks.
    source : str or Source
        Where the worker is, for example ``203.0.113.7``.

    Returns
    -------
    TestUrl
        The URL of the object as the ``grant_read_access`` filter of the template signed it for this
        worker.

    Raises
    ------
    AccessDenied
        If the portal does not let this address in.
    InvalidInput
        If the connection is to real AWS, no task of the team has this object, or the template does
        not pass it through the filter.

    Examples
    --------
    >>> task = open_task(gt.aws, "open-team", "scans/0001.png", "203.0.113.7")  # doctest: +SKIP
    >>> task.bound_to  # doctest: +SKIP
    Source(203.0.113.7)
    """
    where = Source.parse(source)
    answer = _ask(aws, "GET", _task_path(team, key), where)
    url = str(answer["urls"].get(answer["object"], ""))
    if not url:
        raise InvalidInput(
            f"The page of this task has no signed URL of {answer['object']}.",
            next_step="Pass the object through grant_read_access in the template.",
            field="key",
            value=key,
        )
    facts = inspect(url)
    return TestUrl(
        url,
        bucket=facts.bucket,
        key=facts.key,
        expires_at=facts.expires_at or utc_now(),
        bound_to=where if answer["constraint"] else None,
        signer="Ground Truth",
        marker=facts.marker or "",
    )


def submit_task(aws: Aws, team: str, key: str, source: SourceLike) -> Json:
    """Submit a label for a task as a worker at an address.

    Parameters
    ----------
    aws : Aws
        A connection to the sandbox (``connection.aws``).
    team : str
        The workteam the worker belongs to. It needs a labeling job in progress.
    key : str
        The labeled object.
    source : str or Source
        Where the worker is, for example ``203.0.113.7``.

    Returns
    -------
    dict
        ``job``, ``status`` (``Completed`` after the last object) and ``counters`` of the labeling
        job.

    Raises
    ------
    AccessDenied
        If the portal does not let this address in.
    InvalidInput
        If the connection is to real AWS, the team has no job in progress, or the job has no such
        object.

    Examples
    --------
    >>> sent = submit_task(gt.aws, "open-team", "scans/0005.png", "203.0.113.7")  # doctest: +SKIP
    >>> sent["status"]  # doctest: +SKIP
    'InProgress'
    """
    return _ask(aws, "POST", _task_path(team, key), Source.parse(source))


def _task_path(team: str, key: str) -> str:
    return f"{_PORTAL}/tasks/{quote(team, safe='')}?key={quote(key, safe='')}"


def _require_sandbox(aws: Aws, next_step: str) -> None:
    if not aws.is_local:
        raise InvalidInput("Only the sandbox simulates jobs and workers.", next_step=next_step)


def _ask(aws: Aws, method: str, path: str, source: Source) -> Json:
    import urllib3

    _require_sandbox(aws, "On AWS, log in to the worker portal with a browser.")
    origin = probe_origin_for(aws, source)
    headers = {"Accept": "application/json", **origin.headers}
    with urllib3.PoolManager(timeout=10, retries=False) as pools:
        answer = pools.request(method, f"{aws.endpoint_url}{path}", headers=headers)
    body: Json = json.loads(answer.data)
    if answer.status == 200:
        return body
    if body.get("error") == "NotFound":
        raise AccessDenied(
            f"The worker portal does not let {source} in.",
            action="sagemaker:UpdateWorkforce",
            next_step="The portal lock (SourceIpConfig of the workforce) leaves this address out.",
        )
    if answer.status == 404:
        raise InvalidInput(
            str(body.get("message")), next_step="Choose a team and an object that exist."
        )
    raise GtSecureError(f"The worker portal failed: {body.get('message')}")
