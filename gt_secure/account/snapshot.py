"""Current state: one reading of everything that a plan needs. What this role may not read is listed, not guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
    team_here,
    workforce_from_api,
)
from ..errors import GtSecureError, NotFound
from ..iam.facts import Facts, supplied_facts
from ..restriction.model import Restriction
from ..restriction.scope import ReadScope, named_subject
from .fact_reader import read_facts
from .organization import Organization, read_organization
from .part import NotRead

T = TypeVar("T")

_DECIDES = ("ec2:DescribeVpcEndpoints", "organizations:", "sagemaker:ListLabelingJobsForWorkteam")
"""Actions that read what decides an answer, beside the facts."""

MAX_REVIEWS = 40
"""Most human-review workflows that are looked at: each one is a call."""


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
    organization : Organization
        The organization of the account, with its policies.
    facts : Facts
        Values of condition keys that were supplied, or that a policy asks for and this role can read.
    unseen : tuple of NotRead
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
    organization: Organization = field(default_factory=Organization)
    facts: Facts = field(default_factory=Facts)
    unseen: tuple[NotRead, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def other_teams(self) -> tuple[Workteam, ...]:
        """The other private workteams, which share the portal."""
        own = self.team.arn if self.team is not None else ""
        return tuple(team for team in self.teams if team.kind == "private" and team.arn != own)

    @property
    def signing_role(self) -> str:
        """The role that signs workers' URLs, as the team's jobs name it; empty if none does."""
        return next((job.role_arn for job in self.jobs if job.role_arn), "")

    @property
    def signer_arn(self) -> str:
        """The ARN of the role or user that signs: the supplied one, or else the role that is read."""
        return next(iter(self.facts.values.get("aws:principalarn", ())), "") or self.signing_role

    def missing_permissions(self) -> tuple[str, ...]:
        """Return the actions that would have decided more: those that read facts, locks and organization policies."""
        unread = (*self.organization.missing(), *self.unseen)
        decides = [part.action for part in unread if part.action.startswith(_DECIDES)]
        return tuple(dict.fromkeys((*self.facts.missing, *decides)))

    def sees(self, what: str) -> bool:
        """Return whether a part was readable."""
        return all(part.what != what for part in self.unseen)


def read_state(
    aws: Aws,
    restriction: Restriction | None = None,
    *,
    team: TeamLike | None = None,
    bucket: str | None = None,
    key: str | None = None,
    supplied: Facts | None = None,
) -> State:
    """Read everything that a plan for this restriction looks at, or that findings for a team and a bucket look at.

    Parameters
    ----------
    aws : Aws
    restriction : Restriction, optional
        What is to be planned; its team and bucket are read.
    team, bucket : optional
        Without a restriction: what is only looked at.
    key : str, optional
        The one object that answers are about, whose tags are read.
    supplied : Facts, optional
        Facts that win over those that are read; by default those of the restriction.

    Raises
    ------
    AccessDenied
        If a part that the restriction would write cannot be read: it could not be planned, verified or undone.
    NotFound
        If the team, the workforce or the bucket does not exist.
    """
    named = team if restriction is None else restriction.team_arn or restriction.team
    if named is not None:
        team_here(aws, named)  # an ARN of another account or region names no team of this one
    subject = named_subject(team, bucket) if restriction is None else _subject_of(restriction)
    if supplied is None:
        supplied = Facts() if restriction is None else supplied_facts(restriction.facts)
    return _with_facts(aws, _Reader(aws, subject).read(), key, supplied)


def _with_facts(aws: Aws, state: State, key: str | None, supplied: Facts) -> State:
    state = replace(state, organization=read_organization(aws), facts=supplied)
    if state.bucket is None:
        return state
    facts = read_facts(
        aws,
        state.bucket,
        key=key,
        signer=state.signer_arn,
        endpoints=state.endpoints,
        organization=state.organization,
    )
    return replace(state, facts=supplied.with_defaults(facts))


def with_supplied(state: State, restriction: Restriction) -> State:
    """Return a reading with the facts of a restriction, which win over those that it has."""
    return replace(state, facts=supplied_facts(restriction.facts).with_defaults(state.facts))


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
        self.unseen: list[NotRead] = []
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
        found = self._part("team", "the workteam", "sagemaker:DescribeWorkteam", lambda: read_team(self.aws, name))
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

        found = self._part("workforce", "the workforce", "sagemaker:DescribeWorkforce", read)
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
            what = f"{denied.action.partition(':')[2]} of {bucket.name}"
            self.unseen.append(NotRead.of(what, denied.action, denied))
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

    def _part(self, part: str, what: str, action: str, read: Callable[[], T]) -> T | None:
        if part in self.subject.writes:
            return read()
        return self._try(what, action, read, None)

    def _try(self, what: str, action: str, read: Callable[[], T], default: T) -> T:
        try:
            return read()
        except NotFound:
            raise
        except GtSecureError as error:
            self.unseen.append(NotRead.of(what, action, error))
            return default


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
