"""Plans on a bucket that several teams use: what is read, who is named, what is confirmed,
and what the others keep.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from gt_secure import Restriction
from gt_secure.account import reader
from gt_secure.account.reader import read_state
from gt_secure.account.state import OtherTeam, signs_of
from gt_secure.aws.teams import LabelingJob
from gt_secure.base.errors import InvalidInput
from gt_secure.changes.apply import apply
from gt_secure.changes.plan import plan
from gt_secure.changes.undo import undo
from gt_secure.cli.exit_codes import ERROR
from gt_secure.cli.main import main
from gt_secure.engine.access.exposure import ANY_VPC, Exposure
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.logs import read_hits
from gt_secure.sandbox import open_task
from logs.test_records import EVENT
from support.account import FOREIGN, Account
from support.answers import ENDPOINT, S3_ENDPOINT, team_locks
from support.box import BUCKET, VPCE, allowing
from support.consents import apply_agreed
from support.guards import find_guard
from support.states import FORCE, JOB, OTHER, TEAM, data_bucket, state, workteam

pytestmark = pytest.mark.usefixtures("known_texts")

OFFICE, WORKER = "203.0.113.0/24", "203.0.113.7"


@contextmanager
def counted(aws: Any) -> Iterator[list[str]]:
    """Note the operations that the clients of a connection send."""
    calls: list[str] = []

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    services = ("sagemaker", "s3", "ec2", "sts", "organizations")
    for service in services:
        aws.client(service).meta.events.register("before-call", note)
    yield calls
    for service in services:
        aws.client(service).meta.events.unregister("before-call", note)


def vpc_alone(**more: Any) -> Restriction:
    return Restriction("vpc-team", bucket=BUCKET, endpoints=VPCE, **more)


def test_a_plan_for_one_team_names_the_other_its_job_and_source(account: Account) -> None:
    made = plan(account.aws, vpc_alone(), journal=account.journal)
    [stop] = made.blockers
    assert stop.code == "refuses-team"
    assert "labeling job chest-scans of radiology-team (all addresses" in stop.text
    [guard] = made.changes
    assert "labeling job chest-scans of radiology-team, which uses the bucket" in guard.affects
    rows = {each.request: each for each in made.exposure}
    assert rows["worker of radiology-team"].after.word == "refused"
    for shown in (made.to_text(full=True), made.to_html(standalone=True)):
        assert "own URL (radiology-team)" in shown
    with pytest.raises(InvalidInput, match="refuses-team"):
        apply(account.aws, made, journal=account.journal)


@pytest.mark.parametrize(
    ("theirs", "loses"),
    [
        ("", True),
        ("scans/", True),
        ("scans/chest/", True),
        ("maps/", False),
        ("long-prefix/", False),
    ],
)
def test_only_a_team_whose_keys_are_guarded_loses_access(theirs: str, loses: bool) -> None:
    kept = Restriction(
        OTHER, bucket=BUCKET, prefix=theirs, addresses="198.51.100.0/24", url_lock=None
    )
    around = state(others=(OtherTeam(OTHER, Part.of(()), kept),))
    wish = Restriction(
        "radiology-team", bucket=BUCKET, prefix="scans/", addresses=OFFICE, url_lock=None
    )
    made = plan(cast(Any, None), wish, state=around)
    assert [each.code for each in made.blockers] == ["refuses-team"] * loses


RUNNING, DONE = JOB, replace(JOB, status="Completed")
AT_AN_ENDPOINT = replace(TEAM, url_lock=UrlLock(False, True))
SECOND = "vpce-0fedcba9876543210"


def guarded(*networks: str, endpoints: Any = (), prefix: str = "", more: Any = ()) -> Any:
    """Return the bucket with a guard, and other statements."""
    statement = build_guard(BUCKET, networks=networks, endpoints=endpoints, prefix=prefix)
    return data_bucket(
        policy=json.dumps({"Version": "2012-10-17", "Statement": [statement, *more]})
    )


TAGGED = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*",
          "Condition": {"StringEquals": {"aws:PrincipalTag/ward": "b"}}}  # fmt: skip


@pytest.mark.parametrize(
    ("wish", "more", "lost"),
    [
        ({"addresses": "192.0.2.0/24"}, {}, "all addresses except 192.0.2.0/24, and through all "),
        ({"addresses": "192.0.2.0/24", "prefix": "scans/"}, {}, "all addresses except 192.0.2.0/24"),
        ({"addresses": "192.0.2.0/24", "guard": "reads"}, {}, "all addresses except 192.0.2.0/24"),
        ({"addresses": "192.0.2.0/24", "team": OTHER}, {}, "all addresses except 192.0.2.0/24"),
        ({"endpoints": S3_ENDPOINT.id}, {}, f"all addresses, and through all endpoints except {S3_ENDPOINT.id}"),
        ({"endpoints": S3_ENDPOINT.id}, {"theirs": AT_AN_ENDPOINT}, f"all endpoints except {S3_ENDPOINT.id}."),
        ({"addresses": OFFICE}, {"bucket": guarded(OFFICE, "198.51.100.0/24")}, "198.51.100.0/24"),
        ({"endpoints": S3_ENDPOINT.id, "addresses": OFFICE},
         {"bucket": guarded(OFFICE, endpoints=[S3_ENDPOINT.id, SECOND])}, f"from {SECOND}."),
        ({"addresses": OFFICE, "endpoints": S3_ENDPOINT.id}, {"bucket": guarded(OFFICE, prefix="maps/")}, "all addr"),
        ({"addresses": OFFICE}, {"bucket": guarded(OFFICE, "198.51.100.0/24", more=[TAGGED])}, "198.51.100.0/24"),
    ],
)  # fmt: skip
def test_a_team_with_a_running_job_that_loses_a_part_is_asked_about_by_name(
    wish: dict[str, Any], more: dict[str, Any], lost: str
) -> None:
    """A way that stays open in theory stands for nobody who works;
    possibly opened before counts too.
    """
    made = beside(OtherTeam(more.pop("theirs", TEAM), Part.of((DONE, RUNNING))), **wish, **more)
    assert [each.code for each in made.asks if each.code.startswith("loses-access")] == [
        "loses-access:radiology-team"
    ]
    [asked] = (each for each in made.asks if each.code.startswith("loses-access"))
    said = (
        f"radiology-team is labeling {RUNNING.name}, and some of its workers may see no image. After"
        f" the plan, radiology-team opens no image of {BUCKET} from "
    )
    assert asked.text.startswith(said)
    assert lost in asked.text
    assert "radiology-team" in asked.consent
    assert made.blockers == ()


@pytest.mark.parametrize(
    ("wish", "more", "job"),
    [
        ({"addresses": "192.0.2.0/24"}, {}, DONE),
        (
            {"addresses": "192.0.2.0/24"},
            {},
            replace(RUNNING, input_uri="s3://else/a", output_uri=""),
        ),
        ({"addresses": [OFFICE, "192.0.2.0/24"]}, {"bucket": guarded(OFFICE)}, RUNNING),
        ({"addresses": OFFICE, "endpoints": S3_ENDPOINT.id}, {"bucket": guarded(OFFICE)}, RUNNING),
        ({"guard": False}, {"bucket": guarded(OFFICE)}, RUNNING),
        ({"addresses": OFFICE}, {"bucket": guarded(OFFICE)}, RUNNING),
        ({"addresses": OFFICE}, {"theirs": replace(TEAM, url_lock=UrlLock(True, True))}, RUNNING),
    ],
)
def test_nothing_is_asked_where_no_running_job_loses_anything(
    wish: dict[str, Any], more: dict[str, Any], job: LabelingJob
) -> None:
    made = beside(OtherTeam(more.pop("theirs", TEAM), Part.of((job,))), **wish, **more)
    assert "loses-access" not in " ".join(each.code for each in made.notices)


def beside(*others: OtherTeam, team: Any = None, bucket: Any = None, **wish: Any) -> Any:
    """Plan for the bucket of other teams, without AWS."""
    around = state(
        team=team,
        workforce=None,
        bucket=bucket or data_bucket(),
        others=others,
        portal=Part.of(FORCE),
    )
    return plan(
        cast(Any, None), Restriction(team, bucket=BUCKET, url_lock=None, **wish), state=around
    )


def test_the_question_covers_every_class_of_keys() -> None:
    """One class loses addresses, another an endpoint: the question names both."""
    here = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{BUCKET}/maps/*",
    }
    there = here | {"Condition": {"StringNotEquals": {"aws:SourceVpce": SECOND}}}
    before = data_bucket(policy=json.dumps({"Version": "2012-10-17", "Statement": [there]}))
    made = beside(
        OtherTeam(TEAM, Part.of((RUNNING,))),
        bucket=before,
        addresses=OFFICE,
        endpoints=S3_ENDPOINT.id,
    )
    assert [each.code for each in made.blockers] == ["refuses-team"], (
        "maps/ would be opened from nowhere"
    )
    made = beside(OtherTeam(TEAM, Part.of((RUNNING,))), bucket=before, addresses=OFFICE,
                  endpoints=[S3_ENDPOINT.id, SECOND])  # fmt: skip
    [asked] = (each for each in made.asks if each.code.startswith("loses-access"))
    assert f"all addresses except {OFFICE}" in asked.text
    assert f"all endpoints except {S3_ENDPOINT.id}, {SECOND}" in asked.text


def test_the_team_of_a_vendor_is_confirmed_by_what_can_be_typed() -> None:
    """Its name is a title of the marketplace, with blanks; the end of its ARN has none."""
    arn = "arn:aws:sagemaker:us-east-1:444455556666:workteam/vendor-crowd/vendor-and-co"
    vendor = replace(workteam("Vendor & Co", "vendor"), arn=arn)
    made = beside(OtherTeam(vendor, Part.of((RUNNING,))), addresses="192.0.2.0/24")
    assert [each.code for each in made.asks] == ["loses-access:vendor-and-co"]


def test_what_may_have_been_opened_before_is_lost_too() -> None:
    """A policy asks for a tag of the signer, which nobody knows:
    the answer goes from unknown to refused.
    """
    policy = json.dumps({"Version": "2012-10-17", "Statement": [TAGGED]})
    made = beside(
        OtherTeam(TEAM, Part.of((RUNNING,))), bucket=data_bucket(policy=policy), addresses=OFFICE
    )
    assert made.before.row("worker of radiology-team").unknown.spans
    [asked] = (each for each in made.asks if each.code.startswith("loses-access"))
    assert f"all addresses except {OFFICE}" in asked.text


def test_each_team_is_confirmed_by_its_own_name() -> None:
    second = replace(
        TEAM, name="night-shift", arn=TEAM.arn.replace("radiology-team", "night-shift")
    )
    teams = (
        OtherTeam(TEAM, Part.of((RUNNING,))),
        OtherTeam(second, Part.of((replace(RUNNING, name="nights"),))),
    )
    made = beside(*teams, addresses="192.0.2.0/24")
    words = ["loses-access:radiology-team", "loses-access:night-shift"]
    assert [each.code for each in made.asks] == words
    assert made.to_dict()["asks"] == words
    assert all(f": --confirm {word}" in made.to_text() for word in words)
    for confirm in ([], words[:1], ["loses-access"], ["loses-access:open-team"]):
        with pytest.raises(
            InvalidInput, match=r"until you confirm it: (radiology-team|night-shift) is labeling"
        ):
            apply(cast(Any, None), made, journal=cast(Any, None), confirm=confirm)


def test_the_running_job_of_another_team_stops_an_apply(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--yes` answers no question; the command line and Python use the same words."""
    for name, value in {
        **account.sandbox.environment(),
        "GT_SECURE_JOURNAL": str(account.journal.path),
    }.items():
        monkeypatch.setenv(name, value)
    line = ["apply", f"s3://{BUCKET}", "--allow", "192.0.2.0/24", "--yes"]
    assert main(line) == ERROR
    shown = capsys.readouterr()
    gt = replace(account.rig.gt, journal=account.journal)
    made = gt.plan(Restriction(bucket=BUCKET, addresses="192.0.2.0/24"))
    [asked] = made.asks
    assert f": --confirm {asked.code}\n" in shown.out
    assert "--confirm loses-access:radiology-team" in shown.err
    with pytest.raises(InvalidInput) as error:
        apply(account.aws, made, journal=account.journal)
    assert asked.text in error.value.message
    assert "confirm=['loses-access:radiology-team']" in error.value.next_step
    url = open_task(account.aws, "radiology-team", "scans/0001.png", WORKER)
    assert account.rig.gt.probe(url, WORKER).status == 200
    assert account.policy() == FOREIGN
    assert main([*line, "--confirm", "loses-access:radiology-team"]) == 0
    assert account.rig.gt.probe(url, WORKER).status == 403


