"""The signer lock: its text and its undoing, whom it lists, what a plan says of it, and what is proved of it."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import parse_networks
from gt_secure.changes import plan
from gt_secure.engine.access import Claim, locks_of_files, prove
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.policies.bucket_guard import SIGNERS_SID, build_guard, merge_guard, remove_guard
from gt_secure.engine.policies.signer_lock import build_signer_lock, find_signer_lock, is_listed, parse_signers
from gt_secure.restriction.files import schema
from gt_secure.restriction.model import Restriction
from support.states import ACCOUNT, JOB, data_bucket, state, unread

SCANNER = f"arn:aws:iam::{ACCOUNT}:role/service-role/Scanner"
DEVELOPER = f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer"
ME, ANN = f"arn:aws:sts::{ACCOUNT}:assumed-role/Studio", f"arn:aws:iam::{ACCOUNT}:user/team/ann"
LOCK = build_signer_lock("gt-images", [SCANNER, DEVELOPER, ANN], ACCOUNT, prefix="scans/")
FOREIGN = '{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*"}'
GUARD = build_guard("gt-images", prefix="scans/", networks=["203.0.113.0/24"])
NO_AWS = cast(Aws, None)


def planned(policy: str | None = None, *, jobs: Any = (), hits: Any = None, **wish: Any) -> Any:
    seen = state(bucket=data_bucket(policy=policy), jobs=jobs, team=None if "team" not in wish else state().team)
    return plan(NO_AWS, Restriction(bucket="gt-images", prefix="scans/", **wish), state=seen, hits=hits)


def told(one: Any) -> dict[str, str]:
    return {each.code: each.severity for each in one.notices}


@pytest.mark.parametrize(
    "policy",
    [
        None,
        f'{{"Version":"2012-10-17","Statement":[{FOREIGN}]}}',
        f'{{"Statement": {FOREIGN} , "Version":"2012-10-17"}}',
        f'{{"Version":"2012-10-17","Statement":[\n {FOREIGN},\n {FOREIGN}\n]}}',
        merge_guard(None, GUARD),
    ],
)
def test_the_text_comes_back_exactly(policy: str | None) -> None:
    merged = merge_guard(policy, LOCK)
    found = find_signer_lock(merged)
    assert found is not None
    assert (found.prefix, found.signers, found.drifted) == ("scans/", tuple(sorted([SCANNER, DEVELOPER, ANN])), False)
    assert remove_guard(merged, SIGNERS_SID) == policy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("s3:PutObject", "s3:Put*"),
        ("role/*/Developer", "role/*/Other"),
        ("REST-QUERY-STRING", "REST-HEADER"),
        (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:user/x"),
        ("ArnNotLike", "ArnNotEquals"),
        ("scans/*", "scans/"),
    ],
)
def test_an_edited_lock_is_drift(old: str, new: str) -> None:
    text = json.dumps(json.loads(merge_guard(None, LOCK)))
    assert old in text
    assert find_signer_lock(text.replace(old, new)).drifted  # type: ignore[union-attr]
    assert told(planned(text.replace(old, new), signers=[SCANNER, ME]))["guard-edited"] == "blocker"


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (SCANNER, True),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Scanner/any", True),
        (f"arn:aws:iam::{ACCOUNT}:role/Scanner", False),
        (f"arn:aws:iam::{ACCOUNT}:role/some/path/Developer", True),
        (f"{DEVELOPER}/ann", True),
        (ANN, True),
        (f"arn:aws:iam::{ACCOUNT}:user/ann", False),
        (f"arn:aws:iam::{ACCOUNT}:root", True),
        ("arn:aws:sts::444455556666:assumed-role/Developer/ann", False),
    ],
)
def test_who_is_listed(arn: str, expected: bool) -> None:
    assert is_listed(arn, parse_signers([SCANNER, f"{DEVELOPER}/bob", ANN])) == expected


@pytest.mark.parametrize("word", ["Scanner", f"arn:aws:iam::{ACCOUNT}:role/*", "", "arn:aws:iam::1:user/x", "*"])
def test_what_is_not_a_signer_is_refused(word: str) -> None:
    with pytest.raises(InvalidInput, match="with the path of the role") as error:
        Restriction(bucket="gt-images", signers=[word])
    assert error.value.field == "signers"


def test_a_restriction_has_signers_alone_or_beside_the_guard() -> None:
    alone = Restriction(bucket="gt-images", signers=f"{SCANNER}, {DEVELOPER}/bob\n{ANN}")
    assert (alone.guard, alone.signers) == (None, tuple(sorted([SCANNER, DEVELOPER, ANN])))
    both = Restriction(bucket="gt-images", addresses="203.0.113.0/24", signers=[SCANNER])
    assert both.guard is True
    for one in (alone, both, Restriction(bucket="gt-images", signers=[])):
        assert Restriction.from_dict(one.to_dict()) == one
    assert "signers" in schema()["properties"]
    with pytest.raises(InvalidInput, match="requires a bucket"):
        Restriction("open-team", signers=[SCANNER])


def test_a_plan_writes_changes_keeps_and_removes_it() -> None:
    one = planned(f'{{"Version":"2012-10-17","Statement":[{FOREIGN}]}}', signers=[SCANNER, ME])
    [change] = one.changes
    assert FOREIGN in change.after
    assert change.after_text.endswith("work only if role/service-role/Scanner or role/Studio signed them")
    assert told(one) == {"signers-jobs-unread": "info", "signers-limits": "info"}
    assert "becomes" not in one.to_text()
    assert "does not stop those who can become a listed signer" in one.to_text()
    assert planned(change.after, signers=[SCANNER, ME]).empty
    both = planned(change.after, addresses=["203.0.113.0/24"])
    assert find_signer_lock(both.changes[0].after) == find_signer_lock(change.after)
    fewer = planned(change.after, signers=[ME])
    assert told(fewer)["signers-drops"] == "warning"
    off = planned(change.after, signers=[])
    assert (told(off), off.changes[0].after) == ({"signers-off": "warning"}, change.before)
    assert planned(change.before, signers=[]).empty


def test_nobody_who_is_needed_is_locked_out() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/GroundTruth"
    jobs = [type(JOB)(JOB.name, JOB.status, JOB.workteam_arn, role_arn=role)]
    one = planned(team="radiology-team", url_lock=None, jobs=jobs, signers=[SCANNER])
    blockers = {each.code: each for each in one.blockers}
    assert {"signers-caller", "signers-jobs"} <= blockers.keys()
    assert not blockers["signers-caller"].confirmable
    assert f"--signers {ME}/me" in blockers["signers-caller"].fix
    assert f"--signers {role}" in blockers["signers-jobs"].fix
    assert not planned(team="radiology-team", url_lock=None, jobs=jobs, signers=[role, ME]).blockers
    unknown = planned(team="radiology-team", url_lock=None, jobs=unread("sagemaker:List"), signers=[SCANNER, ME])
    assert told(unknown)["signers-jobs-unread"] == "info"


EVERYBODY = '{"Version":"2012-10-17","Statement":[]}'
PROOFS: dict[str, tuple[str, Claim, bool]] = {
    "the lock": (merge_guard(None, LOCK), Claim("scans/", signers=(SCANNER, DEVELOPER, ANN)), True),
    "more are allowed than it lists": (merge_guard(None, LOCK), Claim("scans/", signers=(SCANNER,)), False),
    "outside the prefix": (merge_guard(None, LOCK), Claim(signers=(SCANNER, DEVELOPER, ANN)), False),
    "no lock": (EVERYBODY, Claim(signers=(SCANNER,)), False),
    "guard alone": (
        merge_guard(None, GUARD), Claim("scans/", parse_networks("203.0.113.0/24"), signers=(SCANNER,)), False,
    ),
    "lock alone, and addresses": (
        merge_guard(None, LOCK),
        Claim("scans/", parse_networks("203.0.113.0/24"), signers=(SCANNER, DEVELOPER, ANN)), False,
    ),
    "both": (
        merge_guard(merge_guard(None, GUARD), LOCK),
        Claim("scans/", parse_networks("203.0.113.0/24"), signers=(SCANNER, DEVELOPER, ANN)), True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "claim", "expected"), PROOFS.values(), ids=PROOFS)
def test_it_is_proved_or_refuted(policy: str, claim: Claim, expected: bool) -> None:
    proof = prove(locks_of_files("gt-images", policy, ACCOUNT), claim)
    assert proof.proved is expected
    assert "signed is opened" in proof.claim
    if not expected and proof.counterexample is not None:
        assert proof.counterexample["resourcePolicy"] == policy


def test_answers_are_about_a_listed_signer_and_name_the_lock() -> None:
    locks = locks_of_files("gt-images", merge_guard(None, LOCK), ACCOUNT)
    exposure = Exposure(locks, "scans/1.png")
    assert exposure.at("198.51.100.9", "presigned").answer == "opened"
    assert exposure.at("198.51.100.9", "header").answer == "opened"
    assert exposure.at("198.51.100.9", "other-account").lock == "signer lock"
    assert any("which the signer lock lists" in each for each in exposure.assumed)
