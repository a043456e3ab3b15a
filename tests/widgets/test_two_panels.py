"""Two panels on one team: each change is whole, a lost update is reported,
and an undo keeps the other's change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gt_secure import Restriction
from gt_secure.base.errors import Conflict
from gt_secure.changes import Journal
from gt_secure.connection import Connection
from gt_secure.widgets.review_step import ReviewStep
from support.consents import agree, undo

pytestmark = pytest.mark.usefixtures("now")

ANN = Restriction("open-team", addresses=["203.0.113.0/24"], bucket="gt-images")
BOB = Restriction("open-team", addresses=["198.51.100.0/24"], bucket="gt-images")
URL_LOCK = Restriction("open-team", url_lock=True)
GUARD = Restriction("open-team", addresses=["198.51.100.0/24"], bucket="gt-images", url_lock=None)


class Two:
    """Ann and Bob, with one journal, as in two tabs, or with one each, as on two machines."""

    def __init__(self, connection: Connection, folder: Path, journals: str) -> None:
        names = ("ann", "bob") if journals == "one each" else ("one", "one")
        self.ann, self.bob = (replace(connection, journal=Journal(folder / name)) for name in names)
        self.journals = {name: Journal(folder / name) for name in names}
        self.connection = connection
        self.start = self.look()

    def look(self) -> tuple[Any, str]:
        s3, team = self.connection.aws.client("s3"), self.connection.workteam("open-team")
        try:
            policy = s3.get_bucket_policy(Bucket="gt-images")["Policy"]
        except s3.exceptions.ClientError:
            policy = None
        return policy, str(team.url_lock)

    def are_whole(self) -> None:
        """No journal holds a change that is damaged, unfinished or half done."""
        for journal in self.journals.values():
            assert not any(each.problems for each in journal)
            assert not [each for each in journal if each.status in ("unfinished", "damaged")]


@pytest.fixture(params=["one", "one each"])
def two(connection: Connection, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Two]:
    two = Two(connection, tmp_path, request.param)
    yield two
    two.are_whole()
    assert two.look() == two.start


def panel(connection: Connection, wanted: Restriction) -> ReviewStep:
    review = ReviewStep(connection, restriction=wanted)
    agree(review)
    return review


def stops(work: Callable[[], Any], review: ReviewStep, two: Two) -> None:
    """What is stopped says so beside the button, and changes nothing."""
    before = two.look()
    with pytest.raises(Conflict):
        work()
    assert 'role="alert"' in review.message.value
    assert two.look() == before


def test_the_plan_of_the_second_is_out_of_date(two: Two) -> None:
    ann, bob = panel(two.ann, ANN), panel(two.bob, BOB)
    ann.apply()
    stops(bob.apply, bob, two)
    undo(ann)


def test_an_undo_below_a_later_change_of_the_other_stops(two: Two) -> None:
    ann = panel(two.ann, ANN)
    ann.apply()
    middle = two.look()
    bob = panel(two.bob, BOB)
    bob.apply()
    stops(ann.undo, ann, two)
    undo(bob)
    assert two.look() == middle
    undo(ann)


def test_an_undo_keeps_another_lock_of_the_other(two: Two) -> None:
    ann = panel(two.ann, URL_LOCK)
    ann.apply()
    bob = panel(two.bob, GUARD)
    bob.apply()
    guarded = two.look()
    undo(ann)
    assert two.look() == (guarded[0], two.start[1])
    undo(bob)


def test_a_write_of_the_other_in_the_same_round_trip_is_reported(two: Two, words: Any) -> None:
    if len(two.journals) == 1:
        # the lock of the journal: see test_a_second_apply_is_refused_with_who_holds_the_lock
        return
    ann, bob = panel(two.ann, ANN), panel(two.bob, GUARD)
    waiting = [bob.apply]
    events = two.ann.aws.client("s3").meta.events

    def meddle(model: Any, **_: Any) -> None:
        if model.name == "PutBucketPolicy" and waiting:
            waiting.pop()()

    events.register("before-call", meddle)
    try:
        ann.apply()
    finally:
        events.unregister("before-call", meddle)
    shown = words(ann.after.value)
    assert "may have overwritten" in shown, shown
    assert not ann.applied.certain
    stops(bob.undo, bob, two)
    undo(ann)  # it puts back what was overwritten
    undo(bob)
