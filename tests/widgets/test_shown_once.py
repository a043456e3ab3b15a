"""The panel says what is needed now, once, and in the reader's terms."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.base.errors import CredentialsError
from gt_secure.base.network import ProbeOrigin, Source
from gt_secure.connection import Connection
from gt_secure.widgets import AllowEditor, HitsStep, Panel, ReviewStep, panel
from gt_secure.widgets.team_picker import BUCKET_ONLY
from support.consents import agree, undo

from .conftest import deliver

OFFICE = ["203.0.113.0/24"]


def is_hidden(widget: Any) -> bool:
    return "gts-hidden" in widget._dom_classes


def editor(**values: Any) -> AllowEditor:
    return AllowEditor(**{"bucket": "gt-images", "team": "open-team", **values})


def test_each_way_leads_to_its_job_in_one_click(
    connection: Connection, now: None, words: Any
) -> None:
    made = panel(connection)
    picker = made.picker
    assert not is_hidden(picker.list)
    picker.bucket_button.click()
    assert picker.value == BUCKET_ONLY
    assert is_hidden(picker.list)
    assert not is_hidden(made.allow.inputs["application"])
    picker.team_button.click()
    assert not is_hidden(picker.list)
    picker.select.value = next(team.arn for team in picker.teams if team.name == "open-team")
    assert is_hidden(made.allow.inputs["application"])
    assert words(picker._summary.value) == "open-team · private"


def test_the_newest_wrong_entries_are_named_and_the_others_counted(words: Any) -> None:
    made = editor()
    for word in ("10.0.0.0/8", "the office", "10.1.0.0/16", "10.2.0.0/16", "203.0.113.7/24"):
        made.add_address(word)
    rows = made.address_input.corrections.children
    assert len(rows) == 4
    assert "203.0.113.7/24" in words(rows[0].children[0].value)
    assert rows[0].children[1].description == "Use 203.0.113.0/24"
    assert "2 more entries cannot be used. Hover" in words(made.address_input.said.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {},
            "After Apply, URLs open only from your addresses, and a worker's URL only from that"
            " worker's address.",
        ),
        ({"team": None}, "After Apply, URLs open only from your addresses."),
        (
            {"team": None, "prefix": "scans/"},
            "After Apply, URLs of objects under scans/ open only from your addresses.",
        ),
    ],
)
def test_a_wish_is_not_said_as_a_fact(values: dict[str, Any], said: str, words: Any) -> None:
    assert words(editor(**values).protect_hint.value) == said


def test_planning_never_says_that_an_input_is_missing(
    connection: Connection, now: None, words: Any
) -> None:
    review = ReviewStep(connection)
    shown: list[str] = []
    review.shown.observe(lambda change: shown.append(words(change["new"])), "value")
    made = editor(addresses=OFFICE)
    review.restriction = made.restriction()
    assert shown[0] == ""
    assert "After: " in shown[-1]


def test_apply_says_what_it_waits_for_and_undo_needs_a_change(
    connection: Connection, now: None
) -> None:
    review = ReviewStep(connection, restriction=editor(addresses=OFFICE).restriction())
    assert review.apply_button.description == "Apply (confirm 2 warnings above)"
    assert is_hidden(review.undo_box)
    agree(review)
    assert review.apply_button.description == "Apply 2 changes to open-team"
    review.apply()
    assert not is_hidden(review.undo_box)
    later = ReviewStep(connection, restriction=editor(addresses=OFFICE).restriction())
    assert not is_hidden(later.undo_box), "the journal has a change"
    undo(later)
    assert is_hidden(later.undo_box)


def test_an_error_of_all_steps_is_said_once_on_top_until_all_is_read_again(
    connection: Connection, now: None, words: Any
) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=OFFICE)
    for step in made.steps:
        step.show_error(
            CredentialsError("The credentials have expired.", next_step="Sign in again.")
        )
    assert words(made.trouble.value).count("The credentials have expired.") == 1
    assert not [step.title for step in made.steps if "expired" in step.message.value]
    made.picker.refresh_button.click()
    assert made.trouble.value == ""


def _with_origins(made: Panel, *origins: ProbeOrigin) -> None:
    made.test.origins = origins


@pytest.mark.parametrize(
    ("give", "said"),
    [
        (lambda made: None, {}),
        (lambda made: _with_origins(made, ProbeOrigin("this kernel")), {}),
        (
            lambda made: _with_origins(
                made, ProbeOrigin("a VPC", Source.parse("vpce-0a1b2c3d4e5f60718"))
            ),
            {},
        ),
        (
            lambda made: _with_origins(made, ProbeOrigin("office", Source.parse("203.0.113.7"))),
            {"203.0.113.7": "The sandbox can send from there: office."},
        ),
        (
            lambda made: setattr(
                made.hits, "_trait_values", made.hits._trait_values | {"result": SEEN}
            ),
            {"198.51.100.9": "This browser fetched a test URL from there, says the access log."},
        ),
    ],
)
def test_my_address_is_what_was_seen_with_its_source(
    connection: Connection,
    now: None,
    words: Any,
    give: Callable[[Panel], object],
    said: dict[str, str],
) -> None:
    made = panel(connection, team="open-team")
    made.test.origins = ()
    give(made)
    made.allow.mine_button.click()
    rows = made.allow.mine.children
    if not said:
        assert words(rows[0].value).startswith("Not known yet.")
        return
    assert {row.children[0].description: words(row.children[1].value) for row in rows} == {
        f"Add {address}": source for address, source in said.items()
    }
    rows[0].children[0].click()
    assert made.allow.addresses == tuple(said)


SEEN = SimpleNamespace(browser=("198.51.100.9",))


def test_the_notes_of_the_chosen_application_are_in_sight(
    connection: Connection, now: None, words: Any
) -> None:
    made = panel(connection, bucket="ml-artifacts", addresses=OFFICE)
    assert "MLflow" not in words(made.review.rest.value)
    made.allow.inputs["application"].value = "MLflow"
    assert made.review.plan.restriction.application == "mlflow"
    before_fold = made.review.rest.value.partition("<details")[0]
    assert "MLflow" in words(before_fold)


def test_other_controls_draw_again_what_was_read(
    connection: Connection, now: None, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = connection.sign("gt-images", "scans/0001.png")
    for source in ("203.0.113.7", "198.51.100.9"):
        connection.probe(url, source)
    deliver(connection)
    reads: list[object] = []
    real = Connection.hits
    monkeypatch.setattr(
        Connection,
        "hits",
        lambda self, *args, **more: reads.append(more) or real(self, *args, **more),
    )
    step = HitsStep(connection, bucket="gt-images")
    step.kind.value = "network"
    assert reads == [], "nothing was read yet"
    step.plot_hits()
    assert step.plot_button.description == "Read again"
    picture = step.plot.picture.value
    step.kind.value = "ip"
    assert step.plot.picture.value != picture
    total = step.result.total
    step.which.value = "all"
    assert step.result.total > total
    step.which.value = "others"
    step.range.value = "1h"
    assert (step.result.total, len(reads)) == (total, 1)
    step.range.value = "30d"
    assert len(reads) == 2, "a longer time is read"
    assert step.range.value == "30d"
    assert "age" not in [kind for _, kind in step.kind.options]
