"""Every statement of somebody else is kept, or named with its text in an outcome that is not certain.

Readings lag by up to 25 seconds, others write at any moment, by hand and with a journal of their
own, calls are denied, expire or lose their answer, pages of CloudTrail come twice or end early,
policies are near their limit, processes end, and the clock of each is wrong by up to an hour; then
the change is undone or resumed. The account keeps the truth: which statements others have put in
and not taken out again. What no reading and no record of CloudTrail has shown cannot be known, and
is left out. Where nobody else has written, undoing restores the bytes, and a statement of ours is
there only while a record has it.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base import clock as clock_module
from gt_secure.base.errors import GtSecureError
from gt_secure.changes import Journal
from gt_secure.changes.applied import Applied
from gt_secure.changes.change import Change
from gt_secure.changes.engine import SECOND_LOOK_S, Clock, Engine
from gt_secure.changes.journal import Writer
from gt_secure.changes.targets import BucketGuard, TeamUrlLock
from gt_secure.changes.transaction import begin_lines, run
from gt_secure.changes.undo import resume, undo
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from gt_secure.engine.policies.url_lock import UrlLock
from support.lagging_account import BUCKET, TEAM, Fault, Killed, LaggingAccount, error

FIRST = {
    "Sid": "F0",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:role/labeling"},
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
}
ANN = "arn:aws:iam::111122223333:user/ann"
undo_module = sys.modules["gt_secure.changes.undo"]
WAYS = ("apply", "apply", "undo", "resume", "recover")


@dataclass
class History:
    """What became of one drawn history."""

    word: str
    lost: tuple[str, ...]
    unnamed: tuple[str, ...]
    said: str


class Colleague:
    """Somebody who puts statements into the policy and may take them out again, by hand or with
    this program and a journal of their own.
    """

    def __init__(self, account: LaggingAccount, folder: Path) -> None:
        self.account, self.mine = account, dict[str, Any]()
        self.folder, self.writes, self.unnamed = folder, 0, list[str]()

    def apply(self) -> None:
        """Put a guard in with a change of their own; their calls do not fail."""
        account = self.account
        kept = account.faults, account.shown, account.writing, account.caller_arn, account.is_dead
        has_sent = account.sent
        account.faults, account.shown, account.caller_arn, account.is_dead = (), set(), ANN, False
        there, certain = self._there, False
        try:
            target = BucketGuard(BUCKET)
            before = target.read(account).value  # type: ignore[arg-type]
            guard = dict(build_guard(BUCKET, "198.51.100.0/24", prefix="b/"))
            after = BucketPolicy.of(before).put(
                BucketPolicy.of(json.dumps({"Version": "2012-10-17", "Statement": [guard]})).guards[
                    0
                ]
            )
            [sid] = BucketPolicy.of(after).own.keys() - BucketPolicy.of(before).own.keys()
            planned = [Change(target, before, after, "off", "on")]
            writer = Journal(self.folder).begin(
                begin_lines("apply", account, account.account_id, ANN, planned)  # type: ignore[arg-type]
            )
            clock = Clock(120, account.sleep, lambda: account.now)
            done = run(Engine(account, writer, planned, clock), "applied")  # type: ignore[arg-type]
            certain = done.certain
            if certain:
                self.mine[sid] = BucketPolicy.of(after).own[sid]
        except (GtSecureError, ValueError):
            pass  # told to them; or a guard of this name is there
        finally:
            # what they have overwritten is theirs to name
            for sid in (self.mine.keys() & there) - self._there:
                del self.mine[sid]
                self.unnamed += [sid] if certain and sid in account.shown else []
            account.faults, account.shown, account.writing, account.caller_arn = kept[:4]
            account.is_dead, account.sent = kept[4], has_sent
            self.writes += 1

    @property
    def _there(self) -> set[str]:
        return {str(each.get("Sid")) for each in self._statements()}

    def add(self, sid: str) -> None:
        statement = FIRST | {"Sid": sid, "Effect": "Deny", "Principal": "*"}
        if sid.startswith("GtSecure"):
            statement = build_guard(BUCKET, "198.51.100.0/24", prefix="b/") | {"Sid": sid}
        self.mine[sid] = statement
        self._write([*self._statements(), statement])

    def remove(self, sid: str) -> None:
        self.mine.pop(sid, None)
        self._write([each for each in self._statements() if each.get("Sid") != sid])

    def _statements(self) -> list[Any]:
        return [*BucketPolicy.of(self.account.policy).statements]

    def _write(self, statements: list[Any]) -> None:
        self.writes += 1
        who = "arn:aws:iam::111122223333:user/colleague"
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.account.put(text if statements else None, who)


def play(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """Draw a history, play it, and return what became of the statements of others."""
    rng = random.Random(seed)
    way = rng.choice(WAYS)
    account = LaggingAccount(
        rng,
        lag_s=rng.choice((0, 0, 1, 3, 6, 12, 25)),
        trail=rng.choice(("denied", "late", "read", "twice", "cut")),
        faults=_faults(rng, way),
    )
    first = json.dumps({"Version": "2012-10-17", "Statement": [FIRST]})
    many = [f"arn:aws:s3:::{BUCKET}/{number:04}-{'x' * 160}/*" for number in range(98)]
    large = json.dumps({"Version": "2012-10-17", "Statement": [FIRST | {"Resource": many}]})
    start = large if rng.random() < 0.05 else rng.choice((first, first, None))
    account.policies.append((0.0, start))
    account.locks.append((0.0, UrlLock().settings))
    colleague = Colleague(account, folder / "theirs")
    monkeypatch.setattr(clock_module, "_here", account.here)
    monkeypatch.setattr(clock_module, "_AHEAD", {})
    account.off_s = _off_s(rng)
    account._dated()  # the plan was made just before
    _schedule(rng, account, colleague)
    monkeypatch.setattr(
        undo_module, "Clock", lambda seconds: Clock(seconds, account.sleep, lambda: account.now)
    )
    monkeypatch.setattr("gt_secure.changes.engine.random", random.Random(seed))
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no process ends here but in play
    # What the plan of an undo reads is no part of a change.
    backwards = undo_module._backwards

    def plan_backwards(*arguments: Any) -> Any:
        shown = set(account.shown)
        try:
            return backwards(*arguments)
        finally:
            account.shown = shown

    monkeypatch.setattr(undo_module, "_backwards", plan_backwards)
    write = Writer.write

    def write_alive(writer: Writer, event: str, **data: Any) -> None:
        if account.is_dead:
            raise Killed
        write(writer, event, **data)

    monkeypatch.setattr(Writer, "write", write_alive)
    outcomes, journal = _carry_out(way, account, Journal(folder / "ours"), rng)
    monkeypatch.setattr(Writer, "write", write)
    monkeypatch.setattr(undo_module, "_backwards", backwards)
    account.faults, account.lag_s = (), 0
    account.sleep(60)
    there = {str(each.get("Sid")) for each in BucketPolicy.of(account.policy).statements}
    lost = sorted(set(colleague.mine) - there)
    is_read = account.trail in ("read", "twice") and account.writing
    known = account.shown | {sid for sid in lost if is_read}
    text = " ".join(
        json.dumps(event)
        for record in journal
        for event in record.events
        if event["event"] == "overwritten"
    )
    is_sure = all(certain for _, certain, _ in outcomes)
    unnamed = colleague.unnamed + [
        sid for sid in lost if sid in known and (is_sure or sid not in text)
    ]
    if is_sure and not colleague.writes and outcomes[-1][0] in ("undone", "rolled back"):
        assert account.policy == start, f"history {seed}: bytes"
    ended = {record.status for record in journal}
    if ended <= {"undone", "rolled-back", "overtaken"} and is_sure:
        assert "203.0.113.0/24" not in str(account.policy), f"history {seed}: of no record"
    return History(
        outcomes[-1][0], tuple(lost), tuple(unnamed), f"{way} {account.lag_s} {outcomes}"
    )


def _off_s(rng: random.Random) -> float:
    """Return by how much the clock of a process is wrong."""
    return rng.choice((0.0, 0.0, rng.uniform(-3600, 3600), rng.uniform(-8, 8)))


def _faults(rng: random.Random, way: str) -> tuple[Fault, ...]:
    kinds = ["denied", "expired", "throttled", "lost", "interrupted"]
    faults = [Fault(rng.randint(1, 14), rng.choice(kinds)) for _ in range(rng.choice((0, 1, 2)))]
    if way in ("resume", "recover"):
        faults.append(Fault(rng.randint(3, 12), rng.choice(("killed before", "killed after"))))
    return tuple(faults)


def _schedule(rng: random.Random, account: LaggingAccount, colleague: Colleague) -> None:
    for number in range(rng.randint(0, 2)):
        sid = rng.choice((f"G{number}", f"GtSecurePresignGuardx0000000{number}"))
        when = account.now + rng.choice((-1, 1)) * rng.expovariate(1 / 4)
        if number == 0 and rng.random() < 0.1:
            account.due.append((account.now + rng.expovariate(1 / 8), colleague.apply))
            continue
        account.due.append((max(when, account.now - 20), lambda sid=sid: colleague.add(sid)))
        if rng.random() < 0.2:
            account.due.append((when + rng.uniform(0.5, 9), lambda sid=sid: colleague.remove(sid)))
    account.due.sort(key=lambda each: each[0])
    while account.due and account.due[0][0] <= account.now:  # before we come
        moment, write = account.due.pop(0)
        now, account.now = account.now, moment
        write()
        account.now = now


def _carry_out(
    way: str, account: Any, journal: Journal, rng: random.Random
) -> tuple[list[tuple[str, bool, str]], Journal]:
    """Apply and go the drawn way on; return each outcome with whether it is certain, and its words."""
    outcomes: list[tuple[str, bool, str]] = []

    def attempt(do: Any) -> Applied | None:
        try:
            done: Applied = do()
        except Killed:
            outcomes.append(("killed", True, ""))
            return None
        except KeyboardInterrupt as error:
            said = " ".join(getattr(error, "__notes__", ()))
            is_sure = "overwritten" not in said and "unknown" not in said
            outcomes.append(("interrupted", is_sure, said))
            return None
        except GtSecureError as error:
            told = error.details.get("applied")
            steps = [each["certain"] for each in told["steps"]] if told else []
            outcomes.append((told["outcome"] if told else "refused", all(steps), str(error)))
            return None
        outcomes.append((done.outcome, done.certain, done.to_text()))
        return done

    writers = []

    def start() -> Applied:
        target = BucketGuard(BUCKET)
        before = target.read(account).value
        guard = BucketPolicy.of(
            json.dumps(
                {"Version": "2012-10-17", "Statement": [build_guard(BUCKET, "203.0.113.0/24")]}
            )
        ).guards[0]
        after = BucketPolicy.of(before).put(guard)
        changes: list[Change[Any]] = [Change(target, before, after, "off", "on")]
        if rng.random() < 0.6:
            lock = UrlLock(source_ip=True)
            changes.append(Change(TeamUrlLock(TEAM), UrlLock(), lock, "off", "on"))
        writer = journal.begin(
            begin_lines("apply", account, account.account_id, account.caller_arn, changes)
        )
        writers.append(writer)
        clock = Clock(rng.choice((20, 120)), account.sleep, lambda: account.now)
        return run(Engine(account, writer, changes, clock), "applied")

    attempt(start)
    if not writers:
        return outcomes, journal
    [(word, is_sure, said)] = outcomes
    if not account.sent and word != "killed":
        assert is_sure, f"history: nothing was sent, and {outcomes}"
        assert "Nothing was changed." in said, f"history: nothing was sent, and {outcomes}"
        assert journal.find(writers[0].id).status == "rolled-back", "history: an open journal"
    change = writers[0].id
    account.sleep(rng.choice((0, 5, 40)))
    account.faults, account.is_dead = (), False
    account.off_s = _off_s(rng)  # another process, perhaps on another machine
    account._dated()
    if way == "undo":
        attempt(lambda: undo(account, change, journal=journal))
    elif way == "resume":
        attempt(lambda: resume(account, change, journal=journal))
    elif way == "recover":
        attempt(lambda: undo(account, change, journal=journal))
    return outcomes, journal


@pytest.mark.quick
def test_a_few_histories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_kept_or_named(range(150), tmp_path, monkeypatch)


@pytest.mark.slow
def test_many_histories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts, losses = assert_kept_or_named(range(10_000, 13_200), tmp_path, monkeypatch)
    assert losses >= 80, (counts, losses)
    assert {"applied", "undone", "rolled back", "in doubt", "interrupted"} <= counts.keys()


def assert_kept_or_named(
    seeds: range, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Counter[str], int]:
    counts, losses = Counter[str](), 0
    for seed in seeds:
        found = play(seed, folder / str(seed), monkeypatch)
        assert not found.unnamed, f"history {seed}: {found}"
        counts[found.word] += 1
        losses += bool(found.lost)
    return counts, losses


TAKE_BACK = Engine._take_back


def read_first(engine: Engine, index: int) -> Any:
    """Read before it is asked whether anything was sent, as a rollback once did."""
    engine._read(index)
    return TAKE_BACK(engine, index)


FAULTS = {
    "seen texts are not compared": ("gt_secure.changes.transaction._unkept", lambda *_: []),
    "two looks are proof of quiet": ("gt_secure.changes.engine.quiet_s", lambda _: SECOND_LOOK_S),
    "the clock is that of the machine": ("gt_secure.base.clock.heard", lambda _: None),
    "nothing was sent is unknown": ("gt_secure.changes.engine.Engine._take_back", read_first),
}


@pytest.mark.quick
@pytest.mark.parametrize(
    ("fault", "seeds"),
    [*zip(FAULTS, (range(150), range(320, 420), range(400, 450), range(60)), strict=True)],
    ids=FAULTS,
)
def test_former_faults_are_seen(
    fault: str, seeds: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The histories are those of the draw that meet the fault, with others beside them."""
    monkeypatch.setattr(*FAULTS[fault])
    with pytest.raises(AssertionError, match="history"):
        assert_kept_or_named(seeds, tmp_path, monkeypatch)


@pytest.mark.quick
@pytest.mark.parametrize("kind", ["denied", "expired"])
def test_a_failure_before_anything_was_sent_is_certain(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first call on nothing works, so the account cannot be asked either."""
    account = LaggingAccount(random.Random(1))
    account.policies.append((0.0, None))
    account.locks.append((0.0, UrlLock().settings))
    target, journal = BucketGuard(BUCKET), Journal(tmp_path)
    change = Change(target, None, BucketPolicy.of(json.dumps(FIRST)), "off", "on")
    writer = journal.begin(begin_lines("apply", account, "1" * 12, "anna", [change]))  # type: ignore[arg-type]

    def fail(name: str, _: Any) -> Any:
        raise error({"denied": "AccessDenied", "expired": "ExpiredToken"}[kind], name)

    monkeypatch.setattr(account, "_call", fail)
    clock = Clock(20, account.sleep, lambda: account.now)
    with pytest.raises(GtSecureError) as caught:
        run(Engine(account, writer, [change], clock), "applied")  # type: ignore[arg-type]
    assert "Nothing was changed." in caught.value.next_step
    told = caught.value.details["applied"]
    assert (told["outcome"], told["certain"]) == ("rolled back", True)
    assert journal.find(writer.id).status == "rolled-back"
