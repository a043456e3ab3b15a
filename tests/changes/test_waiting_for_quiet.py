"""Before a write the engine waits for readings that agree: it says for how long, and an interrupt or
a progress function that raises stops it while nothing has been sent.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gt_secure.base.errors import GtSecureError
from gt_secure.changes import Journal
from gt_secure.changes.change import Change
from gt_secure.changes.engine import Clock, Engine
from gt_secure.changes.targets import BucketGuard
from gt_secure.changes.transaction import begin_lines, run
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from support.lagging_account import BUCKET, LaggingAccount

THEIRS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Theirs",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
        }
    ],
}


class Stopped(Exception):
    """The person does not want to wait."""


def change(
    folder: Path, progress: Callable[[str], None]
) -> tuple[LaggingAccount, Callable[[], object]]:
    """Return an account into which somebody writes between two looks, and what changes it."""
    account = LaggingAccount(random.Random(1))
    account.policies.append((0.0, None))
    account.due.append((account.now + 1, lambda: account.put(json.dumps(THEIRS), "eve") and None))
    target = BucketGuard(BUCKET)
    planned = Change(target, None, BucketPolicy.of(json.dumps(THEIRS)), "off", "on")
    writer = Journal(folder).begin(
        begin_lines("apply", account, account.account_id, account.caller_arn, [planned])  # type: ignore[arg-type]
    )
    clock = Clock(600, account.sleep, lambda: account.now)
    engine = Engine(account, writer, [planned], clock, progress)  # type: ignore[arg-type]
    return account, lambda: run(engine, "applied")


def test_the_wait_says_how_long_it_lasts_and_how_to_stop_it(tmp_path: Path) -> None:
    said: list[str] = []
    _, work = change(tmp_path, said.append)
    work()
    left = [int(found[1]) for each in said if (found := re.search(r"for (\d+) more seconds", each))]
    assert left[0] in (29, 30)
    assert left == sorted(left, reverse=True)
    assert len(left) > 10
    assert all("Interrupt it to stop" in each for each in said if "more seconds" in each)


def test_on_a_thread_no_interrupt_is_promised(tmp_path: Path) -> None:
    """An interrupt reaches the main thread only."""
    said: list[str] = []
    _, work = change(tmp_path, said.append)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert any("more seconds" in each for each in said)
    assert not any("nterrupt" in each for each in said)


@pytest.mark.parametrize("problem", [Stopped(), KeyboardInterrupt()])
def test_it_can_be_stopped_while_it_waits(tmp_path: Path, problem: BaseException) -> None:
    waits = 0

    def stop(text: str) -> None:
        nonlocal waits
        waits += "more seconds" in text
        if waits == 3:
            raise problem

    account, work = change(tmp_path, stop)
    with pytest.raises((Stopped, KeyboardInterrupt, GtSecureError)) as caught:
        work()
    assert caught.value is problem
    assert "Nothing was changed." in caught.value.__notes__[0]
    assert [event["userIdentity"]["arn"] for event in account.events] == ["eve"]
