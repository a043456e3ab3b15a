"""After an interrupt at any line, account and journal agree, what is said is true, and undo or
resume works.

A tracer raises the exception at a chosen event of our own modules: before a line runs, or while a
call returns. The events are those of a run that was recorded, so that none is left out by a list.
What the account holds is read by plain clients; the engine's own steps are not asked.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gt_secure.account import event_history
from gt_secure.base.errors import GtSecureError
from gt_secure.changes import Journal, engine as engine_module
from gt_secure.changes.applied import Applied
from gt_secure.changes.engine import Engine
from gt_secure.changes.journal import Writer
from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.revoke import plan_revoke, revoked_before
from gt_secure.changes.transaction import begin_lines, outcome_on_disk
from gt_secure.changes.undo import resume, undo
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.consents import apply_agreed as apply
from support.failing_disk import FailingDisk
from support.guards import merge_guards
from support.interrupts import Point, Tracer, each_place
from support.kernels import Kernel
from support.quick_account import QuickAccount, quick_account
from support.warm import Warm

BEGUN = ("changes/journal.py", "write")
"""From the first line of the journal on an interrupt meets a change."""
KINDS = ("apply", "undo", "resume", "revoke", "beside")
"""*beside*: a guard is put beside five others."""


def start_policy(kind: str) -> str:
    """Return the policy before a change."""
    policy = FOREIGN
    for prefix in ("a/", "a/x/", "b/", "c/", "d/") if kind == "beside" else ():
        guard = build_guard(
            BUCKET, prefix=prefix, networks=["203.0.113.0/24"], endpoints=["vpce-0a1b2c3d"]
        )
        policy = merge_guards(policy, guard, 900 if prefix == "b/" else None)
    return policy


class Scene:
    """One kind of change, started anew for each point."""

    def __init__(self, account: Account, tmp: Path, kind: str, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(engine_module, "_LOCAL_LOOK_S", 0.0)
        # Writes of the runs before: how many of them a run compares with depends on how fast the
        # machine is.
        patch.setattr(event_history, "_MARGIN", dt.timedelta(0))
        self.account, self.tmp, self.kind, self.number = account, tmp, kind, 0
        self.policy = start_policy(kind)
        account.reset(self.policy)
        self.start_state = account.look()
        self.plan: Plan = (
            plan_revoke(account.aws, revoked_before(BUCKET, "1h"))
            if kind == "revoke"
            else plan(
                account.aws,
                Restriction(bucket=BUCKET, prefix="scans/", addresses=["203.0.113.0/24"]),
            )
            if kind == "beside"
            else plan(
                account.aws,
                Restriction(TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET, url_lock=False),
            )
            if kind != "apply"
            else plan(
                account.aws,
                Restriction(TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET, portal_lock=True),
            )
        )
        apply(account.aws, self.plan, journal=Journal(tmp / "clean"))
        self.end_state = account.look()
        self.journal = Journal(tmp / "none")

    @property
    def before(self) -> dict[str, Any]:
        return self.end_state if self.kind == "undo" else self.start_state

    @property
    def after(self) -> dict[str, Any]:
        return self.start_state if self.kind == "undo" else self.end_state

    def fresh(self) -> Journal:
        """Set the account as it is before a change; return an empty journal."""
        self.number += 1
        self.journal = Journal(self.tmp / f"journal-{self.number}")
        self.account.reset(self.policy)
        return self.journal

    def prepare(self) -> Callable[[], Applied]:
        """Set account and journal as they are before the run."""
        aws, plan, journal = self.account.aws, self.plan, self.fresh()
        if self.kind == "undo":
            apply(aws, plan, journal=journal)
            return lambda: undo(aws, journal=journal)
        if self.kind == "resume":
            first = begin_lines(
                "apply", aws, plan.state.account_id, plan.state.caller_arn, plan.changes
            )
            journal.begin(first).write("intent", step=0, do="forward")
            return lambda: resume(aws, journal=journal)
        return lambda: apply(aws, plan, journal=journal)

    def record(self) -> list[Point]:
        """The events of two runs without an interrupt:
        what only a slow answer brings about is in one of them.
        """
        runs: list[list[Point]] = []
        for _ in range(2):
            run, tracer = self.prepare(), Tracer(BEGUN)
            with tracer.tracing():
                run()
            runs.append(tracer.points)
        again = set(runs[1])
        return [point for point in runs[0] if point in again]

    def interrupted(self, tracer: Tracer, again: Tracer | None = None) -> str:
        """Run once; return what a person reads."""
        run = self.prepare()
        with pytest.MonkeyPatch.context() as patch:
            if again is not None:
                patch.setattr(Engine, "back", _traced(again))
            try:
                with tracer.tracing():
                    run()
            except (KeyboardInterrupt, SystemExit) as error:
                return " ".join(getattr(error, "__notes__", (outcome_on_disk(),)))
            except GtSecureError as error:
                return str(error.next_step)
        return "The change is applied."

    def check(self, said: str) -> str:
        """Compare account, journal and words; then undo or resume.
        Returns the status that the record had.
        """
        self.account.settle()
        now = self.account.look()
        records = list(self.journal)
        assert not any(each.problems for each in records)
        assert all(each.status != "damaged" for each in records)
        says_applied = any(
            words in said for words in ("is applied", "is complete", "Applied and read back")
        )
        # of an undo: the change itself
        if [each.kind for each in records] == ["apply"] * (self.kind == "undo"):
            assert now == self.before
            assert not says_applied, said
            resume(self.account.aws, journal=self.journal)
            return "nothing begun"
        record = records[-1]
        if "completely" in said:
            assert now == self.before, said
            assert record.status == "rolled-back" or self.kind == "undo", said
        if says_applied:
            assert (now, record.status) == (self.after, "applied"), said
        if record.status == "applied" and (record.kind == "undo") == (self.kind == "undo"):
            assert now == self.after
            assert says_applied, said
        if record.status == "rolled-back":
            assert now == self.before
        if record.status == "unfinished":
            assert record.id in said, said
            heal = resume if self.number % 2 else undo
            heal(self.account.aws, record.id, journal=self.journal)
            forward = heal is resume or self.kind == "undo"
            self.account.settle()
            assert self.account.look() == (self.after if forward else self.before)
        elif record.status == "applied" and self.kind != "undo":
            undo(self.account.aws, record.id, journal=self.journal)
            self.account.settle()
            assert self.account.look() == self.before
        else:  # the lock is free
            resume(self.account.aws, journal=self.journal)
        assert not any(each.problems for each in self.journal)
        return record.status


def _traced(tracer: Tracer) -> Callable[..., Any]:
    """Roll back under a second tracer, which goes on in the function that rolls back."""
    original = Engine.back

    def back(self: Engine, reached: Any) -> Any:
        tracer.begun = True
        sys.settrace(tracer)
        sys._getframe(1).f_trace = tracer._line
        return original(self, reached)

    return back


def hold_law(
    scene: Scene, chosen: list[Point], error: type[BaseException], draw: random.Random
) -> Counter[str]:
    found: Counter[str] = Counter()
    for number, point in enumerate(chosen):
        first = Tracer(BEGUN, at=point, error=error)
        again = Tracer(after=draw.randint(1, 400), error=error) if number % 3 == 2 else None
        said = scene.interrupted(first, again)
        try:
            status = scene.check(said)
            found[status if first.raised else "not reached"] += 1
        except BaseException as problem:
            twice = again.points[-1] if again is not None and again.raised else ""
            problem.add_note(f"{scene.kind}, {error.__name__} at {point} {twice}: {said}")
            raise
        found["twice"] += again is not None and again.raised
    return found


def sampled(
    account: Account, tmp: Path, patch: pytest.MonkeyPatch, kind: str, most: int, only: str = ""
) -> None:
    """Hold the law at some places of a run, or of one file of it."""
    scene = Scene(account, tmp, kind, patch)
    draw = random.Random(f"interrupts of {kind}")
    points = each_place(scene.record(), draw)
    assert len(points) >= 200
    chosen = [point for point in points if f"{point[0]} {point[1]}".startswith(only)]
    found = hold_law(scene, draw.sample(chosen, min(most, len(chosen))), KeyboardInterrupt, draw)
    assert found["not reached"] * 10 <= found.total()


@pytest.mark.parametrize("kind", ["apply", "undo"])
def test_a_few_lines(
    account: Account, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled(account, tmp_path, monkeypatch, kind, 6)


@pytest.mark.parametrize("kind", KINDS)
def test_some_lines(
    account: Account, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled(account, tmp_path, monkeypatch, kind, 40)


def _late(self: Engine) -> None:
    """Carry out the changes, and enter each only after its effect."""
    for index, change in enumerate(self.changes):
        self.writer.write("intent", step=index, do="forward")
        self._reach(index, change, change.before, change.after)
        self.writer.note("done", step=index, do="forward")
        self.steps[index] = self._step(index, "done")


def _counting(original: Callable[..., None]) -> Callable[..., None]:
    """Write lines by a count in memory, which an interrupt in the last moment of
    a line leaves behind.
    """

    def write(self: Writer, event: str, **data: Any) -> None:
        state = vars(self).setdefault("state", {})
        path: Path = self._path
        if "whole" in state:
            later = path.read_bytes()[len(state["whole"]) :]
            path.write_bytes(state["whole"])
            original(self, event, **data)
            path.write_bytes(state["whole"] + later + path.read_bytes()[len(state["whole"]) :])
        else:
            original(self, event, **data)
        state["whole"] = path.read_bytes()

    return write


@pytest.mark.parametrize("fault", ["a step is entered late", "lines are counted in memory"])
def test_the_fault_is_noticed(
    account: Account, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault.startswith("a step"):
        monkeypatch.setattr(Engine, "forward", _late)
    else:
        monkeypatch.setattr(Writer, "write", _counting(Writer.write))
    with pytest.raises(AssertionError):
        sampled(account, tmp_path, monkeypatch, "apply", 60, "changes/journal.py write")


CALLERS = ("/changes/journal.py", "/changes/lock.py", "/base/shared_files.py", "/pathlib.py")


def test_a_disk_that_fails_at_any_call(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(account, tmp_path, "apply", monkeypatch)
    run, disk = scene.prepare(), FailingDisk(CALLERS)
    with disk.failing():
        run()
    assert disk.calls > 20
    found: Counter[str] = Counter()
    for at in range(1, disk.calls + 1, 2):
        run = scene.prepare()
        with FailingDisk(CALLERS, at, on=at % 4 == 1).failing():
            try:
                notes = run().notes
            except GtSecureError as error:
                said = f"{error.message} {error.next_step}"
                notes = ()
                assert "Nothing was changed" in said or "rolled back completely" in said, (at, said)
        account.settle()
        records, now = list(scene.journal), account.look()
        assert now in (scene.before, scene.after), at
        assert not any(each.problems for each in records)
        if now == scene.after:
            # A disk that stays full: the result says that the end is missing, and undo finds what
            # was begun.
            assert records[-1].status == "applied" or (
                records[-1].status == "unfinished" and notes
            ), at
            undo(account.aws, records[-1].id, journal=scene.journal)
            account.settle()
            assert account.look() == scene.before
        found["applied" if now == scene.after else "not applied"] += 1
        found["a note"] += bool(notes)
    assert min(found["applied"], found["not applied"]) >= 3


@pytest.fixture
def quick(account: Account) -> Iterator[QuickAccount]:
    with quick_account(account) as quick:
        yield quick


@pytest.mark.parametrize("kind", ["apply"])
def test_the_quick_account_takes_the_same_lines(
    account: Account,
    quick: QuickAccount,
    tmp_path: Path,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there, here = (
        {point[:4] for point in Scene(each, tmp_path / str(number), kind, monkeypatch).record()}
        for number, each in enumerate((account, quick))
    )
    assert len(there - here) <= 3, sorted(there - here)


@pytest.mark.slow
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", KINDS)
def test_every_line(
    quick: QuickAccount,
    tmp_path: Path,
    kind: str,
    error: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(quick, tmp_path, kind, monkeypatch)
    draw = random.Random(f"every interrupt of {kind}")
    points = each_place(scene.record(), draw)
    assert len(points) >= 500
    found = hold_law(scene, points, error, draw)
    print(f"{kind}, {error.__name__}: {len(points)} points, {dict(found)}")
    assert found["not reached"] * 200 <= found.total()


CELLS = {
    "apply": "shown = gt.apply(plan, confirm=confirm)",
    "undo": "shown = gt.undo(list(gt.journal)[-1].id)",
}
SETUP = f"""
import os, re, threading, time
from dataclasses import replace
import gt_secure
from gt_secure.changes import Journal
from gt_secure.widgets.review_step import ReviewStep

