"""The buckets of a team, rows by bucket, and the restriction that the journal has for a bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gt_secure import Restriction
from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.report.accounts import Account
from gt_secure.report.buckets import BucketChoice, TeamBuckets, UnreadNotes
from gt_secure.report.region import read_region
from gt_secure.report.rows import ReportRow
from support.box import ACCOUNT, BUCKET, OPEN_TEAM, ROLE, job_request
from support.consents import AGREED
from support.rig import Rig

TEAM = OPEN_TEAM.replace("open-team", "vpc-team")
HUMAN_UI = "arn:aws:sagemaker:us-east-1:394669845002:human-task-ui/VideoObjectDetection"


@pytest.fixture(scope="module")
def rig(sandbox) -> Iterator[Rig]:
    """A team with a workflow and a streaming job, a bucket with a tag, and one of no team."""
    rig = Rig(sandbox)
    for name in ("gt-reviewed", "gt-archive"):
        rig.client("s3").create_bucket(Bucket=name)
    tags = {"TagSet": [{"Key": "project", "Value": "labeling"}]}
    rig.client("s3").put_bucket_tagging(Bucket="gt-archive", Tagging=tags)
    rig.client("sagemaker").create_flow_definition(
        FlowDefinitionName="review",
        HumanLoopConfig={
            "WorkteamArn": TEAM, "HumanTaskUiArn": HUMAN_UI, "TaskTitle": "t", "TaskDescription": "d", "TaskCount": 1
        },
        OutputConfig={"S3OutputPath": "s3://gt-reviewed/out/"},
        RoleArn=ROLE,
    )  # fmt: skip
    job = job_request("streamed", TEAM)
    job["InputConfig"]["DataSource"]["SnsDataSource"] = {
        "SnsTopicArn": "arn:aws:sns:us-east-1:111122223333:objects"
    }
    job["HumanTaskConfig"]["UiConfig"] = {"HumanTaskUiArn": HUMAN_UI}
    rig.client("sagemaker").create_labeling_job(**job)
    yield rig
    sandbox.reset()


def rows(rig: Rig, choice: str | None = None, gt=None) -> dict[str, ReportRow]:
    parsed = None if choice is None else BucketChoice.parse(choice)
    return {
        row.name: row
        for row in read_region(gt or rig.gt, Account(ACCOUNT), parsed, many=True) or ()
        if row.kind != "portal"
    }


def test_a_team_has_the_buckets_of_jobs_workflows_and_the_journal(rig: Rig) -> None:
    team, notes = rig.gt.workteam("vpc-team"), UnreadNotes(passes=InvalidInput)
    assert TeamBuckets(rig.gt.aws, rig.gt.journal, InvalidInput).of(team, notes) == [
        BUCKET,
        "gt-reviewed",
    ]
    assert notes.lines == [
        "job streamed: its objects come with messages, so their buckets are not known"
    ]
    assert rows(rig)["open-team"].uses == ()
    wish = Restriction("open-team", addresses=["203.0.113.0/24"], bucket="gt-archive")
    rig.gt.undo(rig.gt.apply(rig.gt.plan(wish), confirm=AGREED))
    assert rows(rig)["open-team"].uses == ("gt-archive",)


def test_a_template_that_is_not_read_is_unknown(rig: Rig) -> None:
    found = {each.code: each for each in rig.gt.findings(team="vpc-team")}["template-without-grant"]
    assert (found.state, found.subject, found.depends_on) == ("unknown", "streamed", (HUMAN_UI,))


@pytest.mark.parametrize(
    ("choice", "named"),
    [(None, ["gt-images", "gt-reviewed", "gt-shared"]), ("used", ["gt-images", "gt-reviewed", "gt-shared"]),
     ("tag:project=labeling", ["gt-archive"]), ("tag:project=other", []),
     ("gt-archive,gt-absent", ["gt-archive"])],
)  # fmt: skip
def test_rows_by_bucket(rig: Rig, choice: str | None, named: list[str]) -> None:
    found = {name: row for name, row in rows(rig, choice).items() if row.kind == "bucket"}
    assert {*found} - {"gt-archive"} == {"gt-images", "gt-reviewed", "gt-shared"}, "of teams"
    assert "gt-archive" not in named or "gt-archive" in found
    for name in named:
        assert found[name].tone == "open"
        codes = [(each.code, each.subject) for each in found[name].findings]
        assert ("presigned-from-anywhere", name) in codes
        assert len(codes) == len({*codes}), "no finding is there twice"
        assert {subject for _, subject in codes} == {name}


def test_a_bucket_that_cannot_be_read_is_unknown_with_its_reason(rig: Rig) -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    blind = rig.user(
        everything, {"Effect": "Deny", "Action": "s3:GetBucketPolicy", "Resource": "*"}
    )
    row = rows(rig, "tag:project=labeling", blind)["gt-archive"]
    assert (row.tone, row.locks) == ("unknown", "unknown")
    assert "s3:GetBucketPolicy" in row.access
    assert any("s3:GetBucketPolicy" in text for text in row.unread)
    for action in ("s3:ListAllMyBuckets", "s3:GetBucketTagging"):
        blind = rig.user(everything, {"Effect": "Deny", "Action": action, "Resource": "*"})
        found = rows(rig, "tag:project=labeling", blind)
        assert action in str([row.unread for row in found.values()])
        assert action in str(blind.report(buckets="tag:project=labeling", since=None).unread)


@pytest.mark.parametrize(
    "choice", ["tag:project", "tag:a=b,gt-images", "used,gt-images", "https://example.com/x"]
)
def test_bad_choices(choice: str) -> None:
    with pytest.raises(InvalidInput):
        BucketChoice.parse(choice)


def test_no_bucket_found_is_not_applicable_and_never_green(rig: Rig, monkeypatch, capsys) -> None:
    rig.use_environment(monkeypatch)
    options = ["report", "--no-logs", "--fail-on", "high"]
    assert main([*options, "--buckets", "tag:project=other"]) != 0
    assert "not applicable, no bucket has the tag project=other" in capsys.readouterr().out
    assert main([*options, "--buckets", "tag:project=labeling", "--json"]) in (2, 3)
    used = {
        each["name"]: each["uses"]
        for each in json.loads(capsys.readouterr().out)["rows"]
        if each["kind"] == "bucket"
    }
    assert {*used} == {"gt-archive", "gt-images", "gt-reviewed", "gt-shared"}
    assert used["gt-images"] == ["radiology-team", "vpc-team"]


def test_the_journal_says_what_is_wanted_of_a_bucket(rig: Rig) -> None:
    """A guard that somebody deleted is a finding, without a restriction file at hand."""

    def outcome(gt) -> dict[str, str]:
        return {each.code: each.outcome for each in gt.findings(bucket="gt-reviewed").checked}

    assert outcome(rig.gt)["guard-missing"] == "not applicable"
    done = rig.gt.apply(
        rig.gt.plan(Restriction(addresses=["203.0.113.0/24"], bucket="gt-reviewed"))
    )
    assert (outcome(rig.gt)["guard-missing"], outcome(rig.gt)["guard-narrower"]) == (
        "clean",
        "clean",
    )
    rig.client("s3").delete_bucket_policy(Bucket="gt-reviewed")
    assert outcome(rig.gt)["guard-missing"] == "found"
    assert "guard-missing" in {
        each.code for each in rows(rig, "gt-reviewed")["gt-reviewed"].findings
    }
    rig.gt.undo(done)
    assert outcome(rig.gt)["guard-missing"] == "not applicable"


def test_a_cleanly_restricted_account_has_no_finding_that_a_reviewer_would_dismiss(
    sandbox, tmp_path, monkeypatch
) -> None:
    """A finding above low would be a false alarm:
    each team and bucket is restricted as the docs say.
    """
    sandbox.reset()
    # others here name buckets that are gone
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
    gt = Rig(sandbox).gt
    shared = [(team, "gt-shared") for team in ("north-team", "south-team")]
    for team, bucket in (("radiology-team", BUCKET), *shared, ("open-team", None)):
        plan = gt.plan(
            Restriction(team, addresses=["203.0.113.0/24"], bucket=bucket, portal_lock=True)
        )
        gt.apply(plan, confirm=[each.code for each in plan.asks])
    made = gt.report(since=None)
    assert [(each.severity, each.code) for each in made.worse_than("medium")] == []
    assert (made.doubts(), made.unread) == ((), ())
    assert {row.leaks_unread for row in made.buckets} == {
        "not looked for, because the logs were left out"
    }
    assert not [row for row in made.rows if row.worst in ("high", "medium")]
