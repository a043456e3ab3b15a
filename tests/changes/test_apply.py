"""Apply and undo against a local AWS: what is written, what is kept, and what stops."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure.aws.client import Aws
from gt_secure.base.errors import (
    AccessDenied,
    Conflict,
    GtSecureError,
    InvalidInput,
    NotFound,
    Unreachable,
)
from gt_secure.changes.applied import Applied, ChangeOutcome
from gt_secure.changes.change import Change
from gt_secure.changes.engine import _AGREE, ChangeStep, Clock, Engine
from gt_secure.changes.journal import Journal
from gt_secure.changes.lock import hold
from gt_secure.changes.plan import plan
from gt_secure.changes.targets import Reading, TeamUrlLock
from gt_secure.changes.transaction import begin_lines
from gt_secure.changes.undo import plan_undo, resume, undo
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.expectations import expect
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, ENDPOINT, FOREIGN, TEAM, Account
from support.consents import AGREED, apply_agreed as apply
from support.guards import find_guard, merge_guard, without_forms

OFFICE = "203.0.113.0/24"


def wish(**more: Any) -> Restriction:
    values: dict[str, Any] = {
        "addresses": [OFFICE],
        "bucket": BUCKET,
        "prefix": "scans/",
        "portal_lock": True,
    }
    return Restriction(TEAM, **(values | more))


def calls_of(account: Account) -> list[str]:
    """Record the operations that the account's clients call from now on."""
    seen: list[str] = []
    for service in ("s3", "sagemaker", "sts", "ec2"):
        client = account.aws.client(service)
        client.meta.events.register("before-call", lambda model, **_: seen.append(model.name))
    return seen


def test_apply_then_plan_is_empty_and_undo_brings_everything_back(account: Account) -> None:
    before = account.look()
    made = plan(account.aws, wish())
    assert [change.kind for change in made.changes] == ["bucket-guard", "url-lock", "portal-lock"]

    done = apply(account.aws, made, journal=account.journal)
    assert done.outcome == "applied"
    assert done.certain
    assert account.toggles() == {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}
    assert account.cidrs() == [OFFICE]
    guard = find_guard(account.policy())
    assert guard is not None
    assert (guard.prefix, [str(n) for n in guard.networks], guard.drifted) == (
        "scans/",
        [OFFICE],
        False,
    )
    assert plan(account.aws, wish()).empty

    back = undo(account.aws, done.id, journal=account.journal)
    assert back.outcome == "undone"
    assert back.of == done.id
    assert account.look() == before
    assert [record.status for record in account.journal] == ["undone", "applied"]
    assert not any(account.journal.verify().values())


def test_a_guard_without_forms_is_replaced_and_undo_brings_it_back(account: Account) -> None:
    old = without_forms(build_guard(BUCKET, prefix="scans/", networks=[OFFICE]))
    account.aws.client("s3").put_bucket_policy(
        Bucket=BUCKET, Policy=merge_guard(account.policy(), old)
    )
    before = account.look()
    done = apply(
        account.aws,
        plan(account.aws, wish()),
        journal=account.journal,
        confirm=[*AGREED, "guard-edited"],
    )
    guard = find_guard(account.policy())
    assert guard is not None
    assert not guard.drifted
    undo(account.aws, done.id, journal=account.journal)
    assert account.look() == before


