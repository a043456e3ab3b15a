"""The three targets of a change, each with its reading, its one write call and its three-way merge.

Writes are absolute ("make it so"), so sending one twice is harmless. S3 and SageMaker offer no
revision to write against (``PutBucketPolicy`` and ``UpdateWorkteam`` take no ETag): each target is
therefore read right before it is written, and again after.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from ..account.event_history import OtherWrite, policy_writes
from ..account.state import State
from ..aws.answers import is_policy
from ..aws.buckets import read_policy
from ..aws.client import Aws, aws_errors
from ..aws.teams import _VOLATILE, Workteam, read_team, read_workforce
from ..base.errors import Conflict, InvalidInput, Unsupported
from ..base.text import Json, JsonLike, Texts
from ..engine.access.part import Part
from ..engine.policies.bucket_policy import BucketPolicy
from ..engine.policies.equivalence import policies_equal, statements_equal
from ..engine.policies.url_lock import UrlLock

V = TypeVar("V")
TargetKind: TypeAlias = Literal["bucket-guard", "url-lock", "portal-lock"]


@dataclass(frozen=True, slots=True)
class Reading(Generic[V]):
    """The current state of a target: the part that we change, the rest,
    and whether it accepts a write.
    """

    value: V
    rest: JsonLike = field(default_factory=dict)
    ready: bool = True
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Target(ABC, Generic[V]):
    """An AWS setting that a change writes; ``V`` is the type of its value."""

    kind: ClassVar[TargetKind]
    title: ClassVar[str]

    name: str
    region: str = ""

    @abstractmethod
    def protects(self, value: V) -> bool:
        """Return True if a value restricts anything."""

    @abstractmethod
    def from_json(self, data: object) -> V:
        """Read a value from a journal; raise ValueError if it is malformed."""

    def to_json(self, value: V) -> object:
        """Return a value as JSON-able data."""
        return value

    @abstractmethod
    def read(self, aws: Aws) -> Reading[V]:
        """Read the current value."""

    @abstractmethod
    def write(self, aws: Aws, value: V) -> str:
        """Send one call that sets the value; returns the id of the request."""

    @abstractmethod
    def put(self, value: V, state: State) -> State:
        """Return a state with the value in it."""

    def merge(self, before: V, after: V, now: V) -> V:
        """Revert our change from before to after in the current value;
        raise Conflict where that is ambiguous.
        """
        if self.same(now, after):
            return before
        return now if self.same(now, before) else self._merge(before, after, now)

    @abstractmethod
    def _merge(self, before: V, after: V, now: V) -> V:
        """Revert it in a value that somebody else has changed since."""

    @abstractmethod
    def words(self, value: V, names: Sequence[str] = ()) -> str:
        """Describe a value; ``names`` stand for its ranges."""

    def same(self, one: V, other: V) -> bool:
        """Return True if two values mean the same."""
        return bool(one == other)

    def missing(self, seen: V, known: Sequence[V], former: Sequence[V]) -> str:
        """Return as JSON what a reading showed and is lost; empty if nothing is. Kept is what is in
        a known value, or what a former change set or replaced.
        """
        is_kept = any(self.same(seen, each) for each in (*known, *former))
        return "" if is_kept else json.dumps(self.to_json(seen))

    def writes(self, aws: Aws, since: datetime, until: datetime) -> tuple[OtherWrite, ...]:
        """Return the writes in a time range, our own too,
        where AWS keeps a record that this role may read.
        """
        del aws, since, until
        return ()


@dataclass(frozen=True, slots=True)
class BucketGuard(Target[BucketPolicy | None]):
    """The policy of a bucket. The value is its whole text, or None."""

    kind: ClassVar[TargetKind] = "bucket-guard"
    title: ClassVar[str] = "Bucket guard"

    def protects(self, value: str | None) -> bool:
        """Return whether a policy has a statement of ours."""
        return bool(BucketPolicy.of(value).own)

    def from_json(self, data: object) -> BucketPolicy | None:
        """Read a policy from a journal or plan; ValueError if it is not one."""
        if data is not None and not is_policy(data):
            raise ValueError("the policy of a bucket guard is not a policy")
        return BucketPolicy.of(data) or None

    def read(self, aws: Aws) -> Reading[BucketPolicy | None]:
        """Read the bucket's policy."""
        return Reading(BucketPolicy.of(read_policy(aws, self.name, self.region or None)) or None)

    def write(self, aws: Aws, value: str | None) -> str:
        """Put or delete the policy. Self lock-out is never confirmed,
        so S3 refuses the most obvious cases.
        """
        client = aws.client("s3", self.region or None)
        resource = f"arn:{aws.partition}:s3:::{self.name}"
        if value is None:
            with aws_errors("s3:DeleteBucketPolicy", resource):
                return request_id(client.delete_bucket_policy(Bucket=self.name))
        try:
            with aws_errors("s3:PutBucketPolicy", resource):
                return request_id(client.put_bucket_policy(Bucket=self.name, Policy=value))
        except InvalidInput as error:
            raise _refused(self.name, value, error) from error

    def put(self, value: str | None, state: State) -> State:
        """Put the policy in; whether S3 calls it public is known only while its
        grants are the same.
        """
        bucket = state.bucket
        if bucket is None or bucket.name != self.name:
            return state
        planned = BucketPolicy.of(value)
        same = planned.has_same_grants(BucketPolicy.of(bucket.policy.value))
        facts = state.facts if same else replace(state.facts, policy_is_public=None)
        return replace(state, bucket=replace(bucket, policy=Part.of(planned or None)), facts=facts)

    def missing(
        self, seen: str | None, known: Sequence[str | None], former: Sequence[str | None]
    ) -> str:
        """Return a policy of the statements that are lost; of a former change our own are kept."""
        kept = [each for text in known for each in BucketPolicy.of(text).statements]
        kept += [each for text in former for each in BucketPolicy.of(text).own.values()]
        lost = [
            each
            for each in BucketPolicy.of(seen).statements
            if not any(statements_equal(each, other) for other in kept)
        ]
        return json.dumps({"Version": "2012-10-17", "Statement": lost}) if lost else ""

    def put_back(
        self, value: str | None, lost: Iterable[str | None], known: Sequence[str | None]
    ) -> BucketPolicy | None:
        """Return a policy with the statements of others that are lost, as its last ones."""
        made = BucketPolicy.of(value)
        for text in lost:
            made = made.with_others(
                self.missing(text if is_policy(text) else None, (made, *known), ())
            )
        return made or None

    def writes(self, aws: Aws, since: datetime, until: datetime) -> tuple[OtherWrite, ...]:
        """Return the writes of the policy in a time range, as CloudTrail records them."""
        return policy_writes(aws, self.name, self.region, since, until)

    def words(self, value: str | None, names: Sequence[str] = ()) -> str:
        """Return the guards and limits of a policy in words."""
        return BucketPolicy.of(value).words(None, names)

    def same(self, one: str | None, other: str | None) -> bool:
        """Compare two texts by meaning: AWS may return one value where a list of one was sent,
        and order is free.
        """
        return policies_equal(one, other)

    def merge(self, before: str | None, after: str | None, now: str | None) -> BucketPolicy | None:
        """Revert our change in the current policy;
        who has written it anew with the same meaning keeps the text.
        """
        was, done, found = map(BucketPolicy.of, (before, after, now))
        if found == done:
            return was or None
        return (found if self.same(now, before) else self._merge(was, done, found)) or None

    def _merge(self, before: Any, after: Any, now: Any) -> BucketPolicy:
        """Restore our former statements; every other statement keeps its current text."""
        return BucketPolicy.of(now).revert(
            BucketPolicy.of(before), BucketPolicy.of(after), self.name
        )


