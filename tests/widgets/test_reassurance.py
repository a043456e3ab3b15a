"""Good words of the panel are of now: of the bucket that is chosen,
and of the locks as they were read last.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import NotFound
from gt_secure.changes.journal import Journal
from gt_secure.changes.undo import undo
from gt_secure.connection import Connection
from gt_secure.restriction.model import Restriction
from gt_secure.widgets import TestUrlStep, panel
from support.consents import AGREED, agree, undo as undo_shown

from .conftest import deliver

OFFICE = ["203.0.113.0/24"]
OFF = "The URL lock is off, so a worker's URL is not bound."

pytestmark = pytest.mark.usefixtures("now")


def opened(step: TestUrlStep) -> Counter[bool]:
    """Sign a test URL as the fields propose it,
    and count the sources that open it and that do not.
    """
    step.sign()
    step.origin.value = "everywhere"
    step.probe()
    return Counter(each.probe.opened for each in step.tried)


def test_a_test_url_is_bound_only_while_the_url_lock_is_on(
    connection: Connection, words: Any
) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == ("", OFF)
    before = opened(made.test)
    assert (before[True], before[False]) == (8, 0), "without a restriction every source opens it"
    agree(made.review)
    made.review.apply()
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == ("203.0.113.7 (office)", "")
    after = opened(made.test)
    assert (after[True], after[False]) == (1, 7)
    undo_shown(made.review)
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == ("", OFF)
    assert opened(made.test)[False] == 0


def test_what_a_person_typed_to_bind_to_stays(connection: Connection, words: Any) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    made.test.bound_to = "192.0.2.44"
    agree(made.review)
    made.review.apply()
    assert made.test.bound_to == "192.0.2.44"
    undo_shown(made.review)
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == ("192.0.2.44", OFF)


def test_a_lock_that_changed_elsewhere_binds_after_refresh(connection: Connection) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    change = connection.apply(connection.plan(made.review.restriction), confirm=AGREED)
    assert made.test.bound_to == "", "as it was read"
    made.picker.refresh_button.click()
    assert made.test.bound_to == "203.0.113.7 (office)"
    connection.undo(change)
    made.picker.refresh_button.click()
    assert made.test.bound_to == ""


@pytest.mark.parametrize(
    ("team", "bound", "said"),
    [
        ("radiology-team", "203.0.113.7 (office)", ""),
        ("vpc-team", "", ""),
        (None, "", ""),
        ("open-team", "", OFF),
    ],
)
def test_only_a_lock_that_is_known_binds(
    connection: Connection, words: Any, team: str | None, bound: str, said: str
) -> None:
    made = panel(connection, team=team, bucket="gt-images", addresses=OFFICE)
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == (bound, said)
    made.test.url_lock = None
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == ("", "")


def test_answers_of_before_a_change_claim_nothing(connection: Connection, words: Any) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    opened(made.test)
    assert "Probe again" not in words(made.test.answers.value)
    agree(made.review)
    made.review.apply()
    assert re.match(
        r"Before the change of \d\d:\d\d UTC\. Probe again\.", words(made.test.answers.value)
    )
    assert made.test.answers.value.startswith('<div class="gts-old"'), (
        "the style sheet mutes the chips in it"
    )
    assert made.test.static_form() == {}, "a notebook keeps what is current"
    opened(made.test)
    made.picker.refresh_button.click()
    assert "Probe again" not in words(made.test.answers.value), "nothing changed"
    undo_shown(made.review)
    assert words(made.test.answers.value).count("Before the change of") == 1
    made.test._browser_answered({"image": "loaded", "ms": 12})
    assert words(made.test.answers.value).startswith("i Opened by this browser"), (
        "a new answer is current"
    )


@pytest.mark.parametrize("locks", [{"guard": None, "addresses": ()}, {"url_lock": None}])
def test_answers_are_old_where_refresh_finds_other_locks(
    connection: Connection, words: Any, locks: dict[str, Any]
) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    opened(made.test)
    made.test._browser_answered({"image": "loaded", "ms": 12})
    wanted = Restriction("open-team", bucket="gt-images", **{"addresses": OFFICE, **locks})
    plan = connection.plan(wanted)
    change = connection.apply(plan, confirm=[each.code for each in plan.asks])
    try:
        assert "Probe again" not in words(made.test.answers.value)
        made.picker.refresh_button.click()
        shown = words(made.test.answers.value)
        assert re.match(
            r"Under other locks than those as read \d\d:\d\d UTC\. Probe again\.", shown
        )
        assert "Opened by this browser" in shown
        made.picker.refresh_button.click()
        assert words(made.test.answers.value).count("Probe again") == 1
    finally:
        connection.undo(change)


@pytest.mark.parametrize("same_journal", [True, False])
def test_a_change_that_was_undone_elsewhere_is_not_shown_as_applied(
    connection: Connection, words: Any, same_journal: bool, tmp_path: Path
) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    agree(made.review)
    made.review.apply()
    change = made.review.applied.id
    made.picker.refresh_button.click()
    assert "Applied and read back." in words(made.review.after.value), "it is so"
    if same_journal:
        connection.undo(change)
        wanted = rf"i Change {change} was undone \d\d:\d\d UTC\."
    else:
        copy = Path(shutil.copytree(connection.journal.path, tmp_path / "copy"))
        undo(connection.aws, change, journal=Journal(copy))
        wanted = ""
    assert "Applied and read back." in words(made.review.after.value), "as it was read"
    made.picker.refresh_button.click()
    assert re.fullmatch(wanted, words(made.review.after.value))


def test_an_undo_is_not_shown_as_the_state_after_another_change(
    connection: Connection, words: Any
) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    agree(made.review)
    made.review.apply()
    undo_shown(made.review)
    change = connection.apply(connection.plan(made.review.restriction), confirm=AGREED)
    made.picker.refresh_button.click()
    assert words(made.review.after.value) == ""
    connection.undo(change)


def test_what_belongs_to_a_former_bucket_goes_with_it(connection: Connection, words: Any) -> None:
    made = panel(connection, bucket="gt-images", addresses=OFFICE)
    opened(made.test)
    deliver(connection)
    made.hits.plot_hits()
    made._not_read(NotFound("There is no bucket 'gt-image'."))
    made.allow.bucket = "ml-artifacts"
    assert words(made.allow.message.value) == "", "the error was of the former name"
    assert (made.test.key[:7], made.test.tried, made.test._url, made.hits.result) == (
        "mlflow/",
        (),
        None,
        None,
    )
    assert words(made.test.answers.value) == words(made.hits.table.value) == ""
    made.allow.bucket = ""
    assert (made.test.key, words(made.hits.message.value), words(made.hits._summary.value)) == (
        "",
        "",
        "",
    )


def test_a_bucket_that_is_there_now_takes_the_error_away(
    connection: Connection, words: Any
) -> None:
    made = panel(connection, bucket="gt-images", addresses=OFFICE)
    made._not_read(NotFound("There is no bucket 'gt-images'."))
    made.picker.refresh_button.click()
    assert words(made.allow.message.value) == ""


def test_what_another_team_loses_is_in_sight(connection: Connection, words: Any) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    said = (
        "After the plan, radiology-team opens no image of gt-images from all addresses except"
        " 203.0.113.0/24."
    )
    assert said in " ".join(words(each.children[0].value) for each in made.review.confirms.children)
    agree(made.review)
    made.review.apply()
    assert made.review.confirms.children == (), "nothing changes any more"
    undo_shown(made.review)
