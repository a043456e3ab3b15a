"""200 odd accounts: no two surfaces differ by kind of request, source and class of keys,
and none is certain alone.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from gt_secure import Restriction, expect
from gt_secure.account import locks_of
from gt_secure.account.organization import Organization
from gt_secure.account.state import State
from gt_secure.aws.client import Aws
from gt_secure.changes.plan import plan
from gt_secure.engine.access import Exposure
from gt_secure.engine.access.part import NotRead, Part
from gt_secure.engine.iam.facts import supplied_facts
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.claim import claim_from
from support.answers import answer_of
from support.organizations import no_organization
from support.rig import Rig
from support.states import ENDPOINT, FORCE, S3_ENDPOINT, TEAM, data_bucket, state

ACCOUNTS = 200
NO_AWS = cast(Aws, None)
OFFICE, OTHER_VPCE = "203.0.113.0/24", "vpce-0123456789abcdef0"
ADDRESSES = ("203.0.113.7", "198.51.100.9", "192.0.2.44", "2001:db8::7")
SOURCES = (*ADDRESSES, ENDPOINT, OTHER_VPCE, f"10.0.3.4 via {ENDPOINT}")
KINDS = ("worker", "forwarded", "presigned", "header", "post-form", "anonymous", "other-account")
NETWORK = {"NotIpAddress": {"aws:SourceIp": [OFFICE, "192.0.2.0/24"]}}


def deny(
    condition: dict[str, Any] | None = None, resource: str = "*", **more: Any
) -> dict[str, Any]:
    made = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::gt-images/{resource}",
    }
    return made | ({"Condition": condition} if condition else {}) | more


STATEMENTS: tuple[dict[str, Any], ...] = (
    build_guard("gt-images", networks=[OFFICE]),
    build_guard("gt-images", prefix="scans/", networks=[OFFICE], endpoints=[ENDPOINT]),
    build_guard("gt-images", networks=[OFFICE]),
    deny(NETWORK, "scans/*.png"),
    deny(NETWORK, "scans/?.png"),
    deny({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1"}}),
    deny(
        {
            "StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-0a1b2c3d"},
            "Null": {"aws:SourceVpce": "false"},
        }
    ),
    deny({"StringNotEquals": {"aws:SourceVpce": ENDPOINT}}),
    deny({"StringNotLike": {"aws:Referer": "https://x.example/*"}}),
    deny({"Bool": {"aws:SecureTransport": "true"}}),
    deny({"Bool": {"aws:SecureTransport": "false"}}),
    deny({"NumericGreaterThan": {"s3:signatureAge": "600000"}}),
    deny({"StringNotEquals": {"aws:PrincipalTag/team": "radiology"}}),
    deny({"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/16"}, "Null": {"aws:SourceVpce": "false"}}),
    {**deny(), "Effect": "Allow", "Action": "s3:GetObject"},
    {
        **deny(),
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::gt-images/scans/public/*",
    },
)
ENDPOINT_POLICIES = (
    None,
    {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"},
    {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "arn:aws:s3:::other/*"},
    {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::gt-images/scans/*",
    },
)
SESSIONS = (
    None,
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/scans/*"},
    {
        "Effect": "Allow",
        "Action": "*",
        "Resource": "*",
        "Condition": {"IpAddress": {"aws:SourceIp": OFFICE}},
    },
)


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def unread(what: str, action: str) -> NotRead:
    return NotRead(what, action, "denied", "This role may not.")


def organizations(draw: random.Random) -> Organization:
    if draw.random() < 0.3:
        return no_organization()
    if draw.random() < 0.3:
        return Organization(
            *[Part.unread(unread("the organization", "organizations:DescribePolicy"))] * 5
        )
    if draw.random() < 0.2:
        return replace(no_organization(), id=Part.of("o-a1"), is_management=Part.of(True))
    rcp = document({**deny(NETWORK), "Resource": "*"}) if draw.random() < 0.6 else None
    signers = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    scp = document(signers) if draw.random() < 0.5 else None
    return replace(
        no_organization(),
        id=Part.of("o-a1"),
        rcp=Part.of((rcp,) if rcp else ()),
        scp=Part.of((scp,) if scp else ()),
    )


@dataclass(frozen=True)
class Odd:
    """An account, and the policy of the session that signs in it."""

    state: State
    session: dict[str, Any] | None

    @property
    def policy(self) -> str | None:
        return None if self.state.bucket is None else self.state.bucket.policy.value

    def exposure(self, key: str = "scans/") -> Exposure:
        return Exposure(
            replace(locks_of(self.state), session=self.session), key, is_prefix=key.endswith("/")
        )


def odd(number: int) -> Odd:
    draw = random.Random(number)
    statements = draw.sample(STATEMENTS, draw.choice((0, 1, 1, 2, 3)))
    names = {name for name in ("team", "workforce", "endpoints") if draw.random() < 0.1}
    through = draw.choice(ENDPOINT_POLICIES)
    text = None if through is None else json.dumps(document(through))
    lock = UrlLock(*draw.choice(((False, False), (True, False), (False, True), (True, True))))
    session = draw.choice(SESSIONS) if draw.random() < 0.3 else None
    parts = {
        "team": replace(TEAM, url_lock=lock),
        "workforce": replace(FORCE, cidrs=draw.choice(((), (OFFICE,)))),
        "endpoints": (replace(S3_ENDPOINT, policy_text=text),),
    }
    actions = {
        "team": "sagemaker:DescribeWorkteam",
        "workforce": "sagemaker:DescribeWorkforce",
        "endpoints": "ec2:DescribeVpcEndpoints",
    }
    made = state(
        bucket=data_bucket(policy=json.dumps(document(*statements)) if statements else None),
        organization=organizations(draw),
        facts=supplied_facts({"aws:PrincipalOrgID": "o-a1"} if draw.random() < 0.5 else None),
        **parts | {name: Part.unread(unread(name, actions[name])) for name in names},
    )
    return Odd(made, None if session is None else document(session))


SOME = 24
"""Accounts that the fast suite looks at; the slow one looks at all."""


@pytest.fixture(
    params=[
        pytest.param(
            number, id=f"account {number}", marks=[pytest.mark.slow] if number >= SOME else []
        )
        for number in range(ACCOUNTS)
    ]
)
def account(request: pytest.FixtureRequest) -> Odd:
    return odd(request.param)


def best(words: Iterator[str]) -> str:
    found = set(words)
    return next(word for word in ("opened", "unknown", "refused") if word in found)


def test_no_two_surfaces_differ(account: Odd) -> None:
    exposure = account.exposure()
    keys = [arn.partition("/")[2] for arn in exposure.objects]
    by_key = {key: account.exposure(key) for key in keys}
    for source in SOURCES:
        for request in KINDS:
            answer = exposure.at(source, request)
            alone = [each.at(source, request).answer for each in by_key.values()]
            assert answer.answer == best(iter(alone)), (source, request, alone)
            assert bool(answer.depends_on) == (answer.answer == "unknown")
            if source in ADDRESSES:
                assert answer_of(exposure.row(request).to_dict(), source) == answer.answer, (
                    source,
                    request,
                )
            elif source == ENDPOINT:
                by_set = exposure.row(request).at_endpoint(source)
                assert by_set in (answer.answer, "unknown"), (
                    "a set is never certain where the answer is another"
                )
    for each in exposure.rows:
        for other in by_key.values():
            assert not (each.refused.cidrs and other.row(each.request).opened.cidrs) or not set(
                each.refused.cidrs
            ) & set(other.row(each.request).opened.cidrs)


def test_what_a_browser_gets_now_is_one_of_the_choices(account: Odd) -> None:
    allowed = {
        "opened": {"opened", "refused", "unknown"},
        "refused": {"refused"},
        "unknown": {"unknown", "refused"},
    }
    for key in ("scans/example.png", "other/1.jpg"):
        exposure = account.exposure(key)
        for source in SOURCES:
            for request in KINDS[:3]:
                at, plain = exposure.at(source, request), exposure.plain(source, request)
                assert plain.answer in allowed[at.answer], (source, request, at, plain)


def test_the_plan_the_expectations_and_the_proof_agree(account: Odd) -> None:
    # what signs for a team is read, and no policy of a session is
    account = replace(account, session=None)
    exposure = account.exposure()
    sources = ("198.51.100.9", "203.0.113.7", ENDPOINT)
    wish = (
        Restriction(
            "radiology-team" if account.state.team is not None else None,
            bucket="gt-images",
            prefix="scans/",
            url_lock=None,
            guard=None,
            expectations=[expect.refused(*sources), expect.refused(*sources, of="bucket")],
        )
        if account.state.team is not None
        else None
    )
    if wish is not None:
        made = plan(NO_AWS, wish, state=account.state)
        assert [row.to_dict() for row in made.before] == [row.to_dict() for row in exposure]
        team, bucket = made.expectations
        for source, of_team, of_bucket in zip(sources, team.answers, bucket.answers, strict=True):
            asked = [exposure.at(source, request).answer for request in ("worker", "forwarded")]
            assert of_team.answer == best(iter(asked))
            assert of_bucket.answer == exposure.at(source, "presigned").answer
    claim = Restriction(bucket="gt-images", prefix="scans/", addresses=[OFFICE])
    proof = exposure.proves(claim_from(claim))
    outside = [
        exposure.at("198.51.100.9", request).answer
        for request in ("presigned", "post-form", "other-account")
    ]
    assert proof.proved is not True or set(outside) == {"refused"}


CHOICES: tuple[dict[str, str], ...] = (
    {},
    {"Referer": "https://x.example/page"},
    {"Referer": "https://y.example/"},
    {"User-Agent": "curl/8"},
)


@pytest.mark.slow
def test_what_an_exposure_refuses_is_refused_over_http() -> None:
    """The sandbox has no organization and no TLS, and checks every choice that it can be sent."""
    checked = 0
    with Rig.running(workforce_delay_s=0.1) as rig:
        s3 = rig.client("s3")
        # it would refuse to keep the policies that are public
        s3.delete_public_access_block(Bucket="gt-images")
        for key in ("scans/1.png", "scans/22.png", "scans/2.jpg", "scans/public/a.png"):
            s3.put_object(Bucket="gt-images", Key=key, Body=b"x")
        role = rig.client("s3", rig.assume())
        for number in range(ACCOUNTS):
            policy = odd(number).policy
            s3.delete_bucket_policy(Bucket="gt-images") if policy is None else s3.put_bucket_policy(
                Bucket="gt-images", Policy=_told_apart(policy)
            )
            for key in ("scans/1.png", "scans/22.png", "scans/2.jpg", "scans/public/a.png"):
                exposure = rig.gt.who_can_open("gt-images", key)
                url = role.generate_presigned_url(
                    "get_object", Params={"Bucket": "gt-images", "Key": key}
                )
                for source in ("203.0.113.7", "198.51.100.9", "192.0.2.44"):
                    answer = exposure.at(source, "presigned").answer
                    got = {rig.fetch(url, source, headers=headers).status for headers in CHOICES}
                    assert answer != "refused" or got == {403}, (number, key, source, policy)
                    checked += answer == "refused"
    assert checked > 200


def _told_apart(policy: str) -> str:
    """Return the policy with a Sid of its own for each statement:
    S3 keeps no policy with one twice.
    """
    document = json.loads(policy)
    for number, statement in enumerate(document["Statement"]):
        if "Sid" in statement:
            statement["Sid"] += str(number)
    return json.dumps(document)
