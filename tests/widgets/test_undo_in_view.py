"""The panel undoes changes of the bucket and team that it shows, and nothing else:
it shows them, and asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.account.reader import read_state
from gt_secure.account.state import WRITTEN
from gt_secure.base.errors import Conflict, InvalidInput
from gt_secure.changes.change import Change
from gt_secure.changes.targets import BucketGuard, Target, TeamUrlLock, WorkforcePortal
from gt_secure.changes.transaction import begin_lines
from gt_secure.changes.undo import undoable
from gt_secure.connection import Connection
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.logs.activity import Activity
from gt_secure.restriction.model import Restriction
from gt_secure.widgets import ReviewStep, panel
from support.consents import AGREED, agree, undo
from support.guards import merge_guard

OFFICE = ["203.0.113.0/24"]
WISH = Restriction("open-team", addresses=OFFICE, bucket="gt-images")
BUCKETS = ("gt-images", "ml-artifacts")
GUARD = merge_guard(None, build_guard("any", prefix="", networks=OFFICE))

pytestmark = pytest.mark.usefixtures("now")


def changed(target: Target[Any]) -> Change[Any]:
    """A change of a lock, as a journal keeps it."""
    before, after = {
        "bucket-guard": (None, GUARD),
        "url-lock": (UrlLock(False, False), UrlLock(True, False)),
        "portal-lock": ((), tuple(OFFICE)),
    }[target.kind]
    return Change(target, before, after, "as before", "as after")


def record(gt: Connection, *targets: Target[Any], ended: bool = True) -> str:
    """Write that somebody has changed these locks, or has begun to."""
    lines = begin_lines(
        "apply",
        gt.aws,
        gt.aws.account_id,
        "arn:aws:iam::111122223333:user/bob",
        [*map(changed, targets)],
    )
    writer = gt.journal.begin(lines)
    writer.write("intent", step=0, do="forward")
    if ended:
        writer.write("end", outcome="applied")
    return writer.id


def state_of(gt: Connection) -> list[Any]:
    """Everything that a change of the tests could write."""
    s3 = gt.aws.client("s3")
    policies = []
    for bucket in BUCKETS:
        try:
            policies.append(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        except s3.exceptions.ClientError:
            policies.append(None)
    return [
        policies,
        [(team.name, str(team.url_lock)) for team in gt.workteams()],
        gt.workforce().cidrs,
    ]


def is_offered(review: ReviewStep) -> bool:
    hidden = "gts-hidden" in review.undo_box._dom_classes
    assert hidden == review.undo_button.disabled
    return not hidden


@pytest.fixture
def gt(connection: Connection) -> Iterator[Connection]:
    before = state_of(connection)
    yield connection
    assert state_of(connection) == before


IMAGES, ARTIFACTS = BucketGuard("gt-images"), BucketGuard("ml-artifacts")
OPEN, RADIOLOGY, VPC = (
    TeamUrlLock("open-team"),
    TeamUrlLock("radiology-team"),
    TeamUrlLock("vpc-team"),
)
PORTAL = WorkforcePortal("private-workforce")
OUTSIDE = [
    (ARTIFACTS,),
    (ARTIFACTS, OPEN),
    (ARTIFACTS, IMAGES),
    (RADIOLOGY,),
    (IMAGES, RADIOLOGY),
    (VPC, PORTAL),
    (PORTAL, ARTIFACTS),
    (BucketGuard("open-team"),),
    (TeamUrlLock("gt-images"),),
    (WorkforcePortal("another-workforce"),),
]
INSIDE = [(IMAGES,), (OPEN,), (IMAGES, OPEN), (PORTAL,), (IMAGES, OPEN, PORTAL)]


def test_a_journal_full_of_changes_of_others_offers_nothing(gt: Connection) -> None:
    """Also an interrupted one of another bucket: the error of an apply names it,
    and no press undoes it.
    """
    other = replace(gt)
    for targets in OUTSIDE:
        record(other, *targets)
    theirs = record(other, ARTIFACTS, ended=False)
    review = ReviewStep(gt, restriction=WISH)
    assert not is_offered(review)
    before = state_of(gt), len(gt.journal)
    with pytest.raises(InvalidInput):
        review.undo()
    agree(review)
    with pytest.raises(Conflict, match=theirs):
        review.apply()
    assert (state_of(gt), len(gt.journal)) == before


@pytest.mark.parametrize("team", ["open-team", None])
def test_a_change_is_offered_where_all_of_it_is_shown(gt: Connection, team: str | None) -> None:
    """A change of another region is of another workteam with the same name."""
    shown = {IMAGES} | ({OPEN, PORTAL} if team else set())
    ids = {record(gt, *targets): {*targets} for targets in (*OUTSIDE, *INSIDE)}
    there = begin_lines(
        "apply", gt.aws, gt.aws.account_id, gt.aws.caller_arn, [changed(IMAGES)]
    ) | {"region": "eu-west-1"}
    gt.journal.begin(there).write("end", outcome="applied")
    state = read_state(gt.aws, replace(WISH, team=team), needs=WRITTEN)
    offered = [each.id for each in undoable(gt.aws, journal=gt.journal, shown=state)]
    assert offered == [change for change, targets in ids.items() if shown >= targets]
    assert len(offered) == (5 if team else 1)


def test_the_press_shows_who_can_open_and_who_made_it_and_asks(gt: Connection, words: Any) -> None:
    """The change that is shown is the one that is undone,
    also where somebody has made another in between.
    """
    other = replace(gt)
    first = other.apply(other.plan(WISH), confirm=AGREED).id
    review = ReviewStep(gt, restriction=WISH)
    assert is_offered(review)
    assert review.undo_button.description == "Remove this protection"
    before = state_of(gt), len(gt.journal)
    review.undo_button.click()
    said = words(review.shown.value)
    assert "After: Anyone with a URL can open gt-images." in said
    assert "Today: Only 203.0.113.0/24 can open presigned URLs of gt-images." in said
    by = f"as change {first} by 111122223333:user/sandbox-admin did"
    assert f"everybody who uses presigned URLs of gt-images, {by}" in said
    assert f"all workers of open-team, {by}" in said
    assert "a worker's URL works from any address" in said
    assert review.apply_button.description == "Undo 2 changes to open-team"
    assert review.name_input.description == "Type gt-images to remove its protection"
    for typed, is_enough in (("", False), ("gt-image", False), (" gt-images ", True)):
        review.name_input.value = typed
        assert review.apply_button.disabled == (not is_enough)
    assert "gts-hidden" in review.reason._dom_classes, "an undo keeps none"
    assert (state_of(gt), len(gt.journal)) == before
    inside = other.plan(Restriction(bucket="gt-images", prefix="scans/", addresses=OFFICE))
    second = other.apply(inside, confirm=AGREED).id
    review.apply_button.click()
    assert (review.applied.outcome, review.applied.of) == ("undone", first)
    review.undo()
    assert "presigned URLs of objects under scans/ work only from 203.0.113.0/24" in words(
        review.shown.value
    )
    review.apply()
    assert review.applied.of == second
    assert not is_offered(review)
    assert review.apply_button.description.startswith("Apply")


def test_another_bucket_or_team_takes_the_offer_and_the_question_away(gt: Connection) -> None:
    made = panel(gt, team="open-team", bucket="gt-images", addresses=OFFICE)
    review = made.review
    agree(review)
    review.apply()
    first = review.applied.id
    review.undo()
    assert review.plan.undoes == first
    made.allow.bucket = "ml-artifacts"
    assert (is_offered(review), review.plan.undoes) == (False, "")
    review.apply()
    second = review.applied.id
    made.allow.bucket = "gt-images"
    made.picker.value = "radiology-team"
    assert (is_offered(review), review.plan.undoes) == (False, "")
    made.picker.value = "open-team"
    review.undo()
    review.plan_button.click()  # the answer is no
    assert (review.plan.undoes, review.plan.empty, review.apply_button.disabled) == ("", True, True)
    review.undo()
    made.allow.addresses = ()
    assert (is_offered(review), review.plan, review.apply_button.disabled) == (False, None, True)
    made.allow.addresses = tuple(OFFICE)
    undo(review)
    assert review.applied.of == first
    made.close()
    assert gt.undo().of == second


def test_an_interrupted_change_of_what_is_shown_is_rolled_back(gt: Connection, words: Any) -> None:
    theirs = record(replace(gt), IMAGES, ended=False)
    review = ReviewStep(gt, restriction=WISH)
    review.undo()
    assert "Nothing to change." in words(review.shown.value)
    review.apply()
    assert (review.applied.id, review.applied.outcome) == (theirs, "rolled back")


BASE = Restriction(bucket="gt-images", addresses=OFFICE)
ADMIN, ROLE = (
    f"arn:aws:iam::111122223333:{each}"
    for each in ("user/sandbox-admin", "role/GroundTruthExecution")
)
LABELS: dict[str, tuple[Restriction, str]] = {
    "a guard": (BASE, "After: Anyone with a URL can open gt-images."),
    "an age limit": (
        replace(BASE, age_limit="15m"),
        "presigned URLs of all objects work only from 203.0.113.0/24, up to 15m after signing",
    ),
    "a limit on signers": (
        replace(BASE, signers=(ADMIN, ROLE)),
        "signed them",
    ),
    "a guard that is removed": (
        Restriction(bucket="gt-images", guard=False),
        "After: Only 203.0.113.0/24 can open presigned URLs of gt-images.",
    ),
    "the portal lock": (
        Restriction("open-team", addresses=OFFICE, portal_lock=True),
        "the worker portal opens from anywhere",
    ),
}


@pytest.mark.parametrize("what", LABELS)
def test_the_offer_says_what_comes_back(gt: Connection, what: str, words: Any) -> None:
    """What is shared, or taken from another team, is asked about with a tick."""
    wish, label = LABELS[what]
    other, made = replace(gt), []
    for each in (BASE, wish) if wish.bucket and wish is not BASE else (wish,):
        plan = other.plan(each)
        made.append(other.apply(plan, confirm=[notice.code for notice in plan.asks]))
    review = ReviewStep(gt, restriction=wish)
    removes = {"a guard", "the portal lock"}
    name = "Remove this protection" if what in removes else "Undo the last change"
    assert review.undo_button.description == name
    review.undo()
    assert label in words(review.shown.value + review.details.value)
    assert ("gts-hidden" in review.name_input._dom_classes) == (what not in removes)
    review.name_input.value = (wish.bucket or wish.team) if what in removes else ""
    asks = {
        "a guard that is removed": "loses-access:radiology-team",
        "the portal lock": "portal-undo",
    }
    assert [each.code for each in review.plan.asks] == [*filter(None, [asks.get(what)])]
    assert review.apply_button.disabled == (what in asks)
    with pytest.raises(InvalidInput) if what in asks else nullcontext():
        gt.apply(review.plan)
        made.pop()
    for done in reversed(made):
        gt.apply(gt.plan_undo(done), confirm=AGREED)


def test_an_undo_that_meets_another_edit_is_offered_and_says_so_when_pressed(
    gt: Connection,
) -> None:
    record(replace(gt), OPEN)
    gt.aws.client("sagemaker")
    OPEN.write(gt.aws, UrlLock(False, True))
    try:
        review = ReviewStep(gt, restriction=Restriction("open-team", url_lock=True))
        assert review.undo_button.description == "Undo the last change"
        with pytest.raises(Conflict):
            review.undo()
    finally:
        OPEN.write(gt.aws, UrlLock(False, False))


def test_a_change_says_that_nothing_interrupts_it_and_for_how_long(
    gt: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first word to its last: Apply and the undo."""
    review = ReviewStep(gt, restriction=WISH)
    agree(review)
    said, told = list[str](), list[str]()
    review.status.observe(lambda change: said.append(change["new"]), "value")
    tell = Activity.tell
    monkeypatch.setattr(
        Activity, "tell", lambda self, text: (told.append(text), tell(self, text))[1]
    )
    review.apply()
    words = "It cannot be interrupted while it writes: "
    assert words in said[0], said
    assert "at most 12 minutes" in said[0], said
    assert [each for each in told if words in each] == told != []
    undo(review)
