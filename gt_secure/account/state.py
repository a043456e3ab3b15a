"""`State`: the one shape of an account. Each part was read, is absent,
or was not read with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from ..aws.teams import LabelingJob, Workforce, Workteam, folder_of
from ..base.columns import lay_out
from ..base.evidence import Evidence
from ..base.html import output as cell_output, table as html_table
from ..base.text import Json, Texts, count
from ..engine.access.identities import Principals
from ..engine.access.part import NotRead, Part
from ..engine.access.vpc_endpoint import VpcEndpoint
from ..engine.iam.facts import Facts, supplied_facts
from ..logs.location import LogLocation
from ..restriction.model import Restriction
from .bucket import PARTS, READINGS, Bucket
from .organization import Organization
from .whereabouts import Whereabouts

WHAT = {
    "team": ("the workteam", "sagemaker:DescribeWorkteam"),
    "teams": ("workteams", "sagemaker:ListWorkteams"),
    "workforce": ("the workforce", "sagemaker:DescribeWorkforce"),
    "endpoints": ("VPC endpoints", "ec2:DescribeVpcEndpoints"),
    "jobs": ("labeling jobs", "sagemaker:ListLabelingJobsForWorkteam"),
    "portal": ("the workforce of the workteams", "sagemaker:ListWorkforces"),
    "reviews": ("human-review workflows", "sagemaker:ListFlowDefinitions"),
    "evaluations": ("evaluation jobs of Bedrock", "bedrock:ListEvaluationJobs"),
    "templates": ("task templates", "sagemaker:DescribeLabelingJob"),
    "account_block": ("Block Public Access of the account", "s3:GetAccountPublicAccessBlock"),
    "principals": ("the users and roles", "iam:GetAccountAuthorizationDetails"),
}
"""The parts of a state apart from those of its bucket, with the action that reads each."""

_DECIDES = (
    "ec2:DescribeVpcEndpoints",
    "sagemaker:ListLabelingJobsForWorkteam",
    *(READINGS[name].action for name in ("ownership", "acl_grants", "requester_pays")),
)
"""Actions that read what decides an answer, beside the facts and the organization."""

_NAMES_TEAMS = ("teams", "jobs", "bucket.tags", "bucket.folders")
"""Parts that name the workteams of a bucket: without one of them an answer may lack a row."""

_WHO_READS = {"bucket.policy", "bucket.public_access_block", "bucket.ownership"}
LOCKS = frozenset({"team", "workforce", "endpoints", "jobs", "organization", *_WHO_READS})
"""Names of the parts that decide who can open."""

WRITTEN = frozenset({"team", "teams", "workforce", "bucket.policy"})
"""Names of the parts that changes write, or whose change would surprise."""

OTHERS = frozenset({"teams", "others", "portal", "bucket.tags", "bucket.folders"})
"""Names of the parts that say who else uses a bucket."""

_AFFECTED = frozenset({"reviews", "evaluations", "others", "bucket.tags", "bucket.folders"})
PLAN = (
    LOCKS
    | WRITTEN
    | _AFFECTED
    | {"bucket.logging", "bucket.cors", "bucket.encryption", "bucket.log_bucket.policy"}
)
"""Names of the parts that a plan looks at."""

_OTHER_WAYS = {"bucket.website", "bucket.replicas", "bucket.acl_grants", "bucket.access_points"}
_KEPT_ELSEWHERE = {"templates", "account_block", "bucket.key_policy", "bucket.log_bucket"}
FINDINGS = PLAN - {"teams"} - _AFFECTED | _OTHER_WAYS | _KEPT_ELSEWHERE
"""Names of the parts that findings look at."""

EVERYTHING = PLAN | FINDINGS
"""Names of all parts, except the users and roles."""

_SHORT, _FEW = 60, 4
HEAD = ("part", "state", "value or reason")
"""Titles of the table that a state shows itself as."""


def action_of(name: str) -> str:
    """Return the action that reads a part, by its name such as ``bucket.policy``."""
    return _named_part(name)[1]


def _named_part(name: str) -> tuple[str, str]:
    """Return a part in words, and the action that reads it."""
    head, _, rest = name.partition(".")
    if head != "bucket":
        return WHAT[name]
    own = rest.partition(".")[0]
    what, action = PARTS[own]
    return what if own in ("log", "log_bucket") else f"{what} of the bucket", action


UNASKED: Mapping[str, Part[Any]] = {name: Part.unasked(*named) for name, named in WHAT.items()}
"""The parts that the scope of a reading leaves out."""


class TaskLines(NamedTuple):
    """The first lines of an input manifest, and whether they are all of them."""

    lines: tuple[Json, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class TaskTemplate:
    """The task template of a labeling job, and its URI, or the ARN of a HumanTaskUi, whose text is
    not read.

    ``tasks`` are the lines of the manifest at ``input_place``. ``function`` is the ARN of the
    Lambda function that makes the input of a task from a line, empty without one. ``buckets`` are
    those that the job reads and writes, ``labels`` the labels of its tasks.
    """

    job: str
    text: Part[str]
    place: str = ""
    tasks: Part[TaskLines] = field(
        default_factory=lambda: Part.unasked("the input manifest", "s3:GetObject")
    )
    input_place: str = ""
    function: str = ""
    buckets: frozenset[str] = frozenset()
    labels: Part[list[str]] = Part.of(None)  # noqa: RUF009 - frozen


class Sign(NamedTuple):
    """A tag or folder of a bucket that names a workteam, in words,
    and the prefix of the keys that it is about.
    """

    words: str
    prefix: str = ""


def signs_of(team: str, bucket: Bucket | None) -> tuple[Sign, ...]:
    """Return the tags and folders of a bucket that name a team, as far as they were read."""
    if bucket is None:
        return ()
    named = re.compile(rf"(?i)(?<![a-z0-9-]){re.escape(team)}(?![a-z0-9-])")
    tags = [f"{key}={value}" for key, value in (bucket.tags.if_read or {}).items()]
    signs = [Sign(f"the tag {each} of the bucket") for each in tags if named.search(each)]
    signs += [
        Sign(f"the folder {each} of the bucket", each)
        for each in bucket.folders.if_read or ()
        if each.casefold() == f"{team}/".casefold()
    ]
    return tuple(signs)


@dataclass(frozen=True, slots=True)
class OtherTeam:
    """Another workteam of the bucket's region, or that of the scope: its labeling jobs that wait,
    and the restriction last applied for it, if any.

    ``signs`` are tags and folders of the bucket that name it.
    """

    team: Workteam
    jobs: Part[tuple[LabelingJob, ...]]
    wish: Restriction | None = None
    signs: tuple[Sign, ...] = ()

    def uses(self, bucket: str) -> bool:
        """Return whether anything says that the team uses a bucket."""
        return self.wish is not None or bool(self.signs) or bool(self.jobs_on(bucket))

    def prefix_on(self, bucket: str) -> str:
        """Return the prefix of the keys that it uses; empty for all,
        as where the objects of a job are is not known.
        """
        if self.jobs_on(bucket):
            return ""
        prefixes = [each.prefix for each in self.signs] if self.wish is None else [self.wish.prefix]
        return min(prefixes, key=len, default="")

    def jobs_on(self, bucket: str) -> tuple[LabelingJob, ...]:
        """Return the jobs that read or write a bucket."""
        return tuple(job for job in self.jobs.if_read or () if job.uses(bucket))

    def uses_of(self, bucket: str) -> list[str]:
        """Return the jobs on a bucket in words; without one,
        the team and that it has a restriction.
        """
        if found := self.jobs_on(bucket):
            jobs = [f"labeling job {job.name} of {self.team.name}" for job in found]
            if folder := folder_of(found, bucket):
                jobs[-1] += f", with manifests and labels under {folder}"
            return jobs
        signs = " and ".join(each.words for each in self.signs)
        if self.wish is not None or not signs:
            return [f"workteam {self.team.name} with its restriction"]
        return [f"workteam {self.team.name} that {signs} names"]


class StateChange(Protocol):
    """A change that can be put into a state."""

    def put(self, state: State) -> State:
        """Return the state with the change in it."""
        ...


@dataclass(frozen=True)
class State:
    """One reading of an account, or the state that changes would leave.

    ``region`` is that of the connection, also where the bucket is in another one. ``team`` is
    absent if the scope has none. ``jobs`` are those of the team that wait for people, ``others``
    the other teams of the bucket's region with theirs, ``portal`` the workforce of these where it
    is not ``workforce``, ``reviews`` the names of human-review workflows (Amazon A2I) that use it,
    ``evaluations`` those of evaluation jobs of Bedrock that run and use such a workflow.
    ``principals`` are read only for the question who signs. ``facts`` are values of condition keys
    that were supplied, or that a policy asks for and this role can read. ``wanted`` is what is
    wanted, for findings that compare the account with it, and ``wishes`` are those for other
    prefixes of the bucket. ``prefix`` is that of the objects that findings are about; empty for
    all. ``seen`` has from
    where the people of a workteam opened objects, by the team's ARN. ``raw`` has the writable parts
    as AWS returned them: ``team``, ``workforce``, ``policy``.
    """

    region: str
    partition: str
    account_id: str
    caller_arn: str
    at: datetime
    team: Part[Workteam] = UNASKED["team"]
    teams: Part[tuple[Workteam, ...]] = UNASKED["teams"]
    workforce: Part[Workforce] = UNASKED["workforce"]
    bucket: Bucket | None = None
    endpoints: Part[tuple[VpcEndpoint, ...]] = UNASKED["endpoints"]
    jobs: Part[tuple[LabelingJob, ...]] = UNASKED["jobs"]
    others: tuple[OtherTeam, ...] = ()
    portal: Part[Workforce] = UNASKED["portal"]
    reviews: Part[Texts] = UNASKED["reviews"]
    evaluations: Part[Texts] = UNASKED["evaluations"]
    templates: Part[tuple[TaskTemplate, ...]] = UNASKED["templates"]
    account_block: Part[Mapping[str, bool]] = UNASKED["account_block"]
    principals: Part[Principals] = UNASKED["principals"]
    organization: Organization = field(default_factory=Organization)
    facts: Facts = field(default_factory=Facts)
    wanted: Restriction | None = None
    wishes: tuple[Restriction, ...] = ()
    prefix: str = ""
    seen: Mapping[str, Whereabouts] = field(default_factory=dict, repr=False)
    raw: Json = field(default_factory=dict, repr=False)

    @property
    def other_teams(self) -> tuple[Workteam, ...]:
        """The other private workteams of the connection's region, which share the portal."""
        team = self.team.value
        return tuple(
            each
            for each in self.teams.value or ()
            if each.kind == "private" and each.region == self.region
            if team is None or each.arn != team.arn
        )

    @property
    def users(self) -> tuple[OtherTeam, ...]:
        """The other workteams that use the bucket: by a job that waits, a restriction,
        or a tag or folder.
        """
        bucket = self.bucket.name if self.bucket is not None else ""
        return tuple(each for each in self.others if each.uses(bucket))

    @property
    def elsewhere(self) -> str:
        """The sentence that the bucket is in another region than the connection; empty where
        it is not.
        """
        bucket = self.bucket
        if bucket is None or self.region in ("", bucket.region):  # files know no region
            return ""
        return f"{bucket.name} is in {bucket.region}; you are connected to {self.region}."

    @property
    def of_bucket(self) -> tuple[OtherTeam, ...]:
        """The workteams that use the bucket: that of the scope with what is wanted for it, if any,
        and the others.
        """
        team, wish = self.team.if_read, self.wanted
        if team is None:
            return self.users
        wish = wish if wish is not None and wish.team == team.name else None
        return (OtherTeam(team, self.jobs, wish), *self.users)

    def whereabouts(self, team: Workteam) -> Whereabouts:
        """Return from where the people of a workteam opened objects; nowhere if no log was read."""
        return self.seen.get(team.arn, Whereabouts())

    def of(self, other: OtherTeam) -> State:
        """Return the state as the other team meets it;
        a vendor's team has no portal that a lock closes.
        """
        force = self.portal if self.portal.was_asked else self.workforce
        force = force if other.team.restrictable else Part.of(None)
        return replace(self, team=Part.of(other.team), jobs=other.jobs, workforce=force, others=())

    @property
    def signing_role(self) -> str:
        """The role that signs workers' URLs, as the team's jobs name it; empty if none is known."""
        return next((job.role_arn for job in self.jobs.if_read or () if job.role_arn), "")

    @property
    def signer_arn(self) -> str:
        """The ARN of the role or user that signs: the supplied one,
        or else the role that is read.
        """
        return next(iter(self.facts.values.get("aws:principalarn", ())), "") or self.signing_role

    def parts(self) -> Iterator[tuple[str, Part[Any]]]:
        """Yield every part with its name, those of the bucket and of its log bucket too."""
        yield from ((name, getattr(self, name)) for name in WHAT)
        if self.templates.missing is None:
            for each in self.templates.value or ():
                yield "templates", each.text
                inputs = (each.tasks, each.labels)
                yield from (("templates", part) for part in inputs if part.missing is not None)
        yield from (("jobs", each.jobs) for each in self.others)
        if self.bucket is not None:
            yield from _parts_of(self.bucket, "bucket")
            log = self.bucket.log_bucket
            if log.missing is None and log.value is not None and log.value.name != self.bucket.name:
                yield from _parts_of(log.value, "bucket.log_bucket")

    def part(self, name: str) -> Part[Any] | None:
        """Return a part by its name; None if the state has no bucket, and so no such part."""
        found: Any = self
        for each in name.split("."):
            found = found.value if isinstance(found, Part) else found
            if found is None:
                return None
            found = getattr(found, each)
        return found if isinstance(found, Part) else None

    def unread(self) -> Iterator[tuple[str, NotRead]]:
        """Yield what was asked for and not read, with the name of the part."""
        for name, part in self.parts():
            if part.missing is not None and part.was_asked:
                yield name, part.missing

    def missing(self) -> tuple[NotRead, ...]:
        """Return what was asked for and not read, each once."""
        return tuple(dict.fromkeys(missing for _, missing in self.unread()))

    def evidence(self, **counts: int) -> Evidence:
        """Return what an outcome rests on that this state decides."""
        read = {name: part.value for name, part in self.parts() if part.missing is None}
        team: Workteam | None = read.get("team")
        named = [team.name if team else "", self.bucket.name if self.bucket else ""]
        whats = [
            _named_part(name)[0]
            for name, value in read.items()
            if value is not None or name.startswith("bucket.")
        ]
        unread = [part.text for part in (*self.missing(), *self.organization.missing())]
        subject = " and ".join(filter(None, named))
        return Evidence(
            subject,
            tuple(dict.fromkeys(whats)),
            counts,
            self.at,
            tuple(dict.fromkeys(unread)),
            self.elsewhere,
        )

    def missing_permissions(self) -> Texts:
        """Return the actions that would have decided more: those that read facts,
        locks and organization policies.
        """
        decides = [
            part.action
            for name, part in self.unread()
            if part.why != "elsewhere" and (part.action in _DECIDES or name in _NAMES_TEAMS)
        ]
        organization = [part.action for part in self.organization.missing()]
        return tuple(dict.fromkeys((*self.facts.missing, *organization, *decides)))

    def rows(self) -> list[tuple[str, str, str]]:
        """Return a row for each part that was asked for: its name, its state,
        and the value or the reason.
        """
        organization = (
            (f"organization.{name}", part) for name, part in self.organization.named_parts()
        )
        every = (*self.parts(), *organization)
        return [(name, *_seen(part)) for name, part in every if part.was_asked]

    def _title(self) -> str:
        return f"Account {self.account_id}, {self.region}, read {self.at:%Y-%m-%d %H:%M:%S} UTC"

    def __repr__(self) -> str:
        return "\n".join([self._title(), *lay_out(HEAD, self.rows())])

    def _repr_html_(self) -> str:
        return cell_output(html_table(HEAD, self.rows(), caption=self._title()))

    def after(self, steps: Iterable[StateChange]) -> State:
        """Return the state that changes would leave."""
        state = self
        for step in steps:
            state = step.put(state)
        return state

    def with_supplied(self, restriction: Restriction) -> State:
        """Return the state with the facts of a restriction, which win over those that it has."""
        return replace(self, facts=supplied_facts(restriction.facts).with_defaults(self.facts))


