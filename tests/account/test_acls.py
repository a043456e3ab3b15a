"""ACLs: what they may open is unknown unless Object Ownership or Block Public Access
was read to settle it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.account import access_to
from gt_secure.account.state import State
from gt_secure.base.network import parse_network
from gt_secure.engine.access import Claim, Exposure
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.acls import PUBLIC_GROUPS, AclGrant
from support.answers import exposed
from support.states import data_bucket, exposure_of, state, unread

OFFICE, ELSEWHERE = "203.0.113.0/24", "198.51.100.9"
READ = "s3:GetBucketOwnershipControls"
STRANGERS = ("anonymous", "other-account")
OUTSIDE = {"NotIpAddress": {"aws:SourceIp": OFFICE}}
ALL = ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]
DENY = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ALL, "Condition": OUTSIDE}
PUBLIC = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ALL[1]}
IGNORED = {"IgnorePublicAcls": True}
RESTRICTED = {"RestrictPublicBuckets": True}


def seen(
    ownership: Any,
    *statements: Any,
    block: dict[str, bool] | None = None,
    account: dict[str, bool] | Part[Any] | None = None,
    acl: Any = (),
    pays: Any = False,
) -> State:
    policy = (
        json.dumps({"Version": "2012-10-17", "Statement": list(statements)}) if statements else None
    )
    bucket = data_bucket(
        policy=policy, public_access_block=block or {}, acl_grants=acl, requester_pays=pays
    )
    bucket = replace(
        bucket, ownership=ownership if isinstance(ownership, Part) else Part.of(ownership)
    )
    return state(team=None, bucket=bucket, account_block=account or {})


def answers(found: State) -> list[tuple[str, tuple[str, ...]]]:
    """The answers to an anonymous caller and to another account,
    from a source and in the row of all of them.
    """
    exposure = exposure_of(found, "k")
    result = [
        (answer.answer, answer.depends_on)
        for answer in (exposure.at(ELSEWHERE, each) for each in STRANGERS)
    ]
    for request, (answer, depends_on) in zip(STRANGERS, result, strict=True):
        row = exposure.row(request)
        assert (row.word, row.unknown.depends_on) == (answer, depends_on)
    return result


DENIED = unread(READ)
NO, ACLS, CALL = ("refused", ()), ("unknown", ("object ACLs",)), ("unknown", (READ,))


@pytest.mark.parametrize(
    ("ownership", "more", "expected"),
    [
        ("BucketOwnerEnforced", {}, [NO, NO]),
        ("ObjectWriter", {}, [ACLS, ACLS]),
        ("BucketOwnerPreferred", {}, [ACLS, ACLS]),
        (DENIED, {}, [CALL, CALL]),
        ("ObjectWriter", {"block": IGNORED}, [NO, ACLS]),
        ("ObjectWriter", {"account": IGNORED}, [NO, ACLS]),
        (DENIED, {"block": IGNORED}, [NO, CALL]),
        ("ObjectWriter", {"block": RESTRICTED}, [ACLS, ACLS]),
        ("BucketOwnerEnforced", {"block": IGNORED}, [NO, NO]),
    ],
)
def test_without_a_grant_of_the_policy_acls_decide(
    ownership: Any, more: Any, expected: Any
) -> None:
    assert answers(seen(ownership, **more)) == expected


def test_an_acl_overrides_no_deny() -> None:
    exposure = exposure_of(seen("ObjectWriter", DENY), "k")
    for request in STRANGERS:
        row = exposure.row(request)
        assert (exposure.at(ELSEWHERE, request).answer, row.unknown.cidrs) == ("refused", (OFFICE,))
        assert exposure.at("203.0.113.7", request).depends_on == ("object ACLs",)


EVERYBODY, SIGNERS = (
    AclGrant(f"{PUBLIC_GROUPS}{name}", "READ") for name in ("AllUsers", "AuthenticatedUsers")
)
PARTNER = AclGrant("79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", "READ")
LOGS = AclGrant("http://acs.amazonaws.com/groups/s3/LogDelivery", "WRITE")
LISTS, WRITES = ("opened", "at least to list the keys"), ("opened", "at least to upload")
LEFT, UNREAD = ("unknown",), unread("s3:GetBucketAcl", "the ACL")
BY_BLOCK = unread("s3:GetAccountPublicAccessBlock")


@pytest.mark.parametrize(
    ("acl", "more", "expected"),
    [
        (EVERYBODY, {}, [LISTS, LISTS]),
        (EVERYBODY, {"ownership": "BucketOwnerPreferred"}, [LISTS, LISTS]),
        (EVERYBODY, {"ownership": "BucketOwnerEnforced"}, [("refused",)] * 2),
        (EVERYBODY, {"account": IGNORED}, [("refused",), LEFT]),
        (EVERYBODY, {"account": BY_BLOCK}, [LEFT, LEFT]),
        (EVERYBODY, {"ownership": DENIED}, [LEFT, LEFT]),
        (SIGNERS, {}, [LEFT, LISTS]),
        (PARTNER, {}, [LEFT, LISTS]),
        (PARTNER, {"block": IGNORED}, [("refused",), LISTS]),
        (replace(EVERYBODY, permission="WRITE"), {}, [WRITES, WRITES]),
        (replace(PARTNER, permission="FULL_CONTROL"), {}, [LEFT, LISTS]),
        (replace(EVERYBODY, permission="READ_ACP"), {}, [LEFT, LEFT]),
        (LOGS, {}, [LEFT, LEFT]),
        (UNREAD, {}, [LEFT, LEFT]),
        (EVERYBODY, {"pays": True}, [("refused",), LISTS]),
        (EVERYBODY, {"pays": unread("s3:GetBucketRequestPayment")}, [LEFT, LISTS]),
    ],
)
def test_the_acl_of_the_bucket_opens_what_it_grants(acl: Any, more: Any, expected: Any) -> None:
    acls = acl if isinstance(acl, Part) else (acl,)
    exposure = exposure_of(seen(**{"ownership": "ObjectWriter", "acl": acls} | more), "k")
    for request, words in zip(STRANGERS, expected, strict=True):
        answer, row = exposure.at(ELSEWHERE, request), exposure.row(request)
        assert (answer.answer, *answer.when) == (row.word, *row.opened.when) == words
    assert exposure.row("presigned").is_open


def test_a_deny_of_all_stands_before_the_acl_of_the_bucket() -> None:
    exposure = exposure_of(seen("ObjectWriter", DENY, acl=(EVERYBODY,)), "k")
    assert [exposure.at(ELSEWHERE, each).answer for each in STRANGERS] == ["refused"] * 2
    assert [exposure.row(each).opened.cidrs for each in STRANGERS] == [(OFFICE,)] * 2


def test_a_proof_names_what_the_acl_of_the_bucket_opens() -> None:
    """The guard of presigned requests refuses them, whoever signed."""
    own = {**DENY, "Principal": {"AWS": "111122223333"}}
    claim = Claim("", (parse_network(OFFICE),))
    proof = exposure_of(seen("ObjectWriter", own, acl=(SIGNERS,))).proves(claim)
    assert proof.proved is False
    assert "the ACL of the bucket" in proof.text
    assert exposure_of(seen("ObjectWriter", DENY, acl=(SIGNERS,))).proves(claim).proved is True


@pytest.mark.parametrize(
    ("acl", "words"),
    [
        (
            EVERYBODY,
            "Anyone, even without a URL, can use gt-images by its ACL, at least to list the keys.",
        ),
        (SIGNERS, "Another AWS account can use gt-images by its ACL, at least to list the keys."),
        (PARTNER, "Another AWS account can use gt-images by its ACL, at least to list the keys."),
        (LOGS, "Who can open gt-images is unknown: it depends on object ACLs."),
    ],
)
def test_the_word_for_a_bucket_says_what_its_acl_opens(acl: AclGrant, words: str) -> None:
    own = {**DENY, "Principal": {"AWS": "111122223333"}}
    assert access_to(seen("ObjectWriter", own, acl=(acl,))).text == words


def test_what_the_policy_opens_is_opened_and_what_it_is_kept_from_is_up_to_acls() -> None:
    """RestrictPublicBuckets closes what a public policy grants, not what ACLs of objects grant."""
    assert answers(seen("ObjectWriter", PUBLIC)) == [("opened", ()), ("opened", ())]
    assert answers(seen("ObjectWriter", PUBLIC, block=RESTRICTED)) == [ACLS, ACLS]
    assert answers(seen("BucketOwnerEnforced", PUBLIC, block=RESTRICTED)) == [NO, NO]


def test_signers_of_the_account_do_not_depend_on_acls() -> None:
    exposure = exposure_of(seen("ObjectWriter", DENY), "k")
    assert [
        exposure.at(ELSEWHERE, kind).answer for kind in ("presigned", "header", "post-form")
    ] == ["refused"] * 3


@pytest.mark.parametrize(
    ("ownership", "proved"), [("BucketOwnerEnforced", True), ("ObjectWriter", None), (DENIED, None)]
)
def test_a_proof_depends_on_acls_where_no_deny_stands_before_them(
    ownership: Any, proved: bool | None
) -> None:
    """The statement is about the account's own signers, and an ACL may grant to another account."""
    own = {**DENY, "Principal": {"AWS": "111122223333"}}
    claim = Claim("", (parse_network(OFFICE),))
    assert exposure_of(seen(ownership, own)).proves(claim).proved is proved
    assert exposure_of(seen(ownership, DENY)).proves(claim).proved is True


