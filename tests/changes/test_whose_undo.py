"""Undo without a change undoes what this connection applied, and nothing of anybody else:
what others did is listed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gt_secure.base.errors import Conflict, InvalidInput, NotFound
from gt_secure.changes import Journal
from gt_secure.changes.change import Change
from gt_secure.changes.journal import Writer
from gt_secure.changes.targets import BucketGuard
from gt_secure.changes.transaction import begin_lines
from gt_secure.changes.undo import plan_undo
from gt_secure.connection import Connection
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, Account
from support.consents import AGREED

OFFICE = "203.0.113.0/24"
THEIRS = Restriction(bucket="ml-artifacts", addresses=[OFFICE])
OURS = Restriction(bucket=BUCKET, prefix="scans/", addresses=[OFFICE])


def apply(gt: Connection, wanted: Restriction) -> str:
    return gt.apply(gt.plan(wanted), confirm=AGREED).id


def begin(gt: Connection, bucket: str, kind: str = "apply") -> Writer:
    """Begin a change of a bucket in the journal of a connection,
    as a process that dies before its first call.
    """
    changes = [Change(BucketGuard(bucket), None, FOREIGN, "no guard", "a guard")]
    writer = gt.journal.begin(
        begin_lines(kind, gt.aws, gt.aws.account_id, gt.aws.caller_arn, changes)
    )
    writer.write("intent", step=0, do="forward")
    return writer


def record(gt: Connection, bucket: str) -> str:
    """Record a change of a bucket as applied; AWS has what it had before,
    so an undo finds nothing left to do.
    """
    writer = begin(gt, bucket)
    writer.write("end", outcome="applied")
    return writer.id


class Shared:
    """Two connections with one journal, and what both may write."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.gt, self.other = (Connection(account.aws, account.journal) for _ in range(2))

    def look(self) -> Any:
        try:
            theirs = self.account.s3.get_bucket_policy(Bucket="ml-artifacts")["Policy"]
        except self.account.s3.exceptions.ClientError:
            theirs = None
        return self.account.look(), theirs, len(self.account.journal)

    def lists(self, gt: Connection, *listed: str) -> NotFound:
        """Undo and its plan name these changes, and write nothing."""
        before = self.look()
        with pytest.raises(NotFound):
            gt.plan_undo()
        with pytest.raises(NotFound) as caught:
            gt.undo()
        assert self.look() == before
        for change in listed:
            assert f"gt.undo('{change}')" in caught.value.next_step
        return caught.value


@pytest.fixture
def shared(account: Account) -> Any:
    shared = Shared(account)
    yield shared
    account.s3.delete_bucket_policy(Bucket="ml-artifacts")


def test_a_second_undo_does_not_walk_down_into_the_changes_of_others(shared: Shared) -> None:
    theirs = apply(shared.other, THEIRS)
    ours = apply(shared.gt, OURS)
    assert shared.gt.plan_undo().record.id == ours
    assert shared.gt.undo().of == ours
    error = shared.lists(shared.gt, theirs)
    for part in (
        "ml-artifacts: presigned URLs",
        "sandbox-admin",
        shared.account.journal.find(theirs).started[:16],
    ):
        assert part in error.next_step
    assert shared.other.undo().of == theirs
    assert "has no change to undo" in shared.lists(shared.gt).next_step


def test_the_last_change_of_others_on_the_same_bucket_stays(shared: Shared) -> None:
    ours, theirs = record(shared.gt, BUCKET), record(shared.other, BUCKET)
    assert shared.gt.undo().of == ours
    shared.lists(shared.gt, theirs)
    assert shared.account.journal.find(theirs).status == "applied"


def test_own_changes_are_undone_the_last_one_first(shared: Shared) -> None:
    first, _, third = (
        record(shared.gt, BUCKET),
        record(shared.other, "ml-artifacts"),
        record(shared.gt, BUCKET),
    )
    assert [shared.gt.undo().of, shared.gt.undo().of] == [third, first]
    shared.lists(shared.gt)


def test_a_change_that_was_undone_by_its_id_is_not_undone_again(shared: Shared) -> None:
    first, second = record(shared.gt, BUCKET), record(shared.gt, BUCKET)
    shared.other.undo(second)
    assert shared.gt.undo().of == first


@pytest.mark.parametrize("given", [None, 3, [], object()])
def test_a_variable_that_holds_no_change_undoes_nothing(shared: Shared, given: Any) -> None:
    record(shared.gt, BUCKET)
    before = shared.look()
    for call in (shared.gt.undo, shared.gt.plan_undo):
        with pytest.raises(InvalidInput, match=r"what apply\(\) returned") as caught:
            call(given)
        assert "gt.undo()" in caught.value.next_step
    assert shared.look() == before


def test_what_changed_nothing_undoes_nothing(shared: Shared) -> None:
    record(shared.gt, BUCKET)
    empty = shared.gt.apply(shared.gt.plan(Restriction(bucket=BUCKET, guard=False)))
    before = shared.look()
    assert shared.gt.undo(empty).outcome == "nothing to do"
    with pytest.raises(InvalidInput, match="'' is neither"):
        shared.gt.undo(empty.id)
    assert shared.look() == before


@pytest.mark.parametrize(
    "copy", [lambda gt: replace(gt), lambda gt: Connection(gt.aws, gt.journal.path)]
)
def test_another_connection_of_the_same_person_is_another_one(shared: Shared, copy: Any) -> None:
    shared.lists(copy(shared.gt), record(shared.gt, BUCKET))


def test_an_interrupted_change_of_others_is_listed_and_left(shared: Shared) -> None:
    theirs = begin(shared.other, "ml-artifacts").id
    assert "unfinished" in shared.lists(shared.gt, theirs).next_step
    assert shared.gt.undo(theirs).outcome == "rolled back"


def test_an_interrupted_change_of_others_stops_an_undo_of_ours(shared: Shared) -> None:
    record(shared.gt, BUCKET)
    theirs = begin(shared.other, "ml-artifacts").id
    before = shared.look()
    with pytest.raises(Conflict, match=theirs):
        shared.gt.undo()
    assert shared.look() == before


def test_our_own_interrupted_change_is_rolled_back(shared: Shared) -> None:
    ours = begin(shared.gt, BUCKET).id
    assert shared.gt.undo().id == ours
    assert shared.account.journal.find(ours).status == "rolled-back"


def test_the_plan_of_an_interrupted_undo_shows_where_it_goes(shared: Shared) -> None:
    """An undo that was interrupted is completed:
    its plan does not show the way back to the guard.
    """
    gt = shared.gt
    first = apply(gt, OURS)
    undo = gt.plan_undo(first)
    planned = [(each.before_text, each.after_text) for each in undo.changes]
    lines = begin_lines("undo", gt.aws, gt.aws.account_id, gt.aws.caller_arn, undo.changes)
    writer = gt.journal.begin(lines | {"of": first})
    writer.write("intent", step=0, do="forward")
    assert [
        (each.before_text, each.after_text) for each in gt.plan_undo(writer.id).changes
    ] == planned
    assert gt.undo().outcome == "undone"
    assert gt.journal.find(first).status == "undone"


def test_a_journal_without_a_connection_has_no_last_change(shared: Shared) -> None:
    record(shared.gt, BUCKET)
    theirs = record(shared.other, "ml-artifacts")
    with pytest.raises(NotFound, match=theirs):
        plan_undo(shared.account.aws, journal=Journal(shared.account.journal.path))
