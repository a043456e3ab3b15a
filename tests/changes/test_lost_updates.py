"""Another writer of the policy at the same moment: seen by a second reading,
a look after the write, or CloudTrail.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from gt_secure.aws.client import Aws
from gt_secure.base.errors import Conflict
from gt_secure.changes import Journal
from gt_secure.changes.applied import Applied
from gt_secure.changes.change import Change
from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.targets import BucketGuard
from gt_secure.changes.transaction import note_overwritten
from gt_secure.changes.undo import undo
from gt_secure.cli.changes import report
from gt_secure.cli.exit_codes import OK, UNKNOWN
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.consents import apply_agreed as apply

DENY = {
    "Sid": "IncidentResponse",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::gt-images/*",
}
THEIRS = json.dumps(json.loads(FOREIGN) | {"Statement": [*json.loads(FOREIGN)["Statement"], DENY]})
RESPONDER = "arn:aws:iam::111122223333:user/responder"


@pytest.fixture
def guard_plan(account: Account) -> Plan:
    restriction = Restriction(TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET, url_lock=None)
    return plan(account.aws, restriction)


class Trail:
    """What CloudTrail would answer."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def get_paginator(self, name: str) -> Trail:
        assert name == "lookup_events"
        return self

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        assert arguments["LookupAttributes"] == [
            {"AttributeKey": "ResourceName", "AttributeValue": BUCKET}
        ]
        assert arguments["StartTime"] <= arguments["EndTime"]
        yield {"Events": [{"CloudTrailEvent": json.dumps(event)} for event in self.events]}

    def put(self, request: str, policy: str, arn: str = RESPONDER) -> None:
        self.events.append(
            {
                "eventName": "PutBucketPolicy",
                "eventTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "eventID": f"event-{len(self.events)}",
                "requestID": request,
                "userIdentity": {"arn": arn},
                "requestParameters": {"bucketName": BUCKET, "bucketPolicy": json.loads(policy)},
            }
        )


@pytest.fixture
def trail(account: Account, monkeypatch: pytest.MonkeyPatch) -> Trail:
    trail = Trail()
    real = account.aws.client
    monkeypatch.setattr(
        account.aws,
        "client",
        lambda service, region=None: trail if service == "cloudtrail" else real(service, region),
    )
    return trail


def on_call(account: Account, name: str, when: str, do: Callable[[], None]) -> Callable[[], None]:
    """Run something once at the next call of that name; returns what takes the hook out."""
    events = account.aws.client("s3").meta.events
    left = [do]

    def hook(model: Any, **_: Any) -> None:
        if model.name == name and left:
            left.pop()()

    events.register(when, hook)
    return lambda: events.unregister(when, hook)


def lost_between_reading_and_writing(account: Account, trail: Trail, wanted: Plan) -> Any:
    def meddle() -> None:
        account.put_policy(THEIRS)
        trail.put("their-request", THEIRS)

    remove = on_call(account, "PutBucketPolicy", "before-call", meddle)
    try:
        return apply(account.aws, wanted, journal=account.journal)
    finally:
        remove()


def exit_code(done: Applied) -> int:
    return report(argparse.Namespace(json=True), done)


def test_a_write_between_our_reading_and_our_write_is_named_and_its_text_kept(
    account: Account, trail: Trail, guard_plan: Plan
) -> None:
    done = lost_between_reading_and_writing(account, trail, guard_plan)
    assert not done.certain
    assert exit_code(done) == UNKNOWN
    assert not done.steps[0].certain
    assert RESPONDER in done.notes[0]
    events = account.journal.find(done.id).events
    (kept,) = [event for event in events if event["event"] == "overwritten"]
    assert json.loads(kept["write"]["policy"]) == json.loads(THEIRS)


def test_our_own_write_and_what_was_read_before_are_no_second_writer(
    account: Account, trail: Trail, guard_plan: Plan
) -> None:
    trail.put("earlier", FOREIGN)
    trail.put("ours-whose-reply-was-lost", str(guard_plan.changes[0].after))
    assert apply(account.aws, guard_plan, journal=account.journal).certain


def test_a_record_that_comes_late_is_seen_by_undo(
    account: Account, trail: Trail, guard_plan: Plan
) -> None:
    done = apply(account.aws, guard_plan, journal=account.journal)
    assert exit_code(done) == OK
    trail.put("their-request", THEIRS)
    back = undo(account.aws, done.id, journal=account.journal)
    assert not back.certain
    assert exit_code(back) == UNKNOWN
    assert RESPONDER in back.notes[0]
    assert any(event["event"] == "overwritten" for event in account.journal.find(back.id).events)


