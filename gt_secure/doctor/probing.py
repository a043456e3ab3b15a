"""Determine the role's permissions: call reads, let IAM predict writes, change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from ..account.bucket import READINGS, Bucket, read_part
from ..aws.buckets import bucket_region
from ..aws.client import Aws, aws_errors
from ..base.errors import AccessDenied, CredentialsError, GtSecureError, NotFound
from ..base.text import members
from ..base.truth import Ambiguous
from .features import Permission
from .resources import Scope
from .simulating import Simulator, trusts

StatusWord: TypeAlias = Literal["yes", "no", "unknown"]
WORKERS = 8


@dataclass(frozen=True, slots=True)
class PermissionAnswer(Ambiguous):
    """The state of one permission; ``how`` is ``called``,
    ``predicted`` (by iam:SimulatePrincipalPolicy) or empty.
    """

    _ask = ".status == 'yes'"

    permission: Permission
    resource: str | None
    status: StatusWord
    how: str = ""
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the answer and the permission as JSON-able data."""
        asked = members(self.permission, "action", "optional")
        return {**asked, **members(self, "resource", "status", "how", "reason")}


def ask(aws: Aws, scope: Scope, permissions: Iterable[Permission]) -> list[PermissionAnswer]:
    """Return the results of calls, and IAM's predictions where there is none or
    it was inconclusive.
    """
    wanted = list(permissions)
    calls = {each: call for each in wanted if (call := _call(aws, scope, each)) is not None}
    with ThreadPoolExecutor(WORKERS) as pool:
        tried = pool.map(lambda each: _try(each, scope.arn(each.target), calls[each]), calls)
        answers = dict(zip(calls, tried, strict=True))
    left = [each for each in wanted if each not in answers or answers[each].status == "unknown"]
    for each, predicted in _predict(aws, scope, left).items():
        if each not in answers or predicted.status != "unknown":
            answers[each] = predicted
    return [answers[each] for each in wanted]


def _try(each: Permission, resource: str | None, call: Callable[[], object]) -> PermissionAnswer:
    try:
        with aws_errors(each.action, resource or "*"):
            call()
    except AccessDenied as error:
        return PermissionAnswer(each, resource, "no", "called", error.message)
    except NotFound as error:
        if each.target in ("bucket", "objects", "log-bucket", "log-objects"):
            return PermissionAnswer(each, resource, "unknown", "called", error.message)
        # to look for a missing thing was allowed
        return PermissionAnswer(each, resource, "yes", "called")
    except CredentialsError:
        raise
    except GtSecureError as error:
        return PermissionAnswer(each, resource, "unknown", "called", error.message)
    return PermissionAnswer(each, resource, "yes", "called")


_TRIED = frozenset({"sagemaker", "ec2", "iam", "sts", "cloudtrail"})
"""Services whose reads are called; permissions of others, which few roles have, are predicted."""


def _call(aws: Aws, scope: Scope, each: Permission) -> Callable[[], object] | None:
    """Return the read-only call that shows a permission;
    None where only a prediction is possible.
    """
    if each.writes or scope.arn(each.target) is None:
        return None
    service, _, action = each.action.partition(":")
    if service == "s3":
        return _s3_call(aws, scope, each, action)
    if service not in _TRIED:
        return None
    arguments: dict[str, dict[str, Any]] = {
        "ListWorkteams": {"MaxResults": 1},
        "ListSubscribedWorkteams": {"MaxResults": 1},
        "ListWorkforces": {"MaxResults": 1},
        "ListFlowDefinitions": {"MaxResults": 1},
        "DescribeVpcEndpoints": {"MaxResults": 5},
        "DescribeVpcs": {"MaxResults": 5},
        "DescribeManagedPrefixLists": {"MaxResults": 5},
        "GetAccountAuthorizationDetails": {"MaxItems": 1},
        "ListRoles": {"MaxItems": 1},
        "LookupEvents": {"MaxResults": 1},
        "DescribeWorkteam": {"WorkteamName": scope.team},
        "ListLabelingJobsForWorkteam": {
            "WorkteamArn": scope.team and scope.arn("workteam"),
            "MaxResults": 1,
        },
        "GetRole": {"RoleName": scope.role and scope.role.rsplit("/", 1)[-1]},
        "DescribeWorkforce": {"WorkforceName": scope.workforce},
    }
    given = arguments.get(action)
    if given is None or None in given.values():
        return None
    from botocore import xform_name

    return partial(getattr(aws.client(service), xform_name(action)), **given)


def _s3_call(aws: Aws, scope: Scope, each: Permission, action: str) -> Callable[[], object] | None:
    of_log = each.target.startswith("log-")
    bucket, prefix = (
        str(scope.log_bucket if of_log else scope.bucket),
        scope.log_prefix if of_log else scope.prefix,
    )

    def client() -> Any:
        return aws.client("s3", bucket_region(aws, bucket))

    def first_object() -> object:
        from botocore.exceptions import ClientError

        try:
            found = (
                client().list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("Contents")
                or ()
            )
        except ClientError:
            found = ()  # a denied listing does not show whether reading is denied
        if not found:
            raise NotFound(f"No object under s3://{bucket}/{prefix} was found to test it with.")
        return client().head_object(Bucket=bucket, Key=found[0]["Key"])

    def read(part: str) -> Callable[[], object]:
        return lambda: read_part(
            aws, Bucket(bucket, bucket_region(aws, bucket)), part, raises=GtSecureError
        )

    parts = {reading.action: read(part) for part, reading in READINGS.items() if each.target != "*"}
    calls: dict[str, Callable[[], object]] = {
        "GetBucketVersioning": lambda: client().get_bucket_versioning(Bucket=bucket),
        "GetBucketPolicyStatus": lambda: _status(client(), bucket),
        "ListBucket": lambda: client().list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1),
        "GetObject": first_object,
    }
    return parts.get(each.action) or calls.get(action)


def _status(client: Any, bucket: str) -> None:
    """Accept the error of a bucket without a policy: only permitted callers get it."""
    from botocore.exceptions import ClientError

    try:
        client.get_bucket_policy_status(Bucket=bucket)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != READINGS["policy"].absent:
            raise


def _predict(
    aws: Aws, scope: Scope, permissions: list[Permission]
) -> dict[Permission, PermissionAnswer]:
    known = [each for each in permissions if scope.arn(each.target) is not None]
    answers = {
        each: PermissionAnswer(each, None, "unknown", reason=f"add {scope.needs(each.target)}")
        for each in permissions
        if each not in known
    }
    simulator = Simulator(aws)
    for resource in {scope.arn(each.target) for each in known}:
        group = [each for each in known if scope.arn(each.target) == resource]
        predictions = simulator.ask([each.action for each in group], str(resource))
        for each in group:
            status, reason = predictions[each.action]
            if each.action == "sts:AssumeRole" and status == "yes":
                status, reason = trusts(aws, str(resource))
            answers[each] = PermissionAnswer(
                each, resource, status, "predicted" if status != "unknown" else "", reason
            )
    return answers
