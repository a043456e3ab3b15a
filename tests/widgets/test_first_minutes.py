"""The panel folds: one card is open, and each state shows few controls in few words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from gt_secure.sandbox import Sandbox
from gt_secure.widgets import base
from gt_secure.widgets.panel import Panel
from support.consents import agree

from .conftest import deliver
from .glance import glance

pytestmark = pytest.mark.check

MOST = {
    "start": (8, 80),
    "picked": (12, 110),
    "bucket": (11, 90),
    "one range": (12, 150),
    "reviewed": (12, 240),
    "applied": (12, 130),
    "tested": (13, 150),
    "plotted": (20, 200),
    "undo": (12, 200),
    "undone": (12, 310),
}
"""For each state the controls and the words that may be in sight."""


def pick(made: Panel) -> None:
    made.picker.value = "open-team"


def type_range(made: Panel) -> None:
    made.allow.add_address("203.0.113.0/24")


def apply(made: Panel) -> None:
    agree(made.review)
    made.review.apply_button.click()


def plot(made: Panel) -> None:
    deliver(made.link.get())
    made.hits.opened = True
    made.hits.plot_hits()


def remove(made: Panel) -> None:
    assert made.review.apply_button.disabled, "the name of the bucket is asked for"
    made.review.name_input.value = "gt-images"
    apply(made)


STATES: dict[str, Callable[[Panel], object]] = {
    "start": lambda made: None,
    "picked": pick,
    "bucket": lambda made: setattr(made.allow, "bucket", "gt-images"),
    "one range": type_range,
    "reviewed": lambda made: made.allow.review_button.click(),
    "applied": apply,
    "tested": lambda made: made.review.test_button.click(),
    "plotted": plot,
    "undo": lambda made: made.review.undo_button.click(),
    "undone": remove,
}


def test_each_state_has_few_controls_and_words(aws: Sandbox, connection: Any, now: None) -> None:
    aws.reset()
    made = Panel(connection)
    seen = {}
    for name, reach in STATES.items():
        reach(made)
        seen[name] = glance(made)
        assert sum(step.opened for step in made.steps) == 1, f"{name}: one card is open"
        print(f"{name}: {len(seen[name].controls)} controls, {len(seen[name].words)} words")
    too_many = [
        f"{name}: {each.controls} {' '.join(each.words)}"
        for name, each in seen.items()
        if (len(each.controls), len(each.words)) > MOST[name] or len(each.words) > MOST[name][1]
    ]
    assert not too_many, "\n".join(too_many)


def open_steps(made: Panel) -> list[str]:
    return [step.title for step in made.steps if step.opened]


def is_hidden(widget: Any) -> bool:
    return "gts-hidden" in widget._dom_classes


def test_the_steps_come_with_the_choice_and_one_is_open(connection: Any, now: None) -> None:
    made = Panel(connection)
    assert [is_hidden(step) for step in made.steps] == [False, True, True, True, True]
    made.picker.bucket_button.click()
    assert open_steps(made) == ["Team or bucket"], "the bucket is asked for in the same card"
    assert all(is_hidden(step) for step in made.steps[1:])
    made.allow.bucket_input.value = "gt-images"
    assert open_steps(made) == ["Allow"]
    assert not any(is_hidden(step) for step in made.steps)
    assert "gts-done" in made.picker._dom_classes
    assert "gt-images" in made.picker._summary.value
    assert is_hidden(made.allow.next), "there is nothing to review yet"
    type_range(made)
    assert open_steps(made) == ["Allow"], "more addresses may follow"
    made.allow.review_button.click()
    assert open_steps(made) == ["Review & apply"]
    made.picker.toggle.click()
    assert open_steps(made) == ["Team or bucket"]


def test_a_press_that_crossed_the_panels_own_step_closes_nothing(
    connection: Any, now: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person presses Allow while the choice is on its way, and the panel goes on to Allow."""
    monkeypatch.setattr(base, "CROSSING_S", 600.0)
    made = Panel(connection)
    made.picker.bucket_button.click()
    made.allow.bucket_input.value = "gt-images"
    made.allow.toggle.click()
    assert open_steps(made) == ["Allow"]
    monkeypatch.setattr(base, "CROSSING_S", -1.0)
    made.allow.toggle.click()
    assert open_steps(made) == [], "later it was meant"


def test_what_is_given_is_reviewed_at_once(connection: Any, now: None) -> None:
    made = Panel(connection, bucket="gt-images", addresses=["203.0.113.0/24"])
    assert open_steps(made) == ["Review & apply"]
    assert not is_hidden(made.review.apply_button)


def test_few_people_need_what_is_under_more_options(connection: Any, now: None) -> None:
    made = Panel(connection, team="open-team", bucket="gt-images", addresses=["203.0.113.0/24"])
    for step in made.steps:
        step.opened = True
        labels = set(glance(made).controls)
        assert not labels & {
            "Application",
            "Log location",
            "Signing role",
            "Sign with",
            "Lifetime",
            "Bind to address",
        }


def test_no_placeholder_looks_like_a_value(
    connection: Any, now: None, every_widget: Callable[[Any], Any]
) -> None:
    made = Panel(connection, team="open-team", bucket="gt-images", addresses=["203.0.113.0/24"])
    shown = {each.placeholder for each in every_widget(made) if getattr(each, "placeholder", "")}
    assert len(shown) > 8
    values = {each for each in shown if re.search(r"\d|://|…|[a-z]-[a-z]|arn:", each)}
    assert values <= {"s3://gt-logs/s3/"}, "that location was read"


def test_the_corrections_of_an_entry_stand_under_it(connection: Any, now: None) -> None:
    made = Panel(connection, bucket="gt-images")
    made.allow.addresses = ("203.0.113.7/24", "0.0.0.0/0")
    rows = made.allow.address_input.corrections.children
    [broad, host] = [[each.value, *(b.description for b in rest)] for each, *rest in
                     (row.children for row in rows)]  # fmt: skip
    assert "0.0.0.0/0" in broad[0]
    assert len(broad) == 1
    assert "203.0.113.7/24" in host[0]
    assert host[1:] == ["Use 203.0.113.0/24", "Only 203.0.113.7"]
