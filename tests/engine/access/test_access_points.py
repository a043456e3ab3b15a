"""Signers through an access point: its own policy, the bucket's, VPC-only ones,
and what was not read.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.base.network import Source, parse_stored_cidrs
from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.access.access_points import AccessPoint
from gt_secure.engine.access.expectation import Expectation
from gt_secure.engine.access.identities import parse_principals
from gt_secure.engine.access.part import NotRead, Part
from gt_secure.engine.access.proof import Claim
from gt_secure.engine.access.signers import Signers, SigningPrincipal, signers_of
from support.principals import ACCOUNT, OBJECT, arn, details, doc, policy, st, user

KEY = OBJECT.partition("gt-images/")[2]
POINT = f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/images"
BY_POINT = st("s3:GetObject", f"{POINT}/object/*")
ON_BUCKET = st("s3:GetObject", "arn:aws:s3:::gt-images/*")
DENIED = NotRead("the access points of gt-images", "s3:ListAccessPoints", "denied", "no")
UNREAD = NotRead(
    "the policy of the access point images", "s3:GetAccessPointPolicy", "no answer", "slow down"
)


def to(
    principal: object, resource: str = f"{POINT}/object/*", effect: str = "Allow", **condition: Any
) -> Any:
    made = {
        "Effect": effect,
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": resource,
    }
    return {**made, "Condition": condition} if condition else made


def on_bucket(principal: object, effect: str = "Allow", **condition: Any) -> Any:
    return to(principal, "arn:aws:s3:::gt-images/*", effect, **condition)


def point(
    text: Any = None, vpc: str = "", *, block: Part[Any] | None = None, unread: bool = False
) -> AccessPoint:
    read: Part[str] = (
        Part.unread(UNREAD) if unread else Part.of(None if text is None else json.dumps(text))
    )
    return AccessPoint("images", POINT, vpc, read, block or Part.of(None))


def ask(
    *people: Any,
    points: Any,
    bucket: Any = None,
    other: bool = False,
    own: Any = (False, None),
    **more: Any,
) -> Signers:
    found = points if isinstance(points, Part) else Part.of(tuple(points))
    locks = locks_of_policies("gt-images", bucket, "444455556666" if other else ACCOUNT, **more)
    locks = replace(
        locks, restricts_public=own[0], account_restricts_public=own[1], access_points=found
    )
    return signers_of(Exposure(locks, KEY), parse_principals(json.dumps(details(*people))))


def only(found: Signers) -> SigningPrincipal:
    (each,) = [each for each in (*found, *found.refused) if each.arn == arn("user/x")]
    return each


DELEGATES = on_bucket("*", StringEquals={"s3:DataAccessPointAccount": ACCOUNT})
ME = {"AWS": arn("user/x")}
PUTS = st(["s3:PutAccessPointPolicy"], "*")
OFFICE = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
CASES: dict[str, tuple[list[Any], list[AccessPoint] | Part[Any], Any, str]] = {
    "delegated, and the access point grants": ([], [point(doc(to(ME)))], doc(DELEGATES), "through"),
    "delegated, and the own policies name the access point": ([BY_POINT], [point()], doc(DELEGATES), "through"),
    "delegated, and nobody grants": ([], [point()], doc(DELEGATES), "refused"),
    "granted by the access point alone": ([], [point(doc(to(ME)))], None, "refused"),
    "named by the own policies alone": ([BY_POINT], [point()], None, "refused"),
    "both ARNs, but only through the access point": (
        [BY_POINT, ON_BUCKET], [point()],
        doc(on_bucket("*", "Deny", StringNotEquals={"s3:DataAccessPointArn": POINT})), "through",
    ),
    "for the bucket anyway": ([BY_POINT, ON_BUCKET], [point()], None, "opened"),
    "denied by the access point": (
        [BY_POINT], [point(doc(to(ME, effect="Deny"), to("*")))], doc(DELEGATES), "refused",
    ),
    "delegated to another account's": (
        [BY_POINT], [point()], doc(on_bucket("*", StringEquals={"s3:DataAccessPointAccount": "444455556666"})),
        "refused",
    ),
    "delegated to those of a VPC": (
        [BY_POINT], [point()], doc(on_bucket("*", StringEquals={"s3:AccessPointNetworkOrigin": "VPC"})), "refused",
    ),
    "denied by the own policies": (
        [st("s3:*", f"{POINT}/*", effect="Deny")], [point(doc(to(ME)))], doc(DELEGATES), "refused",
    ),
    "not listed, and delegated": ([BY_POINT], Part.unread(DENIED), doc(DELEGATES), "unknown"),
    "not listed, and not delegated": ([BY_POINT], Part.unread(DENIED), None, "refused"),
    "not listed, and opened anyway": ([ON_BUCKET], Part.unread(DENIED), None, "opened"),
    "its policy was not read": ([], [point(unread=True)], doc(DELEGATES), "unknown"),
    "its policy is not valid": ([], [point({"Statement": []} | {"Version": "x"})], doc(DELEGATES), "unknown"),
    "its policy was not read, and the bucket refuses": ([], [point(unread=True)], None, "refused"),
    "puts its policy, where the bucket delegates": ([PUTS], [point()], doc(DELEGATES), "through"),
    "puts its policy, where the bucket does not": ([PUTS], [point()], None, "refused"),
    "puts the policy of another one": ([st("s3:Put*", f"{POINT}2")], [point()], doc(DELEGATES), "refused"),
    "puts its policy, of this name alone": (
        [{**PUTS, "Condition": {"StringEquals": {"s3:DataAccessPointArn": POINT}}}], [point()], doc(DELEGATES),
        "through",
    ),
    "deletes the refusal of its policy": (
        [BY_POINT, st("s3:DeleteAccessPointPolicy", POINT)], [point(doc(to("*", effect="Deny")))], doc(DELEGATES),
        "through",
    ),
    "deletes its policy, and nobody grants": (
        [st("s3:DeleteAccessPointPolicy", POINT)], [point()], doc(DELEGATES), "refused",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_who_signs_through_an_access_point(name: str) -> None:
    own, points, bucket, expected = CASES[name]
    found = only(ask(user("x", *own), points=points, bucket=bucket))
    assert found.answer == {"through": "opened"}.get(expected, expected), name
    becomes = expected == "through" and name.startswith(("puts", "deletes"))
    assert found.signing == ("can-become" if becomes else "signs")
    assert not becomes or found.opened.when[0].endswith(f"AccessPointPolicy on {POINT}")
    assert found.to_dict().get("access_points") == (["images"] if expected == "through" else None)
    assert ("through the access point images" in found.opened.when) == (expected == "through")
    assert ("s3:ListAccessPoints" in found.depends_on) == name.startswith(
        "not listed, and delegated"
    )
    assert ("s3:GetAccessPointPolicy" in found.depends_on) == (
        expected == "unknown" and name.startswith("its policy")
    )


def test_sources_are_those_of_the_ways_that_open() -> None:
    bucket = doc(DELEGATES, on_bucket(ME, **OFFICE))
    here = only(ask(user("x"), points=[point()], bucket=bucket))
    assert here.opened.cidrs == ("203.0.113.0/24",)
    wider = point(doc(to(ME, IpAddress={"aws:SourceIp": ["203.0.113.0/24", "198.51.100.0/24"]})))
    found = only(ask(user("x"), points=[wider], bucket=bucket))
    assert found.opened.cidrs == ("198.51.100.0/24", "203.0.113.0/24")
    assert found.opened.when == ("through the access point images (from 198.51.100.0/24)",)
    narrow = doc(DELEGATES, on_bucket("*", "Deny", NotIpAddress={"aws:SourceIp": "203.0.113.0/24"}))
    found = only(ask(user("x"), points=[wider], bucket=narrow))
    assert (found.opened.cidrs, found.opened.other_endpoints) == (("203.0.113.0/24",), False)


def test_a_vpc_access_point_opens_for_its_vpc_only() -> None:
    found = only(ask(user("x", BY_POINT), points=[point(vpc="vpc-0abc")], bucket=doc(DELEGATES)))
    assert (found.answer, found.opened.cidrs, found.opened.endpoints) == (
        "opened",
        (),
        ("vpc-0abc",),
    )
    assert not found.opened.other_endpoints


def test_an_endpoint_whose_vpc_is_not_known_names_the_vpc() -> None:
    bucket = doc(
        DELEGATES, on_bucket("*", "Deny", StringNotEquals={"aws:SourceVpce": "vpce-0123abcd"})
    )
    found = only(ask(user("x", BY_POINT), points=[point(vpc="vpc-0abc")], bucket=bucket))
    assert (found.answer, found.depends_on) == ("unknown", ("aws:SourceVpc",))


def test_choices_of_both_policies_must_go_together() -> None:
    version = {"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}
    young, old = (
        {f"Numeric{name}": {"s3:signatureAge": "60001"}, **version}
        for name in ("LessThan", "GreaterThan")
    )
    found = only(ask(user("x"), points=[point(doc(to(ME, **young)))], bucket=doc(DELEGATES)))
    assert (found.answer, found.longest_s) == ("opened", 60)
    old["StringEquals"] = {**version["StringEquals"], "s3:DataAccessPointAccount": ACCOUNT}
    bucket = doc(on_bucket("*", **old))
    found = only(ask(user("x"), points=[point(doc(to(ME, **young)))], bucket=bucket))
    assert (found.answer, found.depends_on) == ("unknown", ("the conditions of both policies",))
    bucket = doc(DELEGATES, on_bucket(ME, **young))
    assert (
        only(ask(user("x"), points=[point(doc(to(ME)))], bucket=bucket)).longest_s == 7 * 24 * 3600
    )


def test_block_public_access_of_an_access_point_refuses_other_accounts() -> None:
    on, denied = (
        Part.of({"RestrictPublicBuckets": True}),
        Part[Any].unread(replace(UNREAD, action="s3:GetAccessPoint")),
    )
    bucket, public = (
        doc(on_bucket("*", StringEquals={"s3:DataAccessPointAccount": "444455556666"})),
        doc(to("*")),
    )
    place = POINT.replace(ACCOUNT, "444455556666")
    moved, named = (
        json.loads(json.dumps(each).replace(POINT, place)) for each in (public, doc(to(ME)))
    )
    # S3 decides if public
    beside = doc({**moved["Statement"][0], "Condition": {"NotIpAddress": OFFICE["IpAddress"]}})
    of_bucket, of_account, off = (
        "s3:GetBucketPublicAccessBlock",
        "s3:GetAccountPublicAccessBlock",
        Part[Any].of({}),
    )
    for text, block, by_bucket, by_account, expected in (
        (moved, off, False, False, ""), (moved, on, False, False, "refused"), (moved, on, None, None, "refused"),
        (moved, denied, False, False, "s3:GetAccessPoint"), (moved, denied, False, True, "refused"),
        (moved, off, True, None, "refused"), (moved, off, False, True, "refused"),
        (moved, off, None, False, of_bucket), (moved, off, False, None, of_account), (named, off, True, True, ""),
        (beside, on, True, True, ""),
    ):  # fmt: skip
        made = replace(point(text, block=block), arn=place)
        more: dict[str, Any] = {
            "points": [made],
            "bucket": bucket,
            "other": True,
            "own": (by_bucket, by_account),
        }
        found = only(ask(user("x", st("s3:GetObject", "*")), **more))
        answer = expected if expected == "refused" else "unknown" if expected else "opened"
        assert (found.answer, found.depends_on) == (
            answer,
            (expected,) if answer == "unknown" else (),
        ), more
    made = replace(point(public, block=on), arn=POINT)
    assert only(ask(user("x"), points=[made], bucket=doc(DELEGATES))).answer == "opened"


def test_boundary_and_organization_hold_for_the_access_point() -> None:
    for limit, expected in ((st("s3:*"), "opened"), (ON_BUCKET, "refused"), (BY_POINT, "opened")):
        people = user("x", BY_POINT, boundary=arn("policy/p")), policy("p", doc(limit))
        assert only(ask(*people, points=[point()], bucket=doc(DELEGATES))).answer == expected, limit
    scp = (doc(st("*"), st("s3:*", f"{POINT}/*", effect="Deny")),)
    assert (
        only(ask(user("x", BY_POINT), points=[point()], bucket=doc(DELEGATES), scp=scp)).answer
        == "refused"
    )


SENTENCES = {
    "The bucket has no access points.": [],
    "URLs can go through 1 access point of the bucket, images, too. S3 does not list": [point()],
    "s3:ListAccessPoints was denied": Part[Any].unread(DENIED),
    "too. s3:GetAccessPointPolicy got no answer for images.": [point(unread=True)],
}


@pytest.mark.parametrize("text", SENTENCES)
def test_answers_say_what_was_looked_at(text: str) -> None:
    said = [each for each in ask(user("x"), points=SENTENCES[text]).assumed if text in each]
    assert len(said) == 1


def test_keys_that_only_statements_about_the_access_point_tell_apart() -> None:
    people = [user("x", st("s3:GetObject", f"{POINT}/object/scans/a/*")), user("y", BY_POINT)]
    refuses = to({"AWS": arn("user/y")}, f"{POINT}/object/scans/*.png", "Deny")
    locks = locks_of_policies("gt-images", doc(DELEGATES), ACCOUNT)
    locks = replace(locks, access_points=Part.of((point(doc(refuses)),)))
    found = signers_of(
        Exposure(locks, "scans/", is_prefix=True), parse_principals(json.dumps(details(*people)))
    )
    assert [list(map(str, each.opened.keys)) for each in found] == [
        ["scans/a/*"],
        ["all keys except scans/*.png"],
    ]
    assert {each.opened.through for each in found} == {("images",)}


MINE = {"s3:DataAccessPointAccount": ACCOUNT}
SPARES = {
    **on_bucket("*", "Deny", NotIpAddress=OFFICE["IpAddress"], StringNotEquals=MINE),
    "Action": "s3:*",
}
NOT_DIRECT = on_bucket("*", "Deny", Null={"s3:DataAccessPointArn": "true"})
BY_VPC = st("s3:*", "*", "Deny", StringNotEquals={"s3:AccessPointNetworkOrigin": "VPC"})
ASKS: dict[str, tuple[list[Any], Any, dict[str, Any]]] = {
    "the bucket policy": ([st("s3:GetObject")], doc(NOT_DIRECT), {}),
    "own policies": ([st("s3:GetObject", "*", ArnLike={"s3:DataAccessPointArn": POINT})], None, {}),
    "a service control policy": ([st("s3:GetObject")], None, {"scp": [doc(st("*"), BY_VPC)]}),
    "a resource control policy": ([st("s3:GetObject")], None, {"rcp": [doc(NOT_DIRECT)]}),
}


@pytest.mark.parametrize("name", ASKS)
def test_without_a_list_of_access_points_nobody_is_refused_for_the_way(name: str) -> None:
    own, bucket, more = ASKS[name]
    found = only(
        ask(
            user("x", *own),
            points=Part[Any].unasked("them", "s3:ListAccessPoints"),
            bucket=bucket,
            **more,
        )
    )
    assert (found.answer, found.depends_on) == ("unknown", ("s3:DataAccessPointAccount",))


def test_signers_and_proofs_of_a_guard_that_spares_access_points_agree() -> None:
    found = only(ask(user("x", st("s3:GetObject")), points=[point()], bucket=doc(SPARES)))
    assert found.opened.through == ("images",)
    exposure = Exposure(locks_of_policies("gt-images", doc(SPARES), ACCOUNT), KEY)
    proof = exposure.proves(Claim("scans/", tuple(parse_stored_cidrs(("203.0.113.0/24",)))))
    assert (proof.proved, proof.depends_on) == (None, ("s3:DataAccessPointAccount",))
    assert exposure.at("198.51.100.9", "presigned").depends_on == ("s3:DataAccessPointAccount",)
    assert not exposure.holds(Expectation("refused", (Source.parse("198.51.100.9"),))).proved
