"""Each check of the account passes while what it watches is there,
and fails when that is taken away.
"""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gt_secure import Restriction, check, connect, expect
from gt_secure.base.errors import InvalidInput
from gt_secure.check import CheckFailed, account, applied_locks, restrictions
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.findings.accepted import parse_accepted
from gt_secure.findings.listings import Findings
from gt_secure.findings.model import Checked, Finding
from gt_secure.restriction.files import dump_restriction
from support import states
from support.guards import merge_guard
from support.scene import BUCKET, ELSEWHERE, ENDPOINT, OFFICE, TEAM, WISH, Scene

READ_TEAMS = (
    "sagemaker:ListWorkteams",
    "sagemaker:ListSubscribedWorkteams",
    "sagemaker:DescribeWorkteam",
    "sagemaker:ListWorkforces",
    "sagemaker:DescribeWorkforce",
)


def failed(function, *args, **more):
    """The result of a check that must fail in both ways of calling it."""
    result = function.look(*args, **more)
    assert result.status == "failed", result
    assert not result
    assert result.next_step
    with pytest.raises(CheckFailed) as caught:
        function(*args, **more)
    assert isinstance(caught.value, AssertionError)
    assert result.message in str(caught.value)
    json.dumps(result.to_dict())
    return result


def unknown(function, *args, **more):
    result = function.look(*args, **more)
    assert result.status == "unknown", result
    assert result.passed is None
    with pytest.raises(CheckFailed, match="unknown"):
        function(*args, **more)
    json.dumps(result.to_dict())
    return result


def accepting(codes) -> list[dict[str, str]]:
    return [{"finding": code, "reason": "known", "until": "2099-01-01"} for code in sorted(codes)]


[ACCEPTED] = parse_accepted(accepting(["url-lock-both"]))


def test_everything_passes_while_it_is_in_place(scene: Scene):
    assert check.team_is_restricted(scene.gt, TEAM)
    assert check.team_is_restricted(scene.gt, TEAM, url_lock="SourceIp")
    assert (
        check.guard_is_in_place(
            scene.gt, BUCKET, prefix="scans/chest/", addresses=["203.0.113.0/24"], endpoints=[]
        ).details["prefix"]
        == "scans/"
    )
    assert check.nothing_drifted(scene.gt, WISH)
    assert check.expectations_hold(scene.gt, WISH).message == (
        "All 2 expectations hold, unless a policy of the signer or the organization refuses it."
    )
    assert check.no_findings(scene.gt, team=TEAM, bucket=BUCKET, prefix="scans/", severity="high")


def test_team_fails_without_its_toggle(scene: Scene):
    scene.toggles(False)
    assert "off" in failed(check.team_is_restricted, scene.gt, TEAM).message


def test_team_fails_with_both_toggles_or_one_that_does_not_fit(scene: Scene):
    scene.toggles(True, True)
    assert "Both" in failed(check.team_is_restricted, scene.gt, TEAM).message
    scene.toggles(True)
    assert (
        "not VpcSourceIp"
        in failed(check.team_is_restricted, scene.gt, TEAM, url_lock="VpcSourceIp").message
    )


def found(code, state="found", detail="", could_not_see=()):
    return Finding(
        code,
        "high",
        f"{code} is so",
        "",
        f"Fix {code}.",
        "",
        (),
        TEAM,
        detail,
        could_not_see,
        state,
    )


UNSEEN = found(
    "not-checked",
    detail="The workteam was not read. Ask.",
    could_not_see=("sagemaker:DescribeWorkteam",),
)


