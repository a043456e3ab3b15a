"""Who changed the locks: journal and CloudTrail together, drift with a name,
and the alarm of the guide.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput
from gt_secure.changes import Journal, history, wanted_on
from gt_secure.changes.history import KIND_CALLS, NAME_MEMBERS, HistoryEntry, merge
from gt_secure.cli.main import main
from gt_secure.restriction.model import Restriction
from support.blocks import ROOT, blocks_of
from support.box import allowing
from support.consents import AGREED
from support.event_bus import matches
from support.scene import BUCKET, TEAM, WISH, Scene
from support.states import ACCOUNT, state

TIME = dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.UTC)


[ALARM] = [
    block.text
    for block in blocks_of(ROOT / "docs/how-to/company.md")
    if block.value == "locks-alarm.yaml"
]
TEMPLATE = yaml.safe_load(ALARM)


def alarm_pattern(**parameters: str) -> dict[str, Any]:
    """The event pattern of the template, with its parameters filled in."""
    pattern: dict[str, Any] = copy.deepcopy(
        TEMPLATE["Resources"]["Rule"]["Properties"]["EventPattern"]
    )
    for each in pattern["detail"]["$or"]:
        for member, [reference] in each["requestParameters"].items():
            each["requestParameters"][member] = [parameters.get(reference["Ref"], reference["Ref"])]
    return pattern


def events(scene: Scene) -> list[dict[str, Any]]:
    pages = scene.client("cloudtrail").get_paginator("lookup_events").paginate()
    return [json.loads(each["CloudTrailEvent"]) for page in pages for each in page["Events"]]


def test_the_sandbox_writes_events_and_looks_them_up(scene: Scene):
    trail = scene.client("cloudtrail")
    scene.toggles(False)
    scene.remove_guard()
    newest = events(scene)[:2]
    assert [each["eventName"] for each in newest] == ["DeleteBucketPolicy", "UpdateWorkteam"]
    assert newest[1]["requestParameters"]["workteamName"] == TEAM
    assert newest[1]["userIdentity"]["arn"].endswith(":user/sandbox-admin")
    found = trail.lookup_events(
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": BUCKET}], MaxResults=1
    )
    assert found["Events"][0]["EventName"] == "DeleteBucketPolicy"
    assert found["NextToken"]
    assert not trail.lookup_events(StartTime=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))[
        "Events"
    ]
    with pytest.raises(trail.exceptions.InvalidMaxResultsException):
        trail.lookup_events(MaxResults=50 + 1)
    blind = scene.client("cloudtrail", scene.keys(*allowing("s3:GetObject")))
    with pytest.raises(trail.exceptions.ClientError, match="AccessDenied"):
        blind.lookup_events()


def test_history_knows_ours_and_theirs(scene: Scene, tmp_path):
    scene.toggles(False)
    applied = replace(scene.gt, journal=Journal(tmp_path)).apply(
        scene.gt.plan(WISH, reason="RISK-112"), confirm=AGREED
    )
    keys = scene.keys(*allowing("sagemaker:*"), name="eve")
    scene.client("sagemaker", keys, "198.51.100.77").update_workteam(
        WorkteamName=TEAM, Description="mine"
    )
    history = replace(scene.gt, journal=Journal(tmp_path)).history(TEAM, BUCKET, since="1h")
    assert history.unread == ()
    theirs, ours = history[0], history[1]
    assert (theirs.operation, theirs.target, theirs.by_gt_secure, theirs.source) == (
        "UpdateWorkteam", TEAM, False, "198.51.100.77",
    )  # fmt: skip
    assert theirs.who.endswith(":user/eve")
    assert (ours.by_gt_secure, ours.change_id, ours.recorded_by) == (True, applied.id, "both")
    assert (ours.reason, theirs.reason) == ("RISK-112", "")
    assert all(entry.target in (TEAM, BUCKET, "private-workforce") for entry in history)
    assert "eve" in str(history)
    assert "eve" in history._repr_html_()
    elsewhere = replace(scene.gt, journal=Journal(tmp_path / "none")).history(TEAM, since="1h")
    assert elsewhere[1].by_gt_secure  # its user agent says so, without the journal
    assert elsewhere[1].change_id == ""


def test_a_refused_call_is_listed_as_such(scene: Scene):
    keys = scene.keys(name="mallory")
    client = scene.client("sagemaker", keys)
    with pytest.raises(client.exceptions.ClientError):
        client.update_workteam(WorkteamName=TEAM, Description="x")
    first = scene.gt.history(TEAM, since="1h")[0]
    assert (first.error, first.who.rsplit("/", 1)[-1]) == ("AccessDeniedException", "mallory")


def test_without_cloudtrail_the_journal_is_left(scene: Scene, tmp_path):
    scene.toggles(False)
    applied = replace(scene.gt, journal=Journal(tmp_path)).apply(
        scene.gt.plan(WISH), confirm=AGREED
    )
    blind = scene.user_with("sagemaker:DescribeWorkteam", "s3:GetBucketPolicy", "s3:ListBucket")
    history = replace(blind, journal=Journal(tmp_path)).history(TEAM, since="1h")
    assert [entry.change_id for entry in history] == [applied.id]
    assert any("cloudtrail:LookupEvents" in text for text in history.unread)
    with pytest.raises(InvalidInput):
        scene.gt.history()
    with pytest.raises(InvalidInput):
        scene.gt.history(TEAM, since="soon")


def test_a_plan_that_finds_drift_names_the_person(scene: Scene, tmp_path):
    def drift(connection: Any = None) -> list[str]:
        plan = replace(connection or scene.gt, journal=Journal(tmp_path)).plan(WISH)
        return [notice.text for notice in plan.notices if notice.code == "drifted"]

    scene.toggles(False)
    assert drift() == []  # the journal has not applied it
    applied = replace(scene.gt, journal=Journal(tmp_path)).apply(
        scene.gt.plan(WISH), confirm=AGREED
    )
    assert drift() == []
    keys = scene.keys(*allowing("sagemaker:*"), name="trudy")
    constraints = {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"}
    scene.client("sagemaker", keys, "198.51.100.78").update_workteam(
        WorkteamName=TEAM,
        WorkerAccessConfiguration={"S3Presign": {"IamPolicyConstraints": constraints}},
    )
    [text] = drift()
    assert "user/trudy" in text
    assert "198.51.100.78" in text
    assert applied.id in text
    assert "not by gt_secure" in text
    # another restriction is a change of mind, and no drift
    other = WISH.from_dict({**WISH.to_dict(), "addresses": ["203.0.113.0/25"]})
    assert not [
        each
        for each in replace(scene.gt, journal=Journal(tmp_path)).plan(other).notices
        if each.code == "drifted"
    ]


CALL = {
    "eventTime": "2026-11-25T09:00:00Z", "eventName": "UpdateWorkteam", "eventID": "e1", "requestID": "r1",
    "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.77", "userAgent": "aws-cli/2.31",
    "userIdentity": {"arn": "arn:aws:iam::111122223333:user/eve"}, "requestParameters": {"workteamName": TEAM},
}  # fmt: skip
ENTRY = HistoryEntry(
    TIME, "arn:aws:iam::111122223333:user/eve", "UpdateWorkteam", TEAM, "198.51.100.77",
    user_agent="aws-cli/2.31", event_id="e1", region="us-east-1", request="r1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("event", "entry"),
    [
        ({}, {}),
        ({"sourceIPAddress": None}, {"source": ""}),
        ({"userAgent": "gt_secure/0.3"}, {"user_agent": "gt_secure/0.3", "by_gt_secure": True}),
        ({"errorCode": "AccessDenied"}, {"error": "AccessDenied"}),
        (
            {"userIdentity": {"invokedBy": "cloudformation.amazonaws.com"}},
            {"who": "cloudformation.amazonaws.com"},
        ),
        ({"userIdentity": None}, {"who": "unknown"}),
        ({"eventTime": "soon"}, {"at": dt.datetime.fromtimestamp(0, dt.UTC)}),
        ({"requestParameters": {"workteamName": "another"}}, None),
        ({"requestParameters": None}, None),
    ],
)
def test_an_event_of_cloudtrail_is_an_entry_with_whatever_it_has(
    event: dict[str, Any], entry: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [CALL | event]
    monkeypatch.setattr(
        history,
        "lookup_events",
        lambda _, __, name, *___: found if name == "UpdateWorkteam" else [],
    )
    entries = list(history.lookup(cast(Aws, None), "url-lock", TEAM, TIME))
    assert entries == ([] if entry is None else [replace(ENTRY, **entry)])


def test_merging_by_request_id():
    event = HistoryEntry(TIME, "arn:a", "UpdateWorkteam", "t", event_id="e1", request="r1")
    other = HistoryEntry(TIME + dt.timedelta(1), "arn:b", "UpdateWorkteam", "t", event_id="e2")
    record = HistoryEntry(
        TIME,
        "arn:a",
        "UpdateWorkteam",
        "t",
        change_id="c",
        event_id="r1",
        request="r1",
        recorded_by="journal",
    )
    alone = HistoryEntry(
        TIME - dt.timedelta(1), "arn:a", "UpdateWorkteam", "t", change_id="b", recorded_by="journal"
    )
    merged = merge([alone, record], [event, other])
    assert [(each.event_id, each.change_id, each.recorded_by) for each in merged] == [
        ("e2", "", "cloudtrail"), ("e1", "c", "both"), ("", "b", "journal"),
    ]  # fmt: skip


GUARD = Restriction(bucket=BUCKET, addresses="203.0.113.0/24")
WIDER = Restriction(bucket=BUCKET, addresses=["203.0.113.0/24", "192.0.2.0/24"])


def record(
    folder: Path, wish: Restriction, outcome: str = "applied", account: str = ACCOUNT
) -> None:
    place = {
        "kind": "apply",
        "account": account,
        "region": "us-east-1",
        "caller": "x",
        "changes": [],
    }
    Journal(folder).begin(place | {"restriction": wish.to_dict()}).write("end", outcome=outcome)


@pytest.mark.parametrize(
    ("later", "more", "found"),
    [
        (WIDER, {}, WIDER),
        (replace(WIDER, bucket="gt-other"), {}, GUARD),
        (WIDER, {"outcome": "rolled-back"}, GUARD),
        (WIDER, {"account": "999988887777"}, GUARD),
        (Restriction(TEAM, bucket=BUCKET, guard=None), {}, GUARD),
    ],
    ids=["the same bucket", "another bucket", "rolled back", "another account", "no guard"],
)
def test_a_bucket_is_compared_with_the_newest_guard_that_was_applied_to_it(
    later: Restriction, more: dict[str, str], found: Restriction, tmp_path: Path
) -> None:
    record(tmp_path, GUARD)
    record(tmp_path, later, **more)
    assert wanted_on(cast(Aws, None), Journal(tmp_path), state()) == (found,)
    assert wanted_on(cast(Aws, None), Journal(tmp_path), state(bucket=None)) == ()


def test_the_rule_matches_exactly_these_resources(scene: Scene):
    scene.toggles(False)
    scene.remove_guard()
    scene.client("sagemaker").update_workteam(
        WorkteamName="radiology-team", Description="another team"
    )
    pattern = alarm_pattern(Team=TEAM, Workforce="private-workforce", Bucket=BUCKET)
    wrapped = [
        {
            "source": f"aws.{event['eventSource'].partition('.')[0]}",
            "detail-type": "AWS API Call via CloudTrail",
            "detail": event,
        }
        for event in events(scene)[:3]
    ]
    assert [matches(pattern, each) for each in wrapped] == [False, True, True]
    # a parameter that is left out matches no name
    only = alarm_pattern(Team="", Workforce="", Bucket="gt-other")
    assert not any(matches(only, each) for each in wrapped)


def test_the_alarm_watches_what_the_history_shows():
    calls = [call for each in alarm_pattern()["detail"]["$or"] for call in each["eventName"]]
    kinds = {call: kind for kind, operations in KIND_CALLS.items() for call in operations}
    assert sorted(calls) == sorted(kinds)
    for each in alarm_pattern()["detail"]["$or"]:
        assert [*each["requestParameters"]] == [NAME_MEMBERS[kinds[each["eventName"][0]]]]


def test_the_topic_takes_messages_of_the_rule_only():
    [statement] = TEMPLATE["Resources"]["TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]}}
    }


def test_the_command_line(scene: Scene, tmp_path, monkeypatch, capsys):
    scene.use_environment(monkeypatch)
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path))
    scene.toggles(False)
    assert main(["history", f"s3://{BUCKET}", "--team", TEAM, "--since", "1h"]) == 0
    assert "UpdateWorkteam" in capsys.readouterr().out
    assert main(["history", "--team", TEAM, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"][0]["target"] == TEAM