@dataclass(frozen=True, slots=True)
class TeamUrlLock(Target[UrlLock]):
    """The URL lock of a workteam; as data it is
    ``{"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}``.
    """

    kind: ClassVar[TargetKind] = "url-lock"
    title: ClassVar[str] = "URL lock"

    def protects(self, value: UrlLock) -> bool:
        """Return whether one of the two settings is on."""
        return value.on

    def from_json(self, data: object) -> UrlLock:
        """Read the two settings from a journal or plan; ValueError if one is missing."""
        if not isinstance(data, Mapping) or not {"SourceIp", "VpcSourceIp"} <= data.keys():
            raise ValueError("one of the two settings of a URL lock is missing")
        return UrlLock(_is_on(data["SourceIp"]), _is_on(data["VpcSourceIp"]))

    def to_json(self, value: UrlLock) -> object:
        """Return the two settings as SageMaker writes them."""
        return value.settings

    def read(self, aws: Aws) -> Reading[UrlLock]:
        """Read the settings, and all other fields of the team to check that they do not change."""
        team = read_team(aws, self.name)
        rest = {key: value for key, value in team.items() if key != "WorkerAccessConfiguration"}
        return Reading(UrlLock.from_api(team.get("WorkerAccessConfiguration")), rest)

    def write(self, aws: Aws, value: UrlLock) -> str:
        """Send both settings and nothing else:
        AWS does not document whether an omitted one is kept.
        """
        if not aws.knows("UpdateWorkteam", "WorkerAccessConfiguration"):
            raise Unsupported(
                "The installed boto3 does not support the URL lock.",
                next_step="Update it: pip install -U boto3 (1.34.107 or newer).",
            )
        resource = (
            f"arn:{aws.partition}:sagemaker:{aws.region}:*:workteam/private-crowd/{self.name}"
        )
        with aws_errors("sagemaker:UpdateWorkteam", resource):
            answer = aws.client("sagemaker").update_workteam(
                WorkteamName=self.name,
                WorkerAccessConfiguration=value.to_api(),
            )
        return request_id(answer)

    def put(self, value: UrlLock, state: State) -> State:
        """Put the settings in, for the team and in the list of all teams."""

        def changed(team: Workteam) -> Workteam:
            is_ours = team.kind == "private" and team.name == self.name
            return replace(team, url_lock=value) if is_ours else team

        return replace(
            state,
            team=state.team.map(changed),
            teams=state.teams.map(lambda teams: tuple(map(changed, teams))),
        )

    def words(self, value: UrlLock, names: Sequence[str] = ()) -> str:
        """Return the settings in words."""
        del names
        return _LOCK_WORDS.get(words(value), "both on: no URL works")

    def _merge(self, before: UrlLock, after: UrlLock, now: UrlLock) -> UrlLock:
        raise Conflict(
            f"The URL lock of {self.name} has been changed since: it is {words(now)}. This change"
            f" had set it to {words(after)} from {words(before)}.",
            next_step="Plan the setting that you want: SourceIp, VpcSourceIp or off.",
            details=_three(before.settings, after.settings, now.settings),
        )


