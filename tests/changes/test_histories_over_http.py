"""Histories of a change over HTTP: readings of the policy lag, a colleague edits it by hand, and calls
are denied, throttled or lose their answer. What the colleague wrote is kept, or named.

The law draws thousands of histories in this process; this sample has the clients, the parsers and
the waits of botocore. Times are a hundredth of those of AWS: a reading of the sandbox may lag for
less than readings have to agree.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from botocore.retries.quota import RetryQuota

from gt_secure.aws.client import connect_aws
from gt_secure.base.errors import GtSecureError
from gt_secure.changes import Journal, engine as engine_module, transaction
from gt_secure.changes.change import Change
from gt_secure.changes.engine import Clock, Engine
from gt_secure.changes.targets import BucketGuard, TeamUrlLock
from gt_secure.changes.transaction import begin_lines, run
from gt_secure.changes.undo import undo
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from gt_secure.engine.policies.url_lock import UrlLock
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.http_faults import FaultyProxy

LAG_S = 0.15
"""Less than the 0.2 s for which readings of a sandbox have to agree."""
GUARD = BucketPolicy.of(
    json.dumps({"Version": "2012-10-17", "Statement": [build_guard(BUCKET, "203.0.113.0/24")]})
).guards[0]


class Wire(FaultyProxy):
    """A proxy that answers with a former policy, and lets a colleague write between two calls."""

    def __init__(self, account: Account) -> None:
        super().__init__(account.sandbox.endpoint_url)
        self.account, self.rng, self.lag_s = account, random.Random(), 0.0
        self.due: dict[int, Any] = {}
        self.calls, self.shown, self.history = 0, set[str](), list[tuple[float, str | None]]()
        handler: Any = self._server.RequestHandlerClass
        forward = handler._forward
        handler._forward = lambda each, body: self.answer(
            each.command, each.path, lambda: forward(each, body)
        )

    def begin(self, rng: random.Random, lag_s: float, due: dict[int, Any]) -> None:
        self.rng, self.lag_s, self.due, self.calls, self.shown = rng, lag_s, due, 0, set()
        self.history = [(0.0, self.account.policy())]

    def note(self) -> None:
        self.history.append((time.monotonic(), self.account.policy()))

    def answer(self, command: str, path: str, forward: Any) -> Any:
        self.calls += 1
        if work := self.due.pop(self.calls, None):
            work()
            self.note()
        if not ("?policy" in path and "olicyStatus" not in path):
            return forward()
        if command != "GET":
            found = forward()
            self.note()
            return found
        forward()  # the sandbox decides whether the caller may read it
        moment = time.monotonic() - self.rng.uniform(0, self.lag_s)
        text = next(value for when, value in reversed(self.history) if when <= moment)
        self.shown |= sids_of(text)
        if text is None:
            absent = b"<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>"
            return 404, [("Content-Type", "application/xml")], absent
        return 200, [("Content-Type", "application/json")], text.encode()


def sids_of(text: str | None) -> set[str]:
    return {str(each.get("Sid")) for each in BucketPolicy.of(text).statements}


class Colleague:
    """Somebody who adds a statement by hand, and may take it out again."""

    def __init__(self, account: Account) -> None:
        self.account, self.mine, self.writes = account, set[str](), 0

    def add(self, sid: str) -> None:
        statement = {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/{sid}/*",
        }
        self.mine.add(sid)
        self._put([*self._there(), statement])

    def remove(self, sid: str) -> None:
        self.mine.discard(sid)
        self._put([each for each in self._there() if each.get("Sid") != sid])

    def _there(self) -> list[Any]:
        return [*BucketPolicy.of(self.account.policy()).statements]

    def _put(self, statements: list[Any]) -> None:
        self.writes += 1
        document = {"Version": "2012-10-17", "Statement": statements}
        self.account.put_policy(json.dumps(document) if statements else None)


def play(seed: int, account: Account, wire: Wire, aws: Any, folder: Path) -> tuple[str, str]:
    """Play one history; return how it ended, and what became of the colleague's statements."""
    rng = random.Random(seed)
    start = rng.choice((FOREIGN, FOREIGN, None))
    account.reset(start)
    colleague, due = Colleague(account), dict[int, Any]()
    for number in range(rng.randint(0, 2)):
        sid, call = f"G{number}", rng.randint(1, 9)
        due[call] = lambda sid=sid: colleague.add(sid)
        if rng.random() < 0.2:
            due[call + rng.randint(1, 6)] = lambda sid=sid: colleague.remove(sid)
    journal, target = Journal(folder), BucketGuard(BUCKET)
    after = BucketPolicy.of(start).put(GUARD)
    changes: list[Change[Any]] = [Change(target, start, after, "off", "on")]
    if rng.random() < 0.6:
        lock = UrlLock(source_ip=True)
        changes.append(Change(TeamUrlLock(TEAM), UrlLock(), lock, "off", "on"))
    writer = journal.begin(begin_lines("apply", aws, aws.account_id, aws.caller_arn, changes))
    wire.begin(rng, rng.choice((0, LAG_S / 3, LAG_S)), due)
    fault = rng.choice((None, "denied", "throttled", "drop after", "reset", "503"))
    if fault == "denied":
        wire.spoil("UpdateWorkteam", fault)
    elif fault is not None:
        wire.arm(rng.randint(0, 8), fault, lasting=rng.random() < 0.2)
    word, is_sure, said = "applied", True, ""
    try:
        done = run(Engine(aws, writer, changes, Clock(1)), "applied")
        word, is_sure, said = done.outcome, done.certain, done.to_text()
    except GtSecureError as error:
        told = error.details["applied"]
        word, is_sure, said = told["outcome"], told["certain"], str(error)
    finally:
        wire.disarm()
    where = f"history {seed}: {word}, {said}"
    record = journal.find(writer.id)
    wire.begin(rng, 0.0, {})
    there = sids_of(account.policy())
    lost = colleague.mine - there
    told_of = json.dumps([dict(each) for each in record.named("overwritten")])
    for sid in lost:  # CloudTrail of the sandbox knows what no reading has shown
        assert not is_sure, where
        assert sid in told_of, where
    if word == "rolled back" and is_sure and not colleague.writes:
        assert account.policy() == start, where
    if word == "applied":
        kept = colleague.mine & there
        undo(aws, writer.id, journal=journal)
        assert kept <= sids_of(account.policy()), where
        assert "203.0.113.0/24" not in str(account.policy()), where
        if not colleague.writes:
            assert account.policy() == start, where
    return word, "named" if lost else "kept"


@pytest.fixture
def wire(account: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(RetryQuota, "acquire", lambda *_: True)
    monkeypatch.setattr(engine_module, "_LOCAL_QUIET_S", 0.3)
    monkeypatch.setattr(transaction, "ROLLBACK_S", 1.0)
    proxy = Wire(account)
    yield proxy
    proxy.close()


@pytest.mark.check
def test_a_sample_of_histories(account: Account, wire: Wire, tmp_path: Path) -> None:
    aws = connect_aws(boto3_session=account.rig.session_of(), endpoint_url=wire.url)
    aws.identity()
    counts = Counter(play(seed, account, wire, aws, tmp_path / str(seed)) for seed in range(40))
    words = Counter(word for word, _ in counts.elements())
    assert words["applied"] >= 8, counts
    assert words["rolled back"] >= 5, counts
    assert sum(count for (_, end), count in counts.items() if end == "named") >= 2, counts
