"""A clock that is off: a revocation counts from the time of AWS's last answer and says the
difference, and the journal records the time of AWS.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from gt_secure.base import clock
from gt_secure.connection import Connection
from support.account import BUCKET, Account
from support.consents import AGREED


def cut(plan: object) -> datetime:
    """Return the time before which credentials open nothing."""
    [change] = plan.changes  # type: ignore[attr-defined]
    [one] = change.after.revocations
    text = one.statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.fixture
def gt(account: Account) -> Connection:
    return Connection(account.aws, account.journal)


@pytest.mark.parametrize(
    ("off_s", "words"),
    [(-1200, "behind"), (3600, "ahead of"), (-9, "behind")],
)
def test_now_is_that_of_aws(
    gt: Connection, off_s: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_here", lambda: datetime.now(UTC) + timedelta(seconds=off_s))
    begun, soon = datetime.now(UTC), timedelta(minutes=1)
    plan = gt.revoke(bucket=BUCKET, before="now")
    said = [each for each in plan.notices if each.code == "clock-off"]
    assert begun - soon < cut(plan) < begun + soon
    found = re.search(rf"is ([0-9,]+) seconds {words} AWS", said[0].text)
    assert found is not None
    assert abs(int(found[1].replace(",", "")) - abs(off_s)) <= 1
    ago = gt.revoke(bucket=BUCKET, before="2h")
    assert begun - soon < cut(ago) + timedelta(hours=2) < begun + soon
    done = gt.apply(plan, confirm=AGREED)
    began = datetime.fromisoformat(gt.journal.find(done.id).started.replace("Z", "+00:00"))
    assert begun - soon < began < begun + soon


def test_a_clock_that_is_right_is_not_mentioned(gt: Connection) -> None:
    plan = gt.revoke(bucket=BUCKET, before="now")
    assert "clock-off" not in {each.code for each in plan.notices}
