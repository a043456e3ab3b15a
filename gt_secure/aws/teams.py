"""Workteams, workforces and the labeling jobs that use them: read models without writes.

Sources: SageMaker API reference, *Workteam*, *Workforce*, *SubscribedWorkteam*,
*LabelingJobForWorkteamSummary*.
"""

from __future__ import annotations

import contextlib
import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from ..base.errors import GtSecureError, InvalidInput, NotFound, refuse_url
from ..base.html import facts as fact_list, output as cell_output
from ..base.network import parse_stored_cidrs
from ..base.text import Json, JsonLike, Texts, printable
from ..engine.access.address_classes import is_anyone, spans_of
from ..engine.policies.url_lock import UrlLock
from .client import Aws, all_items, all_pages, aws_errors

# Fields that are not compared: times that every write changes, and values that the service
# computes.
_VOLATILE = {"LastUpdatedDate", "CreateDate", "Status", "FailureReason"}

TeamKind = Literal["private", "vendor", "public"]
PUBLIC_GONE = "the public team ended with Mechanical Turk on 2026-09-30"

CREATE_TEAM = (
    "Create a private workteam in the SageMaker console under Ground Truth, Labeling workforces,"
    " Private."
)
"""The next step in a region without a private workteam."""

_LARGE_REGIONS = (
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-northeast-1",
)

_TEAM_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_TEAM_ARN = re.compile(
    r"arn:(aws[a-z-]*):sagemaker:([a-z0-9-]+):([0-9]{12}):workteam/(private-crowd|vendor-crowd|public-crowd)/(.+)"
)


@dataclass(frozen=True, slots=True, repr=False)
class Workteam:
    """One workteam. A vendor or public team has no URL lock: ``url_lock`` is None there.

    Attributes
    ----------
    members : tuple of str
        Its Cognito or OIDC groups; SageMaker does not report how many people are in them.
    """

    name: str
    arn: str
    kind: TeamKind
    description: str = ""
    members: Texts = ()
    workforce_name: str | None = None
    url_lock: UrlLock | None = None

    @property
    def restrictable(self) -> bool:
        """True if AWS offers a URL lock for this kind of team."""
        return self.kind == "private"

    @property
    def region(self) -> str:
        """The region of the team, as its ARN names it."""
        return self.arn.split(":")[3]

    @property
    def url_lock_text(self) -> str:
        """The URL lock in a few words."""
        if self.kind == "public":
            return f"none ({PUBLIC_GONE})"
        if self.url_lock is None:
            return "none (AWS has none for this kind of team)"
        words = {"off": "off", "both": "both on: no URL can ever work"}
        return words.get(self.url_lock.mode, f"on ({self.url_lock.mode})")

    def to_dict(self) -> Json:
        """Return the team as JSON-able data."""
        return {**asdict(self), "url_lock": None if self.url_lock is None else self.url_lock.mode}

    def _facts(self) -> list[tuple[str, str]]:
        groups = ", ".join(self.members) or "-"
        rows = [("kind", self.kind), ("description", self.description or "-"), ("groups", groups)]
        return [("workteam", self.name), *rows, ("URL lock", self.url_lock_text)]

    def __repr__(self) -> str:
        return f"<Workteam {printable(self.name)}: {self.kind}, URL lock {self.url_lock_text}>"

    def __str__(self) -> str:
        return "\n".join(f"{name:<12} {printable(value)}" for name, value in self._facts())

    def _repr_html_(self) -> str:
        return cell_output(fact_list(self._facts()))


class SageMakerTeam(Protocol):
    """The part of a ``sagemaker.core.resources.Workteam`` that is used: its name."""

    @property
    def workteam_name(self) -> Any:
        """The name."""


TeamLike: TypeAlias = str | Workteam | SageMakerTeam
"""A workteam, or its name or ARN."""


