"""Current state: one reading of everything that a plan needs. What this role may not read is listed, not guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from ..aws.buckets import BucketState, read_bucket, read_policy
from ..aws.client import Aws, aws_errors
from ..aws.endpoints import VpcEndpoint, list_s3_endpoints
from ..aws.teams import (
    LabelingJob,
    TeamLike,
    Workforce,
    Workteam,
    jobs_of_team,
    list_workforces,
    list_workteams,
    read_team,
    read_workforce,
    team_from_api,
    workforce_from_api,
)
from ..errors import AccessDenied, GtSecureError, NotFound
from ..restriction.model import Restriction
from ..restriction.scope import ReadScope, named_subject

T = TypeVar("T")

MAX_REVIEWS = 40
"""Most human-review workflows that are looked at: each one is a call."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """A part that could not be read: what it is, why, and the action that would have been needed."""

    what: str
    action: str
    reason: str
    policy: Mapping[str, Any] | None = None
    resource: str = "*"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return {"what": self.what, "action": self.action, "reason": self.reason, "policy": self.policy}


@dataclass(frozen=True)
class State:
    """One reading of the account, as far as a restriction is concerned.

    Attributes
    ----------
    team : Workteam or None
        The team of the restriction.
    teams : tuple of Workteam
        All workteams of the region.
    workforce : Workforce or None
        The private workforce, which all private teams share.
    bucket : BucketState or None
    endpoints : tuple of VpcEndpoint
        The S3 endpoints of the region.
    jobs : tuple of LabelingJob
        Jobs of the team that wait for people.
    reviews : tuple of str
        Names of the human-review workflows (Amazon A2I) that use the team.
    log_policy : str or None
        Policy of the bucket that the access logs go to.
    unseen : tuple of Unseen
        What could not be read.
    raw : mapping
        The writable parts as AWS returned them: ``team``, ``workforce``, ``policy``.
    """

    region: str
    partition: str
    account_id: str
    caller_arn: str
    at: datetime
    team: Workteam | None = None
    teams: tuple[Workteam, ...] = ()
    workforce: Workforce | None = None
    bucket: BucketState | None = None
    endpoints: tuple[VpcEndpoint, ...] = ()
    jobs: tuple[LabelingJob, ...] = ()
    reviews: tuple[str, ...] = ()
    log_policy: str | None = None
    unseen: tuple[Unseen, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def other_teams(self) -> tuple[Workteam, ...]:
        """The other private workteams, which share the portal."""
        own = self.team.arn if self.team is not None else ""
        return tuple(team for team in self.teams if team.kind == "private" and team.arn != own)

    def sees(self, what: str) -> bool:
        """Return whether a part was readable."""
        return all(part.what != what for part in self.unseen)


def read_state(
    aws: Aws, restriction: Restriction | None = None, *, team: TeamLike | None = None, bucket: str | None = None
) -> State:
    """Read everything that a plan for this restriction looks at, or that findings for a team and a bucket look at.

    Parameters
    ----------
    aws : Aws
    restriction : Restriction, optional
        What is to be planned; its team and bucket are read.
    team, bucket : optional
        Without a restriction: what is only looked at.

    Raises
    ------
    AccessDenied
        If a part that the restriction would write cannot be read: it could not be planned, verified or undone.
    NotFound
        If the team, the workforce or the bucket does not exist.
    """
    subject = named_subject(team, bucket) if restriction is None else _subject_of(restriction)
    return _Reader(aws, subject).read()


def _subject_of(wish: Restriction) -> ReadScope:
    parts = {
        "team": wish.url_lock is not None,
        "workforce": wish.portal_lock is not None or wish.url_lock is True,
        "policy": wish.guard is not None,
    }
    return ReadScope(
        wish.team,
        wish.bucket,
        workforce=wish.portal_lock is not None,
        writes=frozenset(part for part, written in parts.items() if written),
    )


class _Reader:
    def __init__(self, aws: Aws, subject: ReadScope) -> None:
        self.aws = aws
        self.subject = subject
        self.unseen: list[Unseen] = []
        self.raw: dict[str, Any] = {}

    def read(self) -> State:
        """Read the writable parts first, and what is only looked at after them."""
        subject = self.subject
        identity = self.aws.identity()
        team = self._team()
        workforce = self._workforce(team)
        bucket = self._bucket()
        nobody: list[Workteam] = []
        teams = tuple(self._try("workteams", "sagemaker:ListWorkteams", lambda: list_workteams(self.aws), nobody))
        if subject.team is not None and subject.private_team is None:
            team = _by_arn(teams, subject.team, self.aws.region)
        endpoints: tuple[VpcEndpoint, ...] = ()
        if subject.bucket is not None or (workforce is not None and workforce.in_vpc):
            endpoints = self._try(
                "VPC endpoints", "ec2:DescribeVpcEndpoints", lambda: tuple(list_s3_endpoints(self.aws)), ()
            )
        jobs: tuple[LabelingJob, ...] = ()
        reviews: tuple[str, ...] = ()
        if team is not None:
            chosen = team
            jobs = self._try(
                "labeling jobs",
                "sagemaker:ListLabelingJobsForWorkteam",
                lambda: tuple(jobs_of_team(self.aws, chosen)),
                (),
            )
            reviews = self._try(
                "human-review workflows",
                "sagemaker:ListFlowDefinitions",
                lambda: _reviews_of(self.aws, chosen.arn),
                (),
            )
        return State(
            region=self.aws.region,
            partition=self.aws.partition,
            account_id=identity.account_id,
            caller_arn=identity.arn,
            at=datetime.now(UTC),
            team=team,
            teams=teams,
            workforce=workforce,
            bucket=bucket,
            endpoints=endpoints,
            jobs=jobs,
            reviews=reviews,
            log_policy=self._log_policy(bucket),
            unseen=tuple(self.unseen),
            raw=self.raw,
        )

    def _team(self) -> Workteam | None:
        name = self.subject.private_team
        if name is None:
            return None
        found = self._part("team", "the workteam", lambda: read_team(self.aws, name))
        if found is None:
            return None
        self.raw["team"] = found
        return team_from_api(found)

    def _workforce(self, team: Workteam | None) -> Workforce | None:
        if self.subject.private_team is None and not self.subject.workforce:
            return None

        def read() -> dict[str, Any]:
            name = team.workforce_name if team is not None else None
            if name is None or name == "default":
                forces = list_workforces(self.aws)
                if not forces:
                    raise NotFound(
                        f"There is no private workforce in {self.aws.region}, so there is no portal to lock.",
                        next_step="Check the region.",
                    )
                name = forces[0].name
            return read_workforce(self.aws, name)

        found = self._part("workforce", "the workforce", read)
        if found is None:
            return None
        self.raw["workforce"] = found
        return workforce_from_api(found)

    def _bucket(self) -> BucketState | None:
        if self.subject.bucket is None:
            return None
        bucket = read_bucket(self.aws, self.subject.bucket)
        for denied in bucket.unseen:
            if denied.action == "s3:GetBucketPolicy" and "policy" in self.subject.writes:
                raise denied  # without the present policy a new one would drop foreign statements
            self.unseen.append(_unseen(f"{denied.action.partition(':')[2]} of {bucket.name}", denied.action, denied))
        self.raw["policy"] = bucket.policy_text
        return bucket

    def _log_policy(self, bucket: BucketState | None) -> str | None:
        target = bucket.logging if bucket is not None else None
        if bucket is None or target is None:
            return None
        if target.bucket == bucket.name:
            return bucket.policy_text
        nothing: str | None = None
        what = f"policy of the log bucket {target.bucket}"
        return self._try(
            what, "s3:GetBucketPolicy", lambda: read_policy(self.aws, target.bucket, bucket.region), nothing
        )

    def _part(self, part: str, what: str, read: Callable[[], T]) -> T | None:
        if part in self.subject.writes:
            return read()
        return self._try(what, "", read, None)

    def _try(self, what: str, action: str, read: Callable[[], T], default: T) -> T:
        try:
            return read()
        except NotFound:
            raise
        except GtSecureError as error:
            self.unseen.append(_unseen(what, action, error))
            return default


def _unseen(what: str, action: str, error: GtSecureError) -> Unseen:
    if isinstance(error, AccessDenied):
        return Unseen(what, error.action, error.message, error.policy, error.resource)
    return Unseen(what, action, error.message)


def _by_arn(teams: tuple[Workteam, ...], arn: str, region: str) -> Workteam:
    for team in teams:
        if team.arn == arn:
            return team
    if "/public-crowd/" in arn:
        return Workteam(name="public-crowd", arn=arn, kind="public")
    raise NotFound(
        f"There is no workteam {arn[:120]} among those of {region} that this account sees.",
        next_step="See gt.workteams() for the teams, and check account and region in the ARN.",
    )


def _reviews_of(aws: Aws, team_arn: str) -> tuple[str, ...]:
    """Names of the flow definitions that send work to a team; at most MAX_REVIEWS are looked at."""
    client = aws.client("sagemaker")
    names: list[str] = []
    with aws_errors("sagemaker:ListFlowDefinitions"):
        for page in client.get_paginator("list_flow_definitions").paginate():
            names += [str(item["FlowDefinitionName"]) for item in page["FlowDefinitionSummaries"]]
    found: list[str] = []
    for name in names[:MAX_REVIEWS]:
        with aws_errors("sagemaker:DescribeFlowDefinition"):
            flow: Mapping[str, Any] = client.describe_flow_definition(FlowDefinitionName=name)
        if (flow.get("HumanLoopConfig") or {}).get("WorkteamArn") == team_arn:
            found.append(name)
    return tuple(found)
