"""Scope of a diagnosis: team, bucket and role, and their ARNs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from ..aws.buckets import parse_s3_uri, place_of
from ..aws.execution_role import ExecutionRole
from ..aws.teams import TeamLike, check_team_name, team_here
from ..base.errors import GtSecureError, InvalidInput, NotFound
from ..base.groups import grouped
from ..base.text import Json
from ..connection import Connection, ConnectionLike, connection_of
from .features import Feature, ResourceTarget


def execution_role(gt: ConnectionLike) -> ExecutionRole:
    """Find the role that this code runs as;
    :class:`NotFound` for a user or the root of the account.
    """
    role = connection_of(gt).aws.execution_role()
    if role is None:
        raise NotFound(
            "The caller is not a role, so there is no execution role.",
            next_step=(
                "Name the role that signs workers' URLs with role_arn=, or run in SageMaker Studio."
            ),
        )
    return role


_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}")


@dataclass(frozen=True)
class Scope:
    """The resources that the permissions are for. None means unknown or not given;
    without a team all private ones.
    """

    partition: str
    region: str
    account: str
    team: str | None = None
    workforce: str | None = None
    bucket: str | None = None
    prefix: str = ""
    log_bucket: str | None = None
    log_prefix: str = ""
    role: str | None = None

    def arn(self, target: ResourceTarget) -> str | None:
        """Return the narrowest known ARN of a kind of resource; None if it is unknown."""
        sagemaker = f"arn:{self.partition}:sagemaker:{self.region}:{self.account}"
        s3 = f"arn:{self.partition}:s3:::"
        found: dict[ResourceTarget, str | None] = {
            "*": "*",
            "workteam": f"{sagemaker}:workteam/private-crowd/{self.team or '*'}",
            "workteams": f"{sagemaker}:workteam/*",
            "workforce": f"{sagemaker}:workforce/private-crowd/{self.workforce or '*'}",
            "labeling-job": f"{sagemaker}:labeling-job/*",
            "flow-definition": f"{sagemaker}:flow-definition/*",
            "evaluation-job": (
                f"arn:{self.partition}:bedrock:{self.region}:{self.account}:evaluation-job/*"
            ),
            "bucket": s3 + self.bucket if self.bucket else None,
            "objects": f"{s3}{self.bucket}/{self.prefix}*" if self.bucket else None,
            "log-bucket": s3 + self.log_bucket if self.log_bucket else None,
            "log-objects": f"{s3}{self.log_bucket}/{self.log_prefix}*" if self.log_bucket else None,
            "role": self.role,
            # Lists may be shared by other accounts, or kept by AWS.
            "prefix-list": f"arn:{self.partition}:ec2:{self.region}:*:prefix-list/*",
            "ip-set": f"arn:{self.partition}:wafv2:{self.region}:{self.account}:regional/ipset/*/*",
            "key": f"arn:{self.partition}:kms:*:{self.account}:key/*",  # of the bucket's region
            "access-point": f"arn:{self.partition}:s3:*:{self.account}:accesspoint/*",
        }
        return found[target]

    def needs(self, target: ResourceTarget) -> str:
        """Return the option that names a resource of this kind; empty if none does."""
        return {
            "bucket": "s3://NAME",
            "objects": "s3://NAME",
            "log-bucket": "--logs s3://BUCKET/PREFIX",
            "log-objects": "--logs s3://BUCKET/PREFIX",
            "role": "--role-arn ARN",
        }.get(target, "")


def scope_of(
    gt: Connection,
    team: TeamLike | None,
    bucket: str | None,
    logs: str | None,
    role_arn: str | None,
) -> Scope:
    """Check what is given, and find the caller's role.
    The workforce and the log's location come from a reading.
    """
    aws = gt.aws
    found = Scope(
        aws.partition,
        aws.region,
        aws.account_id,
        team=None if team is None else check_team_name(team_here(aws, team)),
    )
    if bucket is not None:
        name, prefix = place_of(bucket)
        found = replace(found, bucket=name, prefix=prefix)
    if logs is not None:
        name, prefix = parse_s3_uri(logs if logs.startswith("s3://") else f"s3://{logs}")
        found = replace(found, log_bucket=name, log_prefix=prefix)
    if role_arn is not None and not _ROLE.fullmatch(role_arn):
        raise InvalidInput(
            f"'{role_arn[:80]}' is not the ARN of a role.",
            next_step="Write arn:aws:iam::111122223333:role/NAME.",
            field="role_arn",
        )
    with suppress(GtSecureError):
        role_arn = role_arn or execution_role(gt).arn
    return replace(found, role=role_arn)


def policy_for(features: Iterable[Feature], scope: Scope) -> Json:
    """Return the least-privilege identity policy for some features;
    an unknown bucket or role is an InvalidInput.
    """
    granted: dict[str, set[str]] = {}
    for feature in features:
        for each in feature.permissions:
            arn = scope.arn(each.target)
            if arn is None and each.optional:
                continue
            if arn is None:
                raise InvalidInput(
                    f"'{feature.title}' needs {each.action}, and the {each.target} for it is"
                    " unknown.",
                    next_step=f"Add {scope.needs(each.target)}.",
                    field=each.target,
                )
            granted.setdefault(arn, set()).add(each.action)
    return {"Version": "2012-10-17", "Statement": _statements(granted)}


def _statements(granted: Mapping[str, set[str]]) -> list[Json]:
    shared = grouped((tuple(sorted(granted[arn])), arn) for arn in sorted(granted))
    return [
        {
            "Sid": f"GtSecure{number}",
            "Effect": "Allow",
            "Action": list(actions) if len(actions) > 1 else actions[0],
            "Resource": arns if len(arns) > 1 else arns[0],
        }
        for number, (actions, arns) in enumerate(shared.items(), 1)
    ]