@dataclass(frozen=True, slots=True)
class TeamArn:
    """The ARN of a workteam; ``crowd`` is ``private-crowd``,
    ``vendor-crowd`` or ``public-crowd``.
    """

    partition: str
    region: str
    account_id: str
    crowd: str
    name: str

    @classmethod
    def parse(cls, arn: str) -> TeamArn:
        """Split an ARN; raises :class:`InvalidInput` for any other text."""
        match = _TEAM_ARN.fullmatch(arn)
        if match is None:
            raise InvalidInput(
                f"'{arn[:90]}' is not the ARN of a workteam.",
                next_step=(
                    "Write arn:aws:sagemaker:REGION:ACCOUNT:workteam/private-crowd/NAME, or just"
                    " the name."
                ),
                field="team",
                value=arn,
            )
        found = cls(*match.groups())
        if found.is_private:
            check_team_name(found.name)
        return found

    @property
    def is_private(self) -> bool:
        """True for a team of the account's own workforce:
        a vendor's or the public one has another account's ARN.
        """
        return self.crowd == "private-crowd"

    def check(self, partition: str, region: str, account_id: str) -> None:
        """Raise :class:`InvalidInput` if the team is not one of a connection:
        that of the same name is another.
        """
        own = not self.is_private or self.account_id == account_id
        if (self.partition, self.region) == (partition, region) and own:
            return
        steps = [f"Use region='{self.region}'."] if self.region != region else []
        steps += [] if own else [f"Use profile= with the credentials of account {self.account_id}."]
        partitions = (
            (f"{self.partition}, ", f"{partition}, ") if self.partition != partition else ("", "")
        )
        raise InvalidInput(
            f"This ARN is of {partitions[0]}{self.region}, account {self.account_id}; you are"
            f" connected to {partitions[1]}{region}, {account_id}.",
            next_step=" ".join(steps) or "Copy the ARN from the console of this account.",
            field="team",
        )


def team_here(aws: Aws, team: TeamLike) -> str:
    """Return the name of a private workteam, or the ARN of another;
    InvalidInput for one that is not here.
    """
    word = team_reference(team)
    if not word.startswith("arn:"):
        return check_team_name(word)
    arn = TeamArn.parse(word)
    arn.check(aws.partition, aws.region, aws.account_id)
    return arn.name if arn.is_private else word


def team_reference(team: TeamLike) -> str:
    """Return the ARN of a workteam where it is known, else its name;
    raises :class:`InvalidInput` for anything else.
    """
    arn = (
        team.arn
        if isinstance(team, Workteam)
        else getattr(getattr(team, "workteam", None), "workteam_arn", None)
    )
    return arn if isinstance(arn, str) and arn.startswith("arn:") else team_name(team)


def team_name(team: TeamLike) -> str:
    """Return the reference of a workteam in a restriction: its name,
    or the ARN of a vendor or public one.
    """
    refuse_url(team, "team", "the name of a workteam")
    if isinstance(team, str):
        return team.strip()
    if isinstance(team, Workteam):
        return team.name if team.restrictable else team.arn
    word = getattr(team, "workteam_name", None)
    if isinstance(word, str) and word:
        return word
    raise InvalidInput(
        f"A workteam must be a name or ARN, not {type(team).__name__}.",
        next_step=(
            "Write its name, for example radiology-team (in a file: in quotes, if it is a number)."
        ),
        field="team",
        value=team,
    )


@dataclass(frozen=True, slots=True)
class Workforce:
    """A private workforce: one per region and account, shared by all its workteams.

    Attributes
    ----------
    cidrs : tuple of str
        ``SourceIpConfig.Cidrs``, the portal lock; empty is open to everybody.
    vpc_id, portal_endpoint_id : str or None
        Set when the portal is in a VPC. The endpoint is that of the portal and does not serve S3.
    """

    name: str
    arn: str
    status: str
    cidrs: Texts = ()
    vpc_id: str | None = None
    portal_endpoint_id: str | None = None
    ip_address_type: str = "ipv4"

    @property
    def in_vpc(self) -> bool:
        """True if the worker portal is reached through a VPC."""
        return self.vpc_id is not None

    @property
    def is_open(self) -> bool:
        """True if the portal lock is off, or its list restricts nobody."""
        return not self.cidrs or is_anyone(spans_of(parse_stored_cidrs(self.cidrs)))


