"""Record and name writes of others at the time of a change that the change may have overwritten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ..account.event_history import OtherWrite, event_moment
from ..aws.client import Aws
from ..errors import GtSecureError
from .change import Change
from .engine import ChangeStep, Engine
from .journal import ChangeRecord, Writer
from .targets import Target


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


def note_overwritten(aws: Aws, writer: Writer, record: ChangeRecord, changes: Sequence[Change[Any]]) -> tuple[str, ...]:
    """Check the time of an earlier change again: CloudTrail had not recorded it when the change ended."""
    notes = []
    for index, change in enumerate(changes):
        began = _times(record, "intent", index)
        wrote = _times(record, "written", index)
        if began and wrote:
            lost = _lost(aws, writer, change, index, min(began), max(wrote), record.requests)
            notes += [_sentence(one, writer.id) for one in lost]
    return tuple(notes)


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
        _note(writer, "not-asked", step=step, error=type(error).__name__, action=error.details.get("action"))
        return []
    lost: list[OtherWrite] = []
    # Changes of one journal follow each other, and each reads what the one before wrote.
    journal = {each for record in writer.journal for each in record.requests} if others else set()
    for other in reversed(others):  # CloudTrail lists the newest first
        if not _was_seen(target, other, change):
            lost += [other] if other.request not in journal else []
        elif target.same(other.policy_text, change.before):
            lost = []  # what was written before the value that we read was replaced by others, not by this change
    for other in lost:
        _note(writer, "overwritten", step=step, write=other.to_dict())
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


def _note(writer: Writer, event: str, **data: Any) -> None:
    try:
        writer.write(event, **data)
    except GtSecureError:
        pass  # the message is still shown
