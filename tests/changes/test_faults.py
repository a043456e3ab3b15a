"""Faults at every AWS call of an apply and an undo: afterwards the account is as before or as
planned, and known to be.

Each fault: set the account, run in a child process that dies or loses a reply at that call, recover
in a new process, and compare everything. The number of faults is printed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gt_secure.changes import Journal
from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.undo import resume, undo
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.consents import apply_agreed as apply
from support.faults import KILLED, Mode, Wire, in_child
from support.waits import counted_waits

KILLS: tuple[Mode, ...] = ("before", "after", "lost")
OTHERS: tuple[Mode, ...] = ("lost for good", "throttled", "refused", "down", "expired")
"""The last two last until the run ends;
keys that expire in the middle are new ones when it is recovered.
"""


DEADLINE_S = 1.5
UPDATE_S = 0.06  # a little longer than in the sandbox of these tests


def counted(work: Callable[[], Any]) -> Callable[[], Any]:
    """The work with a deadline that does not depend on the machine;
    for a child that meets a fault.
    """

    def run() -> Any:
        with counted_waits(DEADLINE_S):
            return work().outcome

    return run


class Scene:
    """One kind of run, its account before and after, and the counting of its calls."""

    def __init__(self, account: Account, tmp: Path, what: str) -> None:
        self.account = account
        self.tmp = tmp
        self.what = what
        self.wish = Restriction(TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET, portal_lock=True)
        self._clean = account.rig.aws()
        for service in ("s3", "sagemaker", "sts", "ec2"):
            self._clean.client(service)
        account.reset(FOREIGN)
        self.before = account.look()
        self.plan: Plan = plan(account.aws, self.wish)
        done = apply(account.aws, self.plan, journal=Journal(tmp / "first"))
        self.after = account.look()
        undo(account.aws, done.id, journal=Journal(tmp / "first"))
        assert account.look() == self.before
        self.number = 0

    def _aws(self) -> Any:
        """Clients that were made but never used here: each child starts with clean ones,
        without loading them.
        """
        return self._clean

    def start(self) -> tuple[Path, Callable[[], Any]]:
        """Set the account as it is before the run; returns the journal and the run."""
        self.number += 1
        journal = self.tmp / f"journal-{self.number}"
        if self.what == "apply":
            if self.account.look() != self.before:
                self.account.reset(FOREIGN)
            return journal, counted(
                lambda: apply(
                    self._aws(), self.plan, journal=Journal(journal), timeout_s=DEADLINE_S
                )
            )
        # An undo starts from an applied change, whose journal is written by a clean run.
        if self.account.look() != self.before:
            self.account.reset(FOREIGN)
        done = apply(self.account.aws, self.plan, journal=Journal(journal))
        return journal, counted(
            lambda: undo(self._aws(), done.id, journal=Journal(journal), timeout_s=DEADLINE_S)
        )

    def count(self) -> list[str]:
        """Run once without a fault and name its calls."""
        _, work = self.start()
        wire = Wire(-1, "before", update_s=UPDATE_S)
        code, (result, count, names) = in_child(work, wire=wire, pipe=self.tmp / "pipe")
        assert code == 0
        assert result == ("returned", "applied" if self.what == "apply" else "undone")
        assert count == len(names)
        return list(names)

    def fault(self, at: int, mode: Mode) -> str:
        """Inject one fault, recover in a new process, check; returns what became of it."""
        journal, work = self.start()
        code, found = in_child(work, wire=Wire(at, mode, update_s=UPDATE_S), pipe=self.tmp / "pipe")
        assert (code == KILLED) == (mode in ("before", "after")), (mode, code, found)
        said = f"{self.what}, call {at}, {mode}: {found}"
        open_ones = [record for record in list(Journal(journal)) if record.status == "unfinished"]
        if open_ones:
            self.recover(journal, forward=at % 2 == 1, said=said)
        self.check(journal, said)
        return "recovered" if open_ones else "whole"

    def recover(self, journal: Path, *, forward: bool, said: str) -> None:
        def work() -> Any:
            heal = resume if forward else undo
            left = [each.id for each in Journal(journal) if each.status == "unfinished"]
            return heal(self._aws(), left[-1], journal=Journal(journal)).outcome

        code, (result, _, _) = in_child(work, wire=None, pipe=self.tmp / "pipe")
        assert code == 0, said
        assert result[0] == "returned", f"{said}\nrecovery: {result}"

    def check(self, journal: Path, said: str) -> None:
        self.account.settle()
        now = self.account.look()
        records = list(Journal(journal))
        assert not any(each.problems for each in Journal(journal)), said
        assert all(record.status in {"applied", "undone", "rolled-back"} for record in records), (
            said
        )
        first = records[0].status if records else "rolled-back"
        expected = self.after if first == "applied" else self.before
        assert now == expected, f"{said}\nthe journal says {[(r.kind, r.status) for r in records]}"


def _run(scene: Scene, modes: tuple[Mode, ...], step: int) -> None:
    names = scene.count()
    assert {"UpdateWorkteam", "UpdateWorkforce"} <= set(names)
    tally: dict[str, int] = {}
    for shift, mode in enumerate(modes):
        for at in range(shift % step, len(names), step):
            key = f"{mode}, {scene.fault(at, mode)}"
            tally[key] = tally.get(key, 0) + 1
    total = sum(tally.values())
    print(f"\n{scene.what}: {total} faults at {len(names)} AWS calls: {tally}")
    assert total >= len(names) * len(modes) // step - len(modes)


@pytest.mark.parametrize("what", ["apply", "undo"])
def test_some_faults(account: Account, tmp_path: Path, what: str) -> None:
    """A quick pass: every write and its neighbours meet each of the three
    faults that matter most.
    """
    scene = Scene(account, tmp_path, what)
    names = scene.count()
    writes = [i for i, name in enumerate(names) if name.startswith(("PUT", "DELETE", "Update"))]
    assert len(writes) == 3, names
    faults = [(at, mode) for at in writes for mode in KILLS]
    for at, mode in faults:
        scene.fault(at, mode)
    print(f"\n{what}: {len(faults)} faults at its {len(writes)} writes")


@pytest.mark.slow
@pytest.mark.parametrize("what", ["apply", "undo"])
def test_a_fault_at_every_call(account: Account, tmp_path: Path, what: str) -> None:
    _run(Scene(account, tmp_path, what), KILLS, 1)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["apply", "undo"])
def test_other_faults_at_every_call(account: Account, tmp_path: Path, what: str) -> None:
    _run(Scene(account, tmp_path, what), OTHERS, 1)


@pytest.mark.slow
def test_a_fault_during_recovery(account: Account, tmp_path: Path) -> None:
    """Killed once in the middle, and again at every call of the recovery."""
    scene = Scene(account, tmp_path, "apply")
    names = scene.count()
    middle = names.index("UpdateWorkteam")
    total = 0
    for mode in KILLS:
        for at in range(100):
            journal, work = scene.start()
            code, _ = in_child(
                work, wire=Wire(middle, "after", update_s=UPDATE_S), pipe=tmp_path / "pipe"
            )
            assert code == KILLED
            code, found = in_child(
                counted(
                    lambda journal=journal: undo(
                        scene._aws(),
                        list(Journal(journal))[-1].id,
                        journal=Journal(journal),
                        timeout_s=DEADLINE_S,
                    )
                ),
                wire=Wire(at, mode, update_s=UPDATE_S),
                pipe=tmp_path / "pipe",
            )
            if found is not None and found[1] <= at:
                break  # the recovery has fewer calls than that
            total += 1
            if any(record.status == "unfinished" for record in list(Journal(journal))):
                scene.recover(journal, forward=False, said=f"recovery, call {at}, {mode}")
            scene.check(journal, f"recovery, call {at}, {mode}: {found}")
    print(f"\nrecovery: {total} faults")
    assert total > 10
