"""Undo and resume, from any process that sees the journal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..account.locks import locks_of
from ..account.reader import read_state
from ..account.sightings import Sightings, with_whereabouts
from ..account.state import PLAN, State
from ..aws.arns import caller_name
from ..aws.client import Aws
from ..base import html as markup
from ..base.errors import Conflict, GtSecureError, NotFound, Unsupported
from ..base.text import printable, some
from ..engine.access.exposure import Exposure
from ..engine.policies.bucket_policy import BucketPolicy
from ..engine.policies.url_lock import UrlLock
from ..restriction.messages import Notice, notice
from .applied import NO_ROLLBACK, PUTS_BACK, WAS_UNDONE, Applied, ChangeOutcome, failure_summary
from .apply import refuse_unfinished
from .change import Change, change_from_journal
from .engine import Callback, Clock, Engine, quiet_s
from .history import with_wishes
from .journal import ChangeRecord, Journal, steps_begun
from .lock import hold
from .other_teams import effects_of
from .plan import UndoPlan
from .rules.bucket import region_notices
from .targets import BucketGuard
from .transaction import OutcomeNote, begin_lines, roll_back, run

KEEP_BY_PLAN = (
    "Ask the workteam. To keep its access, do not undo: make a plan that lists the addresses and"
    " endpoints that its workers use."
)


def plan_undo(
    aws: Aws,
    change_id: str = "last",
    *,
    journal: Journal,
    look: Callable[[State], Sightings] | None = None,
) -> UndoPlan:
    """Plan the undo of a change as a three-way merge that keeps later edits of others. Reads only.

    See :meth:`gt_secure.Connection.plan_undo` for the parameters. ``look`` returns what the log of
    the bucket shows; without it nothing is asked about workteams. Raises Conflict if somebody has
    changed the same setting since; the details hold before, after and now.
    """
    record = _record(aws, change_id, journal)
    half = record.of if record.status == "unfinished" else None  # an undo is completed
    first = journal.find(half) if half else record
    undo = UndoPlan(record, _backwards(aws, first))
    if look is None or not any(map(_may_take, undo.changes)):
        return undo
    return replace(undo, notices=tuple(_questions(aws, undo.changes, first, journal, look)))


def _may_take(change: Change[Any]) -> bool:
    """Return False for a change that only opens: it adds no statement, or turns a lock off."""
    if not isinstance(change.target, BucketGuard):
        return change.after not in ((), UrlLock())
    before, after = (BucketPolicy.of(each).statements for each in (change.before, change.after))
    return any(each not in before for each in after)


def _questions(
    aws: Aws,
    changes: Sequence[Change[Any]],
    record: ChangeRecord,
    journal: Journal,
    look: Callable[[State], Sightings],
) -> Iterator[Notice]:
    """Yield a question about each workteam that may lose access by an undo, and one about what is
    unknown of them.
    """
    scope = record.begin.get("restriction") or {}
    names = {each.kind: each.name for each in changes}
    # A guard is of a bucket, whose workteams are all asked about: none is the undo's own.
    shared = scope.get("team") if "portal-lock" in names else None
    team = names.get("url-lock") or shared
    bucket = names.get("bucket-guard") or scope.get("bucket")
    if team is None and bucket is None:
        return  # a portal alone: all private workteams share it, and no bucket names one
    try:
        state = read_state(aws.remembering(), team=team, bucket=bucket, needs=PLAN)
    except GtSecureError as error:  # a workteam that is gone keeps nobody from undoing
        yield notice("bucket-teams-unread", unread=error.message.rstrip("."))
        return
    for change in changes:
        state = change.target.put(change.before, state)  # as it was just read
    state = with_whereabouts(with_wishes(aws, journal, state), look(state), aws)
    before, after = (
        Exposure(locks_of(each), "", is_prefix=True) for each in (state, state.after(changes))
    )
    for effect in effects_of(state, before, after):
        if effect.asks or effect.all_lost:
            yield effect.question(names.get("bucket-guard", "every bucket"), KEEP_BY_PLAN)
    yield from region_notices(state)


_AFFECTED = {
    "bucket-guard": "everybody who uses presigned URLs of {name}",
    "url-lock": "all workers of {name}",
    "portal-lock": "the workers of every private workteam of the region",
}
"""Whom an undo affects, by the kind of its target."""


def _backwards(aws: Aws, record: ChangeRecord) -> tuple[Change[Any], ...]:
    result: list[Change[Any]] = []
    lost = [event["write"]["policy"] for event in record.named("overwritten")]
    is_over = _is_over(record)
    for change in reversed(_changes(record)) if lost or not is_over else ():
        target = change.target
        now = target.read(aws).value
        goal = now if is_over else target.merge(change.before, change.after, now)
        whole = goal
        if isinstance(target, BucketGuard):
            goal = target.put_back(goal, lost, (change.before, change.after))
        if target.same(now, goal) and now == goal:
            continue
        # An edit of our own part is a conflict: what differs here was added beside it, and stays.
        others = "" if target.same(now, change.after) else " (later changes beside it stay)"
        whom = _AFFECTED[change.kind].format(name=change.name)
        affected = f"{whom}, as change {record.id} by {caller_name(record.caller)} did"
        current, then = change.after_text + others, [change.before_text]
        if is_over:
            current, then = target.words(now), []
        then += [] if goal == whole else [PUTS_BACK]
        result.append(Change(target, now, goal, current, ", and ".join(then), (affected,)))
    return tuple(result)


def _is_over(record: ChangeRecord) -> bool:
    """Return whether an undo of a change writes at most what that has overwritten of others."""
    if record.kind == "undo" and record.named("overwritten"):
        return True
    return record.status in {"undone", "rolled-back"}


def overtaken(aws: Aws, applied: Applied | None, *, journal: Journal) -> str | None:
    """Return a notice of a change if the account is no longer as it left it, empty if the cause is
    unknown; else None.

    Reads only.
    """
    if applied is None or not applied.id:
        return None
    try:
        changes = _changes(_record(aws, applied.id, journal))
        if all(each.target.same(each.target.read(aws).value, each.after) for each in changes):
            return None
    except GtSecureError:
        return ""  # unknown: nothing is claimed
    undos = [
        each.started[11:16] for each in journal.undos_of(applied.id) if each.status == "applied"
    ]
    return markup.notice("plain", WAS_UNDONE.format(applied.id, undos[-1])) if undos else ""


def offers(found: Sequence[ChangeRecord], verb: str = "undo") -> list[str]:
    """Return a line for each of some changes, the newest first: the call, when and by whom it was
    made, and what the call writes, as the journal has it.
    """
    lines = []
    for one in reversed(found):
        # an interrupted undo is completed
        forward = one.kind == "undo" or verb == "resume"
        now, then = ("before", "after") if forward else ("after", "before")
        writes = "; ".join(
            f"{each.get('target')}: {each.get(now)} → {each.get(then)}" for each in one.changes
        )
        state = ", unfinished" if one.status == "unfinished" else ""
        lines.append(
            f"gt.{verb}('{one.id}') of {one.started[:16]} UTC by"
            f" {printable(caller_name(one.caller))}{state}. {printable(writes)}"
        )
    return lines


def undoable(aws: Aws, *, journal: Journal, shown: State | None = None) -> list[ChangeRecord]:
    """Return the changes of this account and region that can be undone, the last one last. Only the
    journal is read.

    Of a state that is shown, those that have touched no lock except the ones of its bucket, team
    and workforce.
    """
    records = [
        record
        for record in journal
        if (record.account_id, record.region) == (aws.account_id, aws.region)
        and (
            record.status == "unfinished" or (record.status == "applied" and record.kind == "apply")
        )
    ]
    if shown is None:
        return records
    parts: dict[object, object] = {
        "bucket-guard": shown.bucket,
        "url-lock": shown.team.if_read,
        "portal-lock": shown.workforce.if_read,
    }
    return [
        one
        for one in records
        if all(
            getattr(parts.get(each.get("kind")), "name", ()) == each.get("target")
            for each in one.changes
        )
    ]


def _own(found: Sequence[ChangeRecord], journal: Journal, verb: str) -> str:
    """Return the id of the last of some changes that the connection of a journal has begun.

    Without one, a change of somebody else is never taken for it: the error lists them.
    """
    for one in reversed(found):
        if one.id in journal.own:
            return one.id
    listed = some(offers(found, verb), 10, between="\n  ")
    raise NotFound(
        f"No change is named, and this connection has begun no change to {verb}.",
        next_step=f"Name one of these changes:\n  {listed}"
        if listed
        else f"The journal in {journal.path} has no change to {verb}.",
    )


def _record(aws: Aws, change_id: str, journal: Journal) -> ChangeRecord:
    where = (aws.account_id, aws.region)
    if change_id == "last":
        change_id = _own(undoable(aws, journal=journal), journal, "undo")
    record = journal.find(change_id)
    if (record.account_id, record.region) != where and record.begin:
        raise Conflict(
            f"Change {record.id} was made in account {record.account_id}, {record.region}; this"
            f" connection is to {where[0]}, {where[1]}.",
            next_step="Connect to that account and region with profile= and region=.",
        )
    _check_usable(record)
    return record


def _check_usable(record: ChangeRecord) -> None:
    if record.status == "unsupported":
        raise Unsupported(
            f"Change {record.id} was recorded by a newer version of gt_secure:"
            f" {'; '.join(record.problems)}.",
            next_step="Update gt_secure, and undo it with that version.",
            details={"change": record.id},
        )
    problems = list(record.problems)
    if record.status != "damaged":
        try:
            _changes(record)
        except (ValueError, TypeError, KeyError) as error:
            problems.append(str(error))
    if problems:
        raise Conflict(
            f"The journal file of change {record.id} is not intact: {'; '.join(problems)}.",
            next_step="It cannot be used for undo. Correct the account with a new plan.",
            details={"change": record.id},
        )


def _changes(record: ChangeRecord) -> list[Change[Any]]:
    return [change_from_journal(data) for data in record.changes]


def undo(
    aws: Aws,
    change_id: str = "last",
    *,
    journal: Journal,
    progress: Callback | None = None,
    timeout_s: float = 600,
) -> Applied:
    """Undo a change as a three-way merge that keeps later edits of others.

    An interrupted change is rolled back too, from any process that sees the journal; an interrupted
    undo is completed. The result of an apply that had nothing to change has nothing to undo, which
    is no error. Raises Conflict if somebody has changed the same setting since, or another change
    holds the lock. Raises NotFound if the journal has no such change.
    """
    if change_id == "":
        return Applied(
            "", "nothing to do", notes=("That apply changed nothing, so there is nothing to undo.",)
        )
    aws = aws.afresh()
    with (
        OutcomeNote(),
        hold(journal.path, f"{aws.account_id}-{aws.region}", f"undo by {aws.caller_arn}"),
    ):
        record = _record(aws, change_id, journal)
        if record.status == "unfinished":
            return _recover(
                aws, record, journal, Clock(timeout_s), progress, forward=record.kind == "undo"
            )
        for half in (each for each in journal.undos_of(record.id) if each.status == "unfinished"):
            return _recover(aws, half, journal, Clock(timeout_s), progress, forward=True)
        refuse_unfinished(journal, aws.account_id, aws.region)
        changes, clock = _backwards(aws, record), Clock(timeout_s)
        if not changes and (_is_over(record) or not record.changes):
            return Applied(
                "",
                "nothing to do",
                of=record.id,
                notes=(f"Change {record.id} is {record.status}.",),
            )
        if len(changes) < len(record.changes):  # S3 may have returned a former value
            clock.sleep(quiet_s(aws))
            changes = _backwards(aws, record)
        begin = begin_lines("undo", aws, aws.account_id, aws.caller_arn, changes) | {
            "of": record.id
        }
        writer = journal.begin(begin)
        return run(Engine(aws, writer, changes, clock, progress), "undone", record.id)


def interrupted(aws: Aws, change_id: str = "last", *, journal: Journal) -> ChangeRecord | None:
    """Return the named change, by default the last of this connection, if it was interrupted here;
    None if it was not, or none is.

    Raises NotFound if none is named and those that were interrupted are of others.
    """
    if change_id == "last":
        found = journal.unfinished(aws.account_id, aws.region)
        if not found:
            return None
        change_id = _own(found, journal, "resume")
    record = _record(aws, change_id, journal)
    return record if record.status == "unfinished" else None


def resume(
    aws: Aws,
    change_id: str = "last",
    *,
    journal: Journal,
    progress: Callback | None = None,
    timeout_s: float = 600,
) -> Applied:
    """Complete an interrupted change, from any process that sees the journal;
    a finished one is left alone.
    """
    aws = aws.afresh()
    with (
        OutcomeNote(),
        hold(journal.path, f"{aws.account_id}-{aws.region}", f"resume by {aws.caller_arn}"),
    ):
        record = interrupted(aws, change_id, journal=journal)
        if record is None:
            which = f"No change of account {aws.account_id} in {aws.region} is interrupted."
            note = which if change_id == "last" else f"Change {change_id} is not interrupted."
            return Applied("", "nothing to do", notes=(note,))
        return _recover(aws, record, journal, Clock(timeout_s), progress, forward=True)


def _recover(
    aws: Aws,
    record: ChangeRecord,
    journal: Journal,
    clock: Clock,
    progress: Callback | None,
    *,
    forward: bool,
) -> Applied:
    writer = journal.proceed(record)
    changes = _changes(record)
    engine = Engine(aws, writer, changes, clock, progress, fresh=False)
    writer.write(
        "recover", do="forward" if forward else "back", caller=aws.caller_arn, pid=os.getpid()
    )
    done: ChangeOutcome = "undone" if record.kind == "undo" else "applied"
    if forward:
        return run(engine, done, record.of)
    result = roll_back(engine, steps_begun(record), record.of)
    if result.outcome != "rolled back":
        raise Conflict(
            NO_ROLLBACK.format(record.id),
            next_step=failure_summary(result),
            details={"applied": result.to_dict()},
        )
    return result
