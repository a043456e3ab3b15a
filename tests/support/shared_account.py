"""An account of several regions in this process, with a stand-in for a session of boto3 that reads
and writes it: teams, jobs, workforces, endpoints, buckets and their policies.

Nothing in it decides a request. A call that it does not know is refused as one without permission.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError

from gt_secure import Connection
from gt_secure.aws.client import Aws
from support.answers import ACCOUNT
from support.plain_policies import matches

ROLE = f"arn:aws:iam::{ACCOUNT}:role/GroundTruthExecution"
_ABSENT = {
    "get_bucket_cors": "NoSuchCORSConfiguration",
    "get_public_access_block": "NoSuchPublicAccessBlockConfiguration",
    "get_bucket_encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "get_bucket_ownership_controls": "OwnershipControlsNotFoundError",
    "describe_organization": "AWSOrganizationsNotInUseException",
}
"""Calls about settings that nobody made, and the code that AWS answers with."""
_EMPTY: Mapping[str, Mapping[str, Any]] = {
    "get_bucket_logging": {},
    "list_subscribed_workteams": {"SubscribedWorkteams": []},
    "list_flow_definitions": {"FlowDefinitionSummaries": []},
    "lookup_events": {"Events": []},
}


def denied(operation: str, code: str = "AccessDenied", status: int = 403) -> ClientError:
    """Return the error of a call that AWS refused."""
    error: Any = {
        "Error": {"Code": code, "Message": f"{operation} was refused"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}},
    }
    return ClientError(error, operation)


@dataclass
class Region:
    """What one region has, as SageMaker and EC2 describe it."""

    teams: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    workforce: dict[str, Any] | None = None
    endpoints: dict[str, str] = field(default_factory=dict)


@dataclass
class Bucket:
    """A bucket with its policy as text, its keys and its tags."""

    region: str
    policy: str | None = None
    keys: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class SharedAccount:
    """The account; ``closed`` has regions to which there is no route from here, ``hidden`` calls
    that the role may not make, and ``manifests`` the text of each by its name.
    """

    regions: dict[str, Region]
    buckets: dict[str, Bucket]
    closed: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    manifests: dict[str, str] = field(default_factory=dict)

    def copy(self) -> SharedAccount:
        return copy.deepcopy(self)

    def connect(self, region: str, journal: Path) -> Connection:
        """Connect to a region, with the journal of one person."""
        return Connection(Aws(Session(self, region), region, None), journal=journal)  # type: ignore[arg-type]

    def add_team(self, region: str, name: str, lock: Mapping[str, str] | None) -> str:
        """Add a private workteam; returns its ARN."""
        here = self.regions[region]
        start = f"arn:aws:sagemaker:{region}:{ACCOUNT}"
        arn = f"{start}:workteam/private-crowd/{name}"
        here.teams[name] = {
            "WorkteamName": name,
            "WorkteamArn": arn,
            "MemberDefinitions": [{"OidcMemberDefinition": {"Groups": [name]}}],
            "Description": name,
            "WorkforceArn": f"{start}:workforce/private-crowd/default",
        }
        if lock is not None:
            settings = {"S3Presign": {"IamPolicyConstraints": dict(lock)}}
            here.teams[name]["WorkerAccessConfiguration"] = settings
        return arn

    def add_job(self, region: str, name: str, team: str, place: str, role: str = ROLE) -> None:
        """Add a labeling job in progress, with its manifest and labels under a place."""
        self.regions[region].jobs[name] = {
            "LabelingJobName": name,
            "LabelingJobStatus": "InProgress",
            "LabelCounters": {"Unlabeled": 5, "TotalLabeled": 1, "PendingHuman": 5},
            "RoleArn": role,
            "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": f"{place}{name}"}}},
            "OutputConfig": {"S3OutputPath": f"{place}out/"},
            "HumanTaskConfig": {"WorkteamArn": self.regions[region].teams[team]["WorkteamArn"]},
        }

    def is_guarded(self, bucket: str, key: str) -> bool:
        """Return whether a guard of ours covers an object."""
        statements = json.loads(self.buckets[bucket].policy or '{"Statement": []}')["Statement"]
        return any(
            str(each.get("Sid")).startswith("GtSecurePresignGuard")
            and matches(each["Resource"], f"arn:aws:s3:::{bucket}/{key}")
            for each in statements
        )

    def answer(self, service: str, region: str, operation: str, asked: Mapping[str, Any]) -> Any:
        """Answer one call."""
        if region in self.closed and service != "s3":
            raise ConnectTimeoutError(endpoint_url=f"https://{service}.{region}.amazonaws.com")
        if operation in _ABSENT:
            raise denied(operation, _ABSENT[operation], 404)
        if operation in _EMPTY:
            return dict(_EMPTY[operation])
        method = getattr(self, f"_{operation}", None)
        if method is None or operation in self.hidden:
            raise denied(operation)
        return method(self.regions.setdefault(region, Region()), **asked)

    def send(self, region: str, operation: str, parameters: Mapping[str, Any]) -> None:
        """Carry out a call of a plan if it writes."""
        name = {"Put": "put_", "Delete": "delete_", "Update": "update_"}
        verb = next((each for each in name if operation.startswith(each)), "")
        if verb:
            rest = {
                "BucketPolicy": "bucket_policy",
                "Workteam": "workteam",
                "Workforce": "workforce",
            }
            python = f"{name[verb]}{rest[operation.removeprefix(verb)]}"
            getattr(self, f"_{python}")(self.regions[region], **parameters)

    # The calls, by their names in boto3.

    def _get_caller_identity(self, _: Region) -> Any:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Studio/me"}

    def _list_workteams(self, here: Region, **_: Any) -> Any:
        return {"Workteams": copy.deepcopy([*here.teams.values()])}

    def _describe_workteam(self, here: Region, WorkteamName: str) -> Any:
        if WorkteamName not in here.teams:
            raise denied("DescribeWorkteam", "ValidationException", 400)
        return {"Workteam": copy.deepcopy(here.teams[WorkteamName])}

    def _update_workteam(self, here: Region, WorkteamName: str, **more: Any) -> Any:
        here.teams[WorkteamName] |= copy.deepcopy(more)
        return {"Workteam": copy.deepcopy(here.teams[WorkteamName])}

    def _list_workforces(self, here: Region, **_: Any) -> Any:
        return {"Workforces": [copy.deepcopy(here.workforce)] if here.workforce else []}

    def _describe_workforce(self, here: Region, **_: Any) -> Any:
        if here.workforce is None:
            raise denied("DescribeWorkforce", "ValidationException", 400)
        return {"Workforce": copy.deepcopy(here.workforce)}

    def _update_workforce(self, here: Region, WorkforceName: str, **more: Any) -> Any:
        assert here.workforce is not None
        assert here.workforce["WorkforceName"] == WorkforceName
        here.workforce |= copy.deepcopy(more)
        return {"Workforce": copy.deepcopy(here.workforce)}

    def _list_labeling_jobs_for_workteam(self, here: Region, WorkteamArn: str, **_: Any) -> Any:
        jobs = (
            each
            for each in here.jobs.values()
            if each["HumanTaskConfig"]["WorkteamArn"] == WorkteamArn
        )
        names = ("LabelingJobName", "LabelCounters")
        return {"LabelingJobSummaryList": [{name: job[name] for name in names} for job in jobs]}

    def _describe_labeling_job(self, here: Region, LabelingJobName: str) -> Any:
        return copy.deepcopy(here.jobs[LabelingJobName])

    def _describe_vpc_endpoints(self, here: Region, Filters: Any, **_: Any) -> Any:
        service = Filters[0]["Values"][0]
        listed = [
            {
                "VpcEndpointId": name,
                "VpcId": vpc,
                "VpcEndpointType": "Gateway",
                "State": "available",
                "ServiceName": service,
                "OwnerId": ACCOUNT,
            }
            for name, vpc in here.endpoints.items()
        ]
        return {"VpcEndpoints": listed}

    def _describe_vpcs(self, _: Region, VpcIds: list[str]) -> Any:
        return {"Vpcs": [{"VpcId": each} for each in VpcIds]}

    def _bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise denied("HeadBucket", "404", 404)
        return self.buckets[name]

    def _head_bucket(self, _: Region, Bucket: str, **__: Any) -> Any:
        headers = {"x-amz-bucket-region": self._bucket(Bucket).region}
        return {"ResponseMetadata": {"HTTPHeaders": headers, "HTTPStatusCode": 200}}

    def _get_bucket_policy(self, _: Region, Bucket: str) -> Any:
        if (policy := self._bucket(Bucket).policy) is None:
            raise denied("GetBucketPolicy", "NoSuchBucketPolicy", 404)
        return {"Policy": policy}

    def _put_bucket_policy(self, _: Region, Bucket: str, Policy: str, **__: Any) -> Any:
        self._bucket(Bucket).policy = Policy
        return {}

    def _delete_bucket_policy(self, _: Region, Bucket: str, **__: Any) -> Any:
        self._bucket(Bucket).policy = None
        return {}

    def _get_bucket_tagging(self, _: Region, Bucket: str) -> Any:
        if not (tags := self._bucket(Bucket).tags):
            raise denied("GetBucketTagging", "NoSuchTagSet", 404)
        return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _get_object(self, _: Region, Bucket: str, Key: str, **__: Any) -> Any:
        name = Key.rpartition("/")[2]
        if name not in self.manifests:
            raise denied("GetObject", "NoSuchKey", 404)
        body = self.manifests[name].encode()
        return {"Body": io.BytesIO(body), "ContentLength": len(body), "ETag": '"1"'}

    def _list_objects_v2(self, _: Region, Bucket: str, Prefix: str = "", **more: Any) -> Any:
        keys = [each for each in self._bucket(Bucket).keys if each.startswith(Prefix)]
        folders = sorted({f"{each.partition('/')[0]}/" for each in keys if "/" in each})
        grouped = "Delimiter" in more
        shown = [each for each in keys if not (grouped and "/" in each)]
        return {
            "Contents": [{"Key": each} for each in shown],
            "CommonPrefixes": [{"Prefix": each} for each in folders if grouped],
            "IsTruncated": False,
        }


class Session:
    """A session of boto3, as far as a connection uses one."""

    def __init__(self, account: SharedAccount, region: str) -> None:
        self.account, self.region_name = account, region

    def get_partition_for_region(self, _: str) -> str:
        return "aws"

    def client(self, service: str, *, region_name: str, **_: Any) -> _Client:
        return _Client(self.account, service, region_name)


class _Client:
    """A client of boto3 for one service and region."""

    def __init__(self, account: SharedAccount, service: str, region: str) -> None:
        self._account, self._service, self._region = account, service, region
        named = SimpleNamespace(hyphenize=lambda: service)
        members = {"WorkerAccessConfiguration": None}
        shape = SimpleNamespace(input_shape=SimpleNamespace(members=members))
        self.meta = SimpleNamespace(
            endpoint_url=f"https://{service}.{region}.amazonaws.com",
            region_name=region,
            partition="aws",
            events=SimpleNamespace(register=lambda *_, **__: None),
            service_model=SimpleNamespace(service_id=named, operation_model=lambda _: shape),
        )

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("_"):
            raise AttributeError(operation)
        return lambda **asked: self._account.answer(self._service, self._region, operation, asked)

    def get_paginator(self, operation: str) -> Any:
        def pages(**asked: Any) -> Iterator[Any]:
            yield self._account.answer(self._service, self._region, operation, asked)

        return SimpleNamespace(paginate=pages)
