"""The workteam picker: two calls show the teams, and what cannot be read is said, not guessed."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import boto3
import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.connection import Connection, connect
from gt_secure.widgets import Panel, TeamPicker, testing
from gt_secure.widgets.team_picker import BUCKET_ONLY
from support.rig import Rig
from support.threads import work_ended


def sagemaker_calls(connection: Connection) -> list[str]:
    calls: list[str] = []
    client = connection.aws.client("sagemaker")
    client.meta.events.register(
        "before-call.sagemaker", lambda model, **_: calls.append(model.name)
    )
    return calls


def test_no_more_than_two_calls_show_the_teams(connection: Connection, now: None) -> None:
    calls = sagemaker_calls(connection)
    picker = TeamPicker(connection)
    assert sorted(calls) == ["ListSubscribedWorkteams", "ListWorkteams"]
    names = ["north-team", "open-team", "radiology-team", "south-team", "vpc-team"]
    assert [team.name for team in picker.teams if team.kind == "private"] == names


def test_choosing_a_team_gives_its_name_and_shows_its_state(
    connection: Connection, now: None, words: Any
) -> None:
    picker = TeamPicker(connection)
    seen: list[Any] = []
    picker.observe(lambda change: seen.append(change["new"]), "value")
    picker.select.value = next(team.arn for team in picker.teams if team.name == "radiology-team")
    assert seen == ["radiology-team"]
    assert picker.team.name == "radiology-team"
    assert "URL lock on (SourceIp)" in picker.select.label
    assert picker.details.workforce.name == "private-workforce"
    assert "chest-scans" in [job.name for job in picker.details.jobs]
    assert words(picker._summary.value) == "radiology-team · private"


def test_the_value_can_be_set_and_given(connection: Connection, now: None) -> None:
    assert TeamPicker(connection, value="open-team").team.name == "open-team"
    picker = TeamPicker(connection)
    picker.value = "vpc-team"
    assert picker.team.name == "vpc-team"
    assert picker.select.value == picker.team.arn


def test_a_team_that_is_not_there_is_an_error_that_names_those_that_are(
    connection: Connection, words: Any
) -> None:
    picker = TeamPicker(connection, value="no-such-team")
    assert picker.value is None
    shown = words(picker.message.value)
    assert "no-such-team" in shown
    assert "open-team" in shown
    with testing(), pytest.raises(InvalidInput):
        TeamPicker(connection, value="no-such-team")


def test_a_vendor_team_says_that_it_has_no_url_lock(
    connection: Connection, now: None, words: Any
) -> None:
    picker = TeamPicker(connection)
    picker.select.value = next(team.arn for team in picker.teams if team.kind == "vendor")
    assert "no URL lock for vendor teams" in words(picker.about.value)


def test_no_team_is_a_choice_too(connection: Connection, now: None, words: Any) -> None:
    picker = TeamPicker(connection, value=BUCKET_ONLY)
    assert picker.team is None
    assert "a bucket, without a workteam" in words(picker._summary.value)


def test_searching_narrows_the_list_and_keeps_the_choice(connection: Connection, now: None) -> None:
    picker = TeamPicker(connection, value="open-team")
    picker.search.value = "vpc"
    assert picker.select.options[0][0].startswith("vpc-team ")
    assert len(picker.select.options) == 1
    assert picker.value == "open-team"
    picker.search.value = ""
    assert picker.select.value == picker.team.arn


def test_without_permissions_the_policy_for_the_administrator_is_shown(
    aws: Any, words: Any
) -> None:
    rig = Rig(aws)
    key = rig.keys()
    picker = TeamPicker(rig.connect(key))
    shown = words(picker.message.value)
    assert "may not call sagemaker:ListWorkteams" in shown
    assert '"Action": "sagemaker:ListWorkteams"' in shown
    assert key["AccessKeyId"] not in shown
    assert "Traceback" not in shown


def test_without_credentials_or_region_a_sentence_with_the_next_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, words: Any
) -> None:
    for name in (
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    picker = TeamPicker()
    assert "No AWS region is set. Pass region=" in words(picker.message.value)


def test_an_endpoint_that_does_not_answer_is_an_error_and_no_hang(run: Any, words: Any) -> None:
    async def main() -> None:
        session = boto3.session.Session("AKIAEXAMPLE", "x", region_name="us-east-1")
        picker = TeamPicker(connect(boto3_session=session, endpoint_url="http://127.0.0.1:9"))
        with pytest.raises(Exception, match="No response"):
            await picker.wait_idle()
        assert "No response from http://127.0.0.1:9" in words(picker.message.value)
        assert not picker.refresh_button.disabled

    run(main())


class SlowJobs(Connection):
    """A connection on which the jobs of one team take long."""

    def __init__(self, aws: Any) -> None:
        super().__init__(aws)
        self.hold, self.begun = threading.Event(), threading.Event()

    def jobs(self, team: Any) -> Any:
        if team.name == "radiology-team":
            self.begun.set()
            self.hold.wait(60)
        return super().jobs(team)


def test_details_that_come_late_for_another_team_are_dropped(
    connection: Connection, run: Any, words: Any
) -> None:
    async def main() -> None:
        slow = SlowJobs(connection.aws)
        picker = TeamPicker(slow)
        await picker.wait_idle()
        picker.value = "radiology-team"
        await asyncio.to_thread(slow.begun.wait, 60)
        picker.value = "open-team"
        await picker.wait_idle()
        slow.hold.set()
        await work_ended()
        assert picker.details.jobs == ()

    run(main())


def test_the_picker_appears_before_aws_answers(
    connection: Connection, run: Any, words: Any
) -> None:
    async def main() -> None:
        picker = TeamPicker(connection)  # nothing was awaited, so nothing can have been answered
        assert "Reading the workteams" in words(picker._summary.value)
        await picker.wait_idle()
        assert picker.select.options

    run(main())


class NoPrivateTeam(Connection):
    """A connection to a region whose only teams are of vendors."""

    def workteams(self) -> Any:
        return type(super().workteams())(
            team for team in super().workteams() if team.kind != "private"
        )


def test_a_region_without_workteams_greets_and_leads_to_a_bucket(
    aws: Any, now: None, words: Any
) -> None:
    env = aws.environment()
    session = boto3.Session(
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name="eu-west-1"
    )
    made = Panel(connect(boto3_session=session, endpoint_url=aws.endpoint_url))
    picker = made.picker
    assert "gts-hidden" not in picker.welcome._dom_classes
    shown = words(picker.greeting.value)
    for part in (
        "This region has no private workteam. You can start without one.",
        'Press "My app hands out URLs"',
        "restrict who can open the objects of a bucket",
        "Create a private workteam in the SageMaker console",
        'press "Refresh"',
    ):
        assert part in shown
    assert "vendor teams" not in shown
    assert words(made.top.value).startswith("Bucket guard no bucket chosen")
    assert "Age limit" in words(made.top.value)
    assert picker.value is None, "nothing is chosen for the person"
    messages: list[Any] = []
    made.allow.bucket_input.send = messages.append
    picker.bucket_button.click()
    assert picker.value == BUCKET_ONLY
    assert picker.opened
    assert messages == [{"do": "focus"}], "the keyboard goes on in the bucket's field"
    made.allow.bucket = "gt-images"
    made.allow.add_address("203.0.113.0/24")
    assert [change.kind for change in made.review.plan.changes] == ["bucket-guard"]
    made.close()


def test_vendor_teams_alone_are_greeted_too_and_a_private_team_ends_it(
    connection: Connection, now: None, words: Any
) -> None:
    picker = TeamPicker(NoPrivateTeam(connection.aws))
    assert "gts-hidden" not in picker.welcome._dom_classes
    assert "AWS offers no URL lock for vendor teams." in words(picker.greeting.value)
    assert {team.kind for team in picker.teams} == {"vendor"}
    picker.link._connection = connection  # a private team was created meanwhile
    picker.refresh()
    assert "gts-hidden" in picker.welcome._dom_classes
    assert picker.greeting.value == ""


def test_teams_that_cannot_be_read_are_no_reason_to_greet(aws: Any, words: Any) -> None:
    rig = Rig(aws)
    picker = TeamPicker(rig.connect(rig.keys()))
    assert not picker.no_private_team
    assert "gts-hidden" in picker.welcome._dom_classes
