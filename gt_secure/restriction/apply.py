"""Apply, undo and resume: every write goes through the journal, is read back, and can be taken back."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..aws import Aws
from ..errors import Conflict, GtSecureError, InvalidInput, NotFound
from .changes import Change
from .engine import Clock, Engine, Progress, Step
from .journal import (
    ChangeRecord,
    Writer,
    begin_change,
    continue_change,
    journal_path,
    list_changes,
    show_change,
)
from .lock import hold
from .plan import Plan
from .state import State, read_state
from .targets import target_of

Outcome: TypeAlias = Literal["nothing to do", "applied", "undone", "rolled back", "in doubt"]
Callback: TypeAlias = Callable[[Progress], None]

ROLLBACK_S = 120.0
"""Seconds that taking back may last, whatever is left of the deadline."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What has been done.

    Attributes
    ----------
    id : str
        Id in the journal; empty if there was nothing to do.
    outcome : str
        ``applied``, ``undone``, ``nothing to do``; in the details of an error also ``rolled back`` (everything is as it
        was) or ``in doubt`` (see the steps that are not certain).
    steps : tuple of Step
    of : str or None
        For an undo, the change that it took back.
    """

    id: str
    outcome: Outcome
    steps: tuple[Step, ...] = ()
    of: str | None = None

    @property
    def certain(self) -> bool:
        """Whether AWS confirmed every step."""
        return all(step.certain for step in self.steps)

    @property
    def undone(self) -> bool:
        """Whether the account is as it was before."""
        return self.outcome in {"undone", "rolled back"}

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able data."""
        return {
            "id": self.id,
            "outcome": self.outcome,
            "of": self.of,
            "certain": self.certain,
            "steps": [step.to_dict() for step in self.steps],
        }

    def to_text(self) -> str:
        """Return the result as text."""
        lines = [f"{self.outcome.capitalize()}{f' (change {self.id})' if self.id else ''}."]
        for step in self.steps:
            doubt = "" if step.certain else " - not certain"
            detail = f": {step.detail}" if step.detail else ""
            lines.append(f"  {step.kind} of {step.target}: {step.outcome}{doubt}{detail}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text()


def apply(
    aws: Aws,
    plan: Plan,
    *,
    confirm: Iterable[str] = (),
    journal_dir: str | Path | None = None,
    progress: Callback | None = None,
    timeout_s: float = 600,
) -> Applied:
    """Carry out a plan: re-read, compare, write, read back; at a failure take everything back in reverse.

    Parameters
    ----------
    aws : Aws
    plan : Plan
    confirm : iterable of str
        Codes of the blockers that the person has accepted.
    journal_dir : str or Path, optional
        Where the journal is; ``GT_SECURE_JOURNAL`` or ``~/.gt_secure/journal`` otherwise.
    progress : callable, optional
        Called with :class:`Progress`; an exception from it cancels, and what was done is taken back.
    timeout_s : float
        Deadline for all of it, in seconds. Taking back has its own.

    Raises
    ------
    InvalidInput
        If a blocker is not confirmed.
    Conflict
        If something moved since the plan, or another change holds the lock or was interrupted.
    GtSecureError
        If a step failed; ``details["applied"]`` says what is certain. The account is as before unless it says so.
    """
    _check_confirmed(plan, confirm)
    if plan.empty:
        return Applied("", "nothing to do")
    directory = journal_path(journal_dir)
    scope = f"{plan.state.account_id}-{plan.state.region}"
    with hold(directory, scope, f"apply by {plan.state.caller_arn}"):
        _refuse_unfinished(directory, plan.state.account_id, plan.state.region)
        _check_same_account(aws, plan.state)
        compare(plan.state, read_state(aws, plan.restriction))
        writer = begin_change(
            directory,
            _begin("apply", aws, plan.state.account_id, plan.state.caller_arn, plan.changes)
            | {"restriction": plan.restriction.to_dict(), "confirmed": sorted(set(confirm))},
        )
        return _run(Engine(aws, writer, plan.changes, Clock(timeout_s), progress), "applied")


def _check_confirmed(plan: Plan, confirm: Iterable[str]) -> None:
    codes = {confirm} if isinstance(confirm, str) else set(confirm)
    known = {notice.code for notice in plan.blockers}
    broken = [notice for notice in plan.blockers if not notice.confirmable]
    if broken:
        raise InvalidInput(
            f"This plan does not apply: {broken[0].text}",
            next_step=broken[0].fix,
            field=broken[0].field,
            details={"blockers": [notice.to_dict() for notice in plan.blockers]},
        )
    if plan.empty:
        return
    missing = [notice for notice in plan.blockers if notice.code not in codes]
    if missing:
        raise InvalidInput(
            f"This plan is stopped: {missing[0].text}",
            next_step=f"{missing[0].fix} To apply all the same, confirm “{missing[0].code}”.".strip(),
            field="confirm",
            details={"blockers": [notice.to_dict() for notice in missing]},
        )
    unknown = sorted(codes - known)
    if unknown:
        raise InvalidInput(
            f"“{unknown[0][:60]}” is no blocker of this plan.",
            next_step=f"It has: {', '.join(sorted(known)) or 'none'}.",
            field="confirm",
            value=unknown[0],
        )


def _check_same_account(aws: Aws, state: State) -> None:
    identity = aws.identity()
    if (identity.account_id, aws.region) != (state.account_id, state.region):
        raise Conflict(
            f"The plan was made for account {state.account_id} in {state.region}; this connection is to "
            f"{identity.account_id} in {aws.region}.",
            next_step="Plan again with this connection.",
        )


def _refuse_unfinished(directory: Path, account: str, region: str) -> None:
    for record in list_changes(directory):
        if record.status == "unfinished" and (record.account_id, record.region) == (account, region):
            raise Conflict(
                f"Change {record.id} was interrupted, and is neither done nor taken back.",
                next_step=f"Run “gt-secure undo {record.id}” (or “gt-secure apply --resume {record.id}”) first.",
                details={"change": record.id},
            )


def compare(plan: State, fresh: State) -> None:
    """Raise Conflict with the three-way difference if something that the plan saw has moved."""
    moved: dict[str, Any] = {}
    for part in ("team", "workforce", "policy"):
        seen, now = _steady(plan.raw.get(part)), _steady(fresh.raw.get(part))
        if seen != now:
            moved[part] = {"seen": _json(seen), "now": _json(now)}
    seen_teams, now_teams = sorted(t.arn for t in plan.other_teams), sorted(t.arn for t in fresh.other_teams)
    if seen_teams != now_teams:
        moved["workteams"] = {"seen": seen_teams, "now": now_teams}
    if moved:
        raise Conflict(
            f"Since the plan was made, somebody has changed: {', '.join(sorted(moved))}.",
            next_step="Plan again: the new plan starts from what is there now. Nothing was changed.",
            details={"moved": moved},
        )


def _steady(part: Any) -> Any:
    return (
        {key: part[key] for key in part if key not in {"Status", "FailureReason"}} if isinstance(part, dict) else part
    )


def _json(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {str(key): _json(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_json(value) for value in part]
    return part if part is None or isinstance(part, str | int | float | bool) else str(part)


def _begin(kind: str, aws: Aws, account: str, caller: str, changes: Sequence[Change]) -> dict[str, Any]:
    from .. import __version__

    return {
        "kind": kind,
        "account": account,
        "region": aws.region,
        "endpoint": aws.endpoint_url,
        "caller": caller,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "tool": f"gt_secure {__version__}",
        "changes": [change.for_journal() for change in changes],
    }


def _run(engine: Engine, outcome: Outcome, of: str | None = None) -> Applied:
    """Carry out all changes; at any failure take back what was begun, then raise."""
    try:
        engine.forward()
    except BaseException as error:
        begun = sorted(engine.steps)
        engine.clock = Clock(ROLLBACK_S, engine.clock.sleep, engine.clock.now)
        sure = engine.back(begun)
        _end(engine.writer, "rolled-back" if sure else "in-doubt")
        result = Applied(engine.writer.id, "rolled back" if sure else "in doubt", engine.all_steps(), of)
        if isinstance(error, GtSecureError):
            error.details["applied"] = result.to_dict()
            error.next_step = f"{error.next_step} {_said(result)}".strip()
        raise
    _end(engine.writer, "applied")
    return Applied(engine.writer.id, outcome, engine.all_steps(), of)


def _end(writer: Writer, outcome: str) -> None:
    try:
        writer.write("end", outcome=outcome)
    except OSError:
        pass  # without its end the change counts as unfinished, and recovering it finds nothing left to do


def _said(result: Applied) -> str:
    if result.outcome == "rolled back":
        return "Everything is as it was before."
    doubtful = ", ".join(f"{step.kind} of {step.target}" for step in result.steps if not step.certain)
    return f"Not certain: {doubtful}. Run “gt-secure undo {result.id}” when AWS answers again."


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
        _refuse_unfinished(directory, aws.account_id, aws.region)
        if record.status in {"undone", "rolled-back"} or not record.changes:
            return Applied("", "nothing to do", of=record.id)
        changes = _backwards(aws, record)
        begin = _begin("undo", aws, aws.account_id, aws.caller_arn, changes) | {"of": record.id}
        writer = begin_change(directory, begin)
        return _run(Engine(aws, writer, changes, Clock(timeout_s), progress), "undone", record.id)


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
    engine = Engine(aws, writer, changes, clock, progress)
    writer.write("recover", do="forward" if forward else "back", caller=aws.caller_arn, pid=os.getpid())
    done: Outcome = "undone" if record.kind == "undo" else "applied"
    if forward:
        return _run(engine, done, record.of)
    begun = sorted({int(event["step"]) for event in record.events if event.get("event") == "intent"})
    sure = engine.back(begun)
    _end(writer, "rolled-back" if sure else "in-doubt")
    result = Applied(record.id, "rolled back" if sure else "in doubt", engine.all_steps(), record.of)
    if not sure:
        raise Conflict(
            f"Change {record.id} could not be taken back completely.",
            next_step=_said(result),
            details={"applied": result.to_dict()},
        )
    return result
