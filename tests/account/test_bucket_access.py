"""The answer for a whole bucket: its tone and its words,
for guards as people write and edit them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from gt_secure.account import access_to
from gt_secure.account.bucket_access import BucketAccess
from gt_secure.base.network import parse_stored_cidrs
from gt_secure.engine.access.access_points import AccessPoint
from gt_secure.engine.access.address_classes import is_anyone, spans_of
from gt_secure.engine.policies.bucket_guard import build_guard
from support.answers import ACCOUNT
from support.states import data_bucket, state, unread

OFFICE = "203.0.113.0/24"
POINT = f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/images"
POLICY = [build_guard("gt-images", networks=[OFFICE])]
FOUR = [
    build_guard(
        "gt-images",
        networks=[OFFICE, "198.51.100.0/24", "192.0.2.0/24"],
        endpoints=["vpce-0a1b2c3d"],
    )
]
PART = [build_guard("gt-images", prefix="scans/", networks=[OFFICE])]
NO_OBJECT = [build_guard("gt-images", prefix="nosuch/", networks=[OFFICE])]
READS = [build_guard("gt-images", networks=[OFFICE], reads=True)]
PUBLIC = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::gt-images/*",
}
ONLY = f"Only {OFFICE} can open presigned URLs of gt-images."
ANYONE = "Anyone with a URL can open gt-images."


def edited(**members: Any) -> list[dict[str, Any]]:
    return [{**POLICY[0], **members}]


def under(**condition: Any) -> list[dict[str, Any]]:
    return edited(Condition={**POLICY[0]["Condition"], **condition})  # type: ignore[dict-item]


def listing(*networks: str) -> list[dict[str, Any]]:
    return under(NotIpAddressIfExists={"aws:SourceIp": list(networks)})


CASES: dict[str, tuple[list[dict[str, Any]] | None, str, str]] = {
    "none": (None, "open", ANYONE),
    "guard": (POLICY, "good", ONLY),
    "several sources": (FOUR, "good", "Only 3 ranges and 1 VPC endpoint can open presigned URLs of gt-images."),
    "prefix": (PART, "part", f"Objects under scans/: only {OFFICE}. Other objects of gt-images: anyone with a URL."),
    "prefix of no object": (
        NO_OBJECT, "part", f"Objects under nosuch/: only {OFFICE}. Other objects of gt-images: anyone with a URL.",
    ),
    "reads": (
        READS, "part", f"Downloads of gt-images: only {OFFICE}. Uploads: anyone with an upload URL or form.",
    ),
    "uploads alone": (edited(Action="s3:PutObject"), "open", ANYONE),
    "downloads and uploads alone": (
        edited(Action=["s3:GetObject", "s3:PutObject"]),
        "part", f"Not only {OFFICE} can open gt-images: s3:DeleteObject opens from 198.51.100.9.",
    ),
    "forms alone": (under(StringEquals={"s3:authType": "POST"}), "open", ANYONE),
    "halves": (listing("0.0.0.0/1", "128.0.0.0/1"), "open", ANYONE),
    "half": (listing("128.0.0.0/1"), "open", ANYONE),
    "half of IPv6": (listing(OFFICE, "2000::/4"), "open", ANYONE),
    "less than half": (
        listing("0.0.0.0/2", "2a00::/8"), "good",
        "Only 0.0.0.0/2 and 2a00::/8 can open presigned URLs of gt-images.",
    ),
    "every endpoint": (
        under(Null={"aws:SourceVpce": "true"}), "open", ANYONE,
    ),
    "an exempt role": (
        under(ArnNotLike={"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/admin"}), "part",
        f"Not only {OFFICE} can open gt-images: s3:GetObject opens from 198.51.100.9, "
        "signed by assumed-role/admin/some-session.",
    ),
    "public": ([*POLICY, PUBLIC], "open", "Anyone can open gt-images, even without a URL."),
    "a public part": (
        [*POLICY, {**PUBLIC, "Resource": "arn:aws:s3:::gt-images/public/*"}], "part",
        'Some objects of gt-images, such as "public/": anyone, even without a URL.',
    ),
    "two parts": (
        edited(Resource=["arn:aws:s3:::gt-images/a/*", "arn:aws:s3:::gt-images/b/*"]), "part",
        f"Objects under a/: only {OFFICE}. Objects under b/: only {OFFICE}. "
        "Other objects of gt-images: anyone with a URL.",
    ),
    "four parts": (
        edited(Resource=[f"arn:aws:s3:::gt-images/{name}/*" for name in "abcd"]), "part",
        " ".join(f"Objects under {name}/: only {OFFICE}." for name in "abcd")
        + " Other objects of gt-images: anyone with a URL.",
    ),
    "five parts": (
        edited(Resource=[f"arn:aws:s3:::gt-images/{name}/*" for name in "abcde"]), "part",
        " ".join(f"Objects under {name}/: only {OFFICE}." for name in "abcd")
        + " 1 more guard. Other objects of gt-images: anyone with a URL.",
    ),
    "six parts": (
        edited(Resource=[f"arn:aws:s3:::gt-images/{name}/*" for name in "abcdef"]), "part",
        " ".join(f"Objects under {name}/: only {OFFICE}." for name in "abcd")
        + " 2 more guards. Other objects of gt-images: anyone with a URL.",
    ),
    "a second statement": (
        [*PART, {**POLICY[0], "Sid": "Second"}], "good", ONLY,
    ),
    "somebody's own": (edited(Sid="Mine"), "good", ONLY),
    "a tag": (
        under(StringNotEquals={"s3:ExistingObjectTag/free": "yes"}), "unknown",
        "Who can open gt-images is unknown: it depends on s3:ExistingObjectTag/free.",
    ),
    "nobody": (
        [{**POLICY[0], "Condition": {"StringEquals": {"s3:authType": ["REST-QUERY-STRING", "POST"]}}}], "good",
        "Nobody can open presigned URLs of gt-images.",
    ),
}  # fmt: skip


def policy(statements: list[dict[str, Any]] | None) -> str | None:
    return (
        None
        if statements is None
        else json.dumps({"Version": "2012-10-17", "Statement": statements})
    )


@pytest.mark.parametrize("name", CASES)
def test_the_answer_for_a_whole_bucket(name: str) -> None:
    statements, tone, text = CASES[name]
    access = access_to(state(team=None, bucket=data_bucket(policy=policy(statements))))
    assert (access.tone, access.text) == (tone, text)


def test_a_part_that_is_asked_about_is_named() -> None:
    access = access_to(state(team=None, bucket=data_bucket(policy=policy(PART))), "scans/")
    assert (access.tone, access.chip) == ("good", ("ok", OFFICE))
    assert (
        access.text
        == f"Only {OFFICE} can open presigned URLs of objects of gt-images under scans/."
    )


@pytest.mark.parametrize(
    ("text", "depends_on"),
    [(unread("s3:GetBucketPolicy"), "s3:GetBucketPolicy"), ("{", "a policy that is not valid")],
)
def test_without_a_policy_that_can_be_read_it_is_unknown(text: Any, depends_on: str) -> None:
    access = access_to(state(team=None, bucket=data_bucket(policy=text)))
    assert (access.tone, access.depends_on, access.chip.tone) == ("unknown", (depends_on,), "plain")


@pytest.mark.parametrize(
    ("points", "tone"), [((), "good"), ((AccessPoint("images", POINT),), "unknown")]
)
def test_what_access_points_decide_is_unknown_where_there_are_some(points: Any, tone: str) -> None:
    delegated = {**PUBLIC, "Condition": {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}}}
    seen = data_bucket(policy=policy([*POLICY, delegated]), access_points=points)
    access = access_to(state(team=None, bucket=seen))
    assert (access.tone, access.depends_on) == (
        tone,
        ("s3:DataAccessPointAccount",) if points else (),
    )


@pytest.mark.parametrize(
    ("cidrs", "anyone"),
    [
        (["0.0.0.0/1"], True), (["128.0.0.0/2", "0.0.0.0/2"], True), (["0.0.0.0/2", "64.0.0.0/3"], False),
        (["::/0"], True), (["2000::/4"], True), (["2000::/5"], False), (["fc00::/7", "::/3"], False), ([], False),
    ],
)  # fmt: skip
def test_half_of_the_internet_is_anyone(cidrs: list[str], anyone: bool) -> None:
    assert is_anyone(spans_of(parse_stored_cidrs(cidrs))) is anyone


@pytest.mark.parametrize(
    ("tone", "colour", "words"),
    [
        ("good", "ok", "203.0.113.0/24"),
        ("part", "warn", "part of the bucket"),
        ("open", "no", "open to anyone"),
        ("unknown", "plain", "unknown"),
    ],
)
def test_the_chip_of_each_answer_has_its_colour_and_never_a_better_word(
    tone: Any, colour: str, words: str
) -> None:
    chip = BucketAccess(tone, "A sentence.", "203.0.113.0/24").chip
    assert (chip.tone, chip.words) == (colour, words)
