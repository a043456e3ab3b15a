"""From where the people of each workteam opened objects, as a log shows, and what it leaves open."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gt_secure import Restriction, read_hits
from gt_secure.account.sightings import with_whereabouts
from gt_secure.account.state import OtherTeam, State
from gt_secure.account.whereabouts import Whereabouts
from gt_secure.account.whose_urls import UrlOwners
from gt_secure.engine.access.part import Part
from support.account import Account
from support.answers import ACCOUNT
from support.states import JOB, OTHER, TEAM, data_bucket, state, unread

OURS, THEIRS, SHARED = (
    f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("Ours", "service-role/Theirs", "Shared")
)
AT = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
OFFICE, HOME, BRANCH = "203.0.113.7", "198.51.100.9", "192.0.2.4"
QUERY = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLE%2F20261120%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date={signed}&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Signature=XXXXXXXX"
)


def line(
    source: str = OFFICE,
    role: str = OURS,
    key: str = "scans/a.png",
    days: float = 1.0,
    *,
    status: int = 200,
    more: str = "",
    bucket: str = "gt-images",
) -> str:
    """Return a line of a log: a presigned request, so many days before the state was read."""
    at = AT - dt.timedelta(days=days)
    query = QUERY.format(signed=at.strftime("%Y%m%dT%H%M%SZ")) + more
    requester = (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/s"
        if ":role/" in role
        else role
    )
    code = "-" if status == 200 else "AccessDenied"
    return (
        f"79a59df900b949e55d96a1e698fb {bucket} [{at:%d/%b/%Y:%H:%M:%S} +0000] {source} {requester}"
        f' 3E57{days}{source} REST.GET.OBJECT {key} "GET /{bucket}/{key}?{query} HTTP/1.1" {status}'
        f' {code} 113 113 7 6 "-" "Mozilla/5.0" - host= SigV4 TLS_AES_128_GCM_SHA256 QueryString'
        f" {bucket}.s3.amazonaws.com TLSv1.3 - -\n"
    )


def job(team: Any, role: str = "", folder: str = "", bucket: str = "gt-images") -> Any:
    uris = {
        "input_uri": f"s3://{bucket}/{folder}m/{team.name}.manifest",
        "output_uri": f"s3://{bucket}/{folder or 'out/'}labels/",
    }
    return replace(JOB, name=f"job-of-{team.name}", workteam_arn=team.arn, role_arn=role, **uris)


def two_teams(ours: Any = None, theirs: Any = None, **more: Any) -> State:
    """Return an account with two teams and a job of each on the bucket."""
    own, other = ours or job(TEAM, OURS), theirs or job(OTHER, THEIRS)
    return state(**{"jobs": (own,), "others": (OtherTeam(OTHER, Part.of((other,))),)} | more)


OLD, NEW = line(days=7.5), line(days=0.2)
"""A log from before the last seven days on, with a record of today."""


@pytest.fixture
def seen(tmp_path):
    """Return the whereabouts of both teams by what lines of a log show."""

    def look(lines: list[str], account: State) -> tuple[Whereabouts, Whereabouts]:
        (tmp_path / "log").write_text("".join(lines))
        with read_hits(tmp_path / "log") as hits:
            found = with_whereabouts(account, hits)
        return found.whereabouts(TEAM), found.whereabouts(OTHER)

    return look


def test_the_role_of_one_team_alone_says_whose_a_url_is(seen):
    lines = [OLD, line(HOME, THEIRS), line(BRANCH, OURS), line(OFFICE, OURS), NEW]
    own, other = seen(lines, two_teams())
    assert (own.sources, other.sources) == ((OFFICE, BRANCH), (HOME,)), "the busiest first"
    assert own.complete
    assert other.complete
    assert own.since == AT - dt.timedelta(days=7.5)


@pytest.mark.parametrize(
    ("lines", "account", "reason"),
    [
        ([line(days=3), NEW], two_teams(), "The log was read back to 2026-11-21 00:00 UTC"),
        ([OLD, line(days=2)], two_teams(), "The newest request in the log is of 2026-11-22 00:00 UTC"),
        ([], two_teams(), "The log was read back to 2026-11-24 00:00 UTC"),
        ([OLD, NEW, "no line of a log\n"], two_teams(), "1 of 3 lines of the log could not be read"),
        ([OLD, NEW, line("-")], two_teams(), "Requests from no address cannot be assigned"),
        (
            [OLD, NEW, line(HOME, SHARED)],
            two_teams(job(TEAM, SHARED), job(OTHER, SHARED)),
            "cannot be assigned to a workteam",
        ),
        (
            [OLD, NEW, line(HOME, f"arn:aws:iam::{ACCOUNT}:user/eve")],
            two_teams(),
            f"Requests from {HOME} cannot be assigned to a workteam",
        ),
        (
            [OLD, NEW],
            two_teams(teams=unread("sagemaker:ListWorkteams"), others=()),
            "The workteams of the bucket or their labeling jobs were not read",
        ),
        (
            [OLD, NEW],
            replace(two_teams(), jobs=unread("sagemaker:ListLabelingJobsForWorkteam")),
            "The workteams of the bucket or their labeling jobs were not read",
        ),
    ],
    ids=range(9),
)  # fmt: skip
def test_what_a_log_does_not_show_is_said(lines, account, reason, seen):
    own, _ = seen(lines, account)
    assert not own.complete
    assert reason in own.missing
    if "were not read" in reason:
        assert own.sources == (), "another team may have signed them"


def test_without_a_log_nothing_is_known(tmp_path):
    account = two_teams()
    assert with_whereabouts(account, None) is account
    assert account.whereabouts(TEAM) == Whereabouts()
    assert not Whereabouts().complete
    (tmp_path / "log").write_text(OLD + NEW)
    with read_hits(tmp_path / "log") as hits:
        part = hits.filter(address=OFFICE, key="scans/b.png")
        assert "Only some requests" in with_whereabouts(account, part).whereabouts(TEAM).missing


def test_only_opened_presigned_requests_of_the_last_days_on_the_bucket_count(seen):
    lines = [
        line(HOME, days=8),
        line(BRANCH, status=403),
        line("192.0.2.5", bucket="other"),
        line("192.0.2.6").replace("QueryString", "AuthHeader"),
        line("192.0.2.7", more="&x-viewer=anna"),
        OLD,
        NEW,
    ]
    own, _ = seen(lines, two_teams())
    assert own.sources == (OFFICE,)
    assert own.complete


def test_a_stray_request_from_a_place_of_the_team_leaves_it_complete(seen):
    lines = [OLD, NEW, line(OFFICE, f"arn:aws:iam::{ACCOUNT}:user/eve")]
    own, other = seen(lines, two_teams())
    assert own.complete
    assert not other.complete


def test_a_signed_trial_says_whose_it_is_and_a_claimed_one_says_nothing(seen):
    user = f"arn:aws:iam::{ACCOUNT}:user/eve"
    trials = [
        line(HOME, user, more="&x-viewer=trial%3Aopen-team"),
        line(BRANCH, user, more="&x-viewer=trial%3Aopen-team%3Aanna"),
        line("192.0.2.9", user, more="&x-viewer=trial%3Anobody"),
    ]
    own, other = seen([OLD, NEW, *trials], two_teams())
    assert (own.sources, own.complete) == ((OFFICE,), True)
    assert set(other.sources) == {HOME, BRANCH}
    claimed = line(HOME, user, more="&x-viewer=trial%3Aopen-team&x-viewer=bob")
    own, other = seen([OLD, NEW, claimed], two_teams())
    assert other.sources == ()
    assert not other.complete


def owner(account: State, key: str, signer: str = "", **manifests: Any) -> str:
    """Return the name of the team that a URL is of; without a manifest, one was not read."""
    made = UrlOwners(account)
    arns = {each.name: arn for arn, each in made.teams.items()}
    # a cached property: what manifests name, by team
    vars(made)["_keys"] = {
        arn: manifests.get(name.replace("-", "_"), {None}) for name, arn in arns.items()
    }
    return made.team_of(key, signer, None).rpartition("/")[2]


WHOLE, EMPTY, PART = {"scans/a.png"}, set[str](), {"scans/a.png", None}


@pytest.mark.parametrize(
    ("own", "other", "team"),
    [
        (WHOLE, EMPTY, "radiology-team"),
        (EMPTY, WHOLE, "open-team"),
        (PART, EMPTY, "radiology-team"),
        (WHOLE, WHOLE, ""),
        (WHOLE, {None}, ""),
        (EMPTY, {None}, ""),
        (PART, PART, ""),
        (EMPTY, EMPTY, ""),
    ],
)
def test_the_manifest_of_one_team_alone_says_whose_a_url_is(own, other, team):
    account = two_teams(job(TEAM, SHARED), job(OTHER, SHARED))
    assert owner(account, "scans/a.png", radiology_team=own, open_team=other) == team


def test_a_role_that_a_team_of_another_bucket_shares_says_nothing():
    signer = f"arn:aws:sts::{ACCOUNT}:assumed-role/Ours/session"
    assert owner(two_teams(), "scans/a.png", signer) == "radiology-team"
    elsewhere = job(OTHER, OURS, bucket="other")
    assert owner(two_teams(theirs=elsewhere), "scans/a.png", signer) == ""


@pytest.fixture
def manifests(account: Account) -> Iterator[None]:
    """Name objects of the two teams that share a bucket and a role, one with a quote in its key."""
    s3, kept = account.s3, {}
    for folder in ("north", "south"):
        place = {"Bucket": "gt-shared", "Key": f"{folder}/manifests/scans.manifest"}
        kept[folder] = {**place, "Body": s3.get_object(**place)["Body"].read()}
        line = json.dumps({"source-ref": f's3://gt-shared/mine/{folder}"é.png'})
        s3.put_object(**place, Body=line.encode())
    yield
    for each in kept.values():
        s3.put_object(**each)


@pytest.mark.usefixtures("manifests")
def test_manifests_of_the_sandbox_say_whose_a_url_is(account: Account, tmp_path):
    gt = account.rig.gt
    days = (dt.datetime.now(dt.UTC) - AT).total_seconds() / 86_400
    drawn = ((OFFICE, "north", 7.5), (HOME, "south", 0.1), (OFFICE, "north", 0.1))
    (tmp_path / "log").write_text(
        "".join(
            line(source, SHARED, f"mine/{team}%2522%25C3%25A9.png", age - days, bucket="gt-shared")
            for source, team, age in drawn
        )
    )
    wish = Restriction("north-team", bucket="gt-shared", addresses="203.0.113.0/24", url_lock=None)
    with gt.hits(logs=tmp_path / "log") as hits:
        made = gt.plan(wish, logs=hits)
    found = {each.name: made.state.whereabouts(each) for each in made.state.teams.value or ()}
    assert found["north-team"].sources == (OFFICE,)
    assert found["south-team"].sources == (HOME,)
    assert found["south-team"].complete, found["south-team"].missing
    assert not found["open-team"].complete, "it does not use the bucket"
    assert made.digest == gt.plan(wish).digest


def test_places_name_no_bucket_of_another_log():
    account = state(bucket=data_bucket("other"), others=(OtherTeam(OTHER, Part.of(())),))
    assert UrlOwners(account).team_of("k", OURS, None) == ""
