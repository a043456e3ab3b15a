"""Opening, verifying and undoing cost a multiple of reading and hashing the files, however many
changes there are.

The reference reads the same files with ``json`` and ``hashlib`` in the same process. Time is
processor time.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gt_secure.changes import Journal
from gt_secure.changes.journal import ChangeRecord
from gt_secure.changes.plan import plan
from gt_secure.changes.transaction import begin_lines
from gt_secure.changes.undo import undo
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.consents import apply_agreed as apply

GROWS = 6
"""Most that four times as many records may cost: 4, and what a larger folder adds."""
TIMES = {"open": 8, "verify": 8, "undo": 12}
"""Most references that each costs; an undo reads the journal twice."""


class LongJournal:
    """A journal that the product writes, without waiting for the disk."""

    def __init__(self, account: Account, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(os, "fsync", lambda _: None)
        self.account, self.journal = account, Journal(folder)
        self.plan = plan(
            account.aws, Restriction(TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET)
        )
        state = self.plan.state
        self.first = begin_lines(
            "apply", account.aws, state.account_id, state.caller_arn, self.plan.changes
        )

    def fill(self, records: int) -> None:
        """Write one change, then copies of it under other names:
        its second line follows the first one's hash.
        """
        folder = self.journal.path
        if not len(self.journal):
            self.journal.begin(self.first).write("end", outcome="applied")
        first = min(folder.glob("*.jsonl"))
        begin, end, _ = first.read_text().split("\n")
        digest = hashlib.sha256(begin.encode()).hexdigest()
        for number in range(len(self.journal), records):
            name = f"20200101-000000-{number % 1_000_000:06}-0000"
            other = begin.replace(first.stem, name)
            chained = end.replace(digest, hashlib.sha256(other.encode()).hexdigest())
            (folder / f"{name}.jsonl").write_text(f"{other}\n{chained}\n")

    def costs(self) -> dict[str, float]:
        """Processor seconds of each question, and of the reference."""
        records = len(self.journal)
        paths = [self.journal.path / f"{change}.jsonl" for change in self.journal._ids()]
        costs = {"reference": least(lambda: [check(path) for path in paths])}
        costs["open"] = least(lambda: [each.status for each in Journal(self.journal.path)])
        costs["verify"] = least(lambda: self.verify(records))
        apply(self.account.aws, self.plan, journal=self.journal)
        costs["undo"] = seconds(lambda: undo(self.account.aws, journal=self.journal))
        assert self.account.policy() == FOREIGN
        print(records, {name: round(each, 2) for name, each in costs.items()})
        return costs

    def verify(self, records: int) -> None:
        found = Journal(self.journal.path).verify()
        assert (found.passed, len(found)) == (True, records)


def check(path: Path) -> list[tuple[Any, str]]:
    lines = path.read_bytes().split(b"\n")[:-1]
    return [(json.loads(line), hashlib.sha256(line).hexdigest()) for line in lines]


def seconds(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def least(call: Callable[[], object]) -> float:
    return min(seconds(call) for _ in range(3))


def hold(long: LongJournal, few: int) -> None:
    long.fill(few)
    small = long.costs()
    long.fill(4 * few)
    large = long.costs()
    for name, times in TIMES.items():
        assert large[name] <= GROWS * max(small[name], small["reference"]), (name, small, large)
        assert large[name] <= times * large["reference"] + 1, (name, large)


@pytest.fixture
def long(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LongJournal:
    return LongJournal(account, tmp_path / "long", monkeypatch)


def test_four_hundred_records(long: LongJournal) -> None:
    hold(long, 100)


@pytest.mark.slow
def test_a_hundred_thousand_records(long: LongJournal) -> None:
    hold(long, 25_000)


def test_a_quadratic_look_is_noticed(long: LongJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    def each_alone(self: Journal) -> Iterator[ChangeRecord]:
        return (self.find(change) for change in self._ids())

    monkeypatch.setattr(Journal, "__iter__", each_alone)
    with pytest.raises(AssertionError):
        hold(long, 25)
