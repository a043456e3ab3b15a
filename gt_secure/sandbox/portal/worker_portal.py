"""The worker portal: shows a task to a worker at an address, the way Ground Truth does (API
reference, *IamPolicyConstraints*). There is no login: the address is what the sandbox is about.
"""

from __future__ import annotations

import html
import ipaddress
import mimetypes
from dataclasses import asdict, dataclass
from urllib.parse import quote, unquote

from ...base.errors import GtSecureError
from ...base.network import Source
from ..gateway.http import HttpRequest, Reply, json_reply
from ..sagemaker import jobs, templates
from ..settings import REGION
from ..state import Record, Region, SandboxState

PATH = "/_gt_secure/portal"
_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1c2430; --quiet: #5b6675; --ground: #f6f7f9; --card: #fff; --line: #dfe3e8;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --quiet: #9aa6b5; --ground: #12161c; --card: #1a2029; --line: #2c3542; }
}
body {
  margin: 0; font: 16px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--ground);
}
main { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
p { margin: .25rem 0; color: var(--quiet); font-variant-numeric: tabular-nums; }
figure {
  margin: 1rem 0; padding: 1rem;
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
}
img {
  width: 100%; image-rendering: auto; border-radius: .25rem;
  background: #000; min-height: 8rem; color: #fff;
}
object { width: 100%; height: 32rem; }
pre { overflow-x: auto; white-space: pre-wrap; }
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
    """A task as one worker got it: the page, and by S3 URI the secret URLs that
    ``grant_read_access`` signed.

    ``object`` is the S3 URI of the object that was asked for, ``labeled`` that of the object that
    the label is for.
    """

    workteam: str
    job: str
    object: str
    labeled: str
    worker: str
    constraint: dict[str, str]
    urls: dict[str, str]
    page: str


class PortalApp:
    """Answers requests under ``/_gt_secure/portal``."""

    def __init__(self, state: SandboxState, endpoint_url: str) -> None:
        self._state = state
        self._endpoint_url = endpoint_url

    async def __call__(self, request: HttpRequest) -> Reply:
        """Answer one request: the front page, ``tasks/TEAM?key=KEY``,
        or with POST the label of that task.
        """
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
            return _page(
                error.status,
                str(error),
                f"<h1>{html.escape(str(error))}</h1><p>Seen from {place}.</p>",
            )
        if wants_json:
            return json_reply(asdict(task))
        return _task_page(task)

    async def _index(self, region: Region, request: HttpRequest, wants_json: bool) -> Reply:
        tasks = {name: await _keys(region, team) for name, team in sorted(region.workteams.items())}
        if wants_json:
            return json_reply({"worker": str(request.source), "tasks": tasks})
        items = "".join(
            (
                f'<li><a href="{PATH}/tasks/{quote(team)}?key={quote(keys[0])}">'
                f"{html.escape(team)}</a></li>"
                if keys
                else f"<li>{html.escape(team)}: no task</li>"
            )
            for team, keys in tasks.items()
        )
        place = html.escape(str(request.source))
        return _page(
            200,
            "Worker portal",
            f"<h1>Worker portal</h1><p>You are at {place}.</p><ul>{items}</ul>",
        )

    async def _task(self, region: Region, request: HttpRequest, rest: str) -> Task:
        parts = rest.split("/")
        if len(parts) != 2 or parts[0] != "tasks":
            raise PortalError(404, "NotFound", "There is no such page in the worker portal.")
        team = region.workteams.get(unquote(parts[1]))
        if team is None:
            raise PortalError(404, "NoSuchWorkteam", f"There is no workteam {unquote(parts[1])!r}.")
        job, line, uri = await _chosen(region, team, (request.query.get("key") or [""])[0])
        access = team.get("WorkerAccessConfiguration") or {}
        toggles = access.get("S3Presign", {}).get("IamPolicyConstraints", {})
        names = {"SourceIp": "aws:SourceIp", "VpcSourceIp": "aws:VpcSourceIp"}
        constraint = {
            key: str(request.source.address)
            for toggle, key in names.items()
            if toggles.get(toggle) == "Enabled"
        }
        role = str(job["RoleArn"])
        template, given = await _template(job), await jobs.input_of(job, line)
        try:
            page = await templates.page_of(template, given, role, self._endpoint_url, constraint)
        except GtSecureError as error:
            raise PortalError(
                500, "RoleNotAssumable", f"Ground Truth cannot assume {role}."
            ) from error
        if page.errors:
            raise PortalError(500, "TemplateError", page.errors[0]["Message"])
        return Task(
            team["WorkteamName"],
            job["LabelingJobName"],
            uri,
            jobs.labeled(line),
            str(request.source),
            constraint,
            page.urls,
            page.text,
        )

    async def _label(self, region: Region, task: Task) -> Record:
        job = region.jobs[task.job]
        await jobs.label(job, task.labeled)
        return {
            "job": job["LabelingJobName"],
            "status": job["LabelingJobStatus"],
            "counters": job["LabelCounters"],
        }


def _check_entry(region: Region, source: Source) -> None:
    workforce = next(iter(region.workforces.values()), None)
    if workforce is None:
        raise PortalError(404, "NoWorkforce", "There is no private workforce in this region.")
    if source.is_endpoint:
        vpc = (workforce.get("WorkforceVpcConfig") or {}).get("VpcId")
        if vpc is None or vpc != source.vpc:
            raise PortalError(
                404, "NoVpcPortal", "This workforce has no worker portal in that VPC."
            )
        return
    cidrs = workforce["SourceIpConfig"]["Cidrs"]
    networks = [ipaddress.ip_network(cidr, strict=False) for cidr in cidrs]
    if networks and not any(source.address in network for network in networks):
        # The API reference says "Not Found", the developer guide 204; a browser shows something for
        # the first only.
        raise PortalError(404, "NotFound", "Not Found")


def _jobs_of(region: Region, team: Record) -> list[Record]:
    jobs_in_progress = (
        job for job in region.jobs.values() if job["LabelingJobStatus"] == "InProgress"
    )
    return [
        job
        for job in jobs_in_progress
        if job["HumanTaskConfig"]["WorkteamArn"] == team["WorkteamArn"]
    ]


async def _chosen(region: Region, team: Record, key: str) -> tuple[Record, Record, str]:
    """Return the job of a team, the line of its manifest and the S3 URI of an object,
    by default the first one.
    """
    own = _jobs_of(region, team)
    if not own:
        raise PortalError(
            404, "NoTask", f"Workteam {team['WorkteamName']} has no labeling job in progress."
        )
    for job in own:
        for line in await jobs.tasks_of(job) or ():
            for uri in jobs.shown_in(line):
                if key in ("", _key_of(uri)):
                    return job, line, uri
    names = ", ".join(job["LabelingJobName"] for job in own)
    raise PortalError(404, "NotInTheManifest", f"No task of {names} has an object {key!r}.")


async def _template(job: Record) -> str:
    text = await jobs.text_of(job["HumanTaskConfig"]["UiConfig"].get("UiTemplateS3Uri", ""))
    if text is None:
        raise PortalError(
            500, "NoTemplate", f"The template of {job['LabelingJobName']} cannot be read."
        )
    return text


async def _keys(region: Region, team: Record) -> list[str]:
    lines = [line for job in _jobs_of(region, team) for line in await jobs.tasks_of(job) or ()]
    return [_key_of(uri) for line in lines for uri in jobs.shown_in(line)]


def _key_of(uri: str) -> str:
    """Return the key of an object; a text is its own."""
    return uri.split("/", 3)[-1] if uri.startswith("s3://") else uri


def _page(status: int, title: str, body: str) -> Reply:
    text = (
        '<!doctype html><html lang="en"><head><meta'
        f' charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="referrer"'
        ' content="no-referrer">'
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy": (
            "default-src 'none'; img-src 'self'; object-src 'self'; style-src 'unsafe-inline';"
            " frame-ancestors 'none'"
        ),
    }
    return Reply(status, text.encode(), headers)


