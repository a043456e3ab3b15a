"""The demo: who may do what, and what is there, in an empty sandbox."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from ...base.clock import utc_now
from .. import emulator, vpc
from ..accesslog.recorder import MASK, log_time
from ..settings import ADMIN_USER, REGION, Settings, account_id
from ..state import Record, SandboxState
from . import images as pictures

IMAGES, LOGS, LOG_PREFIX, ML_LOG_PREFIX = "gt-images", "gt-logs", "s3/", "ml/"
PICTURES = 12
SHARED, FOLDERS, SHARED_LOG_PREFIX = "gt-shared", ("north/", "south/"), "shared/"
"""A bucket with a folder for each of two teams."""
TEMPLATE_KEY = "templates/bounding-box.liquid.html"
ARTIFACTS, ROLE = "ml-artifacts", "mlflow-server"
"""The bucket of an application, with artifacts of MLflow, and the role that signs their URLs."""
_RUN = "mlflow/1/0af31b2c4d5e4f708192a3b4c5d6e7f8/artifacts"
ARTIFACT_KEYS = tuple(f"{_RUN}/{name}" for name in ("model.pkl", "metrics.json", "confusion.png"))
_BROWSER, _SDK = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0",
    "python-requests/2.34.2",
)
_REQUESTS = (
    *(
        (minutes, 0, minutes % 3, f"203.0.113.{7 + minutes % 4}", _BROWSER)
        for minutes in range(40, 600, 35)
    ),
    *((minutes, 0, 0, "203.0.113.30", _SDK) for minutes in (65, 185, 305)),  # a training job
    (90, 0, 0, "203.0.113.7", _BROWSER),
    (90, 200, 0, "198.51.100.9", "curl/8.14.1"),  # somebody has the URL of the line before
)
"""Minutes since a URL was signed, seconds until its use, number of the key, address and agent."""
_DAY_S = 86_400.0
_FOLDER = Path(__file__).parent


async def administrator(state: SandboxState) -> None:
    """Make the IAM user whose keys the sandbox hands out; a user,
    because policies do not bind the root.
    """
    await administrator_user()
    answer = (await emulator.query_call("iam", "CreateAccessKey", UserName=ADMIN_USER)).decode()
    state.credentials = {
        "access_key": answer.split("<AccessKeyId>")[1].split("<")[0],
        "secret_key": answer.split("<SecretAccessKey>")[1].split("<")[0],
    }


async def administrator_user() -> None:
    """Create the user of the demo account who may do everything."""
    await emulator.query_call("iam", "CreateUser", UserName=ADMIN_USER)
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    await emulator.query_call(
        "iam",
        "PutUserPolicy",
        UserName=ADMIN_USER,
        PolicyName="administrator",
        PolicyDocument=json.dumps(everything),
    )


async def demo(state: SandboxState, settings: Settings) -> None:
    """Fill an empty sandbox with what ``demo.json`` holds;
    does nothing when there is a workforce already.
    """
    region = state.region(REGION)
    if settings.seed != "demo" or region.workforces or region.workteams:
        return
    data = json.loads(
        (_FOLDER / "demo.json").read_text(encoding="utf-8").replace("${account}", account_id())
    )
    for name, role in data["roles"].items():
        trust, rights = json.dumps(role["trust"]), json.dumps(role["rights"])
        await emulator.query_call(
            "iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust
        )
        await emulator.query_call(
            "iam", "PutRolePolicy", RoleName=name, PolicyName=role["name"], PolicyDocument=rights
        )
    vpc.seed()
    created, started = time.time() - 60 * _DAY_S, time.time() - 2 * _DAY_S
    times = {"CreateDate": created, "LastUpdatedDate": created}
    region.workforces |= {
        title: {**workforce, **times} for title, workforce in data["workforces"].items()
    }
    region.workteams |= {title: {**team, **times} for title, team in data["workteams"].items()}
    region.subscribed = data["subscribed"]
    for title, job in data["jobs"].items():
        region.jobs[title] = {**job, "CreationTime": started, "LastModifiedTime": started + 3600}
    await _buckets(data["log_policy"])


async def _buckets(policy: Record) -> None:
    for bucket in (LOGS, IMAGES, SHARED, ARTIFACTS):
        await _put(f"/{bucket}")
    await _put(f"/{LOGS}", "policy", json.dumps(policy).encode())
    cors = (
        "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
        "<ExposeHeader>Access-Control-Allow-Origin</ExposeHeader></CORSRule></CORSConfiguration>"
    )
    for bucket in (IMAGES, SHARED):
        await _put(f"/{bucket}", "cors", cors.encode())
    drawn = [pictures.scan(number) for number in range(1, PICTURES + 1)]
    await _images(f"{IMAGES}/", "scans/", "chest-scans", drawn)
    for folder in FOLDERS:
        await _images(f"{SHARED}/{folder}", "images/", "scans", drawn[:3])
    for key in ARTIFACT_KEYS:
        await _put(f"/{ARTIFACTS}/{key}", body=key.encode(), kind="application/octet-stream")
    for bucket, prefix in (
        (IMAGES, LOG_PREFIX),
        (SHARED, SHARED_LOG_PREFIX),
        (ARTIFACTS, ML_LOG_PREFIX),
    ):
        logging = (
            '<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LoggingEnabled>'
            f"<TargetBucket>{LOGS}</TargetBucket><TargetPrefix>{prefix}</TargetPrefix>"
            "</LoggingEnabled></BucketLoggingStatus>"
        )
        await _put(f"/{bucket}", "logging", logging.encode())
    now = utc_now()
    name = f"{ML_LOG_PREFIX}{now:%Y-%m-%d-%H-%M-%S}-0123456789ABCDEF"
    await _put(f"/{LOGS}/{name}", body=_artifacts_log(now).encode(), kind="text/plain")


async def _images(place: str, folder: str, manifest: str, drawn: Sequence[bytes]) -> None:
    """Put what a labeling job needs under a place of a bucket: pictures,
    their manifest and the template.
    """
    names = [f"{folder}{number:04d}.png" for number in range(1, len(drawn) + 1)]
    for name, picture in zip(names, drawn, strict=True):
        await _put(f"/{place}{name}", body=picture, kind="image/png")
    lines = "".join(json.dumps({"source-ref": f"s3://{place}{name}"}) + "\n" for name in names)
    await _put(
        f"/{place}manifests/{manifest}.manifest", body=lines.encode(), kind="application/x-ndjson"
    )
    await _put(
        f"/{place}{TEMPLATE_KEY}", body=(_FOLDER / "template.html").read_bytes(), kind="text/html"
    )


def _artifacts_log(now: dt.datetime) -> str:
    """Return the rows of downloads that a tracking server has signed,
    as it would for its page and its SDK.
    """
    owner, rows = hashlib.sha256(account_id().encode()).hexdigest(), []
    for number, (minutes, later, index, address, agent) in enumerate(_REQUESTS):
        signed, key = now - dt.timedelta(minutes=minutes), ARTIFACT_KEYS[index]
        query = (
            f"response-content-disposition=attachment%3B%20filename%3D%22{key.rpartition('/')[2]}%22&X-Amz-Algorithm="
            f"AWS4-HMAC-SHA256&X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F{signed:%Y%m%d}%2F{REGION}%2Fs3%2Faws4_request"
            f"&X-Amz-Date={signed:%Y%m%dT%H%M%SZ}&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature={MASK}"
        )
        ids = hashlib.sha256(f"{signed} {number}".encode()).hexdigest().upper()
        rows.append(
            f"{owner} {ARTIFACTS} {log_time(signed + dt.timedelta(seconds=later))} {address} "
            f"arn:aws:sts::{account_id()}:assumed-role/{ROLE}/i-0a1b2c3d4e5f60718 {ids[:16]}"
            " REST.GET.OBJECT "
            f'{key} "GET /{key}?{query} HTTP/1.1" 200 - {len(key)} {len(key)} 9 8 "-" "{agent}" -'
            f" {ids} SigV4 - "
            f"QueryString {ARTIFACTS}.s3.{REGION}.amazonaws.com - - - {REGION}\n"
        )
    return "".join(rows)


async def _put(
    path: str, subresource: str = "", body: bytes = b"", kind: str = "application/xml"
) -> None:
    query = {subresource: [""]} if subresource else {}
    status, _, answer = await emulator.s3(
        "PUT", path, query=query, headers={"content-type": kind}, body=body
    )
    if status >= 300:
        raise RuntimeError(f"seeding {path} failed: {status} {answer[:200]!r}")
