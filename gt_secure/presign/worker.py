"""Simulate a worker: open a task of the sandbox's portal from an address, and submit its label."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from urllib.parse import quote, urlsplit

from ..aws.client import Aws
from ..base.errors import AccessDenied, GtSecureError, InvalidInput
from ..base.network import Source
from .inspect import inspect
from .origin import probe_origin_for
from .signed_url import TestUrl

_PORTAL = "/_gt_secure/portal"


def open_task(aws: Aws, team: str, key: str, source: str | Source) -> TestUrl:
    """Open a task as a worker at an address.

    Parameters
    ----------
    aws : Aws
        A connection to the sandbox (``connection.aws``).
    team : str
        The workteam the worker belongs to.
    key : str
        The object to label.
    source : str or Source
        Where the worker is, for example ``203.0.113.7``.

    Returns
    -------
    TestUrl
        The image URL as Ground Truth's ``grant_read_access`` signed it for this worker.

    Raises
    ------
    AccessDenied
        If the portal does not let this address in.
    InvalidInput
        If the connection is to real AWS, or there is no such team or object.
    """
    where = Source.parse(source)
    answer = _ask(aws, "GET", _task_path(team, key), where)
    url = str(answer["image_url"])
    facts = inspect(url)
    return TestUrl(
        url,
        bucket=facts.bucket,
        key=facts.key,
        expires_at=facts.expires_at or dt.datetime.now(dt.UTC),
        bound_to=where if answer["constraint"] else None,
        signer="Ground Truth",
        marker=facts.marker or "",
    )


def submit_task(aws: Aws, team: str, key: str, source: str | Source) -> dict[str, Any]:
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
        ``job``, ``status`` (``Completed`` after the last object) and ``counters`` of the labeling job.

    Raises
    ------
    AccessDenied
        If the portal does not let this address in.
    InvalidInput
        If the connection is to real AWS, the team has no job in progress, or the job has no such object.

    Examples
    --------
    >>> submit_task(gt.aws, "radiology-team", "scans/0005.png", "203.0.113.7")["status"]  # doctest: +SKIP
    'InProgress'
    """
    return _ask(aws, "POST", _task_path(team, key), Source.parse(source))


def _task_path(team: str, key: str) -> str:
    return f"{_PORTAL}/tasks/{quote(team, safe='')}?key={quote(key, safe='')}"


def _ask(aws: Aws, method: str, path: str, source: Source) -> dict[str, Any]:
    import urllib3

    if not aws.is_local:
        raise InvalidInput(
            "Only the sandbox's portal can be opened from a notebook.",
            next_step="On AWS, log in to the worker portal with a browser.",
        )
    origin = probe_origin_for(aws, source)
    parts = urlsplit(str(aws.endpoint_url))
    host, port = origin.connect or (str(parts.hostname), int(parts.port or 80))
    bind = (origin.bind, 0) if origin.bind else None
    pool = urllib3.HTTPConnectionPool(host, port, source_address=bind, timeout=10, retries=False)
    headers = {"Host": parts.netloc, "Accept": "application/json", **origin.headers}
    try:
        answer = pool.request(method, path, headers=headers)
    finally:
        pool.close()
    body: dict[str, Any] = json.loads(answer.data)
    if answer.status == 200:
        return body
    if body.get("error") == "NotFound":
        raise AccessDenied(
            f"The worker portal does not let {source} in.",
            action="sagemaker:UpdateWorkforce",
            next_step="The portal lock (SourceIpConfig of the workforce) leaves this address out.",
        )
    if answer.status == 404:
        raise InvalidInput(str(body.get("message")), next_step="Choose a team and an object that exist.")
    raise GtSecureError(f"The worker portal failed: {body.get('message')}")
