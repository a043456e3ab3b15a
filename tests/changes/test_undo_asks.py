"""An undo asks about the workteams that may lose access by it, as a plan does: in Python, on the
command line and in the panel.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from gt_secure import Restriction
from gt_secure.account.state import OtherTeam, State
from gt_secure.base.errors import GtSecureError, InvalidInput, NotFound
from gt_secure.changes import Journal
from gt_secure.changes.change import Change
from gt_secure.changes.engine import Clock
from gt_secure.changes.targets import BucketGuard, Target, TeamUrlLock, WorkforcePortal
from gt_secure.changes.transaction import begin_lines
from gt_secure.cli.exit_codes import ERROR, OK
from gt_secure.cli.main import main
from gt_secure.connection import Connection
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.widgets import ReviewStep
from support.account import Account
from support.consents import AGREED, boxes
from support.lagging_account import BUCKET, LaggingAccount
from support.states import FORCE, JOB, OTHER, TEAM, data_bucket, state, unread

CODE = "loses-access:radiology-team"
undo_module = sys.modules["gt_secure.changes.undo"]


def policy(*networks: str, prefix: str = "") -> str:
    statement = build_guard(BUCKET, networks=networks, prefix=prefix)
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


GUARD, WIDER = policy("203.0.113.0/24"), policy("203.0.113.0/24", "198.51.100.0/24")


class World:
    """A connection to an account that holds what a change has left."""

    def __init__(self, folder: Path, around: State | GtSecureError, patch: Any) -> None:
        self.account = LaggingAccount(random.Random(1))
        self.account.remembering = lambda: self.account  # type: ignore[attr-defined]
        self.account.locks.append((0.0, UrlLock().settings))
        self.gt = Connection(cast(Any, self.account), Journal(folder))
        self.around, self.reads = around, 0
        patch.setattr(undo_module, "read_state", self._read)
        patch.setattr(
            undo_module,
            "Clock",
            lambda seconds: Clock(seconds, self.account.sleep, lambda: self.account.now),
        )

    def _read(self, *_: Any, **__: Any) -> State:
        self.reads += 1
        if isinstance(self.around, GtSecureError):
            raise self.around
        return self.around

    def changed(self, target: Target[Any], before: Any, after: Any) -> str:
        """Return the id of a change that is applied."""
        if isinstance(target, BucketGuard):
            self.account.policies.append((0.0, after))
        changes: list[Change[Any]] = [Change(target, before, after, "before", "after")]
        lines = begin_lines("apply", self.account, self.account.account_id, "bob", changes)  # type: ignore[arg-type]
        writer = self.gt.journal.begin(lines)
        writer.write("intent", step=0, do="forward")
        writer.write("end", outcome="applied")
        return writer.id


def around(text: str | None, *others: OtherTeam, **more: Any) -> State:
    used = others or (OtherTeam(TEAM, Part.of((JOB,))),)
    return state(team=None, workforce=None, bucket=data_bucket(policy=text), others=used, **more)


@pytest.mark.parametrize(
    ("before", "after", "asks"),
    [
        (GUARD, None, True),
        (GUARD, WIDER, True),
        (GUARD, policy("203.0.113.0/24", prefix="maps/"), True),
        (None, GUARD, False),
        (WIDER, GUARD, False),
    ],
)
def test_an_undo_asks_about_each_workteam_that_would_lose_access(
    before: str | None, after: str | None, asks: bool, tmp_path: Path, monkeypatch: Any
) -> None:
    world = World(tmp_path, around(after), monkeypatch)
    change, gt = world.changed(BucketGuard(BUCKET), before, after), world.gt
    shown = gt.plan_undo(change)
    assert [each.code for each in shown.asks] == [CODE] * asks
    if asks:
        assert "is labeling chest-scans" in shown.asks[0].text
        call = rf"gt\.apply\(gt\.plan_undo\('{change}'\), confirm=\['{CODE}'\]\)"
        with pytest.raises(InvalidInput, match=call):
            gt.undo(change)
        for wrong in ((), ["loses-access"], ["loses-access:open-team"]):
            with pytest.raises(InvalidInput):
                gt.apply(shown, confirm=wrong)
        assert world.account.policy == after
        done = gt.apply(shown, confirm=[CODE])
    else:
        done = gt.undo(change)
    assert (done.outcome, world.account.policy) == ("undone", before)


@pytest.mark.parametrize(
    ("target", "before", "after"),
    [
        (BucketGuard(BUCKET), None, GUARD),
        (TeamUrlLock("radiology-team"), UrlLock(), UrlLock(source_ip=True)),
        (WorkforcePortal("default"), (), ("203.0.113.0/24",)),
    ],
)
def test_what_only_opens_reads_nothing_more(
    target: Target[Any], before: Any, after: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """An undo in an emergency needs no permission to list workteams."""
    world = World(tmp_path, NotFound("There is no workteam."), monkeypatch)
    monkeypatch.setattr(type(target), "read", lambda *_: type("R", (), {"value": after})())
    shown = world.gt.plan_undo(world.changed(target, before, after))
    assert ([*shown.notices], world.reads, shown.empty) == ([], 0, False)


def test_the_url_lock_of_a_team_is_asked_about_too(tmp_path: Path, monkeypatch: Any) -> None:
    """The guard narrows nothing here; workers in the VPC lose the lock's other path."""
    seen = state(
        team=TEAM,
        workforce=FORCE,
        bucket=None,
        jobs=Part.of((JOB,)),
        others=(OtherTeam(OTHER, Part.of(())),),
    )
    world = World(tmp_path, seen, monkeypatch)
    at_an_endpoint = UrlLock(vpc_source_ip=True)
    target = TeamUrlLock("radiology-team")
    monkeypatch.setattr(TeamUrlLock, "read", lambda *_: type("R", (), {"value": UrlLock()})())
    shown = world.gt.plan_undo(world.changed(target, at_an_endpoint, UrlLock()))
    assert [each.code for each in shown.asks] == [CODE]