def _parts_of(bucket: Bucket, name: str) -> Iterator[tuple[str, Part[Any]]]:
    for each in PARTS:
        yield f"{name}.{each}", getattr(bucket, each)


def _seen(part: Part[Any]) -> tuple[str, str]:
    if part.missing is not None:
        return "not read", f"{part.missing.text}."
    return ("absent", "-") if part.value is None else ("read", _brief(part.value))


def _brief(value: object) -> str:
    """Return a value in a few words; texts of policies and templates by their size."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and (len(value) > _SHORT or "\n" in value):
        return f"{len(value.encode()):,} bytes"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(
            f"{name}={_brief(each)}" for name, each in value.items() if isinstance(each, bool)
        ) or count(len(value), "setting")
    if isinstance(value, Sized) and isinstance(value, Iterable):
        names = [_named(each) for each in value]
        return "; ".join(names) if 0 < len(names) <= _FEW and all(names) else str(len(names))
    return _named(value)


def _named(value: object) -> str:
    if isinstance(value, Workteam):
        return f"{value.name}, URL lock {value.url_lock_text}"
    if isinstance(value, Workforce):
        return f"{value.name}, portal lock {', '.join(value.cidrs) or 'off'}"
    if isinstance(value, LogLocation):
        return value.uri
    if isinstance(value, Principals):
        return count(len(value.all), "user or role", "users and roles")
    if isinstance(value, str):
        return value
    return str(getattr(value, "name", "") or getattr(value, "id", ""))
