"""Drift: a lock that was applied and differs now, with the person who changed it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from ..aws.client import Aws
from ..errors import GtSecureError
from ..restriction.messages import Notice, notice
from ..restriction.model import Restriction
from .change import Change, change_from_journal
from .history import lookup
from .journal import ChangeRecord, Journal

_MARGIN = dt.timedelta(seconds=2)


def drift_notices(
    aws: Aws, restriction: Restriction, changes: Iterable[Change[Any]], journal: Journal
) -> Iterator[Notice]:
    """Yield a warning for each planned change of what this restriction has set before.

    Only a change that the journal has as applied, for the same restriction, is drift. CloudTrail is read for these
    only; where it cannot be, the warning says so.
    """
    planned = list(changes)
    try:
        records = list(journal) if planned else []
    except GtSecureError:
        return
    for change in planned:
        record = _last(records, change, aws)
        if record is None or record.begin.get("restriction") != restriction.to_dict():
            continue
        if _as_applied(record, change):
            continue  # the lock is as it was left: a list that it names has other ranges now
        who = _who(aws, change, record)
        yield notice("drifted", field=change.kind, name=change.name, change=record.id, who=who)


def _last(records: list[ChangeRecord], change: Change[Any], aws: Aws) -> ChangeRecord | None:
    """Return the last change of a target, if it is applied."""
    own = [
        record
        for record in records
        if record.account_id == aws.account_id and any(_same(each, change) for each in record.changes)
    ]
    last = own[-1] if own else None
    return last if last is not None and last.kind == "apply" and last.status == "applied" else None


def _same(recorded: Any, change: Change[Any]) -> bool:
    return bool(recorded.get("kind") == change.kind and recorded.get("target") == change.name)


def _as_applied(record: ChangeRecord, change: Change[Any]) -> bool:
    [recorded] = [each for each in record.changes if _same(each, change)]
    try:
        return change.target.same(change_from_journal(recorded).after, change.before)
    except ValueError:
        return False


def _who(aws: Aws, change: Change[Any], record: ChangeRecord) -> str:
    try:
        since = dt.datetime.fromisoformat(record.started.replace("Z", "+00:00")) - _MARGIN
        entries = [
            entry
            for entry in lookup(aws, change.kind, change.name.rsplit("/", 1)[-1], since, change.region)
            if not entry.error and entry.request not in record.requests
        ]
    except (GtSecureError, ValueError) as error:
        reason = error.message if isinstance(error, GtSecureError) else "its time cannot be read"
        return f"who changed it is not known ({reason.rstrip('.')})"
    last = max(entries, key=lambda entry: entry.at, default=None)
    return last.words if last is not None else "CloudTrail has no record of the change yet, or keeps it no longer"