@pytest.mark.parametrize(("block", "tone"), [({}, "unknown"), (IGNORED, "good")])
def test_a_good_word_needs_to_know_what_opens_outside_the_list(
    block: dict[str, bool], tone: str
) -> None:
    """A public object opens without a URL, which alone is guarded;
    grants to one account need a signature.
    """
    guard = {
        **DENY,
        "Condition": {**OUTSIDE, "StringEquals": {"s3:authType": ["REST-QUERY-STRING", "POST"]}},
    }
    access = access_to(seen("ObjectWriter", guard, block=block))
    assert access.tone == tone
    assert access.depends_on == (("object ACLs",) if tone == "unknown" else ())


def test_an_acl_is_named_in_a_line_only_where_nobody_asked() -> None:
    """Files have none. Objects of others are no matter where the account owns all of them."""

    def said(exposure: Exposure) -> list[str]:
        lines = [each for row in exposure for each in (*row.opened.unless, *row.refused.unless)]
        return sorted({each for each in lines if "ACL" in each or "owns" in each})

    owner = "another account owns the object"
    assert said(exposed(None)) == ["an ACL grants it"]
    assert said(exposure_of(seen("BucketOwnerEnforced", PUBLIC))) == []
    assert said(exposure_of(seen("ObjectWriter", PUBLIC))) == [owner]
    assert said(exposure_of(seen(DENIED, PUBLIC))) == [owner]
    uploads = exposure_of(seen("ObjectWriter")).row("post-form").opened
    assert owner not in uploads.unless
