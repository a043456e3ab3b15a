"""Two operators, foreign edits in between, and random failures: a model says what the account must
look like.

The operators work in one account, each with a journal of their own, as two people on two machines
do. The model knows the three values that changes write, and everything that must never change.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gt_secure.base.errors import Conflict, GtSecureError, NotFound
from gt_secure.changes import Journal, transaction as running_module
from gt_secure.changes.apply import apply
from gt_secure.changes.change import Change
from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.undo import undo
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.faults import Wire
from support.guards import find_guard

OPERATORS = st.sampled_from(["ann", "bob"])
FAULTS = st.sampled_from([None, None, "refused", "throttled", "lost for good"])
NETWORKS = ["203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/25", "2001:db8:7::/48"]
lists = st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=3, unique=True)
wishes = st.builds(
    lambda addresses, url, portal, guard: Restriction(
        TEAM,
        addresses=addresses if guard or portal else (),
        url_lock=url,
        portal_lock=portal,
        guard=guard,
        bucket=BUCKET,
    ),
    lists,
    st.sampled_from([True, False, "VpcSourceIp"]),
    st.sampled_from([True, None]),
    st.sampled_from([True, False]),
)
DEADLINE_S = (
    60  # no fault lasts: only a run that would never end, however busy the machine is, reaches it
)
counter = itertools.count()


class Operators(RuleBasedStateMachine):
    """See the module."""

    account: Account
    root: Path
    tally: Counter[str]

    @initialize()
    def start(self) -> None:
        self.account.reset(FOREIGN)
        self.home = self.root / f"run-{next(counter)}"
        self.plans: dict[str, tuple[Plan, dict[str, Any]]] = {}
        self.applied: dict[str, list[tuple[str, dict[str, Any], dict[str, Any]]]] = {
            "ann": [],
            "bob": [],
        }
        self.foreign: list[dict[str, Any]] = json.loads(FOREIGN)["Statement"]
        self.description = self.account.team()["Description"]
        self.edits = 0
        self.values = self.read()

    def journal(self, who: str) -> Path:
        return self.home / who

    def read(self) -> dict[str, Any]:
        """The three values, and nothing else."""
        guard = find_guard(self.account.policy())
        return {
            "guard": None if guard is None else dict(guard.statement),
            "toggles": self.account.toggles(),
            "cidrs": self.account.cidrs(),
        }

    # what operators do

    @rule(who=OPERATORS, wish=wishes)
    def look(self, who: str, wish: Restriction) -> None:
        made = plan(self.account.aws, wish)
        self.plans[who] = (made, {"values": self.values, "edits": self.edits})

    @precondition(lambda self: bool(self.plans))
    @rule(
        who=OPERATORS,
        fault=st.sampled_from([None, None, "refused", "throttled", "lost for good"]),
        at=st.integers(0, 40),
    )
    def carry_out(self, who: str, fault: Any, at: int) -> None:
        who = who if who in self.plans else next(iter(self.plans))
        made, seen = self.plans.pop(who)
        moved = seen["values"] != self.values or seen["edits"] != self.edits
        confirm = [notice.code for notice in made.asks]
        wire = Wire(at, fault) if fault else None
        before = self.values
        try:
            done = self.with_fault(
                wire,
                lambda: apply(
                    self.account.aws,
                    made,
                    confirm=confirm,
                    journal=Journal(self.journal(who)),
                    timeout_s=DEADLINE_S,
                ),
            )
        except GtSecureError:
            self.tally[f"apply stopped, {'moved' if moved else fault}"] += 1
            if not moved and (wire is None or wire.count <= at):
                raise
            self.account.settle()
            assert self.read() == before, "a failed apply left something behind"
            return
        if made.empty:
            assert done.outcome == "nothing to do"
            self.tally["nothing to do"] += 1
            return
        self.tally[
            f"applied, {'with a fault' if wire is not None and wire.count > at else 'in peace'}"
        ] += 1
        assert not moved, "a stale plan was applied"
        self.account.settle()
        self.values = self.read()
        for change in made.changes:
            assert self.shows(change), change
        assert plan(self.account.aws, made.restriction).empty
        self.applied[who].append((done.id, before, self.values))

    @rule(who=OPERATORS, wish=wishes, fault=FAULTS, at=st.integers(0, 40))
    def look_and_carry_out(self, who: str, wish: Restriction, fault: Any, at: int) -> None:
        self.look(who, wish)
        self.carry_out(who, fault, at)

    def with_fault(self, wire: Wire | None, work: Any) -> Any:
        if wire is None:
            return work()
        from botocore.httpsession import URLLib3Session

        real = URLLib3Session.send
        wire.install()
        try:
            return work()
        finally:
            URLLib3Session.send = real  # type: ignore[method-assign]

    def shows(self, change: Change[Any]) -> bool:
        if change.kind == "bucket-guard":
            guard = find_guard(change.after)
            return self.values["guard"] == (None if guard is None else dict(guard.statement))
        written = change.target.to_json(change.after)
        return bool(written == self.values["toggles" if change.kind == "url-lock" else "cidrs"])

    @precondition(lambda self: any(self.applied.values()))
    @rule(who=OPERATORS, which=st.integers(0, 5))
    def take_back(self, who: str, which: int) -> None:
        who = who if self.applied[who] else next(one for one in self.applied if self.applied[one])
        change, before, after = self.applied[who][which % len(self.applied[who])]
        now = self.values
        try:
            result = undo(
                self.account.aws, change, journal=Journal(self.journal(who)), timeout_s=DEADLINE_S
            )
        except Conflict:
            self.tally["undo stopped"] += 1
            touched = [key for key in now if before[key] != after[key]]
            assert any(now[key] not in (before[key], after[key]) for key in touched), (
                "a needless conflict"
            )
            assert self.read() == now
            return
        self.account.settle()
        self.values = self.read()
        if result.outcome == "nothing to do":
            assert self.values == now
            return
        self.tally["undone" if now == after else "undone among foreign edits"] += 1
        for key, value in self.values.items():
            if before[key] == after[key]:
                assert value == now[key], "an undo touched what its change had not"
            elif now[key] == after[key]:
                assert value == before[key], key
            elif now[key] == before[key]:
                assert value == now[key], key
            else:
                assert key == "cidrs"
                assert set(now[key]) - set(after[key]) <= set(value), (
                    "a range that somebody added was lost"
                )
                assert not (set(after[key]) - set(now[key])) & set(value), (
                    "a range that somebody removed came back"
                )

    @rule(who=OPERATORS)
    def take_the_last_back_when_there_is_none(self, who: str) -> None:
        if list(Journal(self.journal(who))):
            return
        with pytest.raises(NotFound):
            undo(self.account.aws, journal=Journal(self.journal(who)))

    # what others do

    @rule(first=st.booleans())
    def add_a_statement(self, first: bool) -> None:
        number = next(counter)
        statement = {
            "Sid": f"Foreign{number}",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/keep/{number}",
        }
        policy = json.loads(self.account.policy() or '{"Version":"2012-10-17","Statement":[]}')
        policy["Statement"].insert(0 if first else len(policy["Statement"]), statement)
        self.account.put_policy(json.dumps(policy))
        self.foreign.insert(0 if first else len(self.foreign), statement)
        self.edits += 1

    @precondition(lambda self: len(self.foreign) > 2)
    @rule(which=st.integers(0, 9))
    def remove_a_statement(self, which: int) -> None:
        gone = self.foreign.pop(which % len(self.foreign))
        policy = json.loads(self.account.policy() or "")
        policy["Statement"] = [one for one in policy["Statement"] if one != gone]
        self.account.put_policy(json.dumps(policy))
        self.edits += 1

    @rule(source_ip=st.booleans())
    def edit_the_toggles(self, source_ip: bool) -> None:
        self.account.set_toggles(source_ip, not source_ip)
        self.values = self.read()

    @rule(cidrs=st.lists(st.sampled_from([*NETWORKS, "100.0.0.0/16"]), max_size=4, unique=True))
    def edit_the_portal(self, cidrs: list[str]) -> None:
        self.account.set_cidrs(cidrs)
        self.values = self.read()

    @rule(number=st.integers(0, 99))
    def edit_the_description(self, number: int) -> None:
        text = f"Edited {number}"
        if text != self.description:
            self.account.sagemaker.update_workteam(WorkteamName=TEAM, Description=text)
            self.description = text
            self.edits += 1

    # what always holds

    @invariant()
    def nothing_foreign_is_lost(self) -> None:
        if not hasattr(self, "values"):
            return
        statements = json.loads(self.account.policy() or '{"Statement":[]}')["Statement"]
        kept = [one for one in statements if one.get("Sid") != "GtSecurePresignGuard"]
        # A statement may lie before or after our guard, but the foreign ones keep their order.
        assert kept == self.foreign
        assert self.account.team()["Description"] == self.description
        assert self.read() == self.values

    def teardown(self) -> None:
        for who in ("ann", "bob"):
            if hasattr(self, "home"):
                assert not any(each.problems for each in Journal(self.journal(who)))
                assert all(one.status != "unfinished" for one in list(Journal(self.journal(who))))


def _run(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examples: int, steps: int
) -> None:
    monkeypatch.setattr(running_module, "ROLLBACK_S", 20.0)
    description = account.team()["Description"]
    options = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    tally: Counter[str] = Counter()
    machine = type("Machine", (Operators,), {"account": account, "root": tmp_path, "tally": tally})
    try:
        run_state_machine_as_test(machine, settings=options)
    finally:
        account.sagemaker.update_workteam(WorkteamName=TEAM, Description=description)
        print(f"\n{sum(tally.values())} runs: {dict(tally)}")
    assert len(tally) >= 6, "the machine did not get around"


@pytest.mark.slow
def test_two_operators_and_the_world(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(account, tmp_path, monkeypatch, examples=40, steps=20)
