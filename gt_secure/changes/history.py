"""Changes of the locks with their callers: the journal merged with the event history of CloudTrail.

CloudTrail keeps 90 days of management events in each region, and shows an event some minutes late. A call is ours if
its request id is in the journal, or if gt_secure is in its user agent. Sources: CloudTrail API Reference,
*LookupEvents*; CloudTrail User Guide, *CloudTrail record contents*.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..account.event_history import event_moment, lookup_events
from ..aws.buckets import bucket_region, check_bucket
from ..aws.client import Aws
from ..aws.teams import TeamLike, check_team_name, get_workteam, team_here
from ..errors import GtSecureError, InvalidInput
from ..logs.time_range import parse_time
from .journal import ChangeRecord, Journal

TEAM_CALLS = ("UpdateWorkteam", "CreateWorkteam", "DeleteWorkteam")
WORKFORCE_CALLS = ("UpdateWorkforce", "CreateWorkforce", "DeleteWorkforce")
BUCKET_CALLS = ("PutBucketPolicy", "DeleteBucketPolicy")
NAME_MEMBERS = {
    **dict.fromkeys(TEAM_CALLS, "workteamName"),
    **dict.fromkeys(WORKFORCE_CALLS, "workforceName"),
    **dict.fromkeys(BUCKET_CALLS, "bucketName"),
}
"""Calls that touch a lock, with the request parameter that names the resource."""
KIND_CALLS = {"url-lock": TEAM_CALLS, "portal-lock": WORKFORCE_CALLS, "bucket-guard": BUCKET_CALLS}
_NEVER = dt.datetime.fromtimestamp(0, dt.UTC)
_MARK = "gt_secure"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of a lock.

    Attributes
    ----------
    at : datetime
        In UTC.
    who : str
        The ARN of the caller.
    source : str
        The address or AWS service that called.
    operation, target : str
        The call, and the workteam, workforce or bucket.
    by_gt_secure : bool
    change_id : str
        The change of the journal, if it is ours and this journal has it.
    error : str
        The error code of a call that was refused: it changed nothing.
    user_agent, event_id, region : str
    reason : str
        Why, if this journal has it.
    recorded_by : str
        ``cloudtrail``, ``journal`` or ``both``.
    """

    at: dt.datetime
    who: str
    operation: str
    target: str
    source: str = ""
    by_gt_secure: bool = False
    change_id: str = ""
    error: str = ""
    user_agent: str = ""
    event_id: str = ""
    region: str = ""
    recorded_by: str = "cloudtrail"
    reason: str = ""

    @property
    def words(self) -> str:
        """The entry in one clause."""
        origin = f", from {self.source}" if self.source else ""
        tool = "by gt_secure" if self.by_gt_secure else "not by gt_secure"
        return f"{self.operation} by {self.who} at {self.at:%Y-%m-%d %H:%M:%S} UTC{origin}, {tool}"

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON-able data."""
        names = ("who", "source", "operation", "target", "by_gt_secure", "change_id", "error", "user_agent")
        data = {name: getattr(self, name) for name in (*names, "event_id", "region", "recorded_by", "reason")}
        return {"at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}", **data}


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources whose history is wanted; an empty name is none."""

    team: str = ""
    workforce: str = ""
    bucket: str = ""

    def has(self, operation: str, name: str) -> bool:
        """Return True if a call is about one of them."""
        wanted = {"workteamName": self.team, "workforceName": self.workforce, "bucketName": self.bucket}
        return bool(name) and wanted.get(NAME_MEMBERS.get(operation, "")) == name


def read_history(
    aws: Aws,
    team: TeamLike | None = None,
    bucket: str | None = None,
    *,
    journal: Journal,
    since: str | dt.datetime | None = "30d",
) -> tuple[list[HistoryEntry], list[str]]:
    """Return the changes of the locks of a team and a bucket, the newest first, and what could not be read.

    Raises
    ------
    InvalidInput
        If neither a team nor a bucket is given, or ``since`` is not a time.
    """
    if team is None and bucket is None:
        raise InvalidInput(
            "Neither a team nor a bucket is given.", next_step="Pass team=, bucket= or both.", field="team"
        )
    moment = parse_time(since, "since")
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=90) if moment is None else moment.replace(tzinfo=dt.UTC)
    unread: list[str] = []
    resources = _resources(aws, team, bucket, unread)
    records = [record for record in journal if record.account_id in ("", aws.account_id)]
    own = [entry for record in records for entry in _of_record(record, resources)]
    events = list(_events(aws, resources, start, unread))
    merged = merge(own, events)
    return [entry for entry in merged if entry.at >= start], unread


