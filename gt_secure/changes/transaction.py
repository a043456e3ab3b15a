"""One run of the engine over one journal file, its result, and writes of others that it may have overwritten."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ..account.event_history import OtherWrite, event_moment
from ..aws.client import Aws
from ..base.errors import GtSecureError
from ..base.version import __version__
from .applied import Applied, ChangeOutcome
from .change import Change
from .engine import ChangeStep, Clock, Engine
from .journal import ChangeRecord, Writer, forget_record, latest_record
from .targets import Target

_ROLLED_BACK = "The change was rolled back completely."

ROLLBACK_S = 120.0
"""Seconds that a rollback may last, independent of the deadline."""


def begin_lines(kind: str, aws: Aws, account: str, caller: str, changes: Sequence[Change[Any]]) -> dict[str, Any]:
    """Return the first line of a journal file."""
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


def run(engine: Engine, outcome: ChangeOutcome, of: str | None = None) -> Applied:
    """Carry out all changes; on any failure roll back, then raise."""
    try:
        engine.forward()
    except BaseException as error:
        begun = sorted(engine.steps)
        engine.clock = Clock(ROLLBACK_S, engine.clock.sleep, engine.clock.now)
        left = engine.back(begun)
        end(engine.writer, left.replace(" ", "-"))
        result = Applied(engine.writer.id, left, engine.all_steps(), of)
        if isinstance(error, GtSecureError):
            error.details["applied"] = result.to_dict()
            error.next_step = f"{error.next_step} {failure_summary(result)}".strip()
        else:
            error.add_note(failure_summary(result))
        raise
    problem = end(engine.writer, "applied")
    steps = look_for_others(engine)
    return Applied(engine.writer.id, outcome, steps, of, notes=(problem,) if problem else ())


def end(writer: Writer, outcome: str) -> str:
    """Write the last line of a journal file; returns the problem if that fails."""
    try:
        writer.write("end", outcome=outcome)
    except GtSecureError as error:
        # Without its end the change counts as unfinished, and recovering it finds nothing left to do.
        return f"{error.message} AWS confirmed all steps. The end of change {writer.id} is missing in the journal."
    return ""


def failure_summary(result: Applied) -> str:
    """Return a sentence about the account after a failure."""
    if result.outcome == "rolled back":
        return _ROLLED_BACK
    if result.outcome == "overtaken":
        theirs = " ".join(step.detail for step in result.steps if step.outcome == "overtaken")
        return f"The simultaneous write of somebody else stays: {theirs} Everything else was rolled back."
    doubtful = ", ".join(f"{step.kind} of {step.target}" for step in result.steps if not step.certain)
    return f"The outcome is unknown for: {doubtful}. Run 'gt-secure undo {result.id}' when AWS responds again."


class OutcomeNote:
    """Adds to an interrupt what became of the change, wherever it comes: the journal on disk knows it."""

    def __enter__(self) -> None:
        forget_record()

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error is None or isinstance(error, GtSecureError) or hasattr(error, "__notes__"):
            return
        if text := outcome_on_disk():
            error.add_note(text)


def outcome_on_disk() -> str:
    """Return a sentence about the change that this thread wrote last; empty if it has begun none."""
    record = latest_record()
    if record is None:
        return ""
    if record.status == "unfinished":
        return (
            f"Change {record.id} is unfinished: the account may hold a part of it. Run 'gt-secure undo {record.id}', "
            f"or 'gt-secure apply --resume {record.id}'."
        )
    return {
        "applied": "The change is applied." if record.kind == "apply" else "The undo is complete.",
        "rolled-back": _ROLLED_BACK,
        "overtaken": "The change was rolled back, except for a simultaneous write of somebody else.",
    }.get(record.status, f"The journal file of change {record.id} is {record.status}.")


def look_for_others(engine: Engine) -> tuple[ChangeStep, ...]:
    """Return the steps of an applied change; a step with a simultaneous write of somebody else is not certain."""
    steps = list(engine.all_steps())
    own = {write.request for write in engine.writes}
    for write in engine.writes:
        change = engine.changes[write.step]
        lost = _lost(engine.aws, engine.writer, change, write.step, write.since, datetime.now(UTC), own)
        if lost:
            steps[write.step] = replace(steps[write.step], certain=False, detail=_sentence(lost[-1], engine.writer.id))
    return tuple(steps)


def note_overwritten(
    aws: Aws, writer: Writer, record: ChangeRecord, changes: Sequence[Change[Any]], done: Applied
) -> Applied:
    """Check the time of an earlier change again: CloudTrail had not recorded it when the change ended.

    Returns the result with what the change may have overwritten; its step is then not certain.
    """
    notes, names = list(done.notes), set()
    for index, change in enumerate(changes):
        began = _times(record, "intent", index)
        wrote = _times(record, "written", index)
        if began and wrote:
            lost = _lost(aws, writer, change, index, min(began), max(wrote), record.requests)
            notes += [_sentence(one, writer.id) for one in lost]
            names |= {(change.kind, change.name) for _ in lost}
    steps = (replace(each, certain=each.certain and (each.kind, each.target) not in names) for each in done.steps)
    return replace(done, steps=tuple(steps), notes=tuple(notes))


def _times(record: ChangeRecord, name: str, step: int) -> list[datetime]:
    found = [
        event_moment(str(event.get("at")))
        for event in record.events
        if event.get("event") == name and event.get("step") == step
    ]
    return [when for when in found if when is not None]


def _lost(
    aws: Aws, writer: Writer, change: Change[Any], step: int, since: datetime, until: datetime, own: Iterable[str]
) -> list[OtherWrite]:
    target = change.target
    try:
        others = target.other_writes(aws, since, until, set(own))
    except GtSecureError as error:
        writer.note("not-asked", step=step, error=type(error).__name__, action=error.details.get("action"))
        return []
    lost = []
    # Changes of one journal follow each other, and each reads what the one before wrote.
    journal = {each for record in writer.journal for each in record.requests} if others else set()
    for other in reversed(others):  # CloudTrail lists the newest first
        if not _was_seen(target, other, change):
            lost += [other] if other.request not in journal else []
        elif target.same(other.policy_text, change.before):
            lost = []  # what was written before the value that we read was replaced by others, not by this change
    for other in lost:
        writer.note("overwritten", step=step, write=other.to_dict())
    return lost


def _was_seen(target: Target[Any], other: OtherWrite, change: Change[Any]) -> bool:
    """Return True if another write set the value that we read before ours, or our own: then it is not lost."""
    if other.policy_text is None and other.operation.startswith("Put"):
        return False
    return target.same(other.policy_text, change.before) or target.same(other.policy_text, change.after)


def _sentence(other: OtherWrite, change_id: str) -> str:
    return (
        f"{other.writer} wrote it too, at {other.at}, and this change may have overwritten that. "
        f"'gt-secure history show {change_id}' shows its text. Add the missing statements with a new plan or by hand."
    )