def test_a_change_that_wrote_another_form_is_undone(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gt_secure.changes import diff

    before = account.look()
    with monkeypatch.context() as earlier:
        earlier.setattr(
            diff, "build_guard", lambda *args, **more: without_forms(build_guard(*args, **more))
        )
        done = apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    guard = find_guard(account.policy())
    assert guard is not None
    assert guard.drifted
    assert undo(account.aws, done.id, journal=account.journal).outcome == "undone"
    assert account.look() == before


def test_foreign_statements_and_members_keep_every_byte(account: Account) -> None:
    before = account.look()
    apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    after = account.look()
    head, tail = FOREIGN[: FOREIGN.rindex("}") - 2], FOREIGN[FOREIGN.rindex("]") - 1 :]
    text = account.policy() or ""
    assert text.startswith(head.rstrip(" ]"))
    assert text.endswith(tail)
    for part in ("team", "workforce"):
        changed = {key for key in before[part] if before[part][key] != after[part].get(key)}
        assert changed <= {"WorkerAccessConfiguration", "SourceIpConfig"}


def test_an_empty_plan_makes_no_call(account: Account) -> None:
    apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    made = plan(account.aws, wish())
    seen = calls_of(account)
    assert apply(account.aws, made, journal=account.journal).outcome == "nothing to do"
    assert seen == []


def test_planning_only_reads(account: Account) -> None:
    seen = calls_of(account)
    plan(account.aws, wish())
    assert seen
    assert all(name.startswith(("Get", "List", "Describe", "Head")) for name in seen), seen


def test_the_portal_comes_last_and_both_toggles_are_sent(account: Account) -> None:
    sent: list[tuple[str, dict[str, Any]]] = []
    for service in ("s3", "sagemaker"):
        account.aws.client(service).meta.events.register(
            "provide-client-params",
            lambda params, model, **_: sent.append((model.name, params)),
        )
    apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    writes = [
        (name, params) for name, params in sent if name.startswith(("Put", "Update", "Delete"))
    ]
    assert [name for name, _ in writes] == ["PutBucketPolicy", "UpdateWorkteam", "UpdateWorkforce"]
    assert writes[1][1] == {
        "WorkteamName": TEAM,
        "WorkerAccessConfiguration": {
            "S3Presign": {
                "IamPolicyConstraints": {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}
            }
        },
    }
    assert set(writes[2][1]) == {"WorkforceName", "SourceIpConfig"}


@pytest.mark.parametrize("part", ["policy", "team", "workforce"])
def test_apply_stops_when_something_moved(account: Account, part: str) -> None:
    made = plan(account.aws, wish())
    if part == "policy":
        account.put_policy(FOREIGN.replace("s3:DeleteBucket", "s3:PutBucketCORS"))
    elif part == "team":
        account.set_toggles(False, True)
    else:
        account.set_cidrs(["192.0.2.0/24"])
    before = account.look()
    with pytest.raises(Conflict, match=part) as caught:
        apply(account.aws, made, journal=account.journal)
    moved = caught.value.details["moved"][part]
    assert moved["seen"] != moved["now"]
    assert account.look() == before
    assert list(account.journal) == []


def test_undo_keeps_later_foreign_edits(account: Account) -> None:
    done = apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    policy = json.loads(account.policy() or "")
    policy["Statement"].append(
        {
            "Sid": "Later",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/x",
        }
    )
    account.put_policy(json.dumps(policy))
    account.sagemaker.update_workteam(WorkteamName=TEAM, Description="Edited since")
    undone = plan_undo(account.aws, done.id, journal=account.journal)
    [text] = [each.before_text for each in undone.changes if each.kind == "bucket-guard"]
    assert text.endswith(" (later changes beside it stay)")
    undo(account.aws, done.id, journal=account.journal)
    left = json.loads(account.policy() or "")
    assert [statement.get("Sid") for statement in left["Statement"]] == ["Team", None, "Later"]
    assert account.team()["Description"] == "Edited since"
    assert account.toggles() == {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"}
    account.sagemaker.update_workteam(
        WorkteamName=TEAM, Description="General annotators; image URLs work from anywhere"
    )


def test_undo_of_the_portal_keeps_ranges_that_others_added(account: Account) -> None:
    account.set_cidrs(["192.0.2.0/24", "198.51.100.0/24"])
    made = plan(account.aws, wish(bucket=None, prefix="", url_lock=None))
    done = apply(account.aws, made, confirm=[*AGREED, "portal-drops"], journal=account.journal)
    account.set_cidrs([OFFICE, "2001:db8:7::/48"])
    undo(account.aws, done.id, journal=account.journal)
    assert account.cidrs() == ["192.0.2.0/24", "198.51.100.0/24", "2001:db8:7::/48"]


@pytest.mark.parametrize("part", ["guard", "toggles", "portal"])
def test_undo_stops_where_the_very_thing_was_edited(account: Account, part: str) -> None:
    done = apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    if part == "guard":
        account.put_policy((account.policy() or "").replace(OFFICE, "203.0.112.0/23"))
    elif part == "toggles":
        account.set_toggles(False, True)
    else:
        # before, the portal was open: adding to that has no meaning
        account.set_cidrs([OFFICE, "192.0.2.0/24"])
    before = account.look()
    with pytest.raises(Conflict) as caught:
        undo(account.aws, done.id, journal=account.journal)
    assert {"before", "after", "now"} <= set(caught.value.details)
    assert account.look() == before


def test_undoing_twice_does_nothing(account: Account) -> None:
    done = apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    undo(account.aws, done.id, journal=account.journal)
    before = account.look()
    assert undo(account.aws, done.id, journal=account.journal).outcome == "nothing to do"
    assert account.look() == before


def test_an_undo_can_be_undone(account: Account) -> None:
    done = apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    after = account.look()
    back = undo(account.aws, done.id, journal=account.journal)
    assert undo(account.aws, back.id, journal=account.journal).outcome == "undone"
    assert account.look() == after


def test_undo_without_an_id_takes_the_last_change(account: Account) -> None:
    first = apply(account.aws, plan(account.aws, wish(portal_lock=None)), journal=account.journal)
    second = apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    assert plan_undo(account.aws, journal=account.journal).record.id == second.id
    assert undo(account.aws, journal=account.journal).of == second.id
    assert undo(account.aws, journal=account.journal).of == first.id
    with pytest.raises(
        NotFound, match="No change is named, and this connection has begun no change"
    ):
        undo(account.aws, journal=account.journal)


def test_a_change_that_is_not_named_is_one_of_this_connection(account: Account) -> None:
    """Those of others are listed, the newest first, with what an undo brings back."""
    assert resume(account.aws, journal=account.journal).outcome == "nothing to do"
    done = apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    lines = begin_lines(
        "apply", account.aws, account.aws.account_id, "arn:aws:iam::111122223333:user/bob", []
    )
    theirs = account.journal.begin(lines)
    other, before = Journal(account.journal.path), account.look()
    for call, listed in (
        (undo, [theirs.id, done.id]),
        (plan_undo, [theirs.id, done.id]),
        (resume, [theirs.id]),
    ):
        with pytest.raises(NotFound) as caught:
            call(account.aws, journal=other)
        said = caught.value.next_step
        assert re.findall(r"gt\.\w+\('([^']+)'\) of [-0-9T:]{16} UTC by 1[^.]+\. ", said) == listed
    theirs.write("end", outcome="rolled-back")
    with pytest.raises(NotFound) as caught:
        undo(account.aws, journal=other)
    back = [
        " → no guard: a presigned URL works from anywhere",
        " → off: a worker's URL works from any address",
        " → the worker portal opens from anywhere",
    ]
    assert [each for each in back if each not in caught.value.next_step] == []
    assert account.look() == before


def test_a_failure_in_the_middle_takes_back_and_says_so(account: Account) -> None:
    before = account.look()
    made = plan(account.aws, wish())

    def refuse(**_: Any) -> None:
        from botocore.exceptions import ClientError

        error = {"Error": {"Code": "AccessDeniedException", "Message": "not you"}}
        raise ClientError(error, "UpdateWorkforce")

    account.aws.client("sagemaker").meta.events.register(
        "before-call.sagemaker.UpdateWorkforce", refuse
    )
    with pytest.raises(AccessDenied) as caught:
        apply(account.aws, made, journal=account.journal)
    assert caught.value.policy["Statement"][0]["Action"] == "sagemaker:UpdateWorkforce"
    result = caught.value.details["applied"]
    assert result["outcome"] == "rolled back"
    assert [step["outcome"] for step in result["steps"]] == [
        "rolled back",
        "rolled back",
        "unchanged",
    ]
    assert "rolled back completely" in str(caught.value)
    assert account.look() == before
    assert [record.status for record in account.journal] == ["rolled-back"]


@pytest.mark.parametrize(
    ("outcome", "certain", "tone"),
    [
        ("applied", True, "ok"),
        ("applied", False, "warn"),
        ("undone", True, "ok"),
        ("undone", False, "warn"),
        ("nothing to do", True, "ok"),
        ("rolled back", True, "warn"),
        ("overtaken", True, "warn"),
        ("in doubt", False, "warn"),
    ],
)
def test_only_what_was_done_and_confirmed_is_green(
    outcome: ChangeOutcome, certain: bool, tone: str
) -> None:
    step = ChangeStep("url-lock", TEAM, "done", certain, "AWS shows it")
    shown = Applied("20261124-101500", outcome, (step,))._repr_html_()
    assert f"gts-notice gts-{tone}" in shown
    assert f"URL lock of {TEAM}: done (AWS shows it). Change 20261124-101500." in shown


def test_throttling_and_conflicts_are_retried_within_the_deadline(account: Account) -> None:
    left = {"UpdateWorkteam": 2, "UpdateWorkforce": 2}

    def busy(model: Any, **_: Any) -> None:
        from botocore.exceptions import ClientError

        if left.get(model.name, 0):
            left[model.name] -= 1
            code = "ThrottlingException" if model.name == "UpdateWorkteam" else "ConflictException"
            raise ClientError({"Error": {"Code": code, "Message": "busy"}}, model.name)

    account.aws.client("sagemaker").meta.events.register("before-call", busy)
    done = apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    assert done.outcome == "applied"
    assert left == {"UpdateWorkteam": 0, "UpdateWorkforce": 0}


def test_the_deadline_ends_the_retries(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    before = account.look()
    made = plan(account.aws, wish())
    slept, tries = [0.0], []

    def clock(seconds: float) -> Clock:
        return Clock(seconds, sleep=slept.append, now=lambda: sum(slept))

    def busy(**_: Any) -> None:
        from botocore.exceptions import ClientError

        tries.append(sum(slept))
        raise ClientError(
            {"Error": {"Code": "ThrottlingException", "Message": "busy"}}, "UpdateWorkteam"
        )

    account.aws.client("sagemaker").meta.events.register(
        "before-call.sagemaker.UpdateWorkteam", busy
    )
    monkeypatch.setattr(sys.modules["gt_secure.changes.apply"], "Clock", clock)
    with pytest.raises(GtSecureError, match="throttling"):
        apply(account.aws, made, journal=account.journal, timeout_s=60)
    assert len(tries) > 5
    assert tries[-1] <= 60
    assert account.look() == before


class Remote:
    """A URL lock whose writes meet the given fates, in order, and that readings show late."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fates: str, lag: int) -> None:
        self.fates, self.lag, self.sent, self.arrived = fates.split(), lag, 0, False
        self.slept: list[float] = [0.0]
        monkeypatch.setattr(TeamUrlLock, "read", lambda *_: self.read())
        monkeypatch.setattr(TeamUrlLock, "write", lambda *_: self.write())

    def read(self) -> Reading[UrlLock]:
        self.lag -= self.arrived
        return Reading(UrlLock(self.arrived and self.lag < 0))

    def write(self) -> str:
        fate = self.fates[self.sent]
        self.sent += 1
        self.arrived |= fate in ("accepted", "unanswered")
        if fate != "accepted":
            raise Unreachable("There is no reply.")
        return "request"

    def engine(self, folder: Path) -> Engine:
        change = Change(TeamUrlLock(TEAM), UrlLock(False), UrlLock(True), "off", "SourceIp")
        writer = Journal(folder).begin({"kind": "apply", "changes": [change.for_journal()]})
        clock = Clock(600, sleep=self.slept.append, now=lambda: sum(self.slept))
        return Engine(cast(Aws, SimpleNamespace(is_local=True)), writer, [change], clock)


@pytest.mark.parametrize(
    ("fates", "lag"),
    [
        ("accepted", 0),
        ("accepted", 3),
        ("unanswered", 0),
        ("lost accepted", 0),
        ("lost accepted", 3),
        ("lost lost unanswered", 0),
    ],
)
def test_a_write_is_sent_again_only_if_no_reading_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fates: str, lag: int
) -> None:
    remote = Remote(monkeypatch, fates, lag)
    engine = remote.engine(tmp_path)
    engine.forward()
    assert [step.outcome for step in engine.all_steps()] == ["done"]
    assert remote.sent == len(remote.fates)


def test_a_write_that_aws_accepts_and_never_shows_is_an_error_and_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = Remote(monkeypatch, "accepted accepted", 1000)
    with pytest.raises(
        GtSecureError, match="was accepted by AWS, but reading it back does not show the change"
    ):
        remote.engine(tmp_path).forward()
    assert remote.sent == 1


def test_an_update_under_way_is_asked_about_less_and_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = Remote(monkeypatch, "accepted", 0)
    monkeypatch.setattr("gt_secure.changes.engine.random.random", lambda: 0.5)
    updating = iter([*[False] * 8, *[True] * 9])
    shown = remote.read
    monkeypatch.setattr(TeamUrlLock, "read", lambda *_: replace(shown(), ready=next(updating)))
    remote.engine(tmp_path).forward()
    assert remote.slept[:9] == pytest.approx([0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])


@pytest.mark.parametrize(
    ("restless", "outcome"), [(0, "rolled back"), (2, "rolled back"), (3, "in doubt")]
)
def test_a_rollback_is_tried_again_while_others_write_and_then_leaves_what_is_there(
    restless: int, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt starts from a reading of our value; in the first ones,
    others write between the next readings.
    """
    remote = Remote(monkeypatch, "accepted accepted", 0)
    engine = remote.engine(tmp_path)
    engine.forward()
    ours, theirs = UrlLock(True), [UrlLock(False, True), UrlLock(True, True)] * _AGREE
    readings = iter([value for _ in range(restless) for value in (ours, *theirs[: _AGREE + 1])])
    monkeypatch.setattr(
        TeamUrlLock, "read", lambda *_: Reading(next(readings, UrlLock(remote.sent < 2)))
    )
    assert engine.back([0]) == outcome
    [step] = engine.all_steps()
    assert (step.outcome, step.certain, remote.sent) == (
        "uncertain" if outcome == "in doubt" else outcome,
        outcome == "rolled back",
        1 + (outcome == "rolled back"),
    )
    assert ("keeps changing" in step.detail) == (outcome == "in doubt")


def test_a_member_that_changes_beside_ours_is_noticed(account: Account) -> None:
    """AWS does not document that UpdateWorkteam keeps what is not sent: if it ever did not,
    we must see it.
    """
    made = plan(
        account.aws, wish(portal_lock=None, guard=None, addresses=(), bucket=None, prefix="")
    )
    before = account.look()

    def meddle(**_: Any) -> None:
        account.sagemaker.update_workteam(WorkteamName=TEAM, Description="gone")

    account.aws.client("sagemaker").meta.events.register(
        "after-call.sagemaker.UpdateWorkteam", meddle
    )
    with pytest.raises(Conflict, match="Description"):
        apply(account.aws, made, journal=account.journal)
    account.sagemaker.update_workteam(WorkteamName=TEAM, Description=before["team"]["Description"])
    assert account.look() == before


RACES = ("before our write", "after our write", "over our write, with ours in it")


@pytest.mark.parametrize("when", RACES)
def test_somebody_who_sets_the_url_lock_at_the_same_moment_wins_and_is_named(
    account: Account, when: str
) -> None:
    """Between our reading and our reading back nothing locks the workteam;
    what is there in the end is theirs.
    """
    made = plan(account.aws, wish(portal_lock=None))
    before = account.policy()
    events = account.aws.client("sagemaker").meta.events
    theirs = (True, True) if when == RACES[2] else (False, True)
    seen = {"DescribeWorkteam": 0}

    def meddle(model: Any, **_: Any) -> None:
        if when == RACES[0] and model.name == "DescribeWorkteam":
            seen[model.name] += 1
            # the last look before the write; the first one is the plan's comparison
            if seen[model.name] == 3:
                account.set_toggles(*theirs)
        elif when != RACES[0] and model.name == "UpdateWorkteam":
            account.set_toggles(*theirs)

    name = "before-call" if when == RACES[0] else "after-call"
    made_before = len(list(account.journal))
    events.register(name, meddle)
    try:
        with pytest.raises(Conflict) as caught:
            apply(account.aws, made, journal=account.journal, timeout_s=30)
    finally:
        events.unregister(name, meddle)
    said = str(caught.value)
    now = "both on: " if theirs[0] else "a URL works only from the worker's address inside the VPC"
    assert f"changed by somebody else in the meantime: now {now}" in said
    assert "AWS responds again" not in said
    assert account.policy() == before  # the guard, which went first, is taken back
    assert account.toggles() == {
        "SourceIp": "Enabled" if theirs[0] else "Disabled",
        "VpcSourceIp": "Enabled",
    }
    result = caught.value.details["applied"]
    (record,) = list(account.journal)[made_before:]
    if when == RACES[0]:
        assert (result["outcome"], record.status) == ("rolled back", "rolled-back")
        assert [step["outcome"] for step in result["steps"]] == ["rolled back", "not reached"]
    else:
        assert (result["outcome"], record.status) == ("overtaken", "overtaken")
        assert [step["outcome"] for step in result["steps"]] == ["rolled back", "overtaken"]
        settings = "SourceIp and VpcSourceIp" if theirs[0] else "VpcSourceIp"
        assert f"it is {settings}" in result["steps"][1]["detail"]
        assert "The simultaneous write of somebody else stays" in said
    assert result["certain"]
    # The journal does not stand in the way of the next plan, as an interrupted change would.
    again = plan(account.aws, wish(portal_lock=None))
    assert apply(account.aws, again, journal=account.journal).outcome == "applied"


def test_a_policy_that_changes_while_it_is_taken_back_is_merged_again(account: Account) -> None:
    made = plan(account.aws, wish(url_lock=None))
    s3, left = account.aws.client("s3"), ["one more edit"]
    later = {"Sid": "Later", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
             "Resource": f"arn:aws:s3:::{BUCKET}/x"}  # fmt: skip

    def refuse(**_: Any) -> None:
        from botocore.exceptions import ClientError

        def edit(**_: Any) -> None:
            if left:
                left.pop()
                policy = json.loads(account.policy() or "")
                policy["Statement"].append(later)
                account.put_policy(json.dumps(policy))

        s3.meta.events.register("after-call.s3.GetBucketPolicy", edit)
        raise ClientError(
            {"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateWorkforce"
        )

    account.aws.client("sagemaker").meta.events.register(
        "before-call.sagemaker.UpdateWorkforce", refuse
    )
    with pytest.raises(AccessDenied) as caught:
        apply(account.aws, made, journal=account.journal)
    assert caught.value.details["applied"]["outcome"] == "rolled back"
    assert [each.get("Sid") for each in json.loads(account.policy() or "")["Statement"]] == [
        "Team",
        None,
        "Later",
    ]


EXECUTION_ROLE = "arn:aws:iam::111122223333:role/GroundTruthExecution"


def put_policy_of_a_deleted_user(account: Account) -> str:
    """Put a policy, delete the user that it names,
    and return the id that S3 shows in place of the ARN.
    """
    iam = account.aws.client("iam")
    user = iam.create_user(UserName="leaving")["User"]
    account.put_policy(FOREIGN.replace(EXECUTION_ROLE, user["Arn"]))
    iam.delete_user(UserName="leaving")
    return str(user["UserId"])


def test_a_deleted_principal_stops_the_plan_before_s3_does(account: Account) -> None:
    gone = put_policy_of_a_deleted_user(account)
    made = plan(account.aws, wish(portal_lock=None))
    (stop,) = made.blockers
    assert stop.code == "principal-deleted"
    assert f"{gone} in statement 1" in stop.text
    with pytest.raises(InvalidInput, match="principal-deleted"):
        apply(account.aws, made, journal=account.journal)
    assert plan(account.aws, Restriction(TEAM)).blockers == ()  # the policy is not written then
    account.put_policy(FOREIGN)
    assert plan(account.aws, wish(portal_lock=None)).blockers == ()


@pytest.mark.parametrize("shown", [False, True])
def test_a_policy_that_s3_refuses_for_a_principal_says_which(account: Account, shown: bool) -> None:
    """The answer is that of S3, below botocore:
    a principal may go between the plan and the write.
    """
    from botocore.awsrequest import AWSResponse

    from support.faults import _Raw

    named = (
        f": {put_policy_of_a_deleted_user(account)} in statement 1"
        if shown
        else "which S3 does not name"
    )
    before = account.look()
    body = (
        b"<Error><Code>MalformedPolicy</Code><Message>Invalid principal in policy</Message></Error>"
    )

    def answer(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 400, {"content-type": "application/xml"}, _Raw(body))

    made = plan(account.aws, wish(portal_lock=None))
    account.aws.client("s3").meta.events.register("before-send.s3.PutBucketPolicy", answer)
    with pytest.raises(InvalidInput) as caught:
        apply(account.aws, made, confirm=[each.code for each in made.asks], journal=account.journal)
    assert "names a user or role that no longer exists" in caught.value.message
    assert named in caught.value.message
    assert "Remove that principal from its statement" in str(caught.value)
    assert caught.value.details["code"] == "MalformedPolicy"
    assert caught.value.details["applied"]["outcome"] == "rolled back"
    assert account.look() == before


def test_progress_can_cancel(account: Account) -> None:
    before = account.look()

    def stop(text: str) -> None:
        if text.startswith("[2/3]"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(account.aws, plan(account.aws, wish()), journal=account.journal, progress=stop)
    assert account.look() == before
    assert next(iter(account.journal)).status == "rolled-back"


def test_blockers_stop_unless_confirmed_by_name(account: Account) -> None:
    account.set_cidrs(["192.0.2.0/24"])
    made = plan(account.aws, wish())
    assert [notice.code for notice in made.blockers] == ["portal-drops", "refuses-team"]
    with pytest.raises(InvalidInput, match="portal-drops"):
        apply(account.aws, made, journal=account.journal)
    both = [*AGREED, "portal-drops", "refuses-team"]
    with pytest.raises(InvalidInput, match="not a blocker"):
        apply(account.aws, made, confirm=[*both, "everything"], journal=account.journal)
    assert apply(account.aws, made, confirm=both, journal=account.journal).outcome == "applied"


def test_a_broken_expectation_cannot_be_confirmed(account: Account) -> None:
    made = plan(account.aws, wish(expectations=[expect.allowed("198.51.100.9")]))
    with pytest.raises(InvalidInput, match="cannot be applied"):
        apply(account.aws, made, confirm=["expectation-broken"], journal=account.journal)


def test_a_second_apply_is_refused_with_who_holds_the_lock(account: Account) -> None:
    made = plan(account.aws, wish())
    scope = f"{made.state.account_id}-{made.state.region}"
    holding = hold(account.journal.path, scope, "apply by somebody else")
    with holding, pytest.raises(Conflict, match="somebody else") as caught:
        apply(account.aws, made, journal=account.journal)
    assert caught.value.details["holder"]["pid"] == os.getpid()
    assert apply(account.aws, made, journal=account.journal).outcome == "applied"


def test_two_threads_do_not_apply_at_once(account: Account) -> None:
    made = plan(account.aws, wish())
    results: list[object] = []

    def work() -> None:
        try:
            results.append(apply(account.aws, made, journal=account.journal).outcome)
        except Conflict as error:
            results.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("applied") == 1
    assert sum(isinstance(result, Conflict) for result in results) == 3


def test_an_interrupted_change_stops_the_next_one(account: Account) -> None:
    made = plan(account.aws, wish())
    where = {
        "account": made.state.account_id,
        "region": made.state.region,
        "caller": "x",
        "kind": "apply",
    }
    writer = account.journal.begin(
        where | {"changes": [change.for_journal() for change in made.changes]}
    )
    with pytest.raises(Conflict, match="interrupted"):
        apply(account.aws, made, journal=account.journal)
    assert resume(account.aws, writer.id, journal=account.journal).outcome == "applied"
    assert plan(account.aws, wish()).empty


def test_another_account_or_region_is_refused(account: Account) -> None:
    done = apply(account.aws, plan(account.aws, wish()), journal=account.journal)
    elsewhere = account.rig.aws(region="eu-west-1")
    with pytest.raises(Conflict, match="eu-west-1"):
        undo(elsewhere, done.id, journal=account.journal)


def test_a_caller_without_the_right_is_told_what_to_hand_over(account: Account) -> None:
    aws = account.rig.user_with(
        "s3:Get*", "s3:List*", "sagemaker:List*", "sagemaker:Describe*", "ec2:Describe*", "sts:*"
    ).aws
    before = account.look()
    with pytest.raises(AccessDenied) as caught:
        apply(aws, plan(aws, wish()), journal=account.journal)
    assert caught.value.action == "s3:PutBucketPolicy"
    assert caught.value.resource == f"arn:aws:s3:::{BUCKET}"
    assert account.look() == before


def test_the_endpoint_dimension_reaches_the_policy(account: Account) -> None:
    apply(account.aws, plan(account.aws, wish(endpoints=[ENDPOINT])), journal=account.journal)
    guard = find_guard(account.policy())
    assert guard is not None
    assert guard.endpoints == (ENDPOINT,)


def test_expectations_are_probed_after_the_change(account: Account) -> None:
    """Over real HTTP from three places: a URL without a condition of its own
    meets the guard alone.
    """
    import http.client
    from urllib.parse import urlsplit

    from gt_secure.base.network import Source

    def probe(source: Source, bucket: str, prefix: str) -> bool | None:
        if source.is_endpoint and source.address is None:
            return None
        url = urlsplit(
            account.aws.client("s3").generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": f"{prefix}0001.png"}
            )
        )
        origin = account.sandbox.origin(source)
        connection = http.client.HTTPConnection(url.netloc, timeout=120)
        try:
            connection.request(
                "GET", f"{url.path}?{url.query}", headers={"Host": url.netloc, **origin.headers}
            )
            return connection.getresponse().status == 200
        finally:
            connection.close()

    seen = [
        expect.allowed("203.0.113.7"),
        expect.refused("198.51.100.9"),
        expect.refused(ENDPOINT, of="bucket"),
    ]
    made = plan(account.aws, wish(expectations=seen))
    done = apply(account.aws, made, journal=account.journal, probe=probe)
    assert [(one.source, one.observed, one.holds) for one in done.probes] == [
        ("203.0.113.7", "opened", True),
        ("198.51.100.9", "refused", True),
        (ENDPOINT, "not reached", True),
    ]
    undo(account.aws, done.id, journal=account.journal)
    assert probe(Source.parse("198.51.100.9"), BUCKET, "scans/") is True


def test_removing_the_guard_leaves_the_rest(account: Account) -> None:
    apply(account.aws, plan(account.aws, wish(portal_lock=None)), journal=account.journal)
    gone = Restriction(TEAM, url_lock=False, guard=False, bucket=BUCKET)
    apply(account.aws, plan(account.aws, gone), journal=account.journal)
    assert account.policy() == FOREIGN
    assert account.toggles() == {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"}