def _resources(aws: Aws, team: TeamLike | None, bucket: str | None, unread: list[str]) -> Resources:
    name = "" if team is None else check_team_name(team_here(aws, team))
    workforce = ""
    if name:
        try:
            workforce = get_workteam(aws, name).workforce_name or ""
        except GtSecureError as error:  # the team may be deleted: its history is still there
            unread.append(f"workteam {name}: {error.message}")
    return Resources(name, workforce, "" if bucket is None else check_bucket(bucket))


def _events(aws: Aws, resources: Resources, since: dt.datetime, unread: list[str]) -> Iterator[HistoryEntry]:
    """Yield the events of each kind of call; SageMaker's are found by name, because CloudTrail lists no resource."""
    kinds = [
        *((name, "") for name in TEAM_CALLS if resources.team),
        *((name, "") for name in WORKFORCE_CALLS if resources.workforce),
    ]
    if resources.bucket:
        try:
            region = bucket_region(aws, resources.bucket)
        except GtSecureError:
            region = aws.region
        kinds += [(name, region) for name in BUCKET_CALLS]
    for name, region in kinds:
        try:
            yield from lookup(aws, name, resources, since, region)
        except GtSecureError as error:
            unread.append(f"CloudTrail: {error.message}")
            return


def lookup(
    aws: Aws, operation: str, resources: Resources, since: dt.datetime, region: str = ""
) -> Iterator[HistoryEntry]:
    """Yield the events of one operation about the resources.

    Raises
    ------
    GtSecureError
        If CloudTrail cannot be read.
    """
    until = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    for event in lookup_events(aws, "EventName", operation, since, until, region):
        parameters = event.get("requestParameters") or {}
        target = str(parameters.get(NAME_MEMBERS[operation]) or "")
        if resources.has(operation, target):
            yield _of_event(event, target)


def _of_event(event: Mapping[str, Any], target: str) -> HistoryEntry:
    identity = event.get("userIdentity") or {}
    agent = str(event.get("userAgent") or "")
    return HistoryEntry(
        at=event_moment(str(event.get("eventTime"))) or _NEVER,
        who=str(identity.get("arn") or identity.get("invokedBy") or "unknown"),
        operation=str(event.get("eventName") or ""),
        target=target,
        source=str(event.get("sourceIPAddress") or ""),
        by_gt_secure=_MARK in agent,
        error=str(event.get("errorCode") or ""),
        user_agent=agent,
        event_id=f"{event.get('eventID') or ''} {event.get('requestID') or ''}".strip(),
        region=str(event.get("awsRegion") or ""),
    )


def _of_record(record: ChangeRecord, resources: Resources) -> Iterator[HistoryEntry]:
    """Yield the calls that a record of the journal has sent; ``event_id`` is the request id."""
    for event in record.events:
        step = event.get("step")
        if event.get("event") != "written" or not isinstance(step, int) or step >= len(record.changes):
            continue
        change = record.changes[step]
        name = str(change.get("target") or "").rsplit("/", 1)[-1]
        operations = KIND_CALLS.get(str(change.get("kind")), ())
        if operations and resources.has(operations[0], name):
            yield HistoryEntry(
                at=event_moment(str(event.get("at") or record.started)) or _NEVER,
                who=record.caller,
                operation=operations[0],
                target=name,
                by_gt_secure=True,
                change_id=record.id,
                event_id=str(event.get("request") or ""),
                region=record.region,
                recorded_by="journal",
                reason=record.reason,
            )


def merge(journal: Iterable[HistoryEntry], events: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    """Return both as one list, the newest first; an event whose request id the journal has is one entry."""
    ours = {entry.event_id: entry for entry in journal if entry.event_id}
    unnamed = [entry for entry in journal if not entry.event_id]
    merged: list[HistoryEntry] = []
    for event in events:
        identifier, _, request = event.event_id.partition(" ")
        known = ours.pop(request, None) if request else None
        plain = replace(event, event_id=identifier)
        if known is not None:
            plain = replace(
                plain, by_gt_secure=True, change_id=known.change_id, recorded_by="both", reason=known.reason
            )
        merged.append(plain)
    return sorted([*merged, *ours.values(), *unnamed], key=lambda entry: entry.at, reverse=True)