def test_one_guard_for_two_teams_stops_neither(account: Account) -> None:
    account.set_toggles(True, name="radiology-team")
    made = plan(account.aws, vpc_alone(addresses=OFFICE), journal=account.journal)
    assert made.blockers == ()
    done = apply_agreed(account.aws, made, journal=account.journal)
    url = open_task(account.aws, "radiology-team", "scans/0001.png", WORKER)
    assert account.rig.gt.probe(url, WORKER).status == 200
    undo(account.aws, done.id, journal=account.journal)


def test_a_restriction_in_the_journal_counts_and_is_joined(account: Account) -> None:
    office = Restriction("open-team", bucket=BUCKET, addresses=OFFICE, url_lock=None)
    done = apply_agreed(account.aws, plan(account.aws, office), journal=account.journal)
    made = plan(account.aws, vpc_alone(), journal=account.journal)
    [stop] = made.blockers
    assert f"workteam open-team with its restriction ({OFFICE}" in stop.text
    assert made.keeping == vpc_alone(addresses=OFFICE)
    joined = plan(account.aws, made.keeping, journal=account.journal)
    assert (joined.blockers, joined.keeping) == ((), None)
    undo(account.aws, done.id, journal=account.journal)
    assert "open-team" not in "".join(
        each.text for each in plan(account.aws, vpc_alone(), journal=account.journal).blockers
    )


