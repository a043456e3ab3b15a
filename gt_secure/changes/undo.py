"""Undo and resume, from any process that sees the journal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..aws.client import Aws
from ..errors import Conflict, NotFound
from .apply import refuse_unfinished
from .change import Change
from .engine import Clock, Engine
from .journal import ChangeRecord, begin_change, continue_change, journal_path, list_changes, show_change
from .lock import hold
from .targets import target_of
from .transaction import Applied, Callback, Outcome, begin_lines, end, run, said


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What an undo would do: the changes, from what is now back to what was before."""

    record: ChangeRecord
    changes: tuple[Change, ...]

    @property
    def empty(self) -> bool:
        """Whether everything is as it was already."""
        return not self.changes


def plan_undo(aws: Aws, change_id: str | None = None, *, journal_dir: str | Path | None = None) -> UndoPlan:
    """Work out what undoing a change would do, three-way: what others changed since stays. Reads only.

    Parameters
    ----------
    change_id : str, optional
        A change of the journal, or the beginning of its id; the last one of this account and region otherwise.

    Raises
    ------
    Conflict
        If somebody has changed the very thing since; the details hold before, after and now.
    """
    record = _record(aws, change_id, journal_path(journal_dir))
    return UndoPlan(record, _backwards(aws, record))


def _backwards(aws: Aws, record: ChangeRecord) -> tuple[Change, ...]:
    found: list[Change] = []
    for data in reversed(record.changes):
        change = Change.from_journal(data)
        target = target_of(change)
        now = target.read(aws).value
        goal = target.merge(change.before_raw, change.after_raw, now)
        if target.same(now, goal) and now == goal:
            continue
        text = change.after if target.same(now, change.after_raw) else f"{change.after} (edited since)"
        found.append(Change(change.kind, change.target, text, change.before, now, goal, region=change.region))
    return tuple(found)


def _record(aws: Aws, change_id: str | None, directory: Path) -> ChangeRecord:
    where = (aws.account_id, aws.region)
    if change_id is None:
        mine = [one for one in list_changes(directory) if (one.account_id, one.region) == where]
        open_ones = [one for one in mine if one.status == "unfinished"]
        usable = open_ones or [one for one in mine if one.status == "applied" and one.kind == "apply"]
        if not usable:
            raise NotFound(
                f"The journal in {directory} has no change of account {where[0]} in {where[1]} to undo.",
                next_step="“gt-secure journal” lists what is in it; --journal names another directory.",
            )
        return usable[-1]
    record = show_change(change_id, directory)
    if (record.account_id, record.region) != where and record.begin:
        raise Conflict(
            f"Change {record.id} was made in account {record.account_id}, {record.region}; this connection is to "
            f"{where[0]}, {where[1]}.",
            next_step="Connect there.",
        )
    if record.status == "damaged":
        raise Conflict(
            f"The journal file of change {record.id} does not hold together: {'; '.join(record.problems)}.",
            next_step="It is not used for undo. Look at the file and set the account right by a new plan.",
        )
    return record


def undo(
    aws: Aws,
    change_id: str | None = None,
    *,
    journal_dir: str | Path | None = None,
    progress: Callback | None = None,
    timeout_s: float = 600,
) -> Applied:
    """Take a change back, three-way: what others changed since stays.

    An interrupted change is taken back too, from any process that sees the journal; an interrupted undo is completed.

    Raises
    ------
    Conflict
        If somebody has changed the very thing since, or another change holds the lock.
    NotFound
        If the journal has no such change.
    """
    directory = journal_path(journal_dir)
    with hold(directory, f"{aws.account_id}-{aws.region}", f"undo by {aws.caller_arn}"):
        record = _record(aws, change_id, directory)
        if record.status == "unfinished":
            return _recover(aws, record, directory, Clock(timeout_s), progress, forward=record.kind == "undo")
        half = _unfinished_undo(directory, record)
        if half is not None:
            return _recover(aws, half, directory, Clock(timeout_s), progress, forward=True)
        refuse_unfinished(directory, aws.account_id, aws.region)
        if record.status in {"undone", "rolled-back"} or not record.changes:
            return Applied("", "nothing to do", of=record.id)
        changes = _backwards(aws, record)
        begin = begin_lines("undo", aws, aws.account_id, aws.caller_arn, changes) | {"of": record.id}
        writer = begin_change(directory, begin)
        return run(Engine(aws, writer, changes, Clock(timeout_s), progress), "undone", record.id)


def _unfinished_undo(directory: Path, record: ChangeRecord) -> ChangeRecord | None:
    return next(
        (one for one in list_changes(directory) if one.of == record.id and one.status == "unfinished"),
        None,
    )


def resume(
    aws: Aws,
    change_id: str | None = None,
    *,
    journal_dir: str | Path | None = None,
    progress: Callback | None = None,
    timeout_s: float = 600,
) -> Applied:
    """Complete an interrupted change, from any process that sees the journal; a finished one needs nothing."""
    directory = journal_path(journal_dir)
    with hold(directory, f"{aws.account_id}-{aws.region}", f"resume by {aws.caller_arn}"):
        record = _record(aws, change_id, directory)
        if record.status != "unfinished":
            return Applied("", "nothing to do", of=record.id)
        return _recover(aws, record, directory, Clock(timeout_s), progress, forward=True)


def _recover(
    aws: Aws, record: ChangeRecord, directory: Path, clock: Clock, progress: Callback | None, *, forward: bool
) -> Applied:
    writer = continue_change(directory, record)
    changes = [Change.from_journal(data) for data in record.changes]
    engine = Engine(aws, writer, changes, clock, progress, fresh=False)
    writer.write("recover", do="forward" if forward else "back", caller=aws.caller_arn, pid=os.getpid())
    done: Outcome = "undone" if record.kind == "undo" else "applied"
    if forward:
        return run(engine, done, record.of)
    begun = sorted({int(event["step"]) for event in record.events if event.get("event") == "intent"})
    left = engine.back(begun)
    end(writer, left.replace(" ", "-"))
    result = Applied(record.id, left, engine.all_steps(), record.of)
    if left != "rolled back":
        raise Conflict(
            f"Change {record.id} could not be taken back completely.",
            next_step=said(result),
            details={"applied": result.to_dict()},
        )
    return result
