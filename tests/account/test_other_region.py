"""A bucket in another region than the connection: its workteams, jobs and endpoints are read there,
and nothing that needs them is green where they cannot be.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import gt_secure
from gt_secure import Connection, Restriction, check
from gt_secure.account.reader import read_state
from gt_secure.aws import buckets, client
from gt_secure.base.errors import Conflict, InvalidInput
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
SAID = f"{BUCKET} is in {HERE}; you are connected to {THERE}"
IN_HERE = {"StringEquals": {"aws:RequestedRegion": HERE}}


def far(rig: Rig, keys: Any = None, region: str = THERE) -> Connection:
    session = rig.session if keys is None else rig.session_of(keys)
    return gt_secure.connect(boto3_session=session, endpoint_url=rig.url, region=region)


@pytest.fixture(scope="module")
def away(restriction_rig: Rig) -> Connection:
    """A connection to a region in which neither the bucket nor its teams are."""
    return far(restriction_rig)


@pytest.fixture(scope="module")
def denied(restriction_rig: Rig) -> Connection:
    """A connection that may list no workteam in the region of the bucket."""
    deny = {"Effect": "Deny", "Action": "sagemaker:*", "Resource": "*", "Condition": IN_HERE}
    return far(restriction_rig, restriction_rig.keys(*allowing("*"), deny))


@contextmanager
def silent() -> Iterator[str]:
    """Listen on a port of this machine, and answer nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def hanging(restriction_rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection that gets no answer of SageMaker from the region of the bucket."""
    monkeypatch.setattr(client, "FAR_TIMEOUT_S", 0.2)
    gt = far(restriction_rig)
    with silent() as url:
        gt.aws.in_region(HERE).use_endpoint("sagemaker", url)
        yield gt


@pytest.fixture(scope="module")
def far_team(away: Connection) -> Iterator[str]:
    """A workteam in the region of the connection."""
    sagemaker = away.aws.client("sagemaker")
    pool: Any = {"UserPool": "eu-west-1_far", "ClientId": "far"}
    sagemaker.create_workforce(WorkforceName="far", CognitoConfig=pool)
    members: Any = [{"CognitoMemberDefinition": {**pool, "UserGroup": "far"}}]
    # another team of the same name is in the region of the bucket
    name = "radiology-team"
    sagemaker.create_workteam(WorkteamName=name, Description="far", MemberDefinitions=members)
    yield name
    sagemaker.delete_workteam(WorkteamName=name)
    sagemaker.delete_workforce(WorkforceName="far")


@pytest.mark.parametrize("lists", [{"endpoints": VPCE}, {"addresses": "203.0.113.0/24"}])
def test_a_plan_is_the_same_from_another_region(
    restriction_rig: Rig, lists: dict[str, Any]
) -> None:
    wish = Restriction(bucket=BUCKET, **lists)
    # each new: a connection keeps what it read of the log
    near, made = far(restriction_rig, region=HERE).plan(wish), far(restriction_rig).plan(wish)
    assert {each for each in made.notices if each.code != "bucket-elsewhere"} == set(near.notices)
    assert {each.code for each in made.findings} == {each.code for each in near.findings}
    assert [each.affects for each in made.changes] == [each.affects for each in near.changes]
    assert {each.team.name for each in made.state.others} >= {"radiology-team", "open-team"}
    assert made.state.endpoints.value == near.state.endpoints.value
    [line] = (each for each in made.notices if each.code == "bucket-elsewhere")
    assert (line.severity, line.text) == ("info", f"{SAID}.")
    assert SAID in made.to_text(full=True)
    assert SAID in made.to_html(standalone=True)
    assert f"--region {HERE}" in made.to_cli()


def test_another_team_stops_a_plan_from_another_region(
    away: Connection, restriction_rig: Rig
) -> None:
    made = away.plan(Restriction(bucket=BUCKET, endpoints=VPCE))
    [stop] = (each for each in made.blockers if each.code == "refuses-team")
    assert "chest-scans of radiology-team" in stop.text
    with pytest.raises(InvalidInput, match="refuses-team"):
        away.apply(made)


def test_a_team_that_comes_before_apply_is_seen(
    away: Connection, restriction_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = away.plan(Restriction(bucket=BUCKET, addresses="203.0.113.0/24"))
    known = made.state.teams.value or ()
    monkeypatch.setattr("gt_secure.account.reader.list_workteams", lambda _: known[:-1])
    with pytest.raises(Conflict, match="workteams"):
        away.apply(made, confirm=[each.code for each in made.asks])


def test_a_check_sees_the_team_that_was_locked_out(
    away: Connection,
    denied: Connection,
    account: Account,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = account.rig.gt.plan(Restriction(bucket=BUCKET, endpoints=VPCE))
    before = account.policy()
    request.addfinalizer(lambda: account.put_policy(before))
    apply(account.aws, made, journal=account.journal, confirm=[each.code for each in made.asks])
    assert "team-locked-out" in {each.code for each in away.findings(bucket=BUCKET)}
    result = check.no_findings.look(away, bucket=BUCKET, severity="high")
    assert result.status == "failed"
    for name, value in account.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    words = ["check", "no-findings", f"s3://{BUCKET}", "--severity", "high", "--region", THERE]
    assert main(words) == 2
    assert SAID in " ".join(capsys.readouterr().out.split())
    found = denied.findings(bucket=BUCKET)
    [rule] = (each for each in found.checked if each.code == "team-locked-out")
    assert (rule.outcome, rule.reason) == ("unknown", "sagemaker:ListWorkteams was denied")
    result = check.no_findings.look(denied, bucket=BUCKET, severity="high")
    assert result.status == "unknown"
    assert SAID in result.message


@pytest.mark.parametrize("which", ["denied", "hanging"])
def test_a_plan_asks_where_the_teams_of_the_bucket_were_not_read(
    which: str, request: pytest.FixtureRequest, restriction_rig: Rig
) -> None:
    gt: Connection = request.getfixturevalue(which)
    before = restriction_rig.gt.state(bucket=BUCKET).raw["policy"]
    made = gt.plan(Restriction(bucket=BUCKET, addresses="203.0.113.0/24"))
    limits = gt.aws.in_region(HERE).client("sagemaker").meta.config
    assert limits.read_timeout == limits.connect_timeout == client.FAR_TIMEOUT_S
    [asked] = (each for each in made.asks if each.code == "bucket-teams-unread")
    outcome = {"denied": "was denied", "hanging": "got no answer"}[which]
    unread = f"workteams (sagemaker:ListWorkteams {outcome})"
    assert asked.text == f"Whom the plan locks out is unknown: {unread}."
    assert SAID in made.to_text(full=True)
    assert made.state.others == ()
    with pytest.raises(InvalidInput, match="bucket-teams-unread"):
        gt.apply(made, confirm=[each.code for each in made.asks if each is not asked])
    assert restriction_rig.gt.state(bucket=BUCKET).raw["policy"] == before
    who = gt.who_can_open(BUCKET, "scans/0001.png")
    assert any(SAID in each for each in who.facts)
    assert "sagemaker:ListWorkteams" in who.missing
    [rule] = (each for each in gt.findings(bucket=BUCKET).checked if each.code == "team-locked-out")
    assert rule.outcome == "unknown"
    with testing():
        review = ReviewStep(gt)
        review.plan = made
        shown = " ".join(each.children[0].value for each in review.confirms.children)
        assert "Whom the plan locks out is unknown" in shown
        assert review.apply_button.disabled


def test_a_region_whose_jobs_are_denied_asks_too(restriction_rig: Rig) -> None:
    deny = {
        "Effect": "Deny",
        "Action": "sagemaker:ListLabelingJobsForWorkteam",
        "Resource": "*",
        "Condition": IN_HERE,
    }
    gt = far(restriction_rig, restriction_rig.keys(*allowing("*"), deny))
    made = gt.plan(Restriction(bucket=BUCKET, addresses="203.0.113.0/24"))
    [asked] = (each for each in made.asks if each.code == "bucket-teams-unread")
    assert "labeling jobs of radiology-team" in asked.text


def test_only_the_other_region_is_given_up_early(restriction_rig: Rig) -> None:
    gt = far(restriction_rig)
    there = gt.aws.in_region(HERE)
    assert there is gt.aws.in_region(HERE)
    assert gt.aws.in_region(THERE) is gt.aws
    assert there.identity() == gt.aws.identity()
    config: Any = there.client("sagemaker").meta.config
    assert config.read_timeout * config.retries["total_max_attempts"] <= 5
    assert config.connect_timeout * config.retries["total_max_attempts"] <= 5
    config = gt.aws.client("sagemaker").meta.config
    assert config.read_timeout == client.READ_TIMEOUT_S


def test_a_host_that_names_the_region_serves_no_other(restriction_rig: Rig) -> None:
    gt = far(restriction_rig)
    gt.aws.use_endpoint("sagemaker", f"https://vpce-1.api.sagemaker.{THERE}.vpce.amazonaws.com")
    gt.aws.use_endpoint("ec2", "https://proxy.example")
    there = gt.aws.in_region(HERE)
    assert there.client("sagemaker").meta.endpoint_url == restriction_rig.url
    assert there.client("ec2").meta.endpoint_url == "https://proxy.example"


def test_a_team_here_and_a_bucket_there(away: Connection, far_team: str) -> None:
    made = away.plan(Restriction(far_team, bucket=BUCKET, addresses="203.0.113.0/24"))
    asked = {each.code: each for each in made.asks}
    assert asked["team-elsewhere"].text == (
        "Ground Truth needs a labeling job and its bucket in one region, and"
        f" {far_team} is in {THERE}."
    )
    own = made.state.team.value
    assert own is not None
    assert f":{THERE}:" in own.arn
    assert {each.team.name for each in made.state.others} >= {"radiology-team", "open-team"}
    assert all(f":{HERE}:" in each.team.arn for each in made.state.others)
    assert made.state.other_teams == ()
    closed = away.plan(Restriction(far_team, bucket=BUCKET, endpoints=VPCE, url_lock=None))
    [stop] = (each for each in closed.blockers if each.code == "refuses-team")
    assert "chest-scans of radiology-team" in stop.text


def test_a_portal_lock_names_the_teams_of_its_own_region(away: Connection, far_team: str) -> None:
    made = away.plan(
        Restriction(bucket=BUCKET, addresses="203.0.113.0/24", portal_lock=True, url_lock=None)
    )
    [asked] = (each for each in made.asks if each.code == "portal-affects-all")
    assert (THERE in asked.text, far_team in asked.text) == (True, True)
    assert "open-team" not in asked.text, "that team is in the region of the bucket"


def test_who_and_report_name_both_regions(away: Connection, restriction_rig: Rig) -> None:
    place = (BUCKET, "scans/0001.png")
    near, exposure = restriction_rig.gt.who_can_open(*place), away.who_can_open(*place)
    assert any(each.startswith(SAID) for each in exposure.facts)
    assert not any(SAID in each for each in near.facts)
    assert [row.to_dict() for row in exposure] == [row.to_dict() for row in near]
    made = away.report(buckets=BUCKET, since=None)
    assert any(each.startswith(SAID) for each in made.unread)
    [bucket] = (each for each in made.buckets if each.name == BUCKET)
    assert "radiology-team" in bucket.uses


def test_the_panel_says_it(away: Connection) -> None:
    with testing():
        review = ReviewStep(away)
        review.plan = away.plan(Restriction(bucket=BUCKET, addresses="203.0.113.0/24"))
        assert SAID in review.rest.value.replace("<bdi>", "").replace("</bdi>", "")


class Answering:
    """S3 that answers HeadBucket with these headers."""

    def __init__(self, status: int, **headers: str) -> None:
        self.status, self.headers = status, headers

    def __call__(self, request: Any, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        class Body:
            def stream(self, **_: Any) -> Iterator[bytes]:
                yield b""

        headers: Any = {name.replace("_", "-"): value for name, value in self.headers.items()}
        return AWSResponse(request.url, self.status, headers, Body())


def answering(rig: Rig, status: int, region: str = HERE, **headers: str) -> Connection:
    gt = far(rig, region=region)
    gt.aws.client("s3").meta.events.register(
        "before-send.s3.HeadBucket", Answering(status, **headers)
    )
    return gt


def test_a_region_that_is_hidden_is_unknown(restriction_rig: Rig) -> None:
    """A refusal without the header says nothing of the region; that of the connection is a guess."""
    gt = answering(restriction_rig, 403)
    made = gt.plan(Restriction(bucket=BUCKET, addresses="203.0.113.0/24"))
    [asked] = (each for each in made.asks if each.code == "bucket-teams-unread")
    assert asked.text == (
        "Whom the plan locks out is unknown: workteams and VPC endpoints of the bucket"
        f" ({BUCKET} is in a region that AWS does not name, which {HERE} cannot ask)."
    )
    assert (made.state.others, made.state.endpoints.missing is None) == ((), False)
    [rule] = (each for each in gt.findings(bucket=BUCKET).checked if each.code == "team-locked-out")
    assert rule.outcome == "unknown"


@pytest.mark.parametrize("status", [200, 403])
def test_a_region_that_a_refusal_names_is_known(restriction_rig: Rig, status: int) -> None:
    gt = answering(restriction_rig, status, THERE, x_amz_bucket_region=HERE)
    made = gt.plan(Restriction(bucket=BUCKET, endpoints=VPCE))
    assert "refuses-team" in {each.code for each in made.blockers}


def test_a_user_who_may_not_list_the_bucket_knows_its_region(restriction_rig: Rig) -> None:
    deny = {"Effect": "Deny", "Action": "s3:ListBucket", "Resource": "*"}
    for gt in (restriction_rig.gt, restriction_rig.user(*allowing("*"), deny)):
        made = gt.plan(Restriction(bucket=BUCKET, addresses="203.0.113.0/24"))
        assert "bucket-elsewhere" not in {each.code for each in made.notices}
        assert made.state.teams.missing is None


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_no_credentials_reach_another_partition(
    restriction_rig: Rig, monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    gt = answering(restriction_rig, 403, x_amz_bucket_region=region)
    asked = set[str | None]()
    real = gt.aws.client

    def noted(service: str, at: str | None = None) -> Any:
        asked.add(at)
        return real(service)

    monkeypatch.setattr(gt.aws, "client", noted)
    found = read_state(gt.aws, bucket=BUCKET, needs=frozenset({"teams", "endpoints"}))
    assert asked <= {None}
    reasons = {part.text for part in found.missing()}
    assert reasons == {f"{BUCKET} is in {region}, which {HERE} cannot ask"}


@pytest.mark.parametrize("region", ["il-central-1", "mx-central-1", "ap-southeast-7"])
def test_a_region_that_is_opted_into_is_asked(restriction_rig: Rig, region: str) -> None:
    gt = answering(restriction_rig, 403, x_amz_bucket_region=region)
    found = read_state(gt.aws, bucket=BUCKET, needs=frozenset({"teams", "others", "endpoints"}))
    assert (found.teams.value, found.endpoints.value) == ((), ()), "nothing of ours is there"


def test_a_region_that_is_no_region_is_asked_nothing(restriction_rig: Rig) -> None:
    gt = answering(restriction_rig, 403, x_amz_bucket_region="example.com/?")
    found = read_state(gt.aws, bucket=BUCKET, needs=frozenset({"teams", "endpoints"}))
    assert {name for name, _ in found.unread()} == {"teams", "endpoints"}


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
