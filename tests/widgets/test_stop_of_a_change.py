"""A change that waits for others offers Cancel in the panel, and says so; while it writes, it says
that nothing interrupts it, and no press does.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from gt_secure import Restriction
from gt_secure.base.errors import GtSecureError
from gt_secure.changes import Journal
from gt_secure.changes.change import Change
from gt_secure.changes.engine import Callback, Clock, Engine
from gt_secure.changes.plan import Plan
from gt_secure.changes.targets import BucketGuard
from gt_secure.changes.transaction import begin_lines, run as run_engine
from gt_secure.engine.access import Exposure
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.logs import activity
from gt_secure.widgets import ReviewStep, background
from support.lagging_account import BUCKET, LaggingAccount
from support.states import exposure_of, state

GUARD = json.dumps(
    {"Version": "2012-10-17", "Statement": [build_guard(BUCKET, networks=["203.0.113.0/24"])]}
)
THEIRS = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
]})  # fmt: skip


class Connection:
    """A connection whose change meets another writer; its clock stands still at two moments."""

    def __init__(self, folder: Path) -> None:
        self.account, self.journal = LaggingAccount(random.Random(1)), Journal(folder)
        self.waits, self.writes = threading.Event(), threading.Event()
        self.goes_on, self.ends = threading.Event(), threading.Event()
        # they take out again what they put in: the change goes on
        for after_s, text in ((1, THEIRS), (3, None)):
            due = (self.account.now + after_s, lambda text=text: self.account.put(text, "eve"))
            self.account.due.append(cast(Any, due))
        self.account.policies.append((0.0, None))

    def apply(self, plan: Plan, *, confirm: Any, progress: Callback) -> Any:
        account = self.account
        lines = begin_lines("apply", account, account.account_id, "anna", plan.changes)  # type: ignore[arg-type]
        put = account._put

        def write(text: str) -> dict[str, Any]:
            self.writes.set()
            assert self.ends.wait(60)
            return put(text)

        account._put = write  # type: ignore[method-assign]

        def sleep(seconds: float) -> None:
            account.sleep(seconds)
            if account.now > 1_020 and not self.waits.is_set():
                self.waits.set()
                assert self.goes_on.wait(60)

        clock = Clock(600, sleep, lambda: account.now)
        engine = Engine(account, self.journal.begin(lines), plan.changes, clock, progress)  # type: ignore[arg-type]
        return run_engine(engine, "applied")


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Connection, ReviewStep]:
    monkeypatch.setattr(background, "EVERY_S", 0.02)
    monkeypatch.setattr(activity, "AFTER_S", 0.02)
    gt = Connection(tmp_path)
    review = ReviewStep(cast(Any, gt))
    around = state(team=None, workforce=None)
    exposure: Exposure = exposure_of(around)
    change = Change(BucketGuard(BUCKET), None, GUARD, "off", "on")
    wish = Restriction(bucket=BUCKET, addresses="203.0.113.0/24")
    review.plan = Plan(wish, around, (change,), exposure, exposure)
    return gt, review


def is_offered(review: ReviewStep) -> bool:
    return "gts-hidden" not in review.cancel_button._dom_classes


async def until(condition: Any) -> None:
    for _ in range(3_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("It did not come to that.")


def test_cancel_stops_a_change_that_waits(parts: tuple[Connection, ReviewStep], run: Any) -> None:
    gt, review = parts

    async def main() -> None:
        review.apply()
        assert not is_offered(review)
        await until(gt.waits.is_set)
        await until(lambda: is_offered(review))
        assert "more seconds" in review.status.value
        assert (
            "Press Cancel to stop the change, and to roll back what it has written."
            in review.status.value
        )
        assert "cannot be interrupted" not in review.status.value
        review.cancel_button.click()
        gt.goes_on.set()
        with pytest.raises(GtSecureError, match="was stopped while it waited"):
            await review.wait_idle()

    run(main())
    assert "Nothing was changed." in review.message.value
    assert gt.account.policy is None
    assert [record.status for record in gt.journal] == ["rolled-back"]
    assert not gt.writes.is_set()


def test_nothing_stops_a_change_that_writes(parts: tuple[Connection, ReviewStep], run: Any) -> None:
    gt, review = parts

    async def main() -> None:
        review.apply()
        await until(lambda: is_offered(review))
        gt.goes_on.set()
        await until(gt.writes.is_set)
        review.cancel_button.click()  # the page may show it for half a second more
        await until(lambda: not is_offered(review))
        assert "readings agree" in review.status.value
        assert "cannot be interrupted while it writes: about" in review.status.value
        gt.ends.set()
        await review.wait_idle()

    run(main())
    assert review.applied.outcome == "applied"
    assert gt.account.policy == GUARD
