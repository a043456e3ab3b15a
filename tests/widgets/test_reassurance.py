"""What the panel shows as good is of now: a test proves a lock only where that lock is on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from gt_secure.connection import Connection
from gt_secure.widgets import TestUrlStep, panel
from support.consents import agree

OFFICE = ["203.0.113.0/24"]
OFF = "The URL lock is off, so a worker's URL is not bound."

pytestmark = pytest.mark.usefixtures("now")


def opened(step: TestUrlStep) -> Counter[bool]:
    """Sign a test URL as the fields propose it, and count the sources that open it and that do not."""
    step.sign()
    step.probe()
    return Counter(each.probe.opened for each in step.tried)


def test_a_test_url_is_bound_only_while_the_url_lock_is_on(connection: Connection, words: Any) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == ("", OFF)
    before = opened(made.test)
    assert (before[True], before[False]) == (8, 0), "without a restriction every source opens it"
    agree(made.review)
    made.review.apply()
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == ("203.0.113.7 (office)", "")
    after = opened(made.test)
    assert (after[True], after[False]) == (1, 7)
    made.review.undo()
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == ("", OFF)
    assert opened(made.test)[False] == 0


def test_what_a_person_typed_to_bind_to_stays(connection: Connection, words: Any) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    made.test.bound_to = "192.0.2.44"
    agree(made.review)
    made.review.apply()
    assert made.test.bound_to == "192.0.2.44"
    made.review.undo()
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == ("192.0.2.44", OFF)


def test_a_lock_that_changed_elsewhere_binds_after_refresh(connection: Connection) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    change = connection.apply(connection.plan(made.review.restriction), confirm=["url-lock-one-path"])
    assert made.test.bound_to == "", "as it was read"
    made.picker.refresh_button.click()
    assert made.test.bound_to == "203.0.113.7 (office)"
    connection.undo(change)
    made.picker.refresh_button.click()
    assert made.test.bound_to == ""


@pytest.mark.parametrize(
    ("team", "bound", "said"),
    [("radiology-team", "203.0.113.7 (office)", ""), ("vpc-team", "", ""), (None, "", ""), ("open-team", "", OFF)],
)
def test_only_a_lock_that_is_known_binds(
    connection: Connection, words: Any, team: str | None, bound: str, said: str
) -> None:
    made = panel(connection, team=team, bucket="gt-images", addresses=OFFICE)
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == (bound, said)
    made.test.url_lock = None
    assert (made.test.bound_to, words(made.test.bound_hint.value)) == ("", "")
