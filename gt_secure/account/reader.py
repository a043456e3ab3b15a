"""Reading of a `State`: what a scope asks for, with independent calls at the same time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..aws.arns import bucket_arn, partition_of
from ..aws.buckets import bucket_region, named_region, parse_s3_uri, whole_bucket
from ..aws.client import Aws, all_items, aws_errors
from ..aws.endpoints import list_s3_endpoints
from ..aws.teams import (
    LabelingJob,
    TeamJobs,
    TeamLike,
    Workforce,
    Workteam,
    buckets_of,
    jobs_of_team,
    list_reviews,
    list_workforces,
    list_workteams,
    read_team,
    read_workforce,
    team_from_api,
    team_here,
    workforce_from_api,
)
from ..base import task_liquid
from ..base.errors import GtSecureError, InvalidInput, NotFound
from ..base.text import Json, Texts
from ..engine.access.identities import Principals, load_principals
from ..engine.access.part import NotRead, Part
from ..engine.iam.facts import Facts, supplied_facts
from ..engine.policies.acls import IGNORE_PUBLIC_ACLS, NO_ACLS
from ..engine.policies.public_access import SETTING, may_be_public
from ..restriction.model import Restriction
from ..restriction.validation import named_place, named_team
from .bucket import LOG_TARGET, READINGS, Bucket, read_access_point, read_key_policy, read_part
from .fact_reader import BLOCKS, bucket_tags, read_account_block, read_facts
from .organization import Organization, read_organization
from .part_reader import first_text, part_of
from .principals import read_principals
from .state import LOCKS, PLAN, UNASKED, WHAT, OtherTeam, State, TaskLines, TaskTemplate, signs_of

T = TypeVar("T")

THREADS = 8
MAX_TEMPLATES = 10
MAX_CALLS = 25
"""Most calls that read the jobs of the other teams: a list of each,
and a description of each job.
"""
_MAX_TEMPLATE_BYTES, _MAX_MANIFEST_BYTES, _MAX_TASKS = 1_000_000, 200_000, 500


@dataclass(frozen=True)
class ReadScope:
    """The scope of a reading.

    ``team`` is the name of a private workteam or the ARN of another one. ``needs`` has the names of
    the parts to read, such as :data:`gt_secure.account.state.PLAN`, and ``writes`` those that must
    be readable, because a change writes them or depends on them. With ``portal`` the workforce is
    read without a team too. ``supplied`` facts win.
    """

    team: str | None = None
    bucket: str | None = None
    key: str | None = None
    needs: frozenset[str] = LOCKS
    writes: frozenset[str] = frozenset()
    portal: bool = False
    supplied: Facts = field(default_factory=Facts)

    @property
    def private_team(self) -> str | None:
        """The name of the team if it is a private one; None for an ARN, or without a team."""
        return None if self.team is None or self.team.startswith("arn:") else self.team


def _scope_of(restriction: Restriction, needs: frozenset[str] = PLAN) -> ReadScope:
    parts = {
        "team": restriction.url_lock is not None,
        "workforce": restriction.portal_lock is not None or restriction.url_lock is True,
        "bucket.policy": restriction.guard is not None or restriction.signers is not None,
    }
    return ReadScope(
        restriction.team,
        restriction.bucket,
        needs=needs,
        writes=frozenset(part for part, written in parts.items() if written),
        portal=restriction.portal_lock is not None,
        supplied=supplied_facts(restriction.facts),
    )


def read_state(
    aws: Aws,
    restriction: Restriction | None = None,
    *,
    team: TeamLike | None = None,
    bucket: str | None = None,
    key: str | None = None,
    supplied: Facts | None = None,
    needs: frozenset[str] | None = None,
) -> State:
    """Read what a plan for a restriction looks at, or what answers about a team and a bucket look
    at.

    ``key`` is the one object whose tags are read. ``supplied`` facts win over those that are read,
    by default those of the restriction. ``needs`` names the parts to read. Raises AccessDenied for
    a part that the restriction would write, and NotFound for a team, workforce or bucket that does
    not exist.
    """
    named = team if restriction is None else restriction.team_arn or restriction.team
    if named is not None:
        team_here(aws, named)  # an ARN of another account or region names no team of this one
    if restriction is not None:
        scope = _scope_of(restriction, needs or PLAN)
    elif team is None and bucket is None:
        raise InvalidInput(
            "Neither a team nor a bucket is given.",
            next_step="Pass team=, bucket= or both.",
            field="team",
        )
    else:
        name = None if team is None else named_team(team)
        place = None if bucket is None else whole_bucket(bucket)
        scope = ReadScope(name, place, key, needs or LOCKS)
    return read_scope(aws, scope if supplied is None else replace(scope, supplied=supplied))


def read_scope(aws: Aws, scope: ReadScope) -> State:
    """Read the parts of an account that a scope names."""
    return _Reader(aws, scope).read()


def read_bucket(aws: Aws, name: str, needs: frozenset[str] = PLAN) -> Bucket:
    """Read the named parts of a bucket alone;
    raises :class:`NotFound` if there is none of this name.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="gt_secure-state") as pool:
        place = str(named_place(name)[0])
        return _started(aws, pool, Bucket(place, bucket_region(aws, place)), _named_parts(needs))()


