"""The signer limit: its text and its undoing, whom it lists, and what is proved of it."""

from __future__ import annotations

import json

import pytest

from gt_secure.base.network import parse_networks
from gt_secure.engine.access import Claim, locks_of_policies, prove
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.policies.bucket_guard import SIGNERS_SID, build_guard
from gt_secure.engine.policies.signer_limit import build_signer_limit, is_listed, parse_signers
from support.answers import ACCOUNT
from support.guards import find_signer_limit, merge_guard, remove_guard

SCANNER = f"arn:aws:iam::{ACCOUNT}:role/service-role/Scanner"
DEVELOPER = f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer"
ME, ANN = f"arn:aws:sts::{ACCOUNT}:assumed-role/Studio", f"arn:aws:iam::{ACCOUNT}:user/team/ann"
LIMIT = build_signer_limit("gt-images", [SCANNER, DEVELOPER, ANN], ACCOUNT, prefix="scans/")
FOREIGN = (
    '{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource":'
    ' "arn:aws:s3:::gt-images/*"}'
)
GUARD = build_guard("gt-images", prefix="scans/", networks=["203.0.113.0/24"])


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
    merged = merge_guard(policy, LIMIT)
    found = find_signer_limit(merged)
    assert found is not None
    assert (found.prefix, found.signers, found.drifted) == (
        "scans/",
        tuple(sorted([SCANNER, DEVELOPER, ANN])),
        False,
    )
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
    text = json.dumps(json.loads(merge_guard(None, LIMIT)))
    assert old in text
    assert find_signer_limit(text.replace(old, new)).drifted  # type: ignore[union-attr]


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


EVERYBODY = '{"Version":"2012-10-17","Statement":[]}'
PROOFS: dict[str, tuple[str, Claim, bool]] = {
    "the limit": (merge_guard(None, LIMIT), Claim("scans/", signers=(SCANNER, DEVELOPER, ANN)), True),
    "more are allowed than it lists": (merge_guard(None, LIMIT), Claim("scans/", signers=(SCANNER,)), False),
    "outside the prefix": (merge_guard(None, LIMIT), Claim(signers=(SCANNER, DEVELOPER, ANN)), False),
    "no limit": (EVERYBODY, Claim(signers=(SCANNER,)), False),
    "guard alone": (
        merge_guard(None, GUARD), Claim("scans/", parse_networks("203.0.113.0/24"), signers=(SCANNER,)), False,
    ),
    "limit alone, and addresses": (
        merge_guard(None, LIMIT),
        Claim("scans/", parse_networks("203.0.113.0/24"), signers=(SCANNER, DEVELOPER, ANN)), False,
    ),
    "both": (
        merge_guard(merge_guard(None, GUARD), LIMIT),
        Claim("scans/", parse_networks("203.0.113.0/24"), signers=(SCANNER, DEVELOPER, ANN)), True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "claim", "expected"), PROOFS.values(), ids=PROOFS)
def test_it_is_proved_or_refuted(policy: str, claim: Claim, expected: bool) -> None:
    proof = prove(locks_of_policies("gt-images", policy, ACCOUNT), claim)
    assert proof.proved is expected
    assert "signed is opened" in proof.claim
    if not expected and proof.counterexample is not None:
        assert proof.counterexample["resourcePolicy"] == policy


def test_answers_are_about_a_listed_signer_and_name_the_lock() -> None:
    locks = locks_of_policies("gt-images", merge_guard(None, LIMIT), ACCOUNT)
    exposure = Exposure(locks, "scans/1.png")
    assert exposure.at("198.51.100.9", "presigned").answer == "opened"
    assert exposure.at("198.51.100.9", "header").answer == "opened"
    assert exposure.at("198.51.100.9", "other-account").lock == "signer limit"