@dataclass(frozen=True, slots=True)
class LabelingJob:
    """A labeling job that uses a workteam; a streaming one gets its objects from the messages of
    ``topic_arn``.

    ``function_arn`` is the Lambda function that makes the input of a task, ``labels_uri`` the file
    of the labels that it adds.
    """

    name: str
    status: str
    workteam_arn: str
    pending: int = 0
    total: int = 0
    input_uri: str = ""
    output_uri: str = ""
    role_arn: str = ""
    template_uri: str = ""
    task_ui_arn: str = ""
    topic_arn: str = ""
    function_arn: str = ""
    labels_uri: str = ""

    def uses(self, bucket: str) -> bool:
        """Return whether the job reads its manifest from a bucket, or writes its labels there."""
        return bucket in buckets_of((self.input_uri, self.output_uri))

    @property
    def in_progress(self) -> bool:
        """True if the job may still give tasks to workers."""
        return self.status in {"Initializing", "InProgress", "Stopping"}


def check_team_name(name: str) -> str:
    """Check a workteam name; raises :class:`InvalidInput` with SageMaker's rule."""
    word = str(name).strip()
    if not _TEAM_NAME.fullmatch(word):
        raise InvalidInput(
            f"'{word[:70]}' is not a workteam name.",
            next_step=(
                "Use 1 to 63 letters, digits and hyphens; with a letter or digit at both ends. A"
                " vendor team has no URL lock: name it by its ARN, or leave it out."
            ),
            field="team",
            value=word,
        )
    return word


def list_workteams(aws: Aws) -> list[Workteam]:
    """List private and vendor workteams: two parallel SageMaker calls;
    ListWorkteams returns whole teams.
    """
    with ThreadPoolExecutor(2, thread_name_prefix="gt_secure-teams") as pool:
        lists = [
            pool.submit(each, aws) for each in (list_private_workteams, _list_vendor_workteams)
        ]
        return [team for found in lists for team in found.result()]


def list_private_workteams(aws: Aws) -> list[Workteam]:
    """List the private workteams of the region, by name."""
    with aws_errors("sagemaker:ListWorkteams"):
        return _by_name(
            map(team_from_api, all_items(aws, "sagemaker", "list_workteams", "Workteams"))
        )


def _list_vendor_workteams(aws: Aws) -> list[Workteam]:
    with aws_errors("sagemaker:ListSubscribedWorkteams"):
        return _by_name(
            map(
                _subscribed,
                all_items(aws, "sagemaker", "list_subscribed_workteams", "SubscribedWorkteams"),
            )
        )


def _by_name(teams: Iterable[Workteam]) -> list[Workteam]:
    return sorted(teams, key=lambda team: team.name.lower())


def get_workteam(aws: Aws, team: TeamLike) -> Workteam:
    """Read one private workteam."""
    return team_from_api(read_team(aws, check_team_name(team_here(aws, team))))


def _no_team(aws: Aws, name: str) -> NotFound:
    try:
        teams = list_workteams(aws)
    except GtSecureError:
        teams = []
    sold = next((team for team in teams if team.name == name and team.kind != "private"), None)
    if sold is not None:
        return NotFound(
            f"'{name}' is a {sold.kind} team, which has no URL lock.",
            next_step=(
                f"Name it by its ARN, {sold.arn}, or leave the team out and guard its bucket."
            ),
        )
    near = difflib.get_close_matches(name, [team.name for team in teams], 1, 0.6)
    region = "" if near else _region_of(aws, name)
    meant = f"Did you mean {near[0]}? " if near else ""
    other = (
        f"It is in {region}: pass region='{region}'."
        if region
        else "For a team of another region pass region=."
    )
    return NotFound(
        f"There is no private workteam '{name}' in {aws.region}.",
        next_step=f"{meant}See gt.workteams() for the teams of the region. {other}",
        details={"similar": near, "region": region},
    )


def _region_of(aws: Aws, name: str) -> str:
    """Return another large region that has this team; empty if none answers in time."""

    def look(region: str) -> str:
        # a region that is off or out of reach is no error of this call
        with contextlib.suppress(Exception):
            aws.in_region(region).client("sagemaker").describe_workteam(WorkteamName=name)
            return region
        return ""

    regions = {*_LARGE_REGIONS} - {aws.region}
    if aws.partition != "aws" or (aws.endpoint_url and not aws.is_local):
        return ""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="gt_secure-regions") as pool:
        return min(filter(None, pool.map(look, regions)), default="")