@pytest.mark.parametrize(
    ("events", "asked"),
    [
        ("intent 0 1, written 0 5, done 0 6", [("a", 1, 5)]),
        ("intent 0 1, written 0 5, intent 1 6, written 1 8", [("a", 1, 5), ("b", 6, 8)]),
        ("intent 0 1, written 0 3, written 0 5, intent 0 7, written 0 9", [("a", 1, 9)]),
        ("intent 0 1, intent 1 6, written 1 8", [("b", 6, 8)]),
        ("intent 0 1, done 0 5", []),
        ("", []),
    ],
)
def test_undo_looks_for_others_between_the_announcement_and_the_last_write_of_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: str, asked: list[tuple[str, int, int]]
) -> None:
    seen = []

    def writes(target: BucketGuard, _: Aws, since: datetime, until: datetime) -> tuple[()]:
        seen.append((target.name, since.second, until.second))
        return ()

    monkeypatch.setattr(BucketGuard, "writes", writes)
    changes = [Change(BucketGuard(name), None, None, "off", "on") for name in "ab"]
    journal = Journal(tmp_path)
    writer = journal.begin(
        {"kind": "apply", "changes": [change.for_journal() for change in changes]}
    )
    for name, step, second in (each.split() for each in events.split(", ") if each):
        more = {"request": "ours"} if name == "written" else {}
        writer.write(name, step=int(step), at=f"2026-11-25T09:00:0{second}Z", **more)
    done = Applied(writer.id, "undone")
    assert note_overwritten(cast(Aws, None), writer, writer.id, changes, done) == done
    assert seen == asked


def test_another_change_of_our_journal_is_no_second_writer(
    account: Account, trail: Trail, guard_plan: Plan
) -> None:
    """CloudTrail has whole seconds, so a change of the same second lies in the time of
    the change before it.
    """
    mine = account.aws.caller_arn
    first = apply(account.aws, guard_plan, journal=account.journal)
    wider = Restriction(
        TEAM, addresses=["203.0.113.0/24", "192.0.2.0/24"], bucket=BUCKET, url_lock=None
    )
    wider_plan = plan(account.aws, wider)
    second = apply(account.aws, wider_plan, journal=account.journal)
    for done, made in ((first, guard_plan), (second, wider_plan)):
        [request] = account.journal.find(done.id).requests
        trail.put(request, str(made.changes[0].after), mine)
    third = undo(account.aws, second.id, journal=account.journal)
    assert third.certain
    assert third.notes == ()
    [request] = account.journal.find(third.id).requests
    trail.put(request, str(guard_plan.changes[0].after), mine)
    back = undo(account.aws, first.id, journal=account.journal)
    assert back.certain
    assert back.notes == ()


def test_the_same_person_outside_our_journal_is_a_second_writer(
    account: Account, trail: Trail, guard_plan: Plan
) -> None:
    done = apply(account.aws, guard_plan, journal=account.journal)
    trail.put("by-hand", THEIRS, account.aws.caller_arn)
    back = undo(account.aws, done.id, journal=account.journal)
    assert account.aws.caller_arn in back.notes[0]


def test_without_cloudtrail_the_journal_says_that_it_was_not_asked(
    account: Account, guard_plan: Plan
) -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    keys = account.rig.keys(everything, everything | {"Effect": "Deny", "Action": "cloudtrail:*"})
    done = apply(account.rig.aws(keys), guard_plan, journal=account.journal)
    assert "not-asked" in [event["event"] for event in account.journal.find(done.id).events]


def test_a_stale_first_reading_is_not_written_over(account: Account, guard_plan: Plan) -> None:
    """S3 may answer with a former policy for some seconds:
    one reading alone would overwrite the newer one.
    """
    seen = {"count": 0}

    def stale(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "GetBucketPolicy":
            seen["count"] += 1
            if seen["count"] == 1:
                # it was put before, and this reading did not show it yet
                account.put_policy(THEIRS)
            # the comparison with the plan, and the first of the two readings
            if seen["count"] <= 2:
                parsed["Policy"] = FOREIGN

    events = account.aws.client("s3").meta.events
    events.register("after-call", stale)
    try:
        with pytest.raises(Conflict):
            apply(account.aws, guard_plan, journal=account.journal)
    finally:
        events.unregister("after-call", stale)
    assert json.loads(str(account.policy())) == json.loads(THEIRS)
    kept = [event for event in list(account.journal)[-1].events if event["event"] == "seen"]
    assert json.loads(kept[-1]["value"]) == json.loads(THEIRS)


def test_a_write_after_ours_is_seen_by_the_look_after_it(
    account: Account, guard_plan: Plan
) -> None:
    seen = {"count": 0}

    def meddle(model: Any, **_: Any) -> None:
        if model.name == "GetBucketPolicy" and account.policy() == guard_plan.changes[0].after:
            seen["count"] += 1
            if seen["count"] == 1:
                account.put_policy(THEIRS)

    events = account.aws.client("s3").meta.events
    events.register("after-call", meddle)  # after the reading back that still showed ours
    try:
        with pytest.raises(Conflict):
            apply(account.aws, guard_plan, journal=account.journal)
    finally:
        events.unregister("after-call", meddle)
    assert json.loads(str(account.policy())) == json.loads(THEIRS)
