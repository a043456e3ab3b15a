"""Carry out changes one by one: write, read back, wait, retry within a deadline,
and roll back in reverse.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import count
from threading import current_thread, main_thread
from typing import Any, Literal, TypeAlias

from ..aws.client import Aws
from ..base.errors import Conflict, GtSecureError, Throttled, Unreachable
from ..base.shown import Shown
from ..base.text import JsonLike
from .change import Change
from .journal import Writer, scrub
from .targets import TARGETS, Reading, Target

StepOutcome: TypeAlias = Literal[
    "done", "rolled back", "unchanged", "overtaken", "uncertain", "not reached"
]
Rest: TypeAlias = Literal["rolled back", "overtaken", "in doubt"]
"""Remains of changes that were rolled back: none; only later writes of others; unknown."""

Callback: TypeAlias = Callable[[str], None]
"""Receives a sentence for each step. What it raises cancels the change,
and every step is rolled back.
"""


class StoppableWait(str):
    """A sentence while the engine waits for others before it writes: what a callback raises at such
    a sentence stops the change.
    """

    __slots__ = ()


READ_BACK_S = 30
"""Seconds that a reading may lag behind a write before it counts as wrong."""

SECOND_LOOK_S = 2.0
"""Seconds between two readings that have to agree, before a write and after it:
S3 may return a former policy.
"""

_LOCAL_LOOK_S = 0.02
_LOCAL_QUIET_S = 0.2

_AGREE = 5
"""Number of times two readings may differ before a target counts as changing all the time."""

_OTHERS = (
    "somebody else has just changed it, so it waits until readings agree for {:.0f} more seconds"
)
_STOP = ". Interrupt it to stop: what it has written is rolled back"

_AGREED = "readings agree"

_MERGES = 3
"""Number of times a rollback restarts when somebody else writes between its
reading and its writing.
"""

_UNSEEN = "AWS accepted the write, but no reading has shown it."

_TRANSIENT = (Throttled, Unreachable)


@dataclass(frozen=True, slots=True)
class ChangeStep(Shown):
    """Outcome of one change.

    ``overtaken``: somebody else has set another value since the write. That value stays, and
    ``detail`` names it. ``certain`` is False where AWS did not confirm the outcome.
    """

    kind: str
    target: str
    outcome: StepOutcome
    certain: bool = True
    detail: str = ""

    @property
    def title(self) -> str:
        """The kind of the target in words."""
        return TARGETS[self.kind].title if self.kind in TARGETS else self.kind


@dataclass
class Clock:
    """A deadline with growing waits; tests replace ``sleep``."""

    seconds: float
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    end: float = field(init=False)

    def __post_init__(self) -> None:
        self.end = self.now() + self.seconds

    @property
    def left(self) -> float:
        """Seconds until the deadline, negative after it."""
        return self.end - self.now()

    def wait(self, attempt: int, *, first: float = 0.25, most: float = 8.0) -> None:
        """Wait longer with each attempt, with random jitter, but not beyond the deadline."""
        pause = min(most, first * 2.0 ** min(attempt, 10)) * (0.75 + random.random() / 2)
        self.sleep(max(0.0, min(pause, self.left)))


class Engine:
    """Carries out the changes of one journal file."""

    def __init__(
        self,
        aws: Aws,
        writer: Writer,
        changes: Sequence[Change[Any]],
        clock: Clock,
        progress: Callback | None = None,
        *,
        fresh: bool = True,
    ) -> None:
        self.aws = aws
        self.writer = writer
        self.changes = tuple(changes)
        self.clock = clock
        self._progress = progress
        self.steps: dict[int, ChangeStep] = {}
        self._cancellable = True
        self._first_run = fresh
        self._sent: set[int] = set()
        self._accepted: set[int] = set()
        self._shown: set[int] = set()
        self._other: dict[int, Any] = {}

    def forward(self) -> None:
        """Carry out all changes in order; targets that already match are left.
        Raises at the first failure.
        """
        for index, change in enumerate(self.changes):
            self._say(index, "changing")
            # Before its effect: an interrupt may come between any two lines.
            self.steps[index] = self._step(index, "uncertain", certain=False, detail="interrupted")
            self.writer.write("intent", step=index, do="forward")
            try:
                self._reach(index, change, change.before, change.after)
            except BaseException as error:
                self.writer.note(
                    "failed", step=index, error=_name(error), message=scrub(str(error))
                )
                self.steps[index] = self._step(
                    index, "uncertain", certain=False, detail=_name(error)
                )
                raise
            self.writer.note("done", step=index, do="forward")
            self.steps[index] = self._step(index, "done")
        self._cancellable = False  # what follows compares it with the writes of others

    def back(self, reached: Sequence[int]) -> Rest:
        """Roll back the given changes, last first, and return what is left of them.

        No failure of one step keeps the others from being tried, whatever it raises, an interrupt
        included.
        """
        self._cancellable = False
        for index in sorted(reached, reverse=True):
            self.writer.note("intent", step=index, do="back")
            try:
                self.steps[index] = self._take_back(index)
            except BaseException as error:
                self.writer.note(
                    "failed", step=index, do="back", error=_name(error), message=scrub(str(error))
                )
                # A later write of somebody else stays, and another attempt would not change that.
                overtaken = isinstance(error, Conflict) and "now" in error.details
                outcome: StepOutcome = "overtaken" if overtaken else "uncertain"
                self.steps[index] = self._step(
                    index, outcome, certain=overtaken, detail=scrub(str(error))
                )
            else:
                self.writer.note("done", step=index, do="back")
        steps = [self.steps[index] for index in reached]
        if not all(step.certain for step in steps):
            return "in doubt"
        return "overtaken" if any(step.outcome == "overtaken" for step in steps) else "rolled back"

    def _take_back(self, index: int) -> ChangeStep:
        if self._first_run and index not in self._sent:
            return self._step(index, "not reached")  # certain also where AWS no longer answers
        change = self.changes[index]
        target = change.target
        self._say(index, "rolling back")
        in_doubt = index in self.sent and index not in self._shown
        if in_doubt and index in self._accepted:
            self._read_back(index, target, change.before, change.after)
        for attempt in range(_MERGES):
            now = self._start_of_return(index, in_doubt=in_doubt).value
            unseen = in_doubt and index in self._accepted
            if target.same(now, change.before) or (unseen and now is None):
                return (
                    self._step(index, "uncertain", certain=False, detail=_UNSEEN)
                    if unseen
                    else self._step(index, "unchanged")
                )
            goal = target.merge(change.before, change.after, now)
            try:
                self._reach(index, change, now, goal)
            except Conflict as error:
                if "seen" not in error.details or attempt == _MERGES - 1:
                    raise
                continue  # changed between reading and writing: merge with what is there now
            return self._step(index, "rolled back")
        raise AssertionError("unreachable")  # pragma: no cover

    def _start_of_return(self, index: int, *, in_doubt: bool) -> Reading[Any]:
        """Read the value that is to be replaced: twice where one reading may be old."""
        change = self.changes[index]
        if not in_doubt:
            reading = self._read(index)
            if not change.target.same(reading.value, change.before):
                return reading
            # a former value that S3 still returns, or somebody else has reverted ours
        return self._settled_twice(index)

    def _reach(self, index: int, change: Change[Any], start: Any, goal: Any) -> None:
        """Bring a target from start to goal, even if replies are lost."""
        target = change.target
        reading = self._settled_twice(index, soon=True)
        if target.same(reading.value, goal):
            return
        rest = reading.rest
        for attempt in count():
            if not target.same(reading.value, start):
                raise self._moved(index, target, start, goal, reading.value)
            try:
                self._sent.add(index)
                request = target.write(self.aws, goal)
                self.writer.note("written", step=index, request=request)
                self._accepted.add(index)
                lost = False
            except (*_TRANSIENT, Conflict) as error:
                lost = True
                if self.clock.left <= 0:
                    raise
                busy = isinstance(error, Conflict)
                said = (
                    "another update is under way"
                    if busy
                    else "AWS has not accepted it yet, trying again"
                )
                self._say(index, f"{said} ({_name(error)})")
                self.clock.wait(attempt, first=0.5 if busy else 0.25)
            reading = self._settled(index) if lost else self._read_back(index, target, start, goal)
            if target.same(reading.value, goal):
                self._shown.add(index)
                self._look_again(index, target, start, goal)
                _check_rest(change, rest, reading.rest)
                return
            if not lost:
                raise self._not_kept(index, target, start, goal, reading)

    def _settled_twice(self, index: int, *, soon: bool = False) -> Reading[Any]:
        """Read until the readings of as many seconds agree as one may lag: a single one may be a
        former value that S3 still returns. ``soon``: two are enough, unless they differ.
        """
        needed_s = self._look_s if soon else quiet_s(self.aws)
        target, reading, differed = self.changes[index].target, self._settled(index), 0
        since = self.clock.now()
        while differed < _AGREE:
            self.clock.sleep(self._look_s)
            again = self._settled(index)
            if not target.same(reading.value, again.value):
                needed_s = quiet_s(self.aws)
                reading, since, differed = again, self.clock.now(), differed + 1
            left_s = since + needed_s - self.clock.now()
            if left_s <= 0:
                if differed:
                    self._say(index, _AGREED)
                return again
            if differed:
                # an interrupt reaches the main thread, and a rollback goes on
                may_stop = self._cancellable and current_thread() is main_thread()
                said = _OTHERS.format(left_s) + (_STOP if may_stop else "")
                self._say(index, said, StoppableWait if self._cancellable else str)
        raise Conflict(
            f"{self.changes[index].title} keeps changing: {_AGREE + 1} readings in a row differed.",
            next_step="Find out who is changing it, then plan again.",
            details={"seen": target.to_json(reading.value)},
        )

    def _look_again(self, index: int, target: Target[Any], start: Any, goal: Any) -> None:
        """Read once more after the write is visible: another writer may have written at the same
        moment, and a reading may lag.
        """
        self.clock.sleep(self._look_s)
        again = self._read_back(index, target, start, goal)
        if not target.same(again.value, goal):
            raise self._not_kept(index, target, start, goal, again)

    @property
    def _look_s(self) -> float:
        return _LOCAL_LOOK_S if self.aws.is_local else SECOND_LOOK_S

    def _moved(self, index: int, target: Target[Any], start: Any, goal: Any, now: Any) -> Conflict:
        """Return the error that names the other write."""
        change = self.changes[index]
        return Conflict(
            f"{change.title} has been changed by somebody else in the meantime: now"
            f" {target.words(now)}.",
            next_step="Plan again: the new plan starts from what is there now.",
            details={
                "kind": change.kind,
                "target": change.name,
                "seen": target.to_json(start),
                "wanted": target.to_json(goal),
                "now": target.to_json(now),
            },
        )

    def _not_kept(
        self, index: int, target: Target[Any], start: Any, goal: Any, reading: Reading[Any]
    ) -> GtSecureError:
        if not target.same(reading.value, start):
            return self._moved(index, target, start, goal, reading.value)
        why = f" AWS reports: {scrub(reading.failure)}." if reading.failure else ""
        return GtSecureError(
            f"{self.changes[index].title} was accepted by AWS, but reading it back does not show"
            f" the change.{why}",
            next_step="Check it in the console: somebody may be changing it at the same time.",
            details={"wanted": target.to_json(goal), "now": target.to_json(reading.value)},
        )

    def _read_back(self, index: int, target: Target[Any], start: Any, goal: Any) -> Reading[Any]:
        """Read until our write or another one is visible:
        S3 may return the former policy for some seconds.
        """
        end = self.clock.now() + READ_BACK_S
        attempt = 0
        while True:
            reading = self._settled(index)
            shows = target.same(reading.value, goal) or not target.same(reading.value, start)
            if shows or self.clock.now() >= end or self.clock.left <= 0:
                return reading
            self.clock.wait(attempt, first=0.1, most=2.0)
            attempt += 1

    def _settled(self, index: int) -> Reading[Any]:
        """Read, and wait while an update is under way."""
        reading = self._read(index)
        started = self.clock.now()
        attempt = 0
        while not reading.ready:
            waited = self.clock.now() - started
            if self.clock.left <= 0:
                raise Throttled(
                    f"{self.changes[index].title} is still updating after {waited:.0f} seconds.",
                    next_step=(
                        "Wait, then look at its state with gt.journal, and undo or resume the"
                        " change."
                    ),
                )
            self._say(index, f"updating, {waited:.0f} s so far")
            self.clock.wait(attempt, first=0.1 if self.aws.is_local else 1.0, most=5.0)
            reading = self._read(index)
            attempt += 1
        return reading

    def _read(self, index: int) -> Reading[Any]:
        """Read a target. What is neither its former value nor ours is kept in the journal: that is
        the only copy where this change overwrites it.
        """
        change = self.changes[index]
        target = change.target
        attempt = 0
        while True:
            try:
                reading = target.read(self.aws)
                break
            except _TRANSIENT:
                if self.clock.left <= 0:
                    raise
                self.clock.wait(attempt)
                attempt += 1
        known = (change.before, change.after, self._other.get(index, change.before))
        if not any(target.same(reading.value, each) for each in known):
            self._other[index] = reading.value
            self.writer.note("seen", step=index, value=target.to_json(reading.value))
        return reading

    def last(self, index: int) -> Any:
        """Return the value that a change has left; readings agree on it if others have written."""
        others = index in self._other or not self._first_run
        return (self._settled_twice(index) if others else self._read(index)).value

    @property
    def sent(self) -> Collection[int]:
        """The changes of which something was sent, here or by the process that was interrupted."""
        return self._sent if self._first_run else range(len(self.changes))

    def _step(
        self, index: int, outcome: StepOutcome, *, certain: bool = True, detail: str = ""
    ) -> ChangeStep:
        change = self.changes[index]
        return ChangeStep(change.kind, change.name, outcome, certain, detail)

    def _say(self, index: int, text: str, kind: type[str] = str) -> None:
        if self._progress is None:
            return
        title = f"[{index + 1}/{len(self.changes)}] {self.changes[index].title}"
        try:
            self._progress(kind(f"{title}: {text}."))
        except Exception:
            if self._cancellable:  # during a rollback, a broken display must not stop us
                raise

    def all_steps(self) -> tuple[ChangeStep, ...]:
        """Return one step for every change, including those that were not reached."""
        return tuple(
            self.steps.get(i) or self._step(i, "not reached") for i in range(len(self.changes))
        )


def quiet_s(aws: Aws) -> float:
    """Return for how many seconds readings must agree where one of them may lag."""
    return _LOCAL_QUIET_S if aws.is_local else float(READ_BACK_S)


def _name(error: BaseException) -> str:
    return type(error).__name__


def _check_rest(change: Change[Any], before: JsonLike, after: JsonLike) -> None:
    """Raise if a field that we did not send differs after the write."""
    keys = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    if keys:
        raise Conflict(
            f"While {change.title} was changed, other fields changed too: {', '.join(keys)}.",
            next_step=(
                "Compare them (below) and correct them: somebody may have edited them at the same"
                " moment."
            ),
            details={
                key: {"before": str(before.get(key)), "after": str(after.get(key))} for key in keys
            },
        )