def _arn(aws: Aws, kind: str, name: str) -> str:
    return f"arn:{aws.partition}:sagemaker:{aws.region}:*:{kind}/{name}"


def team_from_api(team: JsonLike) -> Workteam:
    """Return the workteam that a response of SageMaker describes."""
    arn = str(team["WorkteamArn"])
    workforce = str(team.get("WorkforceArn") or "").rsplit("/", 1)[-1]
    return Workteam(
        name=str(team["WorkteamName"]),
        arn=arn,
        kind="private",
        description=str(team.get("Description") or ""),
        members=tuple(_groups(team.get("MemberDefinitions") or ())),
        workforce_name=workforce or "default",
        url_lock=UrlLock.from_api(team.get("WorkerAccessConfiguration")),
    )


def _groups(definitions: Any) -> Iterator[str]:
    for member in definitions:
        if "CognitoMemberDefinition" in member:
            yield str(member["CognitoMemberDefinition"]["UserGroup"])
        yield from map(str, (member.get("OidcMemberDefinition") or {}).get("Groups") or ())


def _subscribed(team: JsonLike) -> Workteam:
    arn = str(team["WorkteamArn"])
    kind: TeamKind = "public" if "/public-crowd/" in arn else "vendor"
    title = str(team.get("MarketplaceTitle") or arn.rsplit("/", 1)[-1])
    return Workteam(name=title, arn=arn, kind=kind, description=str(team.get("SellerName") or ""))


def list_workforces(aws: Aws) -> list[Workforce]:
    """List the private workforces of the region."""
    with aws_errors("sagemaker:ListWorkforces"):
        return list(
            map(workforce_from_api, all_items(aws, "sagemaker", "list_workforces", "Workforces"))
        )


def workforce_from_api(item: JsonLike) -> Workforce:
    """Return the workforce that a response of SageMaker describes."""
    vpc = item.get("WorkforceVpcConfig") or {}
    return Workforce(
        name=str(item["WorkforceName"]),
        arn=str(item["WorkforceArn"]),
        status=str(item.get("Status") or "Active"),
        cidrs=tuple(str(cidr) for cidr in (item.get("SourceIpConfig") or {}).get("Cidrs") or ()),
        vpc_id=vpc.get("VpcId"),
        portal_endpoint_id=vpc.get("VpcEndpointId"),
        ip_address_type=str(item.get("IpAddressType") or "ipv4"),
    )


MAX_JOBS = 100
"""Most labeling jobs of a team that are described: each one is a call."""
_THREADS = 8


class TeamJobs(NamedTuple):
    """Labeling jobs of a team, the names of those that wait for workers,
    and how many jobs are left out.
    """

    jobs: Sequence[LabelingJob] = ()
    waiting: frozenset[str] = frozenset()
    left_out: int = 0


def jobs_of_team(aws: Aws, team: Workteam, *, past: bool = False, most: int = MAX_JOBS) -> TeamJobs:
    """Return the newest labeling jobs of a team that wait for workers, in order,
    with ``past`` after all others.
    """
    if team.kind == "public":
        return TeamJobs()
    client = aws.client("sagemaker")
    summaries: list[JsonLike] = []
    with aws_errors("sagemaker:ListLabelingJobsForWorkteam", team.arn):
        asked: Json = {
            "WorkteamArn": team.arn,
            "SortBy": "CreationTime",
            "SortOrder": "Descending",
        }
        for page in all_pages(client, "list_labeling_jobs_for_workteam", **asked):
            summaries += [
                job for job in page["LabelingJobSummaryList"] if job.get("LabelingJobName")
            ]
    waiting = [job for job in summaries if (job.get("LabelCounters") or {}).get("PendingHuman")]
    summaries = [*waiting, *(job for job in summaries if past and job not in waiting)]
    names = [str(job["LabelingJobName"]) for job in summaries[:most]][::-1]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="gt_secure-jobs") as pool:
        jobs = list(pool.map(lambda name: _describe_job(aws, name), names))
    return TeamJobs(
        jobs,
        frozenset(str(job["LabelingJobName"]) for job in waiting),
        max(len(summaries) - most, 0),
    )


@dataclass(frozen=True, slots=True)
class Review:
    """A human-review workflow of Amazon A2I, which its API names a flow definition."""

    name: str
    workteam_arn: str
    output_uri: str


