"""A revocation: whom it stops, in words, who else loses access, what it asks,
and the change that it becomes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.changes import revoke
from gt_secure.changes.revoke import Revoked
from gt_secure.changes.targets import BucketGuard
from gt_secure.engine.policies.bucket_guard import build_guard
from support.guards import merge_guard, policy_of
from support.opened import opened_by

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
BEFORE, UNTIL = NOW - dt.timedelta(hours=1), NOW + dt.timedelta(hours=5)
ROLE = "arn:aws:sts::111122223333:assumed-role/Signer/session"
USER = "arn:aws:iam::111122223333:user/anna"
ONE = Revoked("gt-images", "", "scans/1.png", None, BEFORE, UNTIL)
POLICY = merge_guard(None, build_guard("gt-images", networks=["203.0.113.0/24"]))
SIGNERS = {None: "everybody", ROLE: "session", USER: "user", "SAML:somebody": "unknown"}


@pytest.mark.parametrize("signer", SIGNERS)
def test_each_kind_of_signer_has_its_words(signer: str | None) -> None:
    kind = SIGNERS[signer]
    assert replace(ONE, signer=signer).kind == kind
    words = change(None, signer=signer).after_text
    long_term = " with long-term keys (new URLs too), until 2026-11-24 14:00 UTC" in words
    assert long_term == (kind in ("user", "unknown"))
    assert (f"signed by {USER} with" in words) == (kind == "user")
    assert ("role/Signer or " in words) == (kind == "session")
    start = "A revocation refuses presigned requests for gt-images/scans/1.png, signed"
    assert words.startswith(start)
    assert words.count(start) == 1 + long_term
    assert " with credentials issued before 2026-11-24T08:00:00Z, until 2026" in words


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"key": None}, "gt-images, gt-images/*, signed with"),
        ({"key": None, "prefix": "scans/"}, "gt-images/scans/*, signed with"),
        ({"viewer": "anna"}, "gt-images/scans/1.png, signed for anna by gt_secure with"),
    ],
)
def test_what_is_stopped_comes_first(values: dict[str, Any], said: str) -> None:
    words = change(None, **values).after_text
    assert words.startswith(f"A revocation refuses presigned requests for {said} ")
    assert words.endswith(", until 2026-11-24 14:00 UTC")


@pytest.mark.parametrize(
    ("values", "losses"),
    [
        (
            {},
            [
                "everybody who holds such a URL, and sessions issued before that time, until they"
                " are renewed"
            ],
        ),
        (
            {"signer": ROLE},
            ["everybody who holds such a URL of this signer, and its sessions issued before"],
        ),
        (
            {"signer": USER},
            ["everybody who holds a presigned URL or form of this user, new ones too"],
        ),
        (
            {"signer": "SAML:somebody"},
            ["everybody who holds a presigned URL or form, whoever signed it, and new ones"],
        ),
        ({"viewer": "anna"}, ["everybody who holds such a URL"]),
        (
            {"leaked": True, "key": None},
            [
                "everybody who holds such a URL, and",
                "every object in the bucket, because this URL names none",
            ],
        ),
    ],
)
def test_who_else_loses_access_is_named_without_a_log_too(
    values: dict[str, Any], losses: list[str]
) -> None:
    found = revoke._affects(replace(ONE, **values), None, NOW)
    assert len(found) == len(losses)
    assert [text[: len(start)] for text, start in zip(found, losses, strict=True)] == losses


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({}, {"revoke-credentials", "revoke-long-term"}),
        ({"signer": ROLE}, {"revoke-credentials"}),
        ({"signer": USER}, {"revoke-credentials"}),
        ({"signer": "SAML:somebody"}, {"revoke-credentials", "revoke-every-signer"}),
        ({"viewer": "anna"}, {"revoke-credentials", "revoke-viewer"}),
        ({"until": None, "signer": ROLE}, {"revoke-credentials", "revoke-no-end"}),
        (
            {"leaked": True, "key": None, "signer": ROLE},
            {"revoke-credentials", "revoke-whole-bucket"},
        ),
    ],
)
def test_a_revocation_asks_for_what_it_costs(values: dict[str, Any], codes: set[str]) -> None:
    assert {each.code for each in revoke._notices(replace(ONE, **values))} == codes


@pytest.mark.parametrize("signer", [ROLE, USER, None, "SAML:somebody"])
def test_a_signer_of_another_partition_is_an_error(signer: str | None) -> None:
    revoke._check_partition(replace(ONE, signer=signer), "aws")
    if SIGNERS[signer] in ("everybody", "unknown"):
        revoke._check_partition(replace(ONE, signer=signer), "aws-cn")
        return
    with pytest.raises(InvalidInput, match="not in the partition of the bucket, aws-cn") as caught:
        revoke._check_partition(replace(ONE, signer=signer), "aws-cn")
    assert caught.value.field == "signer"


def change(before: str | None, **values: Any) -> Any:
    policy = policy_of(before)
    return revoke._change(replace(ONE, **values), policy, "eu-west-1", "aws", NOW, None)


def test_the_change_is_of_the_bucket_in_its_region_and_keeps_the_policy() -> None:
    made = change(POLICY)
    assert made.target == BucketGuard("gt-images", "eu-west-1")
    assert (made.before, made.before_text) == (POLICY, "no URL is revoked")
    [written] = policy_of(made.after).revocations
    assert f"{made.after_text}." == written.sentence
    assert "GtSecurePresignGuard" in made.after
    assert "arn:aws:s3:::gt-images/scans/1.png" in made.after
    assert made.affects == tuple(revoke._affects(ONE, None, NOW))
    assert [call.operation for call in made.calls][-1] == "PutBucketPolicy"
    assert made.seconds_typical == 2
    assert change(made.after) is None, "it is there already"
    again = change(made.after, key="scans/2.png")
    assert again.before_text.endswith("in the bucket policy")
    assert again.before_text[0].isdigit()


def test_what_has_ended_is_removed_and_said() -> None:
    ended = change(None, until=NOW - dt.timedelta(minutes=1), signer=ROLE)
    assert ended is None, "a revocation that has ended refuses nobody"
    old = revoke._change(ONE, POLICY, "eu-west-1", "aws", BEFORE, None)
    later = revoke._change(
        replace(ONE, key="scans/2.png", until=UNTIL + dt.timedelta(days=9)), old.after, "eu-west-1", "aws",
        UNTIL + dt.timedelta(days=8), None,
    )  # fmt: skip
    assert later is not None
    assert "scans/2.png" in later.after


@pytest.mark.parametrize("signer", SIGNERS)
def test_a_log_names_the_signers_of_other_urls(signer: str | None) -> None:
    with opened_by("203.0.113.7", "198.51.100.9") as hits:
        found = revoke._affects(replace(ONE, signer=signer, key=None), hits, NOW)
    assert found[0] == revoke._affects(replace(ONE, signer=signer, key=None), None, NOW)[0]