@pytest.mark.parametrize(
    ("findings", "lock", "more", "passed", "said"),
    [
        ([], UrlLock(True), {}, True, "The URL lock is on (SourceIp)."),
        (
            [found("guard-open"), found("url-lock-off", "unknown")],
            UrlLock(True),
            {},
            True,
            "The URL lock is on",
        ),
        (
            [found("url-lock-off", detail="It is off.")],
            UrlLock(),
            {},
            False,
            "url-lock-off is so. It is off.",
        ),
        (
            [found("guard-open"), found("url-lock-both")],
            UrlLock(True, True),
            {},
            False,
            "url-lock-both is so.",
        ),
        ([UNSEEN], UrlLock(True), {}, None, "is not known: The workteam was not read."),
        (
            [UNSEEN, found("url-lock-both")],
            UrlLock(True, True),
            {},
            False,
            "url-lock-both is so. Whether the URL lock",
        ),
        (
            [UNSEEN, found("url-lock-both")],
            UrlLock(True, True),
            {},
            False,
            "is not known: The workteam was not read.",
        ),
        (
            [],
            UrlLock(True),
            {"url_lock": "VpcSourceIp"},
            False,
            "The URL lock is SourceIp, not VpcSourceIp.",
        ),
        ([], None, {"url_lock": "SourceIp"}, False, "The URL lock is off, not SourceIp."),
        (
            [],
            UrlLock(True),
            {"portal": "203.0.113.0/24"},
            True,
            "and the portal opens only from 203.0.113.0/25.",
        ),
        (
            [],
            UrlLock(True),
            {"portal": "192.0.2.0/24"},
            False,
            "The portal lock also lists 203.0.113.0/25.",
        ),
    ],
)
def test_a_team_is_restricted_by_one_setting_that_fits_and_was_read(
    monkeypatch, findings, lock, more, passed, said
):
    gt = SimpleNamespace(
        findings=lambda team: findings,
        workteam=lambda team: replace(states.TEAM, url_lock=lock),
        workforce=lambda: states.workforce("default", ("203.0.113.0/25",)),
        aws=None,
    )
    monkeypatch.setattr(applied_locks, "connection_of", lambda given: given)
    result = check.team_is_restricted.look(gt, TEAM, **more)
    assert result.passed is passed
    assert said in result.message
    assert bool(result.next_step) == (passed is not True)


@pytest.mark.parametrize(
    ("findings", "more", "passed", "said"),
    [
        (
            [found("url-lock-both", "unknown", "It depends on a fact.")],
            {},
            None,
            "url-lock-both: It depends on a fact.",
        ),
        (
            [replace(found("url-lock-both", "unknown"), accepted=ACCEPTED)],
            {},
            True,
            "The check leaves out 1 accepted finding",
        ),
        # it would be of medium
        (
            [found("url-lock-off", "unknown")],
            {},
            True,
            "No findings of severity high",
        ),
        ([UNSEEN], {}, None, "not-checked: The workteam was not read."),
        (
            [found("guard-open"), found("url-lock-both", "unknown")],
            {},
            False,
            "Some checks could not run: url-lock-both",
        ),
    ],
)
def test_an_unknown_finding_that_would_fail_a_check_makes_it_unknown(
    monkeypatch, findings, more, passed, said
):
    checked = [Checked("guard-missing", "clean", TEAM)]
    gt = SimpleNamespace(findings=lambda **_: Findings(findings, checked))
    monkeypatch.setattr(account, "with_facts", lambda *_: gt)
    result = check.no_findings.look(gt, team=TEAM, severity="high", **more)
    assert result.passed is passed
    assert said in result.message


def test_team_that_is_gone_or_cannot_be_restricted_fails(scene: Scene):
    failed(check.team_is_restricted, scene.gt, "no-such-team")
    vendor = next(team for team in scene.gt.workteams() if team.kind == "vendor")
    assert "cannot have a URL lock" in failed(check.team_is_restricted, scene.gt, vendor).message


def test_team_fails_without_its_portal_lock(scene: Scene):
    result = failed(check.team_is_restricted, scene.gt, TEAM, portal="203.0.113.0/24")
    assert "portal lock" in result.message
    locked = replace_lock(scene, ["203.0.113.0/25", "192.0.2.0/28"])
    try:
        assert (
            "192.0.2.0/28"
            in failed(check.team_is_restricted, scene.gt, TEAM, portal="203.0.113.0/24").message
        )
        assert check.team_is_restricted(scene.gt, TEAM, portal=["203.0.113.0/24", "192.0.2.0/24"])
    finally:
        locked()