def list_reviews(aws: Aws) -> list[Review]:
    """List the human review workflows of the region with their workteams."""
    client = aws.client("sagemaker")
    with aws_errors("sagemaker:ListFlowDefinitions"):
        flows = all_items(aws, "sagemaker", "list_flow_definitions", "FlowDefinitionSummaries")
        names = [str(item["FlowDefinitionName"]) for item in flows]

    def described(name: str) -> Review:
        with aws_errors("sagemaker:DescribeFlowDefinition"):
            flow: JsonLike = client.describe_flow_definition(FlowDefinitionName=name)
        loop, output = flow.get("HumanLoopConfig") or {}, flow.get("OutputConfig") or {}
        return Review(
            name, str(loop.get("WorkteamArn") or ""), str(output.get("S3OutputPath") or "")
        )

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="gt_secure-reviews") as pool:
        return list(pool.map(described, names))


def buckets_of(uris: Iterable[str]) -> set[str]:
    """Return the buckets of ``s3://`` URIs; an empty URI names none."""
    return {uri.split("/")[2] for uri in uris if uri.count("/") >= 2}


def folder_of(jobs: Iterable[LabelingJob], bucket: str) -> str:
    """Return the folder of a bucket that holds all manifests and labels there of jobs;
    empty without one for all.
    """
    uris = (uri for job in jobs for uri in (job.input_uri, f"{job.output_uri.rstrip('/')}/"))
    places = [uri.split("/")[3:-1] for uri in uris if bucket in buckets_of((uri,))]
    shared = itertools.takewhile(lambda names: len({*names}) == 1, zip(*places, strict=False))
    return "".join(f"{names[0]}/" for names in shared)


def _describe_job(aws: Aws, name: str) -> LabelingJob:
    with aws_errors("sagemaker:DescribeLabelingJob", _arn(aws, "labeling-job", name)):
        job: JsonLike = aws.client("sagemaker").describe_labeling_job(LabelingJobName=name)

    def text(*path: str) -> str:
        return str(_member(job, *path) or "")

    pending = int(_member(job, "LabelCounters", "Unlabeled") or 0)
    return LabelingJob(
        name=str(job["LabelingJobName"]),
        status=str(job["LabelingJobStatus"]),
        workteam_arn=text("HumanTaskConfig", "WorkteamArn"),
        pending=pending,
        total=int(_member(job, "LabelCounters", "TotalLabeled") or 0) + pending,
        input_uri=text("InputConfig", "DataSource", "S3DataSource", "ManifestS3Uri"),
        output_uri=text("OutputConfig", "S3OutputPath"),
        role_arn=text("RoleArn"),
        template_uri=text("HumanTaskConfig", "UiConfig", "UiTemplateS3Uri"),
        task_ui_arn=text("HumanTaskConfig", "UiConfig", "HumanTaskUiArn"),
        topic_arn=text("InputConfig", "DataSource", "SnsDataSource", "SnsTopicArn"),
        function_arn=text("HumanTaskConfig", "PreHumanTaskLambdaArn"),
        labels_uri=text("LabelCategoryConfigS3Uri"),
    )


def _member(document: JsonLike, *path: str) -> Any:
    """Return a member of nested mappings; None where one of them is missing or null."""
    value: Any = document
    for name in path:
        value = (value or {}).get(name)
    return value


def read_team(aws: Aws, name: str) -> Json:
    """Return a private workteam as SageMaker describes it, without what changes by itself."""
    try:
        with aws_errors("sagemaker:DescribeWorkteam", _arn(aws, "workteam/private-crowd", name)):
            answer = aws.client("sagemaker").describe_workteam(WorkteamName=name)
    except NotFound as error:
        raise _no_team(aws, name) from error
    return {key: value for key, value in answer["Workteam"].items() if key not in _VOLATILE}


def read_workforce(aws: Aws, name: str) -> Json:
    """Return a workforce as SageMaker describes it, without its dates."""
    with aws_errors("sagemaker:DescribeWorkforce", _arn(aws, "workforce/private-crowd", name)):
        answer = aws.client("sagemaker").describe_workforce(WorkforceName=name)
    return {key: value for key, value in answer["Workforce"].items() if not key.endswith("Date")}
