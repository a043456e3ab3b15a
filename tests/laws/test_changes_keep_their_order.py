"""Changes keep the order in which they were made, whatever the clocks show.

Two machines write to one journal. The clock of each jumps by up to an hour either way before every
change, and every change is made by a process of its own. The oracle is a list: it knows no time.
"""

from __future__ import annotations

import operator
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from gt_secure.changes import Journal, journal
from gt_secure.changes.history import _of_record, merge
from gt_secure.changes.undo import undoable

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
BUCKET = "gt-images"
CHANGE = {"kind": "bucket-guard", "target": BUCKET, "before": "off", "after": "on"}


class Account:
    """The account of both machines; no call is made."""

    account_id, region = "111122223333", "us-east-1"


class Machines:
    """Two machines with one journal, and what each of them did, in order."""

    def __init__(self, rng: random.Random, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.rng, self.folder, self.now = rng, folder, NOON
        self.all, self.made = list[str](), list[str]()
        self.undone: dict[str, str] = {}
        patch.setattr("gt_secure.changes.journal.utc_now", self.clock)
        patch.setattr("os.fsync", lambda _: None)
        self.off_s = 0.0

    def clock(self) -> datetime:
        return self.now + timedelta(seconds=self.off_s)

    def act(self) -> None:
        """Apply something, or undo a change that is applied, with a clock of any time."""
        self.now += timedelta(seconds=self.rng.choice((0, 0.5, 30, 900)))
        self.off_s = self.rng.choice((0, self.rng.uniform(-3600, 3600), -1200, 3600))
        applied = [each for each in self.made if each not in self.undone.values()]
        of = self.rng.choice(applied) if applied and self.rng.random() < 0.4 else None
        first = {
            "kind": "apply" if of is None else "undo",
            "account": Account.account_id,
            "region": Account.region,
            "caller": "arn:aws:iam::111122223333:user/anna",
            "changes": [CHANGE],
        }
        writer = Journal(self.folder).begin(first if of is None else first | {"of": of})
        writer.write("intent", step=0, do="forward")
        writer.note("written", step=0, request="")
        writer.write("end", outcome="applied")
        if of is None:
            self.made.append(writer.id)
        else:
            self.undone[writer.id] = of
        self.all.append(writer.id)


def assert_order(seeds: range, folder: Path, patch: pytest.MonkeyPatch) -> Counter[str]:
    counts = Counter[str]()
    for seed in seeds:
        rng = random.Random(seed)
        machines = Machines(rng, folder / str(seed), patch)
        for _ in range(rng.randint(2, 7)):
            machines.act()
        found_in = Journal(machines.folder)
        records = list(found_in)
        assert [each.id for each in records] == machines.all, f"history {seed}: list"
        for each in records:
            gone = each.id in machines.undone.values()
            status = "undone" if gone else "applied"
            assert each.status == status, f"history {seed}: list says {each.status}"
            assert found_in.find(each.id).status == status, f"history {seed}: find"
            undos = [undo for undo, of in machines.undone.items() if of == each.id]
            assert [one.id for one in found_in.undos_of(each.id)] == undos, f"history {seed}: undos"
            counts[f"{each.kind} {status}"] += 1
        left = [each for each in machines.made if each not in machines.undone.values()]
        found = [each.id for each in undoable(Account, journal=found_in)]  # type: ignore[arg-type]
        assert found == left, f"history {seed}: undoable"
        own = [
            entry for record in records for entry in _of_record(record, {"bucket-guard": BUCKET})
        ]
        shown = [entry.change_id for entry in merge(own, ())]
        assert shown == machines.all[::-1], f"history {seed}: history"
    return counts


@pytest.mark.quick
def test_a_few_journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = assert_order(range(40), tmp_path, monkeypatch)
    assert {"apply applied", "apply undone", "undo applied"} <= counts.keys()


@pytest.mark.check
def test_many_journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = assert_order(range(1000, 1600), tmp_path, monkeypatch)
    assert min(counts[each] for each in ("apply applied", "apply undone")) > 200


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("journal._next_id", lambda _: f"{journal.utc_now():%Y%m%d-%H%M%S-%f}-{token_hex(2)}"),
        ("history.attrgetter", lambda _: operator.attrgetter("at")),
    ],
    ids=["an id is the time of a clock", "our own entries are sorted by time"],
)
def test_former_faults_are_seen(
    name: str, fault: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"gt_secure.changes.{name}", fault)
    with pytest.raises(AssertionError, match="history"):
        assert_order(range(40), tmp_path, monkeypatch)
