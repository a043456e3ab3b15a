"""The panel's first line: what this role can use, after the teams, in the background, and quiet when refused."""

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

NOT_CHOSEN = "To use guard, sign, hits, findings, choose a bucket. To use render, choose a role to sign with"


def test_it_says_in_one_line_what_can_be_used_and_what_waits_for_a_choice(connection: Connection, now: None) -> None:
    made = panel(connection)
    shown: list[str] = []
    made.observe(lambda _: shown.append(words(made.role.value)), "diagnosis")
    made.examine()
    assert "of 13 features" in shown[0], "whoever waits for the answer finds the line there"
    assert f"8 of 13 features are available. {NOT_CHOSEN}." in words(made.role.value)
    made.allow.bucket = "gt-images"
    made.examine()
    said = words(made.role.value)
    assert "11 of 13 features are available. To use sign, render, choose a role to sign with." in said
    assert "--bucket" not in said, "it speaks of the panel, not of the command line"
    assert "set the bucket guard" in said or "set and undo the bucket guard" in said
    assert made.diagnosis.scope.bucket == "gt-images"


def test_a_bucket_alone_has_the_features_that_need_no_workteam(aws: Any) -> None:
    """Where teams can be listed, one of them is examined too; where none can, the doctor leaves theirs out."""
    for action in ("sagemaker:List*", "sts:GetCallerIdentity"):
        made = panel(user(aws, {"Effect": "Allow", "Action": action, "Resource": "*"}), bucket="gt-images")
        made.picker.value = BUCKET_ONLY
        made.examine()
        assert "0 of 8 features are available." in words(made.role.value), action


def test_what_is_refused_is_named_with_the_policy_and_no_alarm(aws: Any) -> None:
    lists = {"Effect": "Allow", "Action": ["sagemaker:List*", "sagemaker:Describe*"], "Resource": "*"}
    made = panel(user(aws, lists), bucket="gt-images")
    made.examine()
    said = words(made.role.value)
    assert "Permissions are missing for endpoints, guard" in said
    assert "Policy for the administrator" in said
    assert '"s3:PutBucketPolicy"' in said
    assert 'role="alert"' not in made.role.value


@pytest.mark.parametrize(
    "error", [AccessDenied("no", action="sts:GetCallerIdentity", resource="*"), GtSecureError("STS gave no answer.")]
)
def test_a_role_that_cannot_be_looked_at_is_a_quiet_line(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, error: GtSecureError
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(sys.modules["gt_secure.widgets.panel"], "examine", refuse)
    made = panel(connection)
    made.examine()
    assert "What this role can use is unknown" in words(made.role.value)
    assert 'role="alert"' not in made.role.value
    assert made.diagnosis is None


def test_in_a_notebook_it_comes_by_itself_after_the_teams_and_the_loop_stays_free(connection: Connection) -> None:
    calls: list[str] = []
    threads: set[int] = set()
    client = connection.aws.client("sagemaker")

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)
        threads.add(threading.get_ident())

    client.meta.events.register("before-call.sagemaker", note)

    async def main() -> None:
        made = panel(connection)
        assert roleline.WAITING in words(made.role.value), "the line is there from the beginning"
        await until(lambda: made.picker.teams)
        assert sorted(calls[:2]) == ["ListSubscribedWorkteams", "ListWorkteams"], "two calls show the teams"
        await until(lambda: made.diagnosis is not None)
        assert threading.get_ident() not in threads, "no call runs in the loop"
        assert "of 13 features" in words(made.role.value)
        made.close()

    run(main())


def test_a_choice_made_meanwhile_counts_and_the_older_answer_is_dropped(connection: Connection) -> None:
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
    found = replace(made.diagnosis, caller="<img src=x onerror=alert(1)>\u202e")
    assert "<img" not in roleline.role_markup(found)
    assert "<img" not in roleline.not_known(GtSecureError("<img src=x onerror=alert(1)>"))