def fsync(handle, real=os.fsync):
    time.sleep(0.02)
    real(handle)

os.fsync = fsync  # as on a network file system
gt = gt_secure.connect()
wanted = gt_secure.Restriction({TEAM!r}, addresses=["203.0.113.0/24"], bucket={BUCKET!r}, portal_lock=True)
plan = gt.plan(wanted)
confirm = [each.code for each in plan.asks]
review = None
"""
PANEL = """
if review is not None:
    review.close()
review = ReviewStep(gt, restriction=wanted)
await review.wait_idle()
for ask in review.confirms.children:
    ask.children[1].value = True
print(review.apply_button.model_id)
"""
ENDED = """
while threads := [each for each in threading.enumerate() if each.name == "gt-secure"]:
    threads[0].join()
assert not review.worker.busy
assert review.failed is not None or review.applied is not None or not review.apply_button.disabled
print(re.sub("<[^>]+>", " ", review.after.value + review.message.value))
"""


@pytest.fixture
def kernel(account: Account, warm: Warm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    for name, value in warm.environment(account.sandbox.environment()).items():
        monkeypatch.setenv(name, value)
    kernel = Kernel()
    yield kernel
    kernel.close()


def hold_in_kernel(scene: Scene, kernel: Kernel, surface: str, times: int) -> Counter[str]:
    """Send the signal of *Interrupt* after a while, at a cell that changes something,
    or beside a panel that does.
    """
    draw, found = random.Random(f"signals at {surface}"), Counter[str]()
    scene.fresh()
    assert kernel.run(SETUP) == ("", "")
    whole_s = 0.0
    for number in range(times + 1):
        (scene.prepare if scene.kind == "undo" else scene.fresh)()
        kernel.run(f"gt = replace(gt, journal=Journal({str(scene.journal.path)!r}))")
        after_s = draw.uniform(0, whole_s if draw.random() < 0.7 or surface == "cell" else 0.02)
        begin = time.monotonic()
        if surface == "cell":
            shown, failed = kernel.run(
                CELLS[scene.kind], interrupt_after_s=after_s if number else None
            )
            shown = failed or "The change is applied."
        else:
            model = kernel.run(PANEL)[0].split()[-1]
            handler = number and after_s <= 0.02
            kernel.press(model, interrupt_after_s=after_s if handler else None)
            _, failed = kernel.run(
                "await review.wait_idle()",
                interrupt_after_s=None if handler or not number else after_s,
            )
            shown, problem = kernel.run(ENDED)
            assert not problem, problem
        whole_s = whole_s or time.monotonic() - begin
        assert not failed or "KeyboardInterrupt" in failed or "CancelledError" in failed, failed
        try:
            status = scene.check(shown)
        except BaseException as problem:
            problem.add_note(
                f"{surface}, {scene.kind}, after {after_s:.3f} of {whole_s:.3f} s: {shown[-600:]}"
            )
            raise
        found[status if number else "whole"] += 1
        found["interrupted"] += bool(failed)
    return found


@pytest.mark.parametrize(
    ("surface", "kind"), [("cell", "apply"), ("cell", "undo"), ("panel", "apply")]
)
def test_a_few_signals_at_a_kernel(
    account: Account,
    kernel: Kernel,
    tmp_path: Path,
    surface: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = hold_in_kernel(Scene(account, tmp_path, kind, monkeypatch), kernel, surface, 4)
    assert found["interrupted"] >= 1 or surface == "panel", (
        "the panel's cell ends at once: its work goes on elsewhere"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("surface", "kind"), [("cell", "apply"), ("cell", "undo"), ("panel", "apply")]
)
def test_many_signals_at_a_kernel(
    account: Account,
    kernel: Kernel,
    tmp_path: Path,
    surface: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = hold_in_kernel(Scene(account, tmp_path, kind, monkeypatch), kernel, surface, 40)
    print(f"{surface}, {kind}: {dict(found)}")
    assert found["interrupted"] >= (15 if surface == "cell" else 5)
