"""Reading teams, workforces, jobs, buckets and endpoints from the sandbox,
and what a role without permissions sees.
"""

import pytest

from gt_secure.aws import buckets
from gt_secure.aws.teams import LabelingJob, check_team_name, folder_of
from gt_secure.base.errors import AccessDenied, InvalidInput, NotFound
from gt_secure.connection import connect
from gt_secure.engine.access.part import PartNotReadError
from gt_secure.engine.policies.url_lock import UrlLock
from support.rig import Rig


@pytest.fixture(scope="module")
def gt(sandbox):
    return Rig(sandbox).gt


@pytest.fixture(scope="module")
def stranger(sandbox, gt):
    """A user of the account that may see bucket locations and nothing else."""
    return Rig(sandbox).user_with("s3:ListBucket", "s3:GetBucketLocation")


def test_teams_and_their_locks(gt):
    teams = {team.name: team for team in gt.workteams()}
    assert teams["radiology-team"].url_lock == UrlLock(source_ip=True)
    assert teams["vpc-team"].url_lock.mode == "VpcSourceIp"
    vendor = next(team for team in teams.values() if team.kind == "vendor")
    assert vendor.url_lock is None
    assert not vendor.restrictable
    assert gt.workteam("radiology-team") == teams["radiology-team"]
    assert gt.jobs("radiology-team")[0].in_progress


def test_listing_teams_takes_two_calls(gt):
    calls = []
    client = gt.aws.client("sagemaker")
    client.meta.events.register(
        "before-call.sagemaker", lambda model, **_: calls.append(model.name), unique_id="count"
    )
    try:
        gt.workteams()
    finally:
        client.meta.events.unregister("before-call.sagemaker", unique_id="count")
    assert sorted(calls) == ["ListSubscribedWorkteams", "ListWorkteams"]


def test_endpoints_leave_out_the_portals_own(gt):
    assert [endpoint.id for endpoint in gt.endpoints()] == [
        "vpce-0a1b2c3d4e5f60718",
        "vpce-0fedcba9876543210",
    ]
    assert "labeling" in gt.endpoints()[0].label


def test_a_bucket_says_what_it_is(gt):
    state = gt.state(bucket="s3://gt-images").bucket
    assert state.logging.value.bucket == "gt-logs"
    assert state.cors.value[0]["AllowedMethods"] == ["GET"]
    assert "scans/0001.png" in gt.keys("gt-images", "scans/")


def test_without_permissions_parts_are_unseen_and_not_guessed(stranger):
    state = stranger.state(bucket="gt-images").bucket
    for part, action in (
        (state.policy, "s3:GetBucketPolicy"),
        (state.logging, "s3:GetBucketLogging"),
    ):
        assert (part.missing.action, part.missing.why) == (action, "denied")
        with pytest.raises(PartNotReadError, match=action):
            _ = part.value
    answers = stranger.who_can_open("gt-images", "scans/0001.png").at("203.0.113.7")
    assert {each.answer for each in answers} == {"unknown"}, (
        "what cannot be read is not called opened"
    )
    for call in (stranger.workteams, stranger.endpoints, stranger.workforce):
        with pytest.raises(AccessDenied) as caught:
            call()
        assert caught.value.policy["Statement"][0]["Action"].split(":")[0] in {"sagemaker", "ec2"}


def test_a_state_shows_what_is_read_absent_and_not_read(gt, stranger):
    state = gt.state(team="radiology-team", bucket="gt-images")
    rows = {name: (word, text) for name, word, text in state.rows()}
    assert rows["team"] == ("read", "radiology-team, URL lock on (SourceIp)")
    assert rows["bucket.policy"] == ("absent", "-")
    assert rows["bucket.logging"][0] == "read"
    assert str(state).startswith("Account 111122223333, us-east-1, read ")
    assert "radiology-team, URL lock on (SourceIp)" in str(state)
    assert "Account 111122223333" in state._repr_html_()
    unread = {name: (word, text) for name, word, text in stranger.state(bucket="gt-images").rows()}
    assert unread["bucket.policy"] == ("not read", "s3:GetBucketPolicy was denied.")
    with pytest.raises(InvalidInput, match="Neither a team nor a bucket"):
        gt.state()