def with_signers(aws: Aws, state: State, file: str | Path | None = None) -> State:
    """Return a state with what decides who signs: users and roles, of a file if one is named, key
    and access points.

    Parts that the state has are not read again.
    """
    bucket = state.bucket
    if bucket is None:
        return state
    people = None if file is None else Part.of(load_principals(file))
    with ThreadPoolExecutor(THREADS, thread_name_prefix="gt_secure-state") as pool:
        wait = _started(aws, pool, bucket, ("encryption", "access_points"))
        people = people or read_principals(aws)
        bucket = wait()
        state = replace(state, bucket=bucket, principals=people)
        if people.missing is not None:  # nobody is asked about, so nothing else counts
            return state
        read = partial(read_access_point, aws, bucket)
        points = bucket.access_points.map(lambda every: tuple(pool.map(read, every)))
    if not state.account_block.was_asked and any(
        each.may_be_public for each in points.if_read or ()
    ):
        state = replace(state, account_block=read_account_block(aws))
    key = bucket.key_policy if bucket.key_policy.was_asked else read_key_policy(aws, bucket)
    bucket = replace(bucket, access_points=points, key_policy=key)
    return replace(
        state, bucket=bucket, facts=bucket_tags(aws, state, bucket, people.value or Principals(()))
    )


def _started(
    aws: Aws,
    pool: ThreadPoolExecutor,
    bucket: Bucket,
    names: Iterable[str],
    writes: frozenset[str] = frozenset(),
) -> Callable[[], Bucket]:
    """Start to read parts of a bucket that were not asked for;
    returns a function that waits for them.
    """
    wanted = [name for name in names if not getattr(bucket, name).was_asked]
    raises = {name: GtSecureError if f"bucket.{name}" in writes else () for name in wanted}
    started = {
        name: pool.submit(read_part, aws, bucket, name, raises=errors)
        for name, errors in raises.items()
    }

    def wait() -> Bucket:
        parts: Json = {name: part.result() for name, part in started.items()}
        return replace(bucket, **parts)

    return wait


def _named_parts(needs: frozenset[str]) -> list[str]:
    return [name for name in READINGS if f"bucket.{name}" in needs]


