"""A bucket in another region than the connection: its workteams are unread,
and nothing that needs them is green.
"""

from __future__ import annotations

from typing import Any

import pytest

import gt_secure
from gt_secure import Connection, Restriction, check
from gt_secure.account.reader import read_state
from gt_secure.aws import buckets
from gt_secure.base.errors import InvalidInput
from gt_secure.changes.apply import apply
from gt_secure.cli.main import main
from gt_secure.findings.run import examine
from gt_secure.widgets import testing
from gt_secure.widgets.review_step import ReviewStep
from support.account import Account
from support.box import BUCKET, VPCE, allowing
from support.rig import Rig
from support.states import data_bucket, state, unread

HERE, THERE = "us-east-1", "eu-west-1"
SAID = (
    f"{BUCKET} is in {HERE}; you are connected to {THERE}. Use --region {HERE} (region in Python)"
)


@pytest.fixture(scope="module")
def away(restriction_rig: Rig) -> Connection:
    """A connection to a region in which neither the bucket nor its teams are."""
    return gt_secure.connect(
        boto3_session=restriction_rig.session, endpoint_url=restriction_rig.url, region=THERE
    )


@pytest.mark.parametrize("lists", [{"endpoints": VPCE}, {"addresses": "203.0.113.0/24"}])
def test_a_plan_asks_where_the_teams_of_the_bucket_were_not_read(
    away: Connection, restriction_rig: Rig, lists: dict[str, str]
) -> None:
    before = restriction_rig.gt.state(bucket=BUCKET).raw["policy"]
    made = away.plan(Restriction(bucket=BUCKET, **lists))
    [asked] = (each for each in made.asks if each.code == "bucket-elsewhere")
    assert asked.text.startswith(SAID)
    assert f"affects workteams that could not be listed ({SAID}" in made.to_text()
    assert SAID in made.to_html(standalone=True)
    assert made.state.others == ()
    with pytest.raises(InvalidInput, match="bucket-elsewhere"):
        away.apply(made, confirm=[each.code for each in made.asks if each is not asked])
    assert restriction_rig.gt.state(bucket=BUCKET).raw["policy"] == before


def test_a_team_plan_for_a_bucket_elsewhere_asks_too(away: Connection) -> None:
    sagemaker = away.aws.client("sagemaker")
    sagemaker.create_workforce(
        WorkforceName="far", CognitoConfig={"UserPool": "eu-west-1_far", "ClientId": "far"}
    )
    members: Any = [
        {
            "CognitoMemberDefinition": {
                "UserPool": "eu-west-1_far",
                "UserGroup": "far",
                "ClientId": "far",
            }
        }
    ]
    sagemaker.create_workteam(WorkteamName="far-team", Description="far", MemberDefinitions=members)
    try:
        made = away.plan(
            Restriction("far-team", bucket=BUCKET, addresses="203.0.113.0/24", url_lock=None)
        )
        assert "bucket-elsewhere" in [each.code for each in made.asks]
        assert made.state.team.value is not None, "the team itself is here, and was read"
    finally:
        sagemaker.delete_workteam(WorkteamName="far-team")
        sagemaker.delete_workforce(WorkforceName="far")


def test_no_check_passes_or_is_not_applicable_without_the_teams(
    away: Connection,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = account.rig.gt.plan(Restriction(bucket=BUCKET, endpoints=VPCE))
    apply(account.aws, made, journal=account.journal, confirm=["refuses-team"])
    assert "team-locked-out" in {each.code for each in account.rig.gt.findings(bucket=BUCKET)}
    found = away.findings(bucket=BUCKET)
    [rule] = (each for each in found.checked if each.code == "team-locked-out")
    assert (rule.outcome, SAID in rule.reason) == ("unknown", True)
    result = check.no_findings.look(away, bucket=BUCKET, severity="high")
    assert result.status == "unknown"
    assert SAID in result.message
    for name, value in account.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    assert (
        main(["check", "no-findings", f"s3://{BUCKET}", "--severity", "high", "--region", THERE])
        == 3
    )
    assert SAID in capsys.readouterr().out.replace("\n", " ")


def test_who_and_audit_name_both_regions(away: Connection, restriction_rig: Rig) -> None:
    exposure = away.who_can_open(BUCKET, "scans/0001.png")
    assert any(each.startswith(SAID) for each in exposure.assumed)
    assert "sagemaker:ListWorkteams" not in exposure.missing, "no permission is missing"
    assert not any(
        SAID in each for each in restriction_rig.gt.who_can_open(BUCKET, "scans/0001.png").assumed
    )
    assert any(each.startswith(SAID) for each in away.audit(buckets=BUCKET, logs=False).unread)


def test_the_panel_has_a_box_for_it(away: Connection) -> None:
    with testing():
        review = ReviewStep(away)
        review.plan = away.plan(Restriction(bucket=BUCKET, addresses="203.0.113.0/24"))
        shown = " ".join(each.children[0].value for each in review.confirms.children)
        assert f"{BUCKET} is in {HERE}; you are connected to {THERE}." in shown.replace(
            "<bdi>", ""
        ).replace("</bdi>", "")
        assert review.apply_button.disabled


def test_a_bucket_whose_region_is_hidden_is_no_bucket_elsewhere(restriction_rig: Rig) -> None:
    denied = {"Effect": "Deny", "Action": "s3:ListBucket", "Resource": "*"}
    for gt in (restriction_rig.gt, restriction_rig.user(*allowing("*"), denied)):
        made = gt.plan(Restriction(bucket=BUCKET, addresses="203.0.113.0/24"))
        assert "bucket-elsewhere" not in {each.code for each in made.notices}
        assert made.state.teams.missing is None


@pytest.mark.parametrize(
    ("answer", "region"),
    [({}, THERE), ({"BucketRegion": ""}, THERE), ({"BucketRegion": HERE}, HERE)],
)
def test_a_region_that_is_not_named_is_that_of_the_connection(
    away: Connection, monkeypatch: pytest.MonkeyPatch, answer: dict[str, str], region: str
) -> None:
    class Silent:
        def head_bucket(self, **_: str) -> dict[str, Any]:
            return {**answer, "ResponseMetadata": {"HTTPHeaders": {}}}

    monkeypatch.setattr(type(away.aws), "client", lambda *_: Silent())
    assert buckets.bucket_region(away.aws, BUCKET) == region


def test_teams_that_were_denied_are_unknown_too() -> None:
    """The same gap without a second region: what was not looked at is not \"no workteam\"."""
    seen = state(
        team=None,
        workforce=None,
        bucket=data_bucket(),
        teams=unread("sagemaker:ListWorkteams", "workteams"),
    )
    rules = {each.code: each for each in examine(seen).checked}
    assert rules["team-locked-out"].outcome == "unknown"
    read = state(team=None, workforce=None, bucket=data_bucket())
    assert {each.code: each for each in examine(read).checked}[
        "team-locked-out"
    ].outcome == "not applicable"


def test_the_teams_are_asked_for_only_where_a_reading_asks(away: Connection) -> None:
    assert not read_state(away.aws, bucket=BUCKET).teams.was_asked