def test_missing_things(gt):
    with pytest.raises(NotFound, match="no private workteam"):
        gt.workteam("nonsuch")
    with pytest.raises(NotFound, match="no bucket"):
        gt.state(bucket="nonsuch-bucket")


@pytest.mark.parametrize("name", ["", "a b", "-a", "a-", "a" * 64, "ü", "<script>", "a/b"])
def test_bad_team_names(name):
    with pytest.raises(InvalidInput):
        check_team_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "GT",
        "a..b",
        "192.168.1.1",
        "-ab",
        "a_b",
        "x" * 64,
        "xn--abc",
        "a-s3alias",
        "a b",
        "s3://",
    ],
)
def test_bad_bucket_names(name):
    with pytest.raises(InvalidInput):
        buckets.check_bucket(name)


@pytest.mark.parametrize("key", ["", "k" * 1025, "\ud800"])
def test_bad_keys(key):
    with pytest.raises(InvalidInput):
        buckets.check_key(key)


@pytest.mark.parametrize(
    "prefix",
    [
        "scans/*", "*", "a?", "a*", "a/*.png", "scans/*/", "scans/**/", "?/", "${aws:username}/",
        "a/${aws:PrincipalTag/team}/", "/scans", "s3://gt-images/scans/",
    ],
)  # fmt: skip
def test_prefixes_that_a_policy_would_read_otherwise(prefix):
    with pytest.raises(InvalidInput):
        buckets.check_prefix(prefix)


@pytest.mark.parametrize(
    "prefix", ["a*b/", "what?/", "$HOME/", "${x}/", "100${*}/$?/", "a*/b", "$"]
)
def test_the_name_of_a_folder_may_have_characters_of_policies(prefix):
    assert buckets.check_prefix(prefix) == prefix


def test_both_toggles_are_always_sent():
    assert UrlLock(source_ip=True).to_api() == {
        "S3Presign": {"IamPolicyConstraints": {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}}
    }
    assert UrlLock(True, True).impossible
    assert UrlLock.from_api(None).mode == "off"


def test_a_team_of_another_region_is_named_with_it(gt):
    other = connect(
        boto3_session=gt.aws._session, endpoint_url=gt.aws.endpoint_url, region="eu-west-1"
    )
    with pytest.raises(NotFound, match="It is in us-east-1: pass region='us-east-1'"):
        other.workteam("open-team")
    with pytest.raises(NotFound, match="For a team of another region pass region="):
        gt.workteam("nonsuch")


@pytest.mark.parametrize(
    ("uris", "folder"),
    [
        ([("s3://b/north/manifests/m.json", "s3://b/north/output/")], "north/"),
        ([("s3://b/north/manifests/m.json", "s3://b/north/output")], "north/"),
        (
            [("s3://b/north/a/m", "s3://b/north/a/o"), ("s3://b/north/b/m", "s3://other/x/")],
            "north/",
        ),
        ([("s3://b/north/m", "s3://b/northern/o")], ""),  # a part of a name is no folder
        ([("s3://b/north/m", "s3://b/north/o"), ("s3://b/south/m", "s3://b/south/o")], ""),
        ([("s3://b/m.json", "s3://b/north/o")], ""),
        ([("", "s3://b/north/o/")], "north/o/"),
        ([("s3://other/m", "s3://b")], ""),
        ([("s3://bb/north/m", "s3://bb/north/o")], ""),
        ([], ""),
    ],
)
def test_the_folder_of_jobs_holds_all_that_they_name_in_the_bucket(
    uris: list[tuple[str, str]], folder: str
) -> None:
    jobs = [
        LabelingJob("j", "InProgress", "arn", input_uri=read, output_uri=written)
        for read, written in uris
    ]
    assert folder_of(jobs, "b") == folder