def replace_lock(scene: Scene, cidrs):
    import time

    sagemaker = scene.client("sagemaker")
    name = sagemaker.list_workforces()["Workforces"][0]["WorkforceName"]

    def put(values):
        sagemaker.update_workforce(WorkforceName=name, SourceIpConfig={"Cidrs": values})
        while sagemaker.describe_workforce(WorkforceName=name)["Workforce"]["Status"] != "Active":
            time.sleep(0.02)

    put(cidrs)
    return lambda: put([])


def test_guard_fails_when_it_is_removed(scene: Scene):
    scene.remove_guard()
    assert "no guard" in failed(check.guard_is_in_place, scene.gt, BUCKET).message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gt-images/scans/*", "gt-images/scans/chest/*", "It covers keys under"),
        ("203.0.113.0/24", "0.0.0.0/0", "It admits anyone"),
        ("203.0.113.0/24", "128.0.0.0/1", "It admits anyone"),
        ("203.0.113.0/24", "203.0.112.0/22", "also admits 203.0.112.0/22"),
        ("203.0.113.0/24", "203.0.113.0/25", "does not admit 203.0.113.0/24"),
        ('"s3:*"', '"s3:PutObject"', "Somebody changed"),
        ('["REST-QUERY-STRING","POST"]', '"REST-QUERY-STRING"', "Somebody changed"),
    ],
)
def test_guard_fails_when_it_is_changed(scene: Scene, old, new, said):
    scene.change_guard(old, new)
    result = failed(
        check.guard_is_in_place, scene.gt, BUCKET, prefix="scans/", addresses="203.0.113.0/24"
    )
    assert said in result.message


@pytest.mark.parametrize(
    ("prefix", "asked", "passed"),
    [
        ("", None, True),
        ("", "", True),
        ("", "scans/", True),
        ("scans/", None, False),
        ("scans/", "scans/", True),
        ("scans/", "scans/chest/", True),
        ("scans/", "", False),
        ("scans/", "scan", False),
        ("scans/", "other/", False),
        ("scans/chest/", "scans/", False),
    ],
)
def test_a_guard_covers_every_key_that_is_asked_for(monkeypatch, prefix, asked, passed):
    policy = merge_guard(None, build_guard(BUCKET, prefix=prefix, networks=["203.0.113.0/24"]))
    state = states.state(team=None, bucket=states.data_bucket(BUCKET, policy=policy))
    monkeypatch.setattr(applied_locks, "read_scope", lambda *_: state)
    gt = connect(region="us-east-1", endpoint_url="http://127.0.0.1:9")
    result = check.guard_is_in_place.look(gt, BUCKET, prefix=asked)
    assert (result.passed, result.details["prefix"]) == (passed, prefix)
    assert passed or f"It covers keys under {prefix}, not {asked or 'all keys'}" in result.message


def test_guard_fails_without_its_endpoint(scene: Scene):
    assert ENDPOINT in failed(check.guard_is_in_place, scene.gt, BUCKET, endpoints=ENDPOINT).message


OTHER_ENDPOINT = "vpce-0781aaaabbbbccccd"


@pytest.mark.parametrize(
    ("more", "extra"),
    [
        ({}, ""),
        ({"addresses": "203.0.113.0/24", "endpoints": [OTHER_ENDPOINT]}, ""),
        ({"addresses": "203.0.113.0/24"}, OTHER_ENDPOINT),
        ({"addresses": ["203.0.113.0/25", "203.0.113.128/25"]}, OTHER_ENDPOINT),
        ({"addresses": "203.0.113.0/24", "endpoints": []}, OTHER_ENDPOINT),
        ({"endpoints": OTHER_ENDPOINT}, "203.0.113.0/24"),
        ({"endpoints": f"{OTHER_ENDPOINT}, {ENDPOINT}"}, "203.0.113.0/24"),
        ({"addresses": [], "endpoints": OTHER_ENDPOINT}, "203.0.113.0/24"),
        ({"addresses": []}, f"203.0.113.0/24, {OTHER_ENDPOINT}"),
    ],
)
def test_the_lists_of_a_check_are_the_only_ones(monkeypatch, more, extra):
    policy = merge_guard(
        None, build_guard(BUCKET, networks=["203.0.113.0/24"], endpoints=[OTHER_ENDPOINT])
    )
    state = states.state(team=None, bucket=states.data_bucket(BUCKET, policy=policy))
    monkeypatch.setattr(applied_locks, "read_scope", lambda *_: state)
    gt = connect(region="us-east-1", endpoint_url="http://127.0.0.1:9")
    result = check.guard_is_in_place.look(gt, BUCKET, **more)
    assert result.passed is not bool(extra), result
    assert not extra or f"It also admits {extra}" in result.message
    assert ("endpoints=" in result.next_step) is bool(extra)


def test_a_right_guard_is_unknown_and_a_wrong_one_names_what_is_unknown(monkeypatch):
    policy = merge_guard(None, build_guard(BUCKET, networks=["203.0.113.0/24"]))
    state = states.state(team=None, bucket=states.data_bucket(BUCKET, policy=policy))
    access = SimpleNamespace(tone="unknown", text="Unknown: it depends on a fact.", to_dict=dict)
    monkeypatch.setattr(applied_locks, "read_scope", lambda *_: state)
    monkeypatch.setattr(applied_locks, "access_to", lambda *_: access)
    gt = connect(region="us-east-1", endpoint_url="http://127.0.0.1:9")
    assert failed(check.guard_is_in_place, gt, BUCKET, addresses="192.0.2.0/24").message.endswith(
        access.text
    )
    right = unknown(check.guard_is_in_place, gt, BUCKET, addresses="203.0.113.0/24")
    assert (right.message, right.details["wrong"]) == (access.text, [])

    answers = [
        SimpleNamespace(source=each, answer=each, key="", reason="")
        for each in ("unknown", "opened")
    ]
    result = SimpleNamespace(kind="refused", broken=answers, answers=answers, to_dicts=list)
    exposure = SimpleNamespace(holds=lambda _: result)
    monkeypatch.setattr(restrictions, "exposures_of", lambda *_: (exposure, None))
    monkeypatch.setattr(restrictions, "read_state", lambda *_: None)
    message = failed(check.expectations_hold, gt, WISH).message
    assert message.index("and is opened") < message.index("and is unknown")


def test_bucket_that_is_gone_fails(scene: Scene):
    failed(check.guard_is_in_place, scene.gt, "gt-no-such-bucket")


def test_drift_is_seen_in_each_lock(scene: Scene, tmp_path):
    path = dump_restriction(WISH, tmp_path / "wish.yaml")
    assert check.nothing_drifted(scene.gt, path)
    scene.toggles(False)
    assert [
        c["kind"] for c in failed(check.nothing_drifted, scene.gt, path).details["changes"]
    ] == ["url-lock"]
    scene.toggles(True)
    scene.remove_guard()
    assert [
        c["kind"] for c in failed(check.nothing_drifted, scene.gt, WISH).details["changes"]
    ] == ["bucket-guard"]


def test_expectation_fails_with_the_locks_as_they_are_and_not_as_planned(scene: Scene):
    scene.remove_guard()
    scene.toggles(False)
    result = failed(check.expectations_hold, scene.gt, WISH)
    assert f"{ELSEWHERE} should be refused and is opened" in result.message


def test_a_counterexample_fails_and_is_in_the_details(scene: Scene):
    assert check.is_proved(scene.gt, WISH).details["proved"] is True
    scene.remove_guard()
    case = failed(check.is_proved, scene.gt, WISH).details["counterexample"]
    assert case["request"]["resource"].startswith(f"arn:aws:s3:::{BUCKET}/scans/")


def test_a_refused_request_of_whom_must_keep_working_fails(scene: Scene):
    works_here = f"arn:aws:iam::{scene.gt.aws.account_id}:role/ci"
    policy = json.loads(scene.client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"])
    given = {"bucket": BUCKET, "prefix": "scans/", "addresses": WISH.addresses}
    passed = check.is_proved(scene.gt, **given, keep=works_here)
    assert passed.message.startswith("Proved closed to strangers and open to those who work here")
    policy["Statement"].append(
        {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}
    )  # fmt: skip
    scene.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    result = failed(check.is_proved, scene.gt, **given, keep=[works_here])
    assert result.details["refused"]["request"]["action"] == "s3:ListBucket"
    assert "is refused" in result.message
    assert check.is_proved(scene.gt, **given, keep=f"{works_here} for s3:GetObject")
    assert scene.gt.prove(WISH).proved is True
    assert scene.gt.prove(Restriction.from_dict(WISH.to_dict() | {"keep": works_here})).proved is False  # fmt: skip
    assert scene.gt.prove(WISH).locked_out == ()
    policy["Statement"][-1]["Action"] = "s3:PutBucketPolicy"
    scene.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    proof = scene.gt.prove(WISH)  # nobody is named, and nobody is left
    assert proof.proved is True
    [sentence] = proof.locked_out
    assert sentence.startswith("No user or role of account")
    assert "The way back is the root user" in sentence
    assert sentence in proof.text
    scene.remove_guard()


def test_a_proof_that_depends_on_a_fact_is_unknown_until_it_is_given(scene: Scene):
    text = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*",
         "Condition": {"StringNotEqualsIfExists": {"aws:ResourceOrgID": "o-abc123"}}},
    ]})  # fmt: skip
    scene.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=text)
    assert "aws:ResourceOrgID" in unknown(check.expectations_hold, scene.gt, WISH).message
    failed(check.expectations_hold, scene.gt, WISH.with_facts({"aws:ResourceOrgID": "o-abc123"}))
    known = accepting(
        {each.code for each in scene.gt.findings(team=TEAM, bucket=BUCKET) if each.state == "found"}
    )
    result = unknown(
        check.no_findings, scene.gt, team=TEAM, bucket=BUCKET, severity="high", accepted=known
    )
    assert "aws:ResourceOrgID" in result.message
    result = unknown(check.is_proved, scene.gt, WISH)
    assert result.details["depends_on"] == ["aws:ResourceOrgID"]
    failed(check.is_proved, scene.gt, WISH, context={"aws:ResourceOrgID": "o-abc123"})
    assert check.is_proved(scene.gt, WISH, context={"aws:ResourceOrgID": "o-other1"})
    scene.remove_guard()


def test_finding_appears_when_the_toggle_goes(scene: Scene):
    known = accepting({finding.code for finding in scene.gt.findings(team=TEAM, bucket=BUCKET)})
    assert check.no_findings(scene.gt, team=TEAM, bucket=BUCKET, accepted=known, severity="info")
    scene.toggles(False)
    result = failed(
        check.no_findings, scene.gt, team=TEAM, bucket=BUCKET, accepted=known, severity="info"
    )
    assert "url-lock-off" in result.message
    assert check.no_findings(scene.gt, team=TEAM, accepted=known, severity="high")


@pytest.mark.parametrize(("severity", "place"), [("high", {}), ("low", {"prefix": "scans/"})])
def test_a_bucket_that_anyone_opens_fails_at_each_severity(
    scene: Scene, severity: str, place: dict[str, str]
):
    scene.remove_guard()
    result = failed(check.no_findings, scene.gt, bucket=BUCKET, severity=severity, **place)
    assert "presigned-from-anywhere" in result.message


def test_a_guard_of_a_part_fails_for_the_whole(scene: Scene):
    assert check.no_findings(scene.gt, bucket=BUCKET, prefix="scans/", severity="high")
    failed(check.no_findings, scene.gt, bucket=BUCKET, severity="high")


def test_a_pass_names_what_it_did_not_ask_for(scene: Scene):
    known = accepting(["presigned-from-anywhere"])
    found = scene.gt.findings(bucket=BUCKET).open
    passed = check.no_findings(scene.gt, bucket=BUCKET, severity="high", accepted=known)
    left = [
        each.code
        for each in found
        if each.state == "found" and each.code != "presigned-from-anywhere"
    ]
    assert left
    assert "Findings that were not asked for: " in passed.message
    assert all(code in passed.message for code in left[:3])
    assert "The check leaves out 1 accepted finding, the first until 2099-01-01." in passed.message
    assert [each["code"] for each in passed.details["accepted"]] == ["presigned-from-anywhere"]


def test_no_code_is_ignored_without_a_reason_and_an_end(scene: Scene):
    with pytest.raises(InvalidInput, match="no member 'ignore'"):
        check.Spec.make("no_findings", {"team": TEAM, "ignore": ["url-lock-off"]})
    with pytest.raises(InvalidInput, match="needs 'reason'"):
        check.no_findings.look(
            scene.gt, team=TEAM, accepted=[{"finding": "url-lock-off", "until": "2099-01-01"}]
        )


def test_what_may_not_be_read_is_unknown(scene: Scene):
    blind = scene.user_with("s3:ListAllMyBuckets")
    for result in (
        unknown(check.team_is_restricted, blind, TEAM),
        unknown(check.guard_is_in_place, blind, BUCKET),
        unknown(check.nothing_drifted, blind, WISH),
        unknown(check.expectations_hold, blind, WISH),
        unknown(check.is_proved, blind, WISH),
        unknown(check.no_findings, blind, team=TEAM),
        unknown(check.no_findings, blind, bucket=BUCKET),
    ):
        assert "may not call" in result.message or "was denied" in result.message


def test_half_a_view_is_unknown_too(scene: Scene):
    teams_only = scene.user_with(*READ_TEAMS)
    assert check.team_is_restricted(teams_only, TEAM)
    result = unknown(check.no_findings, teams_only, team=TEAM, severity="high")
    assert "could not run" in result.message
    scene.toggles(False)
    result = failed(check.no_findings, teams_only, team=TEAM, severity="info")
    assert "url-lock-off" in result.message
    assert "Some checks could not run: not-checked" in result.message
    scene.toggles(True)
    only_policy = Restriction(
        bucket=BUCKET, addresses="203.0.113.0/24", expectations=[expect.refused(ELSEWHERE)]
    )
    unknown(check.expectations_hold, teams_only, only_policy)


def test_an_expectation_does_not_pass_with_a_part_unseen(scene: Scene):
    no_force = scene.user_with(
        "sagemaker:DescribeWorkteam",
        "sagemaker:ListWorkteams",
        "sagemaker:ListSubscribedWorkteams",
        "s3:*",
    )
    wish = Restriction(
        TEAM, url_lock="SourceIp", addresses="203.0.113.0/24", bucket=BUCKET, prefix="scans/",
        expectations=[expect.allowed(OFFICE)],
    )  # fmt: skip
    assert check.expectations_hold(scene.gt, wish)
    assert "sagemaker:DescribeWorkforce" in unknown(check.expectations_hold, no_force, wish).message


@pytest.mark.parametrize(
    ("function", "args", "more"),
    [
        (check.nothing_drifted, (42,), {}),
        (check.nothing_drifted, (Restriction(TEAM, url_lock=None, expectations=[expect.refused(ELSEWHERE)]),), {}),
        (check.expectations_hold, (Restriction(TEAM),), {}),
        (check.no_findings, (), {"team": TEAM, "severity": "grave"}),
        (check.no_findings, (), {"team": TEAM, "accepted": accepting(["no-such-code"])}),
        (check.no_findings, (), {}),
        (check.guard_is_in_place, ("NOT A BUCKET",), {}),
        (check.team_is_restricted, ("not a team",), {}),
        (check.team_is_restricted, (3,), {}),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_errors_and_no_outcomes(
    empty_scene: Scene, function, args, more
):
    with pytest.raises(InvalidInput) as caught:
        function.look(empty_scene.gt, *args, **more)
    assert caught.value.next_step


def test_unreachable_is_unknown():
    import gt_secure

    gt = gt_secure.connect(region="us-east-1", endpoint_url="http://127.0.0.1:9")
    assert check.guard_is_in_place.look(gt, BUCKET).status == "unknown"