def _task_page(task: Task) -> Reply:
    bound = " and ".join(f"{name} {value}" for name, value in task.constraint.items())
    lock = f"opens only where S3 sees {bound}" if bound else "opens from any address"
    figures = "".join(_figure(uri, url, lock) for uri, url in task.urls.items())
    none = "<p>grant_read_access signed no URL for this page.</p>"
    rendered = (
        "<details><summary>The template,"
        f" rendered</summary><pre>{html.escape(task.page)}</pre></details>"
    )
    who = f"<p>{html.escape(task.workteam)} · you are at {html.escape(task.worker)}</p>"
    body = f"<h1>{html.escape(task.job)}</h1>{who}{figures or none}{rendered}"
    return _page(200, f"Task {_key_of(task.object)}", body)


def _figure(uri: str, url: str, lock: str) -> str:
    """Show an image and a PDF as such, and any other object as a link,
    so that no script of an object runs here.
    """
    kind, name, where = (
        mimetypes.guess_type(uri)[0] or "",
        html.escape(_key_of(uri)),
        html.escape(url),
    )
    shown = f'<a href="{where}">{name}</a>'
    if kind.startswith("image/"):
        shown = f'<img src="{where}" alt="{name}">'
    elif kind == "application/pdf":
        shown = f'<object data="{where}" type="{kind}">{shown}</object>'
    return (
        f"<figure>{shown}<figcaption><p>{name}</p><p>The URL"
        f" {html.escape(lock)}.</p></figcaption></figure>"
    )