def test_one_option_of_plan_and_apply_keeps_what_the_other_teams_were_given(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--keep-teams` is the click of the panel;
    an endpoint of another team is then no finding about this one.
    """
    for name, value in {
        **account.sandbox.environment(),
        "GT_SECURE_JOURNAL": str(account.journal.path),
    }.items():
        monkeypatch.setenv(name, value)
    account.set_toggles(True, name="open-team")
    first = [
        "apply",
        f"s3://{BUCKET}",
        "--team",
        "open-team",
        "--allow",
        OFFICE,
        "--url-lock",
        "keep",
        "--yes",
    ]
    asked = ["--confirm", "loses-access:radiology-team"]
    assert main([*first, *asked]) == 0
    second = [f"s3://{BUCKET}", "--team", "vpc-team", "--endpoint", VPCE, "--url-lock", "keep"]
    assert main(["plan", *second]) == 2
    shown = capsys.readouterr()
    assert "The workteams of the bucket have or use more. --keep-teams keeps it." in shown.err
    assert (
        "Another workteam of the bucket would lose access (open-team, radiology-team)." in shown.out
    )
    assert main(["plan", *second, "--keep-teams"]) == 2
    shown = capsys.readouterr()
    assert "--keep-teams" in shown.out, "the line that applies it"
    assert "loses" not in shown.out + shown.err
    assert main(["apply", *second, "--keep-teams", "--yes"]) == 0
    guard = find_guard(account.policy())
    assert guard is not None
    assert ([*map(str, guard.networks)], list(guard.endpoints)) == ([OFFICE], [VPCE])
    capsys.readouterr()
    assert main(["plan", *second, "--guard", "off", "--keep-teams"]) not in (0, 2)
    assert "--keep-teams cannot be combined with --guard off" in capsys.readouterr().err
    for team in ("open-team", "vpc-team"):
        wish = Restriction(team, bucket=BUCKET, addresses=OFFICE, endpoints=VPCE, url_lock=None)
        codes = {each.code for each in plan(account.aws, wish, journal=account.journal).findings}
        assert "endpoint-not-of-the-url-lock" not in codes
    for record in reversed([each for each in account.journal if each.status == "applied"]):
        undo(account.aws, record.id, journal=account.journal)


def test_who_and_findings_have_a_row_for_each_other_team_of_the_bucket(account: Account) -> None:
    gt = replace(account.rig.gt, journal=account.journal)
    done = apply(account.aws, plan(account.aws, vpc_alone(), journal=account.journal), journal=account.journal,
                 confirm=["refuses-team"])  # fmt: skip
    exposure = gt.who_can_open(BUCKET, "scans/0001.png", team="vpc-team")
    assert exposure.of_workers == ("worker", "worker of radiology-team")
    assert "own URL (radiology-team)" in str(exposure)
    found = [
        each.subject
        for each in gt.findings(team="vpc-team", bucket=BUCKET)
        if each.code == "team-locked-out"
    ]
    assert found == ["radiology-team"]
    unread = {
        "Effect": "Deny",
        "Action": ["sagemaker:ListWorkteams", "s3:GetBucketTagging"],
        "Resource": "*",
    }
    without = account.rig.user(*allowing("*"), unread).who_can_open(
        BUCKET, "scans/0001.png", team="vpc-team"
    )
    assert without.of_workers == ("worker",)
    assert {"sagemaker:ListWorkteams", "s3:GetBucketTagging"} <= set(without.missing), (
        "what was not read is named"
    )
    alone = replace(gt, others=False)
    assert alone.who_can_open(BUCKET, "scans/0001.png", team="vpc-team").of_workers == ("worker",)
    undo(account.aws, done.id, journal=account.journal)


def test_tags_and_folders_of_the_bucket_name_teams(account: Account) -> None:
    """A team that only a tag or a folder names is asked for; what was not read is unknown."""
    s3, wish = account.s3, Restriction("vpc-team", bucket=BUCKET, endpoints=VPCE, url_lock=None)
    tags = {"TagSet": [{"Key": "labeled-by", "Value": "open-team, vpc-team"}]}
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging=tags)
    s3.put_object(Bucket=BUCKET, Key="Radiology-Team/a.png", Body=b"x")
    account.set_toggles(True, name="open-team")
    try:
        seen = read_state(account.aws, wish)
        assert {each.team.name: [sign.prefix for sign in each.signs] for each in seen.users} == {
            "open-team": [""],
            "radiology-team": ["Radiology-Team/"],
        }
        [stop] = plan(account.aws, wish, journal=account.journal).blockers
        assert (
            "workteam open-team that the tag labeled-by=open-team, vpc-team of the bucket names"
            in stop.text
        )
        unread = {
            "Effect": "Deny",
            "Action": ["s3:GetBucketTagging", "s3:ListBucket"],
            "Resource": "*",
        }
        made = account.rig.user(*allowing("*"), unread).plan(wish)
        assert "the tags of gt-images" in made.to_text(full=True)
        affects = " ".join(made.changes[0].affects)
        assert "the tags of gt-images that could not be listed" in affects
        assert "the folders of gt-images that could not be listed" in affects
    finally:
        s3.delete_bucket_tagging(Bucket=BUCKET)
        s3.delete_object(Bucket=BUCKET, Key="Radiology-Team/a.png")


@pytest.mark.parametrize(("tag", "named"), [
    ("open-team", True), ("OPEN-TEAM", True), ("a open-team/b", True), ("open-team-2", False), ("reopen-team", False),
    ("open", False), ("my-open-team", False),
])  # fmt: skip
def test_a_sign_is_the_whole_name(tag: str, named: bool) -> None:
    bucket = data_bucket(tags={"team": tag}, folders=(f"{tag}/",))
    found = [each.words for each in signs_of("open-team", bucket)]
    assert bool([each for each in found if "tag" in each]) == named
    assert bool([each for each in found if "folder" in each]) == (tag.lower() == "open-team")
    assert signs_of("open-team", None) == ()


def test_bucket_mode_names_jobs_and_meets_the_portal_lock_of_the_teams(account: Account) -> None:
    account.set_cidrs([OFFICE])
    made = plan(
        account.aws,
        Restriction(bucket=BUCKET, addresses="198.51.100.0/24"),
        journal=account.journal,
    )
    assert (
        "labeling job chest-scans of radiology-team, which uses the bucket"
        in made.changes[0].affects
    )
    assert [each.code for each in made.blockers] == ["refuses-team"]
    # it is nobody's but the teams': no finding is about it
    assert made.state.workforce.value is None
    assert "portal-lock" not in "".join(each.code for each in made.findings)


def test_few_calls_read_every_team_and_what_is_not_read_is_unknown(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = vpc_alone()
    with counted(account.aws) as calls:
        read_state(account.aws, wish)
    asked = [
        each
        for each in calls
        if each in ("ListLabelingJobsForWorkteam", "DescribeLabelingJob", "ListWorkforces")
    ]
    assert len(asked) <= reader.MAX_CALLS
    assert (
        calls.count("ListLabelingJobsForWorkteam")
        == len(account.sagemaker.list_workteams()["Workteams"]) + 1
    )
    monkeypatch.setattr(reader, "MAX_CALLS", 3)  # a list for each team, and no description
    seen = read_state(account.aws, wish)
    [missing] = [part for part in seen.missing() if part.what == "labeling jobs of radiology-team"]
    assert missing.text == "sagemaker:ListLabelingJobsForWorkteam was not called for all of them"
    assert seen.users == ()
    made = plan(account.aws, wish)
    assert "could not read: labeling jobs of radiology-team" in made.to_text(full=True)
    assert any(
        "labeling jobs of radiology-team that could not be listed" in each
        for each in made.changes[0].affects
    )


def test_a_private_address_in_another_vpc_is_unknown_where_the_log_calls_it_a_leak(
    tmp_path: Path,
) -> None:
    other = "vpce-0fedcba9876543210"
    locks = team_locks(url_lock=UrlLock(False, True), portal_vpc=S3_ENDPOINT.vpc_id)
    exposure = Exposure(locks, "scans/0001.png")
    found = exposure.at(f"10.0.3.4 via {other}", "forwarded")
    assert (found.answer, found.depends_on) == ("unknown", (ANY_VPC,))
    assert exposure.at(f"10.0.3.4 via {ENDPOINT}", "forwarded").answer == "refused"
    assert exposure.row("forwarded").unknown.other_endpoints
    assert exposure.row("forwarded").refused.endpoints == (ENDPOINT,)
    assert (
        Exposure(replace(locks, portal_vpc=""), "scans/0001.png").row("forwarded").refused.endpoints
        == ()
    )
    uses = [{**EVENT, "vpcEndpointId": each, "requestID": each} for each in (ENDPOINT, other)]
    (tmp_path / "trail.json").write_text(json.dumps({"Records": uses}))
    with read_hits(tmp_path) as hits:
        [leak] = hits.leaks()
    assert leak.kind == "leak"
