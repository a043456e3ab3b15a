"""Changes of the locks with their callers: the journal merged with the event history of CloudTrail;
and drift.

CloudTrail keeps 90 days of management events in each region, and shows an event some minutes late.
A call is ours if its request id is in the journal, or if gt_secure is in its user agent. Sources:
CloudTrail API Reference, *LookupEvents*; CloudTrail User Guide, *CloudTrail record contents*.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from ..account.event_history import event_moment, lookup_events
from ..account.lists import with_lists
from ..account.state import State
from ..aws.buckets import bucket_region, whole_bucket
from ..aws.client import Aws
from ..aws.teams import TeamLike, check_team_name, get_workteam, team_here
from ..base.errors import GtSecureError, InvalidInput, PolicyError
from ..base.text import Json, JsonLike, members
from ..engine.policies.bucket_guard import covered_prefixes
from ..engine.policies.bucket_policy import BucketPolicy
from ..engine.policies.equivalence import policies_equal
from ..logs.time_range import TimeLike, parse_time
from ..restriction.messages import Notice, notice
from ..restriction.model import Restriction
from .case import Case, on_change
from .change import Change, change_from_journal, is_change_of
from .journal import ChangeRecord, Journal
from .targets import BucketGuard

KIND_CALLS = {
    "url-lock": ("UpdateWorkteam", "CreateWorkteam", "DeleteWorkteam"),
    "portal-lock": ("UpdateWorkforce", "CreateWorkforce", "DeleteWorkforce"),
    "bucket-guard": ("PutBucketPolicy", "DeleteBucketPolicy"),
}
"""Calls that touch a lock; the first is the one that we make."""
NAME_MEMBERS = {
    "url-lock": "workteamName",
    "portal-lock": "workforceName",
    "bucket-guard": "bucketName",
}
"""Request parameters of these calls that name the resource."""
_NEVER = dt.datetime.fromtimestamp(0, dt.UTC)
_MARK = "gt_secure"
_MEMBERS = {
    "operation": "eventName",
    "source": "sourceIPAddress",
    "error": "errorCode",
    "user_agent": "userAgent",
    "event_id": "eventID",
    "region": "awsRegion",
    "request": "requestID",
}
"""Members of an entry, and those of an event of CloudTrail that they come from."""
_DOCUMENT = (
    "who",
    "source",
    "operation",
    "target",
    "by_gt_secure",
    "change_id",
    "error",
    "user_agent",
    "event_id",
    "region",
    "recorded_by",
    "reason",
)
_FORMER = {"max_age": "age_limit"}
"""Fields of restrictions in older entries of a journal, and their present names."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of a lock, in UTC, by the ARN ``who``, from the address or AWS service ``source``.

    A call with an ``error`` was refused: it changed nothing. ``change_id`` and ``reason`` are those
    of the journal, if it has the change; ``recorded_by`` is ``cloudtrail``, ``journal`` or, with
    the same ``request``, ``both``.
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
    request: str = ""

    @property
    def words(self) -> str:
        """The entry as one sentence: operation, person, time, address and tool."""
        origin = f", from {self.source}" if self.source else ""
        tool = "by gt_secure" if self.by_gt_secure else "not by gt_secure"
        return f"{self.operation} by {self.who} at {self.at:%Y-%m-%d %H:%M:%S} UTC{origin}, {tool}"

    def to_dict(self) -> Json:
        """Return the entry as JSON-able data."""
        return {"at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}", **members(self, *_DOCUMENT)}


def read_history(
    aws: Aws,
    team: TeamLike | None = None,
    bucket: str | None = None,
    *,
    journal: Journal,
    since: TimeLike | None = "30d",
) -> tuple[list[HistoryEntry], list[str]]:
    """Return the changes of the locks of a team and a bucket, the newest first,
    and what could not be read.
    """
    if team is None and bucket is None:
        raise InvalidInput(
            "Neither a team nor a bucket is given.",
            next_step="Pass team=, bucket= or both.",
            field="team",
        )
    moment = parse_time(since, "since")
    start = (
        dt.datetime.now(dt.UTC) - dt.timedelta(days=90)
        if moment is None
        else moment.replace(tzinfo=dt.UTC)
    )
    unread: list[str] = []
    locks = dict(_locks(aws, team, bucket, unread))
    records = [record for record in journal if record.account_id in ("", aws.account_id)]
    own = [entry for record in records for entry in _of_record(record, locks)]
    merged = merge(own, list(_events(aws, locks, start, unread)))
    return [entry for entry in merged if entry.at >= start], unread


def _locks(
    aws: Aws, team: TeamLike | None, bucket: str | None, unread: list[str]
) -> Iterator[tuple[str, str]]:
    """Yield the kind of each lock whose history is wanted, and the resource that carries it."""
    if team is not None:
        name = check_team_name(team_here(aws, team))
        yield "url-lock", name
        try:
            yield "portal-lock", get_workteam(aws, name).workforce_name or ""
        except GtSecureError as error:  # the team may be deleted: its history is still there
            unread.append(f"workteam {name}: {error.message}")
    if bucket is not None:
        yield "bucket-guard", whole_bucket(bucket)


