"""A clock that is off: a revocation counts from the time of AWS's last answer and says the
difference, and the journal records the time of AWS.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.awsrequest import AWSResponse

from gt_secure.aws.answers import _check_members
from gt_secure.aws.client import Aws
from gt_secure.base import clock
from gt_secure.changes import Journal
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


AHEAD = timedelta(minutes=20)
"""The clock of this machine is so far behind that of AWS."""


class Client:
    """STS of one account, and what its answers say of the time."""

    def __init__(self, of: timedelta, is_aws: bool) -> None:
        self.of, self.is_aws = of, is_aws

    def get_caller_identity(self) -> dict[str, str]:
        date = format_datetime((datetime.now(UTC) + self.of).replace(microsecond=0), usegmt=True)
        clock.heard(date, is_aws=self.is_aws)
        return {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/ann"}


@pytest.mark.quick
@pytest.mark.parametrize(
    ("others", "is_aws"),
    [(timedelta(), False), (timedelta(), True), (timedelta(hours=-3), True)],
    ids=["a sandbox here", "this clock was right then", "a store with another clock"],
)
def test_a_revocation_asks_its_own_account_for_the_time(
    others: timedelta, is_aws: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another connection of the process, or an older answer, has another time."""
    monkeypatch.setattr(clock, "_AHEAD", {})
    cuts = list[datetime]()
    monkeypatch.setattr(
        "gt_secure.changes.plan_revoke", lambda _, revoked, **__: cuts.append(revoked.before)
    )
    gt, other = (
        Connection(Aws(cast(Any, None), "us-east-1", None), Journal(tmp_path)) for _ in range(2)
    )
    for each, client in ((gt, Client(AHEAD, True)), (other, Client(others, is_aws))):
        each.aws._clients["sts", "us-east-1"] = client
        each.aws.identity()
    begun, soon = datetime.now(UTC), timedelta(minutes=1)
    gt.revoke(bucket=BUCKET, before="now")
    assert begun - soon < cuts[0] - AHEAD < begun + soon


@pytest.mark.quick
def test_a_program_on_this_machine_does_not_replace_the_time_of_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its answers come between those of AWS, on other threads."""
    monkeypatch.setattr(clock, "_AHEAD", {})
    here = Client(timedelta(), False)
    here.get_caller_identity()
    assert clock.aws_ahead() == timedelta()
    Client(AHEAD, True).get_caller_identity()
    here.get_caller_identity()
    assert abs(clock.aws_ahead() - AHEAD) < timedelta(seconds=2)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("url", "counts"),
    [("http://127.0.0.1:4566/", False), ("https://sts.us-east-1.amazonaws.com/", True)],
)
def test_whose_time_an_answer_has(url: str, counts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_AHEAD", {})
    date = format_datetime((datetime.now(UTC) + AHEAD).replace(microsecond=0), usegmt=True)
    answer = AWSResponse(url, 200, {"date": date}, None)
    _check_members(http_response=answer, parsed={}, model=SimpleNamespace(output_shape=None))
    assert [*clock._AHEAD] == [counts]