@dataclass(frozen=True, slots=True)
class WorkforcePortal(Target[Texts]):
    """``SourceIpConfig`` of the workforce. The value is its list of CIDR ranges;
    empty is open to everybody.
    """

    kind: ClassVar[TargetKind] = "portal-lock"
    title: ClassVar[str] = "Portal lock"

    def protects(self, value: Texts) -> bool:
        """Return True if there are ranges: none means everybody."""
        return bool(value)

    def from_json(self, data: object) -> Texts:
        """Read the ranges from a journal or plan; ValueError if they are not a list."""
        if not isinstance(data, list | tuple):
            raise ValueError("a portal lock has no list of CIDR ranges")
        return tuple(str(cidr) for cidr in data)

    def to_json(self, value: Texts) -> object:
        """Return the ranges as a list."""
        return list(value)

    def read(self, aws: Aws) -> Reading[Texts]:
        """Read the ranges, all other fields, and whether an update is under way."""
        force = read_workforce(aws, self.name)
        cidrs = tuple(str(cidr) for cidr in (force.get("SourceIpConfig") or {}).get("Cidrs") or ())
        rest = {
            key: value
            for key, value in force.items()
            if key != "SourceIpConfig" and key not in _VOLATILE
        }
        status = str(force.get("Status") or "Active")
        failure = str(force.get("FailureReason") or "no reason given") if status == "Failed" else ""
        return Reading(cidrs, rest, ready=status in {"Active", "Failed"}, failure=failure)

    def write(self, aws: Aws, value: Texts) -> str:
        """Send the whole list, which replaces the former one."""
        resource = (
            f"arn:{aws.partition}:sagemaker:{aws.region}:*:workforce/private-crowd/{self.name}"
        )
        with aws_errors("sagemaker:UpdateWorkforce", resource):
            answer = aws.client("sagemaker").update_workforce(
                WorkforceName=self.name, SourceIpConfig={"Cidrs": [str(cidr) for cidr in value]}
            )
        return request_id(answer)

    def put(self, value: Texts, state: State) -> State:
        """Return the state with these ranges in the portal lock."""
        return replace(
            state, workforce=state.workforce.map(lambda force: replace(force, cidrs=tuple(value)))
        )

    def words(self, value: Texts, names: Sequence[str] = ()) -> str:
        """Return the addresses that open the worker portal, in words."""
        listed = ", ".join(names or value)
        return (
            f"the worker portal opens only from {listed}"
            if listed
            else "the worker portal opens from anywhere"
        )

    def same(self, one: Texts, other: Texts) -> bool:
        """Compare as sets: the order of the ranges means nothing."""
        return set(one) == set(other)

    def _merge(self, before: Texts, after: Texts, now: Texts) -> Texts:
        """Remove our ranges and restore the former ones;
        later additions and removals by others are kept.
        """
        added = [cidr for cidr in now if cidr not in after]
        gone = {cidr for cidr in after if cidr not in now}
        merged = [cidr for cidr in before if cidr not in gone] + [
            cidr for cidr in added if cidr not in before
        ]
        # An empty list means everybody: additions and removals cannot be merged with it.
        if not before or not after or not now or not merged or len(merged) > 10:
            raise Conflict(
                f"The portal lock of workforce {self.name} has been changed since: it is"
                f" {_listed(now)}. This change had set it to {_listed(after)} from"
                f" {_listed(before)}.",
                next_step="Plan the ranges that you want.",
                details=_three(list(before), list(after), list(now)),
            )
        return tuple(merged)