def _events(
    aws: Aws, locks: Mapping[str, str], since: dt.datetime, unread: list[str]
) -> Iterator[HistoryEntry]:
    for kind, name in locks.items():
        region = ""
        if kind == "bucket-guard":
            with contextlib.suppress(GtSecureError):
                region = bucket_region(aws, name)
        try:
            yield from lookup(aws, kind, name, since, region)
        except GtSecureError as error:
            unread.append(f"CloudTrail: {error.message}")
            return


def lookup(
    aws: Aws, kind: str, name: str, since: dt.datetime, region: str = ""
) -> Iterator[HistoryEntry]:
    """Yield the events of the calls that touch a lock; raises GtSecureError if CloudTrail cannot be
    read.

    They are found by the name of the call: CloudTrail lists no resource for those of SageMaker.
    """
    until = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    for operation in KIND_CALLS[kind] if name else ():
        for event in lookup_events(aws, "EventName", operation, since, until, region):
            if (event.get("requestParameters") or {}).get(NAME_MEMBERS[kind]) == name:
                yield _of_event(event, name)


def _of_event(event: JsonLike, target: str) -> HistoryEntry:
    identity = event.get("userIdentity") or {}
    named = {name: str(event.get(member) or "") for name, member in _MEMBERS.items()}
    return HistoryEntry(
        at=event_moment(str(event.get("eventTime"))) or _NEVER,
        who=str(identity.get("arn") or identity.get("invokedBy") or "unknown"),
        target=target,
        by_gt_secure=_MARK in named["user_agent"],
        **named,
    )


def _of_record(record: ChangeRecord, locks: Mapping[str, str]) -> Iterator[HistoryEntry]:
    """Yield the calls that a record of the journal has sent; ``event_id`` is the request id."""
    for event in record.named("written"):
        step = event.get("step")
        if not isinstance(step, int) or step >= len(record.changes):
            continue
        change = record.changes[step]
        kind, name = str(change.get("kind")), str(change.get("target") or "").rsplit("/", 1)[-1]
        if name and locks.get(kind) == name:
            request = str(event.get("request") or "")
            yield HistoryEntry(
                at=event_moment(str(event.get("at") or record.started)) or _NEVER,
                who=record.caller,
                operation=KIND_CALLS[kind][0],
                target=name,
                by_gt_secure=True,
                change_id=record.id,
                event_id=request,
                request=request,
                region=record.region,
                recorded_by="journal",
                reason=record.reason,
            )


