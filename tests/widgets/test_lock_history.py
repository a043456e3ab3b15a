"""The last change of each lock: from the history, after everything else,
and silent where it cannot be read.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.base.errors import AccessDenied, GtSecureError
from gt_secure.changes.history import HistoryEntry
from gt_secure.connection import Connection
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.restriction.model import Restriction
from gt_secure.widgets import panel
from gt_secure.widgets.lock_cards import LocksView, changed_markup, last_changes, locks_markup
from support.consents import AGREED
from support.guards import find_guards, merge_guard

from .conftest import run, until, user, words

NOW = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)
SESSION = "arn:aws:sts::111122223333:assumed-role/alice/session"


def entry(
    operation: str = "UpdateWorkteam", who: str = SESSION, error: str = "", **age: float
) -> HistoryEntry:
    return HistoryEntry(NOW - dt.timedelta(**age), who, operation, "radiology-team", error=error)


def said(made: HistoryEntry) -> str:
    return words(changed_markup("url-lock", last_changes([made]), NOW))


def test_the_guard_of_the_prefix_and_the_others_have_a_line_each() -> None:
    statement = build_guard("gt-images", prefix="<b>/", networks=["192.0.2.0/24"])
    guards = find_guards(merge_guard(None, statement))
    view = LocksView(bucket="gt-images", guard_known=True, guards=guards)
    shown = words(locks_markup(view))
    assert "No guard covers the prefix." in shown
    line = (
        "Another guard of the bucket: presigned URLs of objects under <b>/ work only from"
        " 192.0.2.0/24."
    )
    assert line in shown
    assert "<b>" not in str(locks_markup(view))
    assert "guard of the bucket" not in words(locks_markup(replace(view, guard=guards[0])))


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ({"days": 3, "hours": 5}, "3 d 5 h"),
        ({"minutes": 5, "seconds": 1}, "5 min 1 s"),
        ({"seconds": -20}, "0 s"),
    ],
)
def test_the_age_is_in_its_two_largest_units(age: dict[str, float], expected: str) -> None:
    assert said(entry(**age)) == f"Workteam last changed {expected} ago by role/alice"


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (SESSION, "role/alice"),
        ("arn:aws-us-gov:iam::111122223333:user/team/bob", "user/bob"),
        ("arn:aws:iam::111122223333:root", "root"),
        ("cloudformation.amazonaws.com", "cloudformation.amazonaws.com"),
    ],
)
def test_the_caller_is_named_without_account_and_session(who: str, expected: str) -> None:
    assert said(entry(who=who, days=3)).endswith(f"by {expected}")


def test_what_aws_returns_is_shown_as_text() -> None:
    assert "<img" not in changed_markup(
        "url-lock", last_changes([entry(who="<img src=x>\u202e")]), NOW
    )


def test_the_newest_successful_change_of_each_resource_counts() -> None:
    older, newer = entry(days=3), entry(days=1, who="arn:aws:iam::111122223333:user/bob")
    refused = entry(error="AccessDenied", hours=1)
    workforce, policy = entry("UpdateWorkforce", days=2), entry("PutBucketPolicy", days=2)
    newest = last_changes([refused, newer, policy, older, workforce])
    assert newest == {"url-lock": newer, "portal-lock": workforce, "bucket-guard": policy}
    assert "Workforce last" in changed_markup("portal-lock", newest, NOW)
    assert "Bucket policy last" in changed_markup("bucket-guard", newest, NOW)
    assert changed_markup("bucket-guard", {}, NOW) == ""


def test_the_locks_show_their_last_change_and_forget_it_with_the_choice(
    connection: Connection, now: None
) -> None:
    wish = Restriction(addresses=["203.0.113.0/24"], bucket="gt-images", guard=True)
    applied = connection.apply(connection.plan(wish), confirm=AGREED)
    made = panel(connection, bucket="gt-images")
    assert "last changed" not in made.top.value
    made.read_changes()
    assert re.search(r"Bucket policy last changed [\w ]+ ago by ", words(made.top.value))
    made.allow.bucket = ""
    assert "last changed" not in made.top.value
    made.read_changes()
    assert "last changed" not in made.top.value
    connection.undo(applied)  # other tests share the sandbox


def test_a_role_that_cannot_read_the_history_sees_the_locks_alone(aws: Any, now: None) -> None:
    lists = {
        "Effect": "Allow",
        "Action": ["sagemaker:List*", "sagemaker:Describe*"],
        "Resource": "*",
    }
    made = panel(user(aws, lists), team="open-team")
    before = made.top.value
    made.read_changes()
    assert made.top.value == before
    assert 'role="alert"' not in made.top.value


@pytest.mark.parametrize(
    "error",
    [
        AccessDenied("no", action="x:Y", resource="*"),
        GtSecureError("No answer."),
        ValueError("odd"),
    ],
)
def test_no_error_of_the_history_reaches_the_panel(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    made = panel(connection, bucket="gt-images")
    before = made.top.value
    monkeypatch.setattr(type(connection), "history", fail)
    made.read_changes()
    assert made.top.value == before
    assert all('role="alert"' not in step.message.value for step in made.steps)


def test_in_a_notebook_it_comes_by_itself_after_the_locks(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def read(*_: Any, **__: Any) -> list[HistoryEntry]:
        order.append("history")
        return [
            replace(
                entry("PutBucketPolicy"), at=dt.datetime.now(dt.UTC) - dt.timedelta(days=3, hours=1)
            )
        ]

    monkeypatch.setattr(type(connection), "history", read)

    async def main() -> None:
        made = panel(connection, bucket="gt-images")
        made.observe(lambda _: order.append("diagnosis"), "diagnosis")
        await until(lambda: "last changed" in made.top.value)
        assert order[:2] == ["diagnosis", "history"], "the locks and the first line come before"
        assert "Bucket policy last changed 3 d 1 h ago by role/alice" in words(made.top.value)
        made.close()

    run(main())
