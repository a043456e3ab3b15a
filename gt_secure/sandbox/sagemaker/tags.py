"""Tags of workteams, workforces, labeling jobs, flow definitions and task templates: add, list, delete."""

from __future__ import annotations

from ..state import Record, Region, SandboxState
from . import paging
from .model import validation

MAX_TAGS = 50


def keep(region: Region, resource: str, request: Record) -> None:
    """Keep the tags that a Create call brings."""
    if request.get("Tags"):
        region.tags[resource] = {tag["Key"]: tag["Value"] for tag in request["Tags"]}


def forget(region: Region, resource: str) -> None:
    """Forget the tags of a resource that is deleted."""
    region.tags.pop(resource, None)


def _listed(tags: dict[str, str]) -> list[Record]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _known(region: Region, resource: str) -> dict[str, str]:
    records: tuple[tuple[dict[str, Record], str], ...] = (
        (region.workteams, "WorkteamArn"), (region.workforces, "WorkforceArn"), (region.jobs, "LabelingJobArn"),
        (region.flows, "FlowDefinitionArn"), (region.task_uis, "HumanTaskUiArn"),
    )  # fmt: skip
    if not any(record[name] == resource for group, name in records for record in group.values()):
        raise validation(f"Resource {resource} does not exist.")
    return region.tags.get(resource, {})


def list_tags(_state: SandboxState, region: Region, request: Record) -> Record:
    found, token = paging.page(_listed(_known(region, request["ResourceArn"])), {"MaxResults": 50, **request})
    return {"Tags": found, "NextToken": token}


def add(state: SandboxState, region: Region, request: Record) -> Record:
    resource = request["ResourceArn"]
    tags = {**_known(region, resource), **{tag["Key"]: tag["Value"] for tag in request["Tags"]}}
    if len(tags) > MAX_TAGS:
        raise validation(f"A resource has at most {MAX_TAGS} tags.")
    region.tags[resource] = tags
    state.save()
    return {"Tags": _listed(tags)}


def delete(state: SandboxState, region: Region, request: Record) -> Record:
    resource = request["ResourceArn"]
    gone = set(request["TagKeys"])
    region.tags[resource] = {key: value for key, value in _known(region, resource).items() if key not in gone}
    state.save()
    return {}