def merge(journal: Iterable[HistoryEntry], events: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    """Return both as one list, the newest first;
    an event whose request id the journal has is one entry.

    Our own entries have the order of their changes, whatever the clocks showed.
    """
    ours = {entry.request: entry for entry in journal if entry.request}
    unnamed = [entry for entry in journal if not entry.request]
    merged = []
    for event in events:
        known = ours.pop(event.request, None)
        if known is not None:
            event = replace(
                event,
                by_gt_secure=True,
                change_id=known.change_id,
                recorded_by="both",
                reason=known.reason,
            )
        merged.append(event)
    merged = sorted([*merged, *ours.values(), *unnamed], key=attrgetter("at"), reverse=True)
    changes = [entry for entry in merged if entry.change_id]
    own = iter(sorted(changes, key=attrgetter("change_id"), reverse=True))
    return [next(own) if entry.change_id else entry for entry in merged]


_MARGIN = dt.timedelta(seconds=2)


@on_change()
def drift(case: Case) -> Iterator[Notice]:
    """Yield a warning for each planned change of what this restriction has set before.

    Only a change that the journal has as applied, for the same restriction, is drift. CloudTrail is
    read for these only; where it cannot be, the warning says so.
    """
    restriction = case.restriction
    try:
        records = list(case.journal) if case.journal is not None and case.changes else []
    except GtSecureError:
        return
    for change in case.changes:
        record = _last(records, change, case.aws, restriction.prefix)
        if record is None or record.begin.get("restriction") != restriction.to_dict():
            continue
        if _as_applied(record, change, restriction.prefix):
            continue  # the lock is as it was left: a list that it names has other ranges now
        who = _who(case.aws, change, record)
        yield notice(
            "drifted",
            field=change.kind,
            about=[change.name],
            name=change.name,
            change=record.id,
            who=who,
        )


def _last(
    records: list[ChangeRecord], change: Change[Any], aws: Aws, prefix: str
) -> ChangeRecord | None:
    """Return the last change of a target, and of the guard of a prefix, if it is applied."""
    own = [
        record
        for record in records
        if record.account_id == aws.account_id
        and any(_touches(each, change, prefix) for each in record.changes)
    ]
    last = own[-1] if own else None
    return last if last is not None and last.kind == "apply" and last.status == "applied" else None


def _same(recorded: JsonLike, change: Change[Any]) -> bool:
    return (recorded.get("kind"), recorded.get("target")) == (change.kind, change.name)


def _touches(recorded: JsonLike, change: Change[Any], prefix: str) -> bool:
    """Return whether a recorded change is of the same target, and of a bucket policy:
    of the guard of a prefix.
    """
    before, after = (_own_part(recorded.get(name), prefix) for name in ("before_raw", "after_raw"))
    return _same(recorded, change) and not (
        is_change_of(change, BucketGuard) and policies_equal(before, after)
    )


def _own_part(policy: object, prefix: str) -> str:
    """Return our statements for a prefix, as a policy to compare;
    empty if the text is not valid.
    """
    try:
        own = BucketPolicy.of(policy).own
    except PolicyError:
        return ""
    return json.dumps(
        {"Statement": [each for each in own.values() if prefix in covered_prefixes(each)]}
    )


def _as_applied(record: ChangeRecord, change: Change[Any], prefix: str) -> bool:
    [recorded] = [each for each in record.changes if _same(each, change)]
    try:
        after = change_from_journal(recorded).after
    except ValueError:
        return False
    if is_change_of(change, BucketGuard):
        return policies_equal(_own_part(after, prefix), _own_part(change.before, prefix))
    return change.target.same(after, change.before)


def _who(aws: Aws, change: Change[Any], record: ChangeRecord) -> str:
    try:
        since = dt.datetime.fromisoformat(record.started.replace("Z", "+00:00")) - _MARGIN
        entries = [
            entry
            for entry in lookup(
                aws, change.kind, change.name.rsplit("/", 1)[-1], since, change.region
            )
            if not entry.error and entry.request not in record.requests
        ]
    except (GtSecureError, ValueError) as error:
        reason = error.message if isinstance(error, GtSecureError) else "its time cannot be read"
        return f"who changed it is not known ({reason.rstrip('.')})"
    last = max(entries, key=lambda entry: entry.at, default=None)
    return (
        last.words
        if last is not None
        else "CloudTrail has no record of the change yet, or keeps it no longer"
    )


def wishes_of(
    journal: Journal, account_id: str, region: str
) -> Iterator[tuple[ChangeRecord, Restriction]]:
    """Yield each change in an account that a restriction asked for, the newest first;
    with a team, of its region.
    """
    for record in reversed(list(journal)):
        data = record.begin.get("restriction")
        if record.account_id == account_id and isinstance(data, dict):
            try:
                restriction = Restriction.from_dict(
                    {_FORMER.get(str(name), str(name)): value for name, value in data.items()}
                )
            except GtSecureError:
                continue  # a newer version wrote it
            if restriction.team is None or record.region == region:
                yield record, restriction


def wanted_on(aws: Aws, journal: Journal, state: State) -> tuple[Restriction, ...]:
    """Return the restrictions whose guards are applied to the bucket of a state: the newest one for
    each prefix.

    A guard that a later change removed is not wanted any more. Their lists have their ranges of
    now. Where these cannot be read, ``managed`` is empty.
    """
    newest, ended = dict[str, Restriction](), set[str]()
    for record, restriction in _on_bucket(journal, state):
        if restriction.guard and restriction.prefix not in ended:
            newest.setdefault(restriction.prefix, restriction)
        for each in record.changes:
            before, after = (
                {guard.prefix for guard in BucketPolicy.if_valid(each.get(name)).guards}
                for name in ("before_raw", "after_raw")
            )
            ended |= before - after
    return tuple(_with_ranges(aws, restriction) for restriction in newest.values())


def with_wishes(aws: Aws | None, journal: Journal, state: State) -> State:
    """Return a state whose other teams have the restriction that was last applied to
    the bucket for each.
    """
    newest = dict[str | None, Restriction]()
    for _, restriction in _on_bucket(journal, state):
        newest.setdefault(restriction.team, restriction)
    kept = {
        team: _with_ranges(aws, restriction)
        for team, restriction in newest.items()
        if restriction.guard
    }
    teams = (
        replace(each, wish=kept.get(each.team.name, kept.get(each.team.arn)))
        for each in state.others
    )
    return replace(state, others=tuple(teams))


def _on_bucket(journal: Journal, state: State) -> Iterator[tuple[ChangeRecord, Restriction]]:
    """Yield the restrictions of guards of a bucket that are applied, each with its change,
    the newest first.
    """
    if state.bucket is not None:
        for record, restriction in wishes_of(journal, state.account_id, state.bucket.region):
            if (
                record.status == "applied"
                and restriction.bucket == state.bucket.name
                and restriction.guard is not None
            ):
                yield record, restriction


def _with_ranges(aws: Aws | None, restriction: Restriction) -> Restriction:
    try:
        return restriction if aws is None else with_lists(aws, restriction)
    except GtSecureError:
        return restriction