TARGETS: Mapping[str, type[Target[Any]]] = {
    target.kind: target for target in (BucketGuard, TeamUrlLock, WorkforcePortal)
}
"""Targets by kind, in the order of writing: the portal lock is last,
because it can lock workers out.
"""


def request_id(answer: object) -> str:
    """Return the request id, as CloudTrail records it; empty if the response has none."""
    metadata = answer.get("ResponseMetadata") if isinstance(answer, Mapping) else None
    return str(metadata.get("RequestId") or "") if isinstance(metadata, Mapping) else ""


def _is_on(setting: object) -> bool:
    if setting not in ("Enabled", "Disabled"):
        raise ValueError(
            f"a URL lock has the setting '{str(setting)[:40]}', which is neither Enabled nor"
            " Disabled"
        )
    return setting == "Enabled"


def words(lock: UrlLock) -> str:
    """Return the settings in a word, for messages."""
    return "SourceIp and VpcSourceIp" if lock.impossible else lock.mode


_LOCK_WORDS = {
    "off": "off: a worker's URL works from any address",
    "SourceIp": (
        "a URL works only from the public address of the worker who opened the task (SourceIp)"
    ),
    "VpcSourceIp": (
        "a URL works only from the worker's address inside the VPC, through an S3 endpoint"
        " (VpcSourceIp)"
    ),
}


def _refused(bucket: str, text: str, error: InvalidInput) -> InvalidInput:
    """Return the error that names deleted principals: S3 checks all principals of a new policy,
    and names none.
    """
    if "invalid principal" not in error.message.lower():
        return error
    gone = BucketPolicy.of(text).deleted_principals
    named = f": {'; '.join(gone)}" if gone else ", which S3 does not name"
    return InvalidInput(
        f"S3 refuses the policy of {bucket}: a statement names a user or role that no longer"
        f" exists{named}.",
        next_step=(
            "Remove that principal from its statement (its id is never used again), then plan"
            " again."
        ),
        field="bucket",
        details=error.details,
    )


def _listed(cidrs: Any) -> str:
    return ", ".join(cidrs) or "open to everybody"


def _three(before: Any, after: Any, now: Any) -> Json:
    return {"before": before, "after": after, "now": now}