@pytest.mark.parametrize(
    "seen",
    [
        NotFound("There is no bucket gt-images."),
        around(None, teams=unread("sagemaker:ListWorkteams", "workteams")),
    ],
)
def test_workteams_that_cannot_be_read_are_unknown_and_asked_about(
    seen: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    world = World(tmp_path, seen, monkeypatch)
    change = world.changed(BucketGuard(BUCKET), GUARD, None)
    codes = [each.code for each in world.gt.plan_undo(change).asks]
    assert "bucket-teams-unread" in codes
    with pytest.raises(InvalidInput):
        world.gt.undo(change)
    assert world.gt.apply(world.gt.plan_undo(change), confirm=codes).outcome == "undone"


@pytest.mark.check
def test_the_command_line_and_the_panel_ask_the_same(
    account: Account, monkeypatch: Any, capsys: Any
) -> None:
    gt = Connection(account.aws, account.journal)
    wish = Restriction(bucket=BUCKET, addresses="203.0.113.0/24")
    gt.apply(gt.plan(wish), confirm=AGREED)
    wider = Restriction(bucket=BUCKET, guard=False)
    done = gt.apply(gt.plan(wider), confirm=AGREED)
    left = account.policy()
    asked = [each.code for each in gt.plan_undo(done).asks]
    assert CODE in asked
    review = ReviewStep(gt, restriction=wider)
    review.undo()
    assert [each.code for each in review.plan.asks] == asked
    assert len(boxes(review)) == len(asked)
    assert review.apply_button.disabled

    for name, value in {
        **account.sandbox.environment(),
        "GT_SECURE_JOURNAL": str(account.journal.path),
    }.items():
        monkeypatch.setenv(name, value)
    line = ["undo", done.id, "--yes"]
    assert main(line) == ERROR
    assert f"--confirm {CODE}" in capsys.readouterr().err
    assert account.policy() == left
    assert main([*line, *(word for each in asked for word in ("--confirm", each))]) == OK
    assert "203.0.113.0/24" in str(account.policy())


def test_a_portal_lock_alone_is_of_no_bucket(account: Account) -> None:
    """Nobody's images are at stake, so nothing of a bucket is read, or said to be unread."""
    gt = Connection(account.aws, account.journal)
    for addresses in (["203.0.113.0/24"], ["203.0.113.0/24", "198.51.100.0/24"]):
        plan = gt.plan(Restriction(addresses=addresses, portal_lock=True))
        done = gt.apply(plan, confirm=[each.code for each in plan.asks])
    undo = gt.plan_undo(done)
    assert [each.kind for each in undo.changes] == ["portal-lock"]
    assert undo.notices == ()
    assert gt.undo(done).outcome == "undone"
