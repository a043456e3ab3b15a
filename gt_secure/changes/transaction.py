"""One run of the engine over one journal file, its result,
and writes of others that it may have overwritten.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from weakref import WeakSet

from ..account.event_history import OtherWrite, event_moment
from ..aws.client import Aws
from ..base.errors import GtSecureError
from ..base.text import Json, JsonLike, Texts
from ..base.version import __version__
from ..check.ledger import ALL, WROTE, record, recorded_place
from .applied import (
    NO_END,
    NOT_ASKED,
    Applied,
    ChangeOutcome,
    failure_summary,
    overwritten_words,
    recorded_words,
)
from .change import Change, change_from_journal
from .engine import ChangeStep, Clock, Engine
from .journal import ChangeRecord, Writer, forget_record, latest_record, scrub

_SOMEBODY = "Somebody else"

ROLLBACK_S = 120.0
"""Seconds that a rollback may last, independent of the deadline."""


WATCHERS: WeakSet[Any] = WeakSet()
"""Those whose ``changed()`` is called after each change of this process, such as panels."""


def begin_lines(
    kind: str, aws: Aws, account: str, caller: str, changes: Sequence[Change[Any]]
) -> Json:
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
        result = roll_back(engine, begun, of)
        if isinstance(error, GtSecureError):
            error.details["applied"] = result.to_dict()
            error.next_step = f"{error.next_step} {failure_summary(result)}".strip()
        else:
            error.add_note(failure_summary(result))
        raise
    return way_out(engine, outcome, of)


def roll_back(engine: Engine, begun: Sequence[int], of: str | None) -> Applied:
    """Roll back the changes that have begun, and return what remains. Raises nothing:
    another error is under way.
    """
    return way_out(engine, engine.back(begun), of)


def way_out(engine: Engine, outcome: ChangeOutcome, of: str | None) -> Applied:
    """End a change, however it went: every result of a write comes from here.

    What others have written is compared with what is there now. An undo compares it for the change
    that it reverts, too: CloudTrail had not recorded everything when that ended.
    """
    aws, writer = engine.aws, engine.writer
    has_failed = outcome not in ("applied", "undone")
    notes: Texts = ()
    try:
        writer.write("end", outcome=outcome.replace(" ", "-") if has_failed else "applied")
    except GtSecureError as error:
        # Without its end the change counts as unfinished, and recovering it finds nothing left to
        # do.
        notes = () if has_failed else (NO_END.format(error.message, writer.id),)
    result = Applied(writer.id, outcome, engine.all_steps(), of, notes=notes)
    names = [ALL if each.kind == "portal-lock" else each.name for each in engine.changes]
    record(outcome.replace(" ", "_"), " ".join(names), WROTE, recorded_place(aws))
    for each in tuple(WATCHERS):
        with suppress(Exception):  # it is told, and has no say
            each.changed()
    result = note_overwritten(aws, writer, writer.id, engine.changes, result, engine)
    if outcome == "undone" and of is not None:
        with suppress(Exception):  # the journal says that it was not asked
            changes = [change_from_journal(each) for each in writer.journal.find(of).changes]
            result = note_overwritten(aws, writer, of, changes, result)
    return result


class OutcomeNote:
    """Adds to an interrupt what became of the change, wherever it comes:
    the journal on disk knows it.
    """

    def __enter__(self) -> None:
        forget_record()

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error is None or isinstance(error, GtSecureError) or hasattr(error, "__notes__"):
            return
        if text := outcome_on_disk():
            error.add_note(text)


def outcome_on_disk() -> str:
    """Return a sentence about the change that this thread wrote last;
    empty if it has begun none.
    """
    record = latest_record()
    if record is None:
        return ""
    return recorded_words(record)


def note_overwritten(
    aws: Aws,
    writer: Writer,
    change_id: str,
    changes: Sequence[Change[Any]],
    done: Applied,
    engine: Engine | None = None,
) -> Applied:
    """Return a result with what a change may have overwritten; its step is then not certain.

    Every text that a reading has shown is compared with the last one, and so is each write that
    CloudTrail has recorded. ``engine`` knows what was sent, and waits for readings that agree.
    """
    record = writer.journal.find(change_id)
    notes, names = list(done.notes), set[tuple[str, str]]()
    has_failed = done.outcome not in ("applied", "undone")
    stopped = BaseException if has_failed else GtSecureError
    for index, change in enumerate(changes):
        began = _times(record, "intent", index)
        if not began or (engine is not None and index not in engine.sent):
            continue
        # An answer that was lost, or a process that ended, leaves no other trace of a write.
        wrote = _times(record, "written", index) or [
            *_times(record, "failed", index),
            *_times(record, "recover", None),
        ]
        lost = list[OtherWrite]()
        try:
            lost += _unkept(aws, writer, record, change, index, engine, stopped)
            if wrote:
                until = max(wrote)
                lost += _lost(aws, writer, change, index, min(began), until, record.requests)
        except BaseException as error:
            if not has_failed and not isinstance(error, Exception):
                raise
            # the journal says that it was not asked
            notes += [NOT_ASKED] if has_failed and NOT_ASKED not in notes else []
        for each in lost:
            writer.note("overwritten", step=index, write=each.to_dict())
            notes.append(overwritten_words(each.writer, each.at, writer.id, done.outcome))
            names.add((change.kind, change.name))
    return replace(done, steps=_doubted(done.steps, names), notes=tuple(notes))


def _doubted(steps: Iterable[ChangeStep], names: set[tuple[str, str]]) -> tuple[ChangeStep, ...]:
    """Return steps of which those of some targets, by kind and name, are not certain."""
    others = names - {(each.kind, each.target) for each in steps}
    return (
        *(
            replace(each, certain=each.certain and (each.kind, each.target) not in names)
            for each in steps
        ),
        # an undo that had nothing to write has no step
        *(ChangeStep(*each, "unchanged", certain=False) for each in sorted(others)),
    )


def _unkept(
    aws: Aws,
    writer: Writer,
    record: ChangeRecord,
    change: Change[Any],
    step: int,
    engine: Engine | None,
    stopped: type[BaseException],
) -> list[OtherWrite]:
    """Return what others had written, as a reading showed, unless it is there now."""
    target = change.target
    if not _events(record, "seen", step):
        return []
    known = [change.before, change.after]
    with suppress(stopped):
        known.append(target.read(aws).value if engine is None else engine.last(step))
    # the last readings count too
    shown = _events(writer.journal.find(record.id), "seen", step)
    former = [
        target.from_json(one.get(name))
        for each in writer.journal
        for one in each.changes
        if (one.get("kind"), one.get("target")) == (change.kind, change.name)
        for name in ("before_raw", "after_raw")
    ]
    lost = {
        target.missing(target.from_json(each["value"]), known, former): str(each.get("at"))
        for each in shown
    }
    return [OtherWrite(at, _SOMEBODY, "", "", text) for text, at in lost.items() if text]


def _events(record: ChangeRecord, name: str, step: int | None) -> list[JsonLike]:
    """Return the events of a name and step; ``seen`` is a reading of what others had written."""
    return [each for each in record.named(name) if each.get("step") == step]


def _times(record: ChangeRecord, name: str, step: int | None) -> list[datetime]:
    found = [event_moment(str(event.get("at"))) for event in _events(record, name, step)]
    return [when for when in found if when is not None]


def _lost(
    aws: Aws,
    writer: Writer,
    change: Change[Any],
    step: int,
    since: datetime,
    until: datetime,
    own: Collection[str],
) -> list[OtherWrite]:
    """Return the writes of others in a time that no reading has shown before ours,
    and that are gone now.
    """
    try:
        writes = change.target.writes(aws, since, until)
    except Exception as error:
        writer.note("not-asked", step=step, error=scrub(str(error)))
        raise
    lost, is_written = [], False
    for write in reversed(writes):  # CloudTrail lists the newest first
        if write.request in own:
            is_written = True
        elif not _is_kept(aws, change, write):
            # Changes of one journal follow each other, and each reads what the one before wrote.
            is_ours = any(write.request in record.requests for record in writer.journal)
            lost += [] if is_ours else [write]
        elif not is_written and change.target.same(write.policy_text, change.before):
            # what was written before the value that we read was replaced by others, not by this
            # change
            lost = []
    return lost


def _is_kept(aws: Aws, change: Change[Any], write: OtherWrite) -> bool:
    """Return True if another write set the value that we read before ours, or our own,
    or all of it is there now.
    """
    target, value = change.target, write.policy_text
    if value is None and write.operation.startswith("Put"):
        return False
    if target.same(value, change.before) or target.same(value, change.after):
        return True
    try:
        return target.same(target.merge(change.before, change.after, value), target.read(aws).value)
    except GtSecureError:
        return False
