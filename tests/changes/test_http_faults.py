"""Faults of HTTP at every call of an apply and an undo: result, journal and account agree, and no
raw error comes up.

A proxy stands between the client and the sandbox and injects 13 kinds of fault, for one call or for
all following. The fast test takes a sample around the writes; the slow one takes every call. The
counts are printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.retries.quota import RetryQuota

from gt_secure.aws.client import connect_aws
from gt_secure.base.errors import GtSecureError
from gt_secure.changes import Journal
from gt_secure.changes.plan import plan
from gt_secure.changes.undo import undo
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.consents import apply_agreed as apply
from support.http_faults import FAULTS, Call, Fault, FaultyProxy, calls_of, give_up_on_late_answers
from support.sample import sample
from support.waits import counted_waits

DEADLINE_S = 1.0
UPDATE_S = 0.06  # a little longer than in the sandbox of these tests


@pytest.fixture(autouse=True)
def _own_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each run try again as a new process would:
    botocore's clients spare a service that has failed often.
    """
    monkeypatch.setattr(RetryQuota, "acquire", lambda *_: True)


class Rig:
    """One kind of run through the proxy, with the account before and after it."""

    def __init__(
        self,
        account: Account,
        tmp: Path,
        patch: pytest.MonkeyPatch,
        what: str,
        policy: str | None = FOREIGN,
    ) -> None:
        self.account, self.tmp, self.what, self.policy = account, tmp, what, policy
        self.proxy = FaultyProxy(account.sandbox.endpoint_url, update_s=UPDATE_S)
        self.aws = connect_aws(boto3_session=account.rig.session_of(), endpoint_url=self.proxy.url)
        give_up_on_late_answers(self.proxy, patch)
        restriction = Restriction(
            TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET, portal_lock=True
        )
        account.reset(policy)
        self.open = account.look()
        self.plan = plan(account.aws, restriction)
        apply(account.aws, self.plan, journal=Journal(tmp / "first"))
        self.closed = account.look()
        self.number = 0
        self.outcomes: Counter[str] = Counter()
        self.injected = 0

    def start(self) -> tuple[Path, Callable[[], Any]]:
        self.number += 1
        journal = self.tmp / f"journal-{self.number}"
        if self.account.look() != self.open:
            self.account.reset(self.policy)
        if self.what == "apply":
            return journal, lambda: apply(
                self.aws, self.plan, journal=Journal(journal), timeout_s=DEADLINE_S
            )
        done = apply(self.account.aws, self.plan, journal=Journal(journal))
        return journal, lambda: undo(
            self.aws, done.id, journal=Journal(journal), timeout_s=DEADLINE_S
        )

    def calls(self) -> list[Call]:
        """The calls of a run without a fault."""
        _, work = self.start()
        self.proxy.disarm()
        with counted_waits(DEADLINE_S):
            work()
        return calls_of(self.proxy.names)

    def fault(self, at: Call, fault: Fault, *, lasting: bool) -> None:
        journal, work = self.start()
        self.aws._identity = None
        self.proxy.arm(at, fault, lasting=lasting)
        where, why = f"{self.what}, {at}, {fault}, {'all following' if lasting else 'once'}", ""
        try:
            with counted_waits(DEADLINE_S):
                said = work().outcome
        except GtSecureError as error:
            said, why = "failed", str(error)
            if "applied" in error.details:
                said = f"failed, {error.details['applied']['outcome']}"
        injected = self.proxy.injected
        self.proxy.disarm()
        assert injected, f"{where}: {said} before it. {why}"
        self.injected += injected
        self.account.settle()
        self.outcomes[said] += 1
        self.check(journal, said, f"{where}: {said}")
        self.recover(journal, where)

    def check(self, journal: Path, said: str, where: str) -> None:
        """No lie: what the result and the journal report is what the account has."""
        before, after = (
            (self.open, self.closed) if self.what == "apply" else (self.closed, self.open)
        )
        now = self.account.look()
        assert not any(each.problems for each in Journal(journal)), where
        records = list(Journal(journal))
        status = records[-1].status if len(records) > (self.what == "undo") else "none"
        expected = {"applied": after, "undone": after, "rolled-back": before, "none": before}.get(
            status
        )
        if said in {"applied", "undone"}:
            assert status == "applied", where
        if said == "failed, rolled back":
            assert status == "rolled-back", where
        if said == "failed, in doubt":
            assert status == "unfinished", where
        if expected is not None:
            assert now == expected, f"{where}; the journal has {status}"

    def recover(self, journal: Path, where: str) -> None:
        left = [record.id for record in Journal(journal) if record.status == "unfinished"]
        if left:
            undo(self.account.aws, left[-1], journal=Journal(journal))
            assert self.account.look() == self.open, where

    def report(self) -> None:
        print(
            f"\n{self.what}: {sum(self.outcomes.values())} runs, {self.injected} faults:"
            f" {dict(self.outcomes)}"
        )


@pytest.fixture(params=["apply", "undo"])
def rig(
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Rig]:
    rig = Rig(account, tmp_path, monkeypatch, request.param)
    yield rig
    rig.report()
    rig.proxy.close()


def _first_write(calls: list[Call]) -> int:
    return next(
        place
        for place, call in enumerate(calls)
        if call.name.startswith(("PUT", "DELETE", "Update"))
    )


@pytest.mark.parametrize("fault", sample(["drop after", "truncated", "html", "empty 200"], 4))
def test_some_http_faults(rig: Rig, fault: Fault) -> None:
    """The reading before the policy is written, the write and the reading after it,
    once and lasting.
    """
    calls = rig.calls()
    write = _first_write(calls)
    for at, lasting in ((write - 1, False), (write, True), (write + 1, False)):
        rig.fault(calls[at], fault, lasting=lasting)


@pytest.mark.parametrize("policy", [None, FOREIGN], ids=["first policy", "another policy"])
def test_an_accepted_write_that_no_reading_shows_is_uncertain(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str | None
) -> None:
    """The guard is there and every reading denies it: "rolled back" would be a lie."""
    rig = Rig(account, tmp_path, monkeypatch, "apply", policy)
    calls = rig.calls()
    rig.fault(calls[_first_write(calls) + 1], "no policy", lasting=True)
    rig.proxy.close()
    assert rig.outcomes == {"failed, in doubt": 1}


@pytest.mark.slow
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "all-following"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_http_fault_at_every_call(rig: Rig, fault: Fault, lasting: bool) -> None:
    for call in rig.calls():
        rig.fault(call, fault, lasting=lasting)
