"""States made by hand, for tests that need no AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gt_secure.account import locks_of
from gt_secure.account.bucket import Bucket
from gt_secure.account.state import State, TaskTemplate
from gt_secure.aws.teams import LabelingJob, Workforce, Workteam
from gt_secure.changes.targets import TARGETS
from gt_secure.engine.access import Exposure
from gt_secure.engine.access.part import NotRead, Part
from gt_secure.engine.access.vpc_endpoint import VpcEndpoint
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.logs import LogLocation
from support.answers import ACCOUNT, ENDPOINT as ENDPOINT, S3_ENDPOINT, exposure_under

TEAM = Workteam(
    "radiology-team",
    f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:workteam/private-crowd/radiology-team",
    "private",
    members=("radiologists",),
    workforce_name="default",
    url_lock=UrlLock(),
)
OTHER = replace(TEAM, name="open-team", arn=TEAM.arn.replace("radiology", "open"))
FORCE = Workforce(
    "default", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:workforce/private-crowd/default", "Active"
)
JOB = LabelingJob(
    "chest-scans",
    "InProgress",
    TEAM.arn,
    8,
    12,
    "s3://gt-images/scans/manifest.json",
    "s3://gt-images/out/",
)


def part(value: Any) -> Part[Any]:
    """Return a part that was read, unless it is a part already."""
    return value if isinstance(value, Part) else Part.of(value)


def unread(
    action: str, what: str = "the part", resource: str = "*", why: Any = "denied"
) -> Part[Any]:
    """Return a part that was not read."""
    return Part.unread(NotRead(what, action, why, f"This role may not call {action}.", resource))


def data_bucket(name: str = "gt-images", region: str = "us-east-1", **parts: Any) -> Bucket:
    """Return a bucket without settings, but for those that are given."""
    values: dict[str, Any] = {
        "policy": None,
        "logging": None,
        "cors": (),
        "public_access_block": {},
        "encryption": {},
    }
    values |= {
        "ownership": "BucketOwnerEnforced",
        "website": False,
        "replicas": (),
        "acl_grants": (),
        "access_points": (),
        "key_policy": None,
    }
    values |= {"log_bucket": None}
    ages = parts.pop("url_ages", None)
    made = {name: part(value) for name, value in (values | parts).items()}
    return Bucket(name, region, **made, url_ages=ages)


BUCKET = data_bucket()


def workteam(
    name: str, kind: Any = "private", source_ip: bool = False, vpc_source_ip: bool = False
) -> Workteam:
    """Return a workteam; only a private one has a URL lock."""
    lock = UrlLock(source_ip, vpc_source_ip) if kind == "private" else None
    return Workteam(
        name,
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:workteam/{kind}-crowd/{name}",
        kind,
        url_lock=lock,
    )


def workforce(
    name: str, cidrs: tuple[str, ...] = (), vpc_id: str | None = None, ip_address_type: str = "ipv4"
) -> Workforce:
    """Return a workforce with a portal lock."""
    return replace(FORCE, name=name, cidrs=cidrs, vpc_id=vpc_id, ip_address_type=ip_address_type)


def endpoint(name: str, vpc_id: str, kind: str = "Gateway", **more: Any) -> VpcEndpoint:
    """Return an S3 endpoint."""
    return VpcEndpoint(name, vpc_id, kind, more.pop("state", "available"), **more)


def template(job: str, text: str | None = None) -> TaskTemplate:
    """Return the template of a job; without a text it was not read."""
    return TaskTemplate(
        job, unread("s3:GetObject", f"the template of {job}") if text is None else Part.of(text)
    )


def logs(
    name: str = "gt-logs",
    prefix: str = "s3/",
    region: str = "us-east-1",
    *,
    policy: Any = None,
    kms: bool = False,
    object_lock: bool = False,
    requester_pays: bool = False,
) -> dict[str, Any]:
    """Return the parts of a bucket whose access logs go to another."""
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}
    }
    target = data_bucket(
        name,
        region,
        policy=policy,
        encryption={"Rules": [rule]} if kms else {},
        object_lock=object_lock,
        requester_pays=requester_pays,
    )
    return {"logging": LogLocation(name, prefix), "log_bucket": target}


def encrypted(key: str) -> dict[str, Any]:
    """Return the default encryption with a KMS key."""
    return {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": {
                    "SSEAlgorithm": "aws:kms",
                    "KMSMasterKeyID": key,
                }
            }
        ]
    }


PARTS = (
    "team",
    "teams",
    "workforce",
    "endpoints",
    "jobs",
    "reviews",
    "evaluations",
    "templates",
    "account_block",
    "principals",
)


def state(**more: Any) -> State:
    """Return a state; values of parts are read."""
    values: dict[str, Any] = {
        "region": "us-east-1",
        "partition": "aws",
        "account_id": ACCOUNT,
        "caller_arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Studio/me",
        "at": datetime(2026, 11, 24, tzinfo=UTC),
        "team": TEAM,
        "teams": (TEAM, OTHER),
        "workforce": FORCE,
        "bucket": BUCKET,
        "endpoints": (S3_ENDPOINT,),
        "jobs": (),
        "reviews": (),
    }
    return State(**_parts(values | more))


def with_parts(seen: State, **more: Any) -> State:
    """Return a state with other values; those of parts are read."""
    return replace(seen, **_parts(more))


def _parts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part(value) if name in PARTS else value for name, value in values.items()}


def exposure_of(
    seen: State, key: str = "scans/", planned: Mapping[str, Any] | None = None
) -> Exposure:
    """Return the exposure under the locks of a state after planned values;
    a key with a final slash is a prefix.
    """
    names = {"bucket-guard": "gt-images", "url-lock": "radiology-team", "portal-lock": "default"}
    for kind, value in (planned or {}).items():
        seen = TARGETS[kind](names[kind]).put(value, seen)
    return exposure_under(locks_of(seen), key)
