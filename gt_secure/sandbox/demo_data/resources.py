"""The demo: who may do what, and what is there, in an empty sandbox."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

from .. import emulator, vpc
from ..settings import ADMIN_USER, REGION, Settings, account_id
from ..state import Record, Region, SandboxState
from . import artifacts, images as pictures

IMAGES, LOGS, LOG_PREFIX, ML_LOG_PREFIX = "gt-images", "gt-logs", "s3/", "ml/"
PICTURES = 12
TEMPLATE_KEY = "templates/bounding-box.liquid.html"
_DAY_S = 86_400.0
_FOLDER = Path(__file__).parent


async def administrator(state: SandboxState) -> None:
    """Make the IAM user whose keys the sandbox hands out; a user, because policies do not bind the root."""
    await administrator_user()
    answer = (await emulator.query_call("iam", "CreateAccessKey", UserName=ADMIN_USER)).decode()
    state.credentials = {
        "access_key": answer.split("<AccessKeyId>")[1].split("<")[0],
        "secret_key": answer.split("<SecretAccessKey>")[1].split("<")[0],
    }


async def administrator_user() -> None:
    await emulator.query_call("iam", "CreateUser", UserName=ADMIN_USER)
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    await emulator.query_call(
        "iam", "PutUserPolicy", UserName=ADMIN_USER, PolicyName="administrator", PolicyDocument=json.dumps(everything)
    )


async def demo(state: SandboxState, settings: Settings) -> None:
    """Fill an empty sandbox with what ``demo.json`` holds; does nothing when there is a workforce already."""
    region = state.region(REGION)
    if settings.seed != "demo" or region.workforces or region.workteams:
        return
    data = json.loads((_FOLDER / "demo.json").read_text(encoding="utf-8").replace("${account}", account_id()))
    for name, role in data["roles"].items():
        trust, rights = json.dumps(role["trust"]), json.dumps(role["rights"])
        await emulator.query_call("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)
        await emulator.query_call("iam", "PutRolePolicy", RoleName=name, PolicyName=role["name"], PolicyDocument=rights)
    vpc.seed()
    _sagemaker(region, data)
    await _buckets(data["log_policy"])


def _sagemaker(region: Region, data: dict[str, Any]) -> None:
    created, started = time.time() - 60 * _DAY_S, time.time() - 2 * _DAY_S
    times = {"CreateDate": created, "LastUpdatedDate": created}
    region.workforces |= {name: {**workforce, **times} for name, workforce in data["workforces"].items()}
    region.workteams |= {name: {**team, **times} for name, team in data["workteams"].items()}
    region.subscribed = data["subscribed"]
    for name, job in data["jobs"].items():
        region.jobs[name] = {**job, "CreationTime": started, "LastModifiedTime": started + 3600}


async def _buckets(policy: Record) -> None:
    for bucket in (LOGS, IMAGES, artifacts.BUCKET):
        await _put(f"/{bucket}")
    await _put(f"/{LOGS}", "policy", json.dumps(policy).encode())
    cors = (
        "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
        "<ExposeHeader>Access-Control-Allow-Origin</ExposeHeader></CORSRule></CORSConfiguration>"
    )
    await _put(f"/{IMAGES}", "cors", cors.encode())
    for number in range(1, PICTURES + 1):
        await _put(f"/{IMAGES}/scans/{number:04d}.png", body=pictures.scan(number), kind="image/png")
    manifest = "".join(
        json.dumps({"source-ref": f"s3://{IMAGES}/scans/{number:04d}.png"}) + "\n" for number in range(1, PICTURES + 1)
    )
    await _put(f"/{IMAGES}/manifests/chest-scans.manifest", body=manifest.encode(), kind="application/x-ndjson")
    await _put(f"/{IMAGES}/{TEMPLATE_KEY}", body=(_FOLDER / "template.html").read_bytes(), kind="text/html")
    for key in artifacts.KEYS:
        await _put(f"/{artifacts.BUCKET}/{key}", body=key.encode(), kind="application/octet-stream")
    for bucket, prefix in ((IMAGES, LOG_PREFIX), (artifacts.BUCKET, ML_LOG_PREFIX)):
        logging = (
            '<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LoggingEnabled>'
            f"<TargetBucket>{LOGS}</TargetBucket><TargetPrefix>{prefix}</TargetPrefix>"
            "</LoggingEnabled></BucketLoggingStatus>"
        )
        await _put(f"/{bucket}", "logging", logging.encode())
    now = dt.datetime.now(dt.UTC)
    name = f"{ML_LOG_PREFIX}{now:%Y-%m-%d-%H-%M-%S}-0123456789ABCDEF"
    await _put(f"/{LOGS}/{name}", body=artifacts.access_log(now).encode(), kind="text/plain")


async def _put(path: str, subresource: str = "", body: bytes = b"", kind: str = "application/xml") -> None:
    query = {subresource: [""]} if subresource else {}
    status, _, answer = await emulator.s3("PUT", path, query=query, headers={"content-type": kind}, body=body)
    if status >= 300:
        raise RuntimeError(f"seeding {path} failed: {status} {answer[:200]!r}")