class _Reader:
    def __init__(self, aws: Aws, scope: ReadScope) -> None:
        self.aws = aws
        self.scope = scope
        self.near = aws
        self.raw: Json = {}

    def read(self) -> State:
        """Read what is independent at the same time, and the rest as soon as it can be."""
        scope, aws = self.scope, self.aws
        identity = aws.identity()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="gt_secure-state") as pool:
            organization: Future[Organization] | None = None
            if "organization" in scope.needs:
                organization = pool.submit(read_organization, aws)
            region = (
                pool.submit(named_region, aws, scope.bucket) if scope.bucket is not None else None
            )
            named = pool.submit(self._team)
            there = self._there(region)
            teams = pool.submit(self._teams, there)
            endpoints = pool.submit(
                self._part, "endpoints", lambda: tuple(list_s3_endpoints(there.value or aws))
            )
            team = named.result()
            if scope.team is not None and scope.private_team is None:
                team = teams.result().map(lambda every: _by_arn(every, str(scope.team), aws.region))
            others = self._others(pool, teams.result())
            workforce = pool.submit(self._workforce, team)
            jobs = pool.submit(
                self._of_team, "jobs", team, lambda one: tuple(jobs_of_team(aws, one).jobs)
            )
            reviews = pool.submit(
                self._of_team,
                "reviews",
                team,
                lambda one: tuple(
                    each.name for each in list_reviews(aws) if each.workteam_arn == one.arn
                ),
            )
            workforce.result()  # its errors come before those of the bucket
            bucket = None
            if region is not None:
                bucket = Bucket(str(scope.bucket), region.result() or aws.region)
                bucket = _started(aws, pool, bucket, _named_parts(scope.needs), scope.writes)()
                self.raw["policy"] = bucket.policy.if_read
            state = State(
                region=aws.region,
                partition=aws.partition,
                account_id=identity.account_id,
                caller_arn=identity.arn,
                at=datetime.now(UTC),
                team=team,
                teams=teams.result(),
                workforce=workforce.result(),
                bucket=bucket,
                endpoints=endpoints.result(),
                jobs=jobs.result(),
                others=tuple(
                    OtherTeam(one, part.result(), signs=signs_of(one.name, bucket))
                    for one, part in others.items()
                ),
                portal=self._portal(others),
                reviews=reviews.result(),
                evaluations=self._part(
                    "evaluations", lambda: _evaluations_of(aws, reviews.result().value or ())
                ),
                organization=Organization() if organization is None else organization.result(),
                facts=scope.supplied,
                raw=self.raw,
            )
            return self._rest(state, pool)

    def _rest(self, state: State, pool: ThreadPoolExecutor) -> State:
        """Read what depends on other parts: templates, the account's own block, log bucket,
        key policy, facts.
        """
        jobs = state.jobs.if_read or () if "templates" in self.scope.needs else ()
        with_template = [job for job in jobs if job.template_uri or job.task_ui_arn]
        texts = [
            pool.submit(self._template, job, number < MAX_TEMPLATES)
            for number, job in enumerate(with_template)
        ]
        bucket = state.bucket
        if bucket is not None:
            if away := state.elsewhere:
                facts = replace(state.facts, notes=(*state.facts.notes, away))
                state = replace(state, facts=facts)
            more = _started(self.aws, pool, bucket, self._of_strangers(bucket))
            block = pool.submit(self._account_block, bucket)
            reads_key = "bucket.key_policy" in self.scope.needs
            key = pool.submit(read_key_policy, self.aws, bucket) if reads_key else None
            log = self._log_bucket(pool, bucket)
            state = replace(state, account_block=block.result())
            if "organization" in self.scope.needs:
                facts = read_facts(self.aws, state, self.scope.key)
                state = replace(state, facts=state.facts.with_defaults(facts))
            policy = bucket.key_policy if key is None else key.result()
            state = replace(state, bucket=replace(more(), key_policy=policy, log_bucket=log()))
        if "templates" not in self.scope.needs:
            return state
        read_texts = tuple(each.result() for each in texts)
        return replace(state, templates=state.jobs.map(lambda _: read_texts))

    def _part(
        self, name: str, read: Callable[[], T | None], absent: type[NotFound] | tuple[()] = ()
    ) -> Part[T]:
        """Read a part if it is needed; an error of one that a change writes is raised, as is the
        error of one that has to be there.
        """
        if name not in self.scope.needs:
            return UNASKED[name]
        raises = GtSecureError if name in self.scope.writes else absent
        return part_of(*WHAT[name], read, raises=raises)

    def _team(self) -> Part[Workteam]:
        def read() -> Workteam | None:
            if self.scope.private_team is None:
                return None
            self.raw["team"] = read_team(self.aws, self.scope.private_team)
            return team_from_api(self.raw["team"])

        return self._part("team", read, NotFound)

    def _there(self, region: Future[str] | None) -> Part[Aws]:
        """Return the connection to the region of the bucket, or of the scope without a bucket.

        An error of the bucket is raised after those of the team.
        """
        if region is None or region.exception() or region.result() == self.aws.region:
            return Part.of(self.aws)
        # the connection to another region; unread where this one cannot ask it
        name = region.result()
        if name and partition_of(name) == self.aws.partition:
            self.near = self.aws.in_region(name)
            return Part.of(self.near)
        where = name or "a region that AWS does not name"
        reason = f"{self.scope.bucket} is in {where}, which {self.aws.region} cannot ask"
        what = "workteams and VPC endpoints of the bucket"
        return Part.unread(NotRead(what, WHAT["teams"][1], "elsewhere", reason))

    def _teams(self, there: Part[Aws]) -> Part[tuple[Workteam, ...]]:
        """Read the teams of the region of the bucket, and those of the connection where
        a team or a portal is there.
        """
        is_sold = self.scope.team is not None and self.scope.private_team is None
        if not is_sold and "teams" not in self.scope.needs:
            return UNASKED["teams"]
        own = [self.aws] if self.scope.team is not None or self.scope.portal else []

        def read() -> tuple[Workteam, ...]:
            regions = dict.fromkeys([*own, there.value or self.aws])
            return tuple(team for aws in regions for team in list_workteams(aws))

        return part_of(*WHAT["teams"], read)

    def _workforce(self, team: Part[Workteam]) -> Part[Workforce]:
        has_portal = self.scope.private_team is not None or self.scope.portal

        def read() -> Workforce | None:
            if not has_portal:
                return None
            known = team.if_read
            name = known.workforce_name if known is not None else None
            if name in (None, "default"):  # AWS allows one in each region
                forces = list_workforces(self.aws)
                if not forces:
                    raise NotFound(
                        f"There is no private workforce in {self.aws.region}, so there is no portal"
                        " to lock.",
                        next_step="Check the region.",
                    )
                name = forces[0].name
            self.raw["workforce"] = read_workforce(self.aws, str(name))
            return workforce_from_api(self.raw["workforce"])

        return self._part("workforce", read, NotFound)

    def _others(
        self, pool: ThreadPoolExecutor, teams: Part[tuple[Workteam, ...]]
    ) -> dict[Workteam, Future[Part[tuple[LabelingJob, ...]]]]:
        """Start to read the jobs of the other teams of the bucket's region."""
        is_asked = "others" in self.scope.needs and self.scope.bucket is not None
        every = teams.if_read or () if is_asked else ()
        own = self.scope.team if self.near is self.aws else None
        found = [
            one
            for one in every
            if own not in (one.arn, one.name) and one.region == self.near.region
        ]
        return {one: pool.submit(self._jobs_of, one, MAX_CALLS // len(found) - 1) for one in found}

    def _portal(self, others: Iterable[Workteam]) -> Part[Workforce]:
        """Read the workforce that the other private teams share, where it is not that of
        the scope.
        """
        is_of_scope = self.scope.private_team is not None or self.scope.portal
        if (is_of_scope and self.near is self.aws) or not any(one.restrictable for one in others):
            return UNASKED["portal"]
        return part_of(*WHAT["portal"], lambda: next(iter(list_workforces(self.near)), None))

    def _jobs_of(self, team: Workteam, most: int) -> Part[tuple[LabelingJob, ...]]:
        """Read the newest jobs of another team; ``most`` of them are described,
        and none of more teams than calls.
        """
        what, action = f"labeling jobs of {team.name}", WHAT["jobs"][1]
        found = Part.of(TeamJobs(left_out=1))
        if most >= 0:
            found = part_of(what, action, lambda: jobs_of_team(self.near, team, most=most))
        listed = found.if_read or TeamJobs()
        bucket = str(self.scope.bucket)
        if not listed.left_out or any(job.uses(bucket) for job in listed.jobs):
            return found.map(lambda jobs: tuple(jobs.jobs))
        return Part.unread(
            NotRead(what, action, "in part", f"It would take more than {MAX_CALLS} calls.")
        )

    def _of_team(
        self, name: str, team: Part[Workteam], read: Callable[[Workteam], tuple[T, ...]]
    ) -> Part[tuple[T, ...]]:
        return self._part(name, lambda: () if team.value is None else read(team.value))

    def _template(self, job: LabelingJob, read_it: bool) -> TaskTemplate:
        place = job.template_uri or job.task_ui_arn

        def unread(what: str, reason: str) -> Part[Any]:
            return Part.unread(
                NotRead(f"the {what} of {job.name}", "s3:GetObject", "not asked", reason)
            )

        if not (read_it and job.template_uri):
            return TaskTemplate(job.name, unread("template", f"It is {place}."), place)
        text = self._text(f"the template of {job.name}", job.template_uri, _MAX_TEMPLATE_BYTES)
        if text.missing is not None:  # its tasks cannot be rendered
            return TaskTemplate(job.name, Part.unread(text.missing), place)
        tasks: Part[TaskLines] = unread("input", "Its tasks come with messages.")
        if job.input_uri:
            tasks = self._text(
                f"the manifest of {job.name}", job.input_uri, _MAX_MANIFEST_BYTES
            ).map(_task_lines)
        labels = Part.of(("", True))
        if job.labels_uri:
            labels = self._text(f"the labels of {job.name}", job.labels_uri, _MAX_TEMPLATE_BYTES)
        buckets = frozenset(buckets_of((job.template_uri, job.input_uri, job.output_uri)))
        return TaskTemplate(
            job.name,
            text.map(lambda read: read[0]),
            place,
            tasks,
            job.input_uri,
            job.function_arn,
            buckets,
            labels.map(lambda read: task_liquid.labels_in(read[0])),
        )

    def _text(self, what: str, uri: str, most: int) -> Part[tuple[str, bool]]:
        """Read the first bytes of an object as text, and whether they are all of it."""

        def read() -> tuple[str, bool]:
            bucket, _ = parse_s3_uri(uri)
            return first_text(self.aws.client("s3", bucket_region(self.aws, bucket)), uri, most)

        arn = bucket_arn(self.aws.partition, uri.removeprefix("s3://"))
        return part_of(what, "s3:GetObject", read, resource=arn)

    def _account_block(self, bucket: Bucket) -> Part[Mapping[str, bool]]:
        """Read Block Public Access of the account where it counts beside the bucket's own."""
        own = bucket.public_access_block.if_read or {}
        for_findings = "account_block" in self.scope.needs and not all(
            own.get(name) for name in BLOCKS
        )
        by_policy = not own.get(SETTING) and may_be_public(bucket.policy.if_read)
        by_acl = not own.get(IGNORE_PUBLIC_ACLS) and bucket.ownership.if_read != NO_ACLS
        if for_findings or ("organization" in self.scope.needs and (by_policy or by_acl)):
            return read_account_block(self.aws)
        return UNASKED["account_block"]

    def _of_strangers(self, bucket: Bucket) -> Iterator[str]:
        """Yield the parts that decide what opens to others than the account's own signers, where
        the policy or an ACL may open something to them.
        """
        if "organization" not in self.scope.needs:
            return
        policy = bucket.policy.if_read
        has_acls = bucket.ownership.was_asked and bucket.ownership.if_read != NO_ACLS
        if has_acls:
            yield "acl_grants"
        has_acls &= not (bucket.public_access_block.if_read or {}).get(IGNORE_PUBLIC_ACLS)
        if has_acls or may_be_public(policy):
            yield from ("requester_pays", "encryption")
        if has_acls and "account_block" in self.scope.needs:  # for findings
            yield "object_acls"
        if policy is not None and "accesspoint" in policy.lower():
            yield "access_points"

    def _log_bucket(self, pool: ThreadPoolExecutor, bucket: Bucket) -> Callable[[], Part[Bucket]]:
        whole = "bucket.log_bucket" in self.scope.needs
        if not whole and "bucket.log_bucket.policy" not in self.scope.needs:
            return lambda: bucket.log_bucket
        if (target := bucket.logging.if_read) is None:
            return lambda: bucket.logging.map(lambda _: bucket)
        name = target.bucket
        region = Part.of(bucket.region)
        if whole:
            region = part_of(
                f"the log bucket {name}",
                "s3:ListBucket",
                partial(bucket_region, self.aws, name),
                resource=bucket_arn(self.aws.partition, name),
            )
        if (unread := region.missing) is not None:
            return lambda: Part.unread(unread)
        log_bucket = Bucket(name, region.value or "")
        wait = _started(self.aws, pool, log_bucket, LOG_TARGET if whole else ("policy",))
        return lambda: Part.of(wait())


def _task_lines(read: tuple[str, bool]) -> TaskLines:
    """Return the lines of a manifest that are objects of JSON; the last one may have been cut."""
    text, whole = read
    lines = [line for line in text.split("\n") if line.strip()][: None if whole else -1]
    tasks = []
    # the others make the answer incomplete
    for _, line in zip(range(_MAX_TASKS), lines, strict=False):
        with suppress(ValueError, RecursionError):
            tasks.append(json.loads(line))
    known = tuple(task for task in tasks if isinstance(task, dict))
    return TaskLines(known, whole and 0 < len(known) == len(lines))


def _by_arn(teams: tuple[Workteam, ...], arn: str, region: str) -> Workteam:
    for team in teams:
        if team.arn == arn:
            return team
    if "/public-crowd/" in arn:
        return Workteam(name="public-crowd", arn=arn, kind="public")
    raise NotFound(
        f"This account has no workteam {arn[:120]} in {region}.",
        next_step="See gt.workteams() for the teams, and check account and region in the ARN.",
    )


def _evaluations_of(aws: Aws, flows: Sequence[str]) -> Texts:
    """Read the evaluation jobs of human-review workflows; without one nothing is asked."""
    if not flows:
        return ()
    client = aws.client("bedrock")
    found = []
    jobs = all_items(
        aws, "bedrock", "list_evaluation_jobs", "jobSummaries", statusEquals="InProgress"
    )
    for job in jobs:
        if job.get("jobType") != "Human":
            continue
        with aws_errors("bedrock:GetEvaluationJob", str(job["jobArn"])):
            config = client.get_evaluation_job(jobIdentifier=job["jobArn"])["evaluationConfig"]
        flow = str(config["human"]["humanWorkflowConfig"]["flowDefinitionArn"])
        if flow.rpartition("/")[2] in flows:
            found.append(str(job["jobName"]))
    return tuple(found)
