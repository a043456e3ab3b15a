"""The worker portal: shows a task to a worker at an address, the way Ground Truth does (API reference,
*IamPolicyConstraints*). There is no login: the address is what the sandbox is about.
"""

from __future__ import annotations

import html
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from ...base.errors import GtSecureError
from ...base.network import Source
from .. import emulator
from ..gateway.conditions import as_service
from ..gateway.http import HttpRequest, Reply, json_reply
from ..sagemaker import jobs
from ..settings import REGION, account_id
from ..state import Record, Region, SandboxState

PATH = "/_gt_secure/portal"
SERVICE = "sagemaker.amazonaws.com"
URL_LIFE_S = 900
"""Life of the portal's URLs in seconds. AWS publishes no number; it says "short-lived"."""
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --quiet: #5b6675; --ground: #f6f7f9; --card: #fff; --line: #dfe3e8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --quiet: #9aa6b5; --ground: #12161c; --card: #1a2029; --line: #2c3542; }
}
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
main { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
p { margin: .25rem 0; color: var(--quiet); font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
img { width: 100%; image-rendering: auto; border-radius: .25rem; background: #000; min-height: 8rem; color: #fff; }
a { color: inherit; }
li { margin: .25rem 0; }
"""


class PortalError(Exception):
    """The portal shows no task; ``status`` is the HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it was shown to one worker; the URL is a secret."""

    workteam: str
    key: str
    worker: str
    constraint: dict[str, str]
    image_url: str


class PortalApp:
    """Answers requests under ``/_gt_secure/portal``."""

    def __init__(self, state: SandboxState, endpoint_url: str) -> None:
        self._state = state
        self._endpoint_url = endpoint_url

    async def __call__(self, request: HttpRequest) -> Reply:
        """Answer one request: the front page, ``tasks/TEAM?key=KEY``, or with POST the label of that task."""
        wants_json = "application/json" in request.headers.get("accept", "")
        try:
            region = self._state.region(REGION)
            _check_entry(region, request.source)
            rest = request.path.removeprefix(PATH).strip("/")
            if not rest:
                return await self._index(region, request, wants_json)
            task = await self._task(region, request, rest)
            if request.method == "POST":
                return json_reply(await self._label(region, task))
        except PortalError as error:
            if wants_json:
                return json_reply({"error": error.code, "message": str(error)}, error.status)
            place = html.escape(str(request.source))
            return _page(error.status, str(error), f"<h1>{html.escape(str(error))}</h1><p>Seen from {place}.</p>")
        if wants_json:
            return json_reply(asdict(task))
        return _task_page(task)

    async def _index(self, region: Region, request: HttpRequest, wants_json: bool) -> Reply:
        teams = sorted(region.workteams)
        keys = await _keys(region)
        if wants_json:
            return json_reply({"worker": str(request.source), "workteams": teams, "keys": keys})
        first = quote(keys[0]) if keys else ""
        items = "".join(
            f'<li><a href="{PATH}/tasks/{quote(team)}?key={first}">{html.escape(team)}</a></li>' for team in teams
        )
        place = html.escape(str(request.source))
        return _page(200, "Worker portal", f"<h1>Worker portal</h1><p>You are at {place}.</p><ul>{items}</ul>")

    async def _task(self, region: Region, request: HttpRequest, rest: str) -> Task:
        parts = rest.split("/")
        if len(parts) != 2 or parts[0] != "tasks":
            raise PortalError(404, "NotFound", "There is no such page in the worker portal.")
        team = region.workteams.get(unquote(parts[1]))
        if team is None:
            raise PortalError(404, "NoSuchWorkteam", f"There is no workteam {unquote(parts[1])!r}.")
        job = job_of(region, team)
        bucket = _bucket_of(job)
        key = (request.query.get("key") or [""])[0] or "scans/0001.png"
        if (await emulator.s3("HEAD", f"/{bucket}/{key}"))[0] != 200:
            raise PortalError(404, "NoSuchObject", f"There is no object {key!r} in {bucket}.")
        constraint = _constraint_of(team, request.source)
        role = str(job["RoleArn"])
        try:
            url = await _image_url(self._endpoint_url, role, bucket, key, constraint)
        except GtSecureError as error:
            raise PortalError(500, "RoleNotAssumable", f"Ground Truth cannot assume {role}.") from error
        return Task(team["WorkteamName"], key, str(request.source), constraint, url)

    async def _label(self, region: Region, task: Task) -> Record:
        arn = region.workteams[task.workteam]["WorkteamArn"]
        job = job_of(region, region.workteams[task.workteam])
        if job["HumanTaskConfig"]["WorkteamArn"] != arn:
            raise PortalError(404, "NoTask", f"Workteam {task.workteam} has no labeling job in progress.")
        uri = f"s3://{_bucket_of(job)}/{task.key}"
        if not await jobs.label(job, uri):
            raise PortalError(404, "NotInTheManifest", f"The manifest of {job['LabelingJobName']} has no {uri}.")
        return {"job": job["LabelingJobName"], "status": job["LabelingJobStatus"], "counters": job["LabelCounters"]}


def _check_entry(region: Region, source: Source) -> None:
    workforce = next(iter(region.workforces.values()), None)
    if workforce is None:
        raise PortalError(404, "NoWorkforce", "There is no private workforce in this region.")
    if source.is_endpoint:
        vpc = (workforce.get("WorkforceVpcConfig") or {}).get("VpcId")
        if vpc is None or vpc != source.vpc:
            raise PortalError(404, "NoVpcPortal", "This workforce has no worker portal in that VPC.")
        return
    cidrs = workforce["SourceIpConfig"]["Cidrs"]
    networks = [ipaddress.ip_network(cidr, strict=False) for cidr in cidrs]
    if networks and not any(source.address in network for network in networks):
        # The API reference says "Not Found", the developer guide 204; a browser shows something for the first only.
        raise PortalError(404, "NotFound", "Not Found")


def _constraint_of(team: Record, source: Source) -> dict[str, str]:
    access = team.get("WorkerAccessConfiguration") or {}
    toggles = access.get("S3Presign", {}).get("IamPolicyConstraints", {})
    names = {"SourceIp": "aws:SourceIp", "VpcSourceIp": "aws:VpcSourceIp"}
    return {key: str(source.address) for toggle, key in names.items() if toggles.get(toggle) == "Enabled"}


def job_of(region: Region, team: Record) -> Record:
    """Return the job whose tasks a team sees; the demo's tasks are shown to teams that have none of their own."""
    jobs = [job for job in region.jobs.values() if job["LabelingJobStatus"] == "InProgress"]
    own = [job for job in jobs if job["HumanTaskConfig"]["WorkteamArn"] == team["WorkteamArn"]]
    if not (own or jobs):
        raise PortalError(404, "NoTask", "There is no labeling job in progress.")
    return (own or jobs)[0]


def _bucket_of(job: Record) -> str:
    uri: str = job["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]
    return uri.removeprefix("s3://").split("/", 1)[0]


async def _keys(region: Region) -> list[str]:
    job = next((job for job in region.jobs.values() if job["LabelingJobStatus"] == "InProgress"), None)
    uris = None if job is None else await jobs.objects_of(job)
    return [uri.removeprefix("s3://").partition("/")[2] for uri in uris or ()]


async def _image_url(endpoint_url: str, role_arn: str, bucket: str, key: str, constraint: Mapping[str, str]) -> str:
    """Presign a GET with a session of a role; raises GtSecureError where the service cannot assume that role."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    session = await _session(role_arn, _read_policy(bucket, key, constraint))
    request = AWSRequest("GET", f"{endpoint_url}/{bucket}/{quote(key, safe='/-_.~')}")
    S3SigV4QueryAuth(session, "s3", REGION, expires=URL_LIFE_S).add_auth(request)
    return str(request.url)


def _read_policy(bucket: str, key: str, constraint: Mapping[str, str]) -> str:
    """Return the session policy behind one image URL; that it allows ``kms:Decrypt`` is assumed."""
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/{key}",
    }
    if constraint:
        statement["Condition"] = {"IpAddress": dict(constraint)}
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement, decrypt]})


async def _session(role_arn: str, policy: str) -> Any:
    """Assume a role as the SageMaker service, which its trust policy must allow."""
    from botocore.credentials import Credentials

    body = await emulator.query_call("iam", "GetRole", RoleName=role_arn.rsplit("/", 1)[-1])
    found = re.search(rb"<AssumeRolePolicyDocument>(.*?)</AssumeRolePolicyDocument>", body, re.DOTALL)
    trust = unquote(html.unescape(found[1].decode())) if found and f":{account_id()}:" in role_arn else "{}"
    keys = {"aws:sourceaccount": account_id()}
    if emulator.decide_for_service(trust, SERVICE, "sts:AssumeRole", role_arn, keys) != "Allow":
        raise GtSecureError(f"The trust policy of {role_arn} does not allow {SERVICE}.")
    with as_service(keys):
        body = await emulator.query_call(
            "sts",
            "AssumeRole",
            RoleArn=role_arn,
            RoleSessionName="GroundTruthWorker",
            DurationSeconds="3600",
            Policy=policy,
        )
    values = {node.tag.rsplit("}", 1)[-1]: node.text or "" for node in ElementTree.fromstring(body).iter()}  # noqa: S314
    return Credentials(values["AccessKeyId"], values["SecretAccessKey"], values["SessionToken"])


def _page(status: int, title: str, body: str) -> Reply:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy": (
            "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        ),
    }
    return Reply(status, text.encode(), headers)


def _task_page(task: Task) -> Reply:
    bound = " and ".join(f"{name} {value}" for name, value in task.constraint.items())
    lock = f"This image opens only where S3 sees {bound}." if bound else "This image opens from any address."
    name = html.escape(task.key)
    body = (
        f"<h1>Mark every nodule</h1><p>{html.escape(task.workteam)} · you are at {html.escape(task.worker)}</p>"
        f'<figure><img src="{html.escape(task.image_url)}" alt="Scan {name}"><figcaption><p>{name}</p>'
        f"<p>{html.escape(lock)}</p></figcaption></figure>"
    )
    return _page(200, f"Task {task.key}", body)
