"""The panel's first line: what this role can use, after the teams, in the background,
and quiet when refused.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from gt_secure.base.errors import AccessDenied, GtSecureError
from gt_secure.connection import Connection
from gt_secure.widgets import panel, role_summary as roleline
from gt_secure.widgets.team_picker import BUCKET_ONLY
from gt_secure.widgets.thread_safe import LOCK

from .conftest import run, until, user, words


def test_nothing_is_said_while_nothing_of_the_job_is_missing(
    connection: Connection, now: None
) -> None:
    made = panel(connection)
    shown: list[str] = []
    made.observe(lambda _: shown.append(words(made.role.value)), "diagnosis")
    made.examine()
    made.allow.bucket = "gt-images"
    made.examine()
    assert shown == ["", ""], "what waits for a choice is not missing"
    assert made.diagnosis.scope.bucket == "gt-images"


def test_a_bucket_alone_has_the_features_that_need_no_workteam(aws: Any) -> None:
    """Where teams can be listed, one of them is examined too; where none can,
    the doctor leaves theirs out.
    """
    for action in ("sagemaker:List*", "sts:GetCallerIdentity"):
        made = panel(
            user(aws, {"Effect": "Allow", "Action": action, "Resource": "*"}), bucket="gt-images"
        )
        made.picker.value = BUCKET_ONLY
        made.examine()
        assert "Your role cannot set and undo the bucket guard, read hits" in words(
            made.role.value
        ), action
        assert "URL lock" not in words(made.role.value), action


def test_what_is_refused_is_named_with_one_policy_for_the_job_and_no_alarm(aws: Any) -> None:
    lists = {
        "Effect": "Allow",
        "Action": ["sagemaker:List*", "sagemaker:Describe*"],
        "Resource": "*",
    }
    made = panel(user(aws, lists), team="open-team", bucket="gt-images")
    made.examine()
    said = words(made.role.value)
    assert "Your role cannot set and undo the bucket guard, read hits" in said
    assert "One policy for the whole job: teams, url-lock, guard" in said
    assert "AWS denied these reads. The doctor tries no write." in said
    assert "sign a test URL" not in said, "what was not tried is not missing"
    for action in ("sagemaker:UpdateWorkteam", "s3:PutBucketPolicy", "sagemaker:ListWorkteams"):
        assert f'"{action}"' in said
    assert "Hand over" not in said, "nothing is wanted yet"
    assert said.count('"Version"') == 1
    made.allow.add_address("203.0.113.0/24")
    said = words(made.role.value)
    paste = said.partition("Hand over, in one paste")[2].partition("One policy")[0]
    for part in (
        '"203.0.113.0/24"',
        "--format html > plan.html",
        "gt-secure apply -f restriction.json",
        '"Version"',
    ):
        assert part in paste
    assert 'role="alert"' not in made.role.value


@pytest.mark.parametrize(
    "error",
    [
        AccessDenied("no", action="sts:GetCallerIdentity", resource="*"),
        GtSecureError("STS gave no answer."),
    ],
)
def test_a_role_that_cannot_be_looked_at_is_no_line(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, error: GtSecureError
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(sys.modules["gt_secure.widgets.panel"], "examine", refuse)
    made = panel(connection)
    made.examine()
    assert made.role.value == "", "the step that suffers shows the error itself"
    assert made.diagnosis is None


def test_in_a_notebook_it_comes_by_itself_after_the_teams_and_the_loop_stays_free(
    connection: Connection,
) -> None:
    calls: list[str] = []
    threads: set[int] = set()
    client = connection.aws.client("sagemaker")

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)
        threads.add(threading.get_ident())

    client.meta.events.register("before-call.sagemaker", note)

    async def main() -> None:
        made = panel(connection)
        await until(lambda: made.picker.teams)
        assert sorted(calls[:2]) == ["ListSubscribedWorkteams", "ListWorkteams"], (
            "two calls show the teams"
        )
        await until(lambda: made.diagnosis is not None)
        assert threading.get_ident() not in threads, "no call runs in the loop"
        assert made.role.value == ""
        made.close()

    run(main())


def test_a_choice_made_meanwhile_counts_and_the_older_answer_is_dropped(
    connection: Connection,
) -> None:
    async def main() -> None:
        made = panel(connection)
        await until(lambda: made.picker.teams)
        made.allow.bucket = "gt-images"
        await until(lambda: made.diagnosis is not None)
        assert made.diagnosis.scope.bucket == "gt-images"
        made.close()

    run(main())


def test_it_comes_too_when_nobody_waits_for_the_teams(connection: Connection) -> None:
    async def main() -> None:
        with LOCK:
            made = panel(connection)
            made.picker.cancel_button.click()
        assert not made.picker.teams
        await until(lambda: made.diagnosis is not None)
        made.close()

    run(main())


def test_what_aws_says_is_shown_as_text(connection: Connection, now: None) -> None:
    from dataclasses import replace

    made = panel(connection)
    made.examine()
    hostile = "<img src=x onerror=alert(1)>\u202e"
    fact = replace(made.diagnosis.facts[0], mark="wrong", said=hostile)
    shown = roleline.role_markup(
        replace(made.diagnosis, caller=hostile, facts=(fact,)), None, hostile
    )
    assert shown.count("&lt;img") == 2
    assert "these reads" not in shown
    assert "<img" not in shown
