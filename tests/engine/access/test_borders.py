"""Borders at which an answer turns: moments, ages, keys that are absent,
and what is supposed of a request.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gt_secure.base.network import Source, parse_network
from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.access.address_classes import Span, minus
from gt_secure.engine.access.answer import Answer
from gt_secure.engine.access.expectation import Expectation
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.proof import Claim, Proof, prove
from gt_secure.engine.iam import Request
from gt_secure.engine.iam.batch import run
from gt_secure.engine.iam.facts import Facts, supplied_facts
from gt_secure.engine.iam.request_context import presigned_context
from gt_secure.engine.policies.url_lock import UrlLock
from support.answers import team_locks

ARN = "arn:aws:s3:::gt-images"
BOTH = [ARN, f"{ARN}/*"]
OUTSIDE = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
ROLE = "arn:aws:iam::111122223333:role/some-role"
SESSION = "arn:aws:sts::111122223333:assumed-role/some-role/s"
Condition = Mapping[str, Mapping[str, Any]]


def deny(*conditions: Condition, **more: Any) -> dict[str, Any]:
    condition = {operator: dict(block) for each in conditions for operator, block in each.items()}
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": BOTH,
        "Condition": condition,
    } | more


def locks(*statements: Mapping[str, Any], **context: Any) -> EffectiveLocks:
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return locks_of_policies("gt-images", policy, "111122223333", supplied_facts(context))


def guarded(*conditions: Condition, endpoints: tuple[str, ...] = ()) -> Proof:
    """Prove guards that are each narrowed by a condition."""
    policy = [deny(OUTSIDE, each) for each in conditions]
    return prove(locks(*policy), Claim("", ("203.0.113.0/24", *endpoints)))


LATER = "2031-07-01T00:00:00Z"
SECONDS = str(int(datetime(2031, 7, 1, tzinfo=UTC).timestamp()))
COMPARE = {
    "LessThan": {-1},
    "LessThanEquals": {-1, 0},
    "Equals": {0},
    "NotEquals": {-1, 1},
    "GreaterThanEquals": {0, 1},
    "GreaterThan": {1},
}  # fmt: skip
KEYS = {
    "aws:CurrentTime": ("Date", LATER),
    "aws:EpochTime": ("Numeric", SECONDS),
    "s3:signatureAge": ("Numeric", "90000"),
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("one", "other"), [*itertools.combinations_with_replacement(COMPARE, 2)])
def test_two_guards_are_enough_if_they_cover_every_value(key: str, one: str, other: str) -> None:
    kind, value = KEYS[key]
    proof = guarded(
        {f"{kind}{one}IfExists": {key: value}}, {f"{kind}{other}IfExists": {key: value}}
    )
    assert proof.proved is (COMPARE[one] | COMPARE[other] == {-1, 0, 1})


@pytest.mark.parametrize(
    ("condition", "proved"),
    [
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
        ({"DateGreaterThan": {"aws:EpochTime": "2020-01-01T00:00:00Z"}}, True),
        ({"DateNotEquals": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
    ],
)
def test_what_is_over_does_not_come_back(condition: Condition, proved: bool) -> None:
    assert guarded(condition).proved is proved


@pytest.mark.parametrize(
    "key",
    [
        "aws:SourceArn",
        "aws:SourceAccount",
        "aws:PrincipalServiceName",
        "aws:CalledVia",
        "s3:LocationConstraint",
    ],
)
def test_keys_of_other_paths_are_absent(key: str) -> None:
    """Signers make the requests themselves, about objects of the bucket."""
    assert guarded({"Null": {key: "true"}}).proved is True
    assert guarded({"Null": {key: "false"}}).proved is False


@pytest.mark.parametrize(
    "key", ["s3:AccessPointNetworkOrigin", "s3:DataAccessPointArn", "s3:DataAccessPointAccount"]
)
def test_a_guard_that_spares_access_points_is_not_proved(key: str) -> None:
    spares = guarded({"Null": {key: "true"}})
    assert (spares.proved, spares.depends_on) == (None, (key,))
    assert guarded({"Null": {key: "false"}}).proved is False


BY_VPC = {"StringNotEquals": {"s3:AccessPointNetworkOrigin": "VPC"}}


def test_an_access_point_of_a_vpc_opens_to_nobody_on_the_internet() -> None:
    found = Exposure(locks(deny(BY_VPC)), "k")
    assert found.at("198.51.100.9", "presigned").answer == "refused"
    assert found.row("presigned").refused.cidrs == ("0.0.0.0/0", "::/0")
    through = found.at("vpce-0a1b2c3d", "presigned")
    assert (through.answer, through.depends_on) == ("unknown", ("s3:AccessPointNetworkOrigin",))
    spares = guarded(BY_VPC)
    assert (spares.proved, spares.depends_on) == (None, ("s3:AccessPointNetworkOrigin",))
    internet = {"StringNotEquals": {"s3:AccessPointNetworkOrigin": "Internet"}}
    assert Exposure(locks(deny(internet)), "k").at("198.51.100.9", "presigned").answer == "unknown"


def test_a_version_can_be_asked_for_where_an_action_has_one() -> None:
    assert guarded({"Null": {"s3:VersionId": "true"}}).proved is False
    with_version = [deny(OUTSIDE, {"Null": {"s3:VersionId": "false"}})]
    without = [deny(OUTSIDE, {"Null": {"s3:VersionId": "true"}})]
    claim = Claim("", (parse_network("203.0.113.0/24"),))
    assert prove(locks(*with_version, *without), claim).proved is True
    replication = deny(
        OUTSIDE, {"Null": {"s3:VersionId": "false"}}, Action="s3:GetObjectVersionForReplication"
    )
    others = deny(OUTSIDE, NotAction="s3:GetObjectVersionForReplication")
    del others["Action"]
    assert prove(locks(replication, others), claim).proved is False
    outside_of_it = deny(OUTSIDE, NotResource=f"{ARN}/${{s3:VersionId}}")
    del outside_of_it["Resource"]
    assert prove(locks(outside_of_it), claim).proved is False


@pytest.mark.parametrize(
    ("key", "supplied", "condition", "decision"),
    [
        (
            "aws:SecureTransport",
            "false",
            {"Bool": {"aws:SecureTransport": "false"}},
            "explicit-deny",
        ),
        ("aws:SecureTransport", "true", {"Bool": {"aws:SecureTransport": "false"}}, "allow"),
        (
            "s3:signatureAge",
            "5000",
            {"NumericGreaterThan": {"s3:signatureAge": "1000"}},
            "explicit-deny",
        ),
        ("s3:signatureAge", "500", {"NumericGreaterThan": {"s3:signatureAge": "1000"}}, "allow"),
        ("aws:ViaAWSService", "true", {"Bool": {"aws:ViaAWSService": "true"}}, "explicit-deny"),
        (
            "aws:CurrentTime",
            LATER,
            {"DateGreaterThanEquals": {"aws:CurrentTime": LATER}},
            "explicit-deny",
        ),
        (
            "aws:EpochTime",
            SECONDS,
            {"NumericGreaterThanEquals": {"aws:EpochTime": SECONDS}},
            "explicit-deny",
        ),
        (
            "aws:RequestedRegion",
            "eu-west-1",
            {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
            "explicit-deny",
        ),
    ],
)
def test_a_supplied_value_replaces_what_is_supposed(
    key: str, supplied: str, condition: Condition, decision: str
) -> None:
    context = presigned_context("198.51.100.9", principal_arn=ROLE, region="us-east-1")
    request = Request("s3:GetObject", f"{ARN}/k", SESSION, context, "111122223333")
    assert locks(deny(condition)).verdict(request).decision == "allow"
    assert locks(deny(condition), **{key: supplied}).verdict(request).decision == decision


def at_endpoint(statement: Mapping[str, Any]) -> Any:
    return Exposure(locks(statement), "k").row("presigned")


def test_private_addresses_that_no_class_can_hold_are_unknown() -> None:
    for operator in ("StringLike", "StringNotLike"):
        condition = {
            operator: {"aws:VpcSourceIp": "2001:db8:*"},
            "Null": {"aws:SourceVpce": "false"},
        }
        row = at_endpoint(deny(condition))
        assert (row.others, row.unknown.depends_on) == ("unknown", ("aws:VpcSourceIp",))
        assert row.opened.cidrs == ("0.0.0.0/0", "::/0")


def test_vpcs_that_nobody_names_are_left_over() -> None:
    row = at_endpoint(
        deny({"StringNotEquals": {"aws:SourceVpc": ["vpc-11111111", "vpc-22222222"]}})
    )
    assert (row.opened.endpoints, row.refused.other_endpoints) == (
        ("vpc-11111111", "vpc-22222222"),
        True,
    )
    row = at_endpoint(deny({"StringEquals": {"aws:SourceVpc": "vpc-11111111"}}))
    assert (row.refused.endpoints, row.opened.other_endpoints) == (("vpc-11111111",), True)


PUBLIC = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": BOTH}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringNotLike": {"aws:PrincipalType": "User"}}, "opened"),
        ({"StringNotEquals": {"aws:PrincipalType": "Account"}}, "opened"),
        ({"StringNotEquals": {"aws:PrincipalType": "AssumedRole"}}, "opened"),
        ({"Null": {"aws:username": "true"}}, "opened"),
        ({"StringNotLike": {"aws:username": "b?b"}}, "opened"),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/b*"}}, "opened"),
        ({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::444455556666:root"}}, "opened"),
        ({"StringNotLike": {"aws:userid": "AIDA*"}}, "unknown"),
        ({"StringNotEquals": {"aws:PrincipalType": "Anonymous"}}, "refused"),
    ],
)
def test_anybody_of_another_account_may_sign(condition: Condition, expected: str) -> None:
    """Somebody there opens it: a user, a role or the root user."""
    exposure = Exposure(locks(PUBLIC, deny(condition)), "k")
    assert exposure.at("198.51.100.9", "other-account").answer == expected


TEXTS = {
    "one age": ([{"StringEquals": {"s3:signatureAge": "0"}}], False),
    "one age, as a number": ([{"StringEquals": {"s3:signatureAge": 0}}], False),
    "some ages": ([{"StringEquals": {"s3:signatureAge": ["0", "1", "1000", "1001"]}}], False),
    "ages around a limit": (
        [
            {"StringEquals": {"s3:signatureAge": ["0", "999", "1000", "1001"]}},
            {"NumericGreaterThan": {"s3:signatureAge": "1001"}},
        ],
        False,
    ),
    "one age and all others": (
        [
            {"StringEqualsIfExists": {"s3:signatureAge": "0"}},
            {"StringNotEquals": {"s3:signatureAge": "0"}},
        ],
        True,
    ),
    "ages that look alike": ([{"StringLike": {"s3:signatureAge": "1*"}}], None),
    "this year": ([{"StringLike": {"aws:CurrentTime": "2026-*"}}], None),
    "every time": ([{"StringLike": {"aws:CurrentTime": "*"}}], None),
    "one moment": ([{"StringEquals": {"aws:CurrentTime": LATER}}], False),
}


@pytest.mark.parametrize("name", TEXTS)
def test_numbers_and_times_that_are_compared_as_texts(name: str) -> None:
    conditions, proved = TEXTS[name]
    found = guarded(*conditions).proved
    assert found is proved or (proved is None and found is False)


@pytest.mark.parametrize("operator", ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase"])
def test_an_age_as_a_text_refuses_that_age_alone(operator: str) -> None:
    row = Exposure(locks(PUBLIC, deny({operator: {"s3:signatureAge": "0"}})), "k").row("presigned")
    assert row.opened.cidrs == ("0.0.0.0/0", "::/0")


def test_a_number_that_is_compared_with_patterns_too_is_unknown() -> None:
    lists = {"Action": "s3:ListBucket", "Resource": ARN}
    mixed = [{"StringLike": {"s3:max-keys": "1*"}}, {"NumericLessThan": {"s3:max-keys": "500"}}]
    assert (
        prove(
            locks(
                *(deny(OUTSIDE, each, **lists) for each in mixed),
                {key: value for key, value in deny(OUTSIDE).items() if key != "Action"}
                | {"NotAction": "s3:ListBucket"},
            ),
            Claim("", (parse_network("203.0.113.0/24"),)),
        ).proved
        is not True
    )


FEDERATED = {
    "by type": {"StringNotEquals": {"aws:PrincipalType": "FederatedUser"}},
    "by all other types": {
        "StringEquals": {"aws:PrincipalType": ["AssumedRole", "User", "Account", "Anonymous"]}
    },
    "by ARN": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:sts::*:federated-user/*"}},
    "by a name": {
        "ArnNotLike": {"aws:PrincipalArn": "arn:aws:sts::111122223333:federated-user/b?b"}
    },
    "by the service": {"StringNotLike": {"aws:PrincipalArn": "arn:aws:sts:*"}},
}


@pytest.mark.parametrize("name", FEDERATED)
def test_a_guard_that_spares_federated_users_is_open(name: str) -> None:
    proof = prove(
        locks(PUBLIC, deny(OUTSIDE, FEDERATED[name])), Claim("", (parse_network("203.0.113.0/24"),))
    )
    case = proof.counterexample
    assert case is not None
    assert ":federated-user/" in case["request"]["principal"]
    assert '"allow"' in "".join(run([json.dumps(case)]))


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [("StringNotEquals", "o-abc123", "refused"), ("Null", "false", "opened")],
)
def test_a_fact_that_says_that_a_key_is_absent_holds_behind_endpoints_and_for_services(
    operator: str, value: str, expected: str
) -> None:
    """Without the fact both answers depend on the key."""
    of_endpoint, of_service = (
        {operator: {key: value}} for key in ("aws:VpceOrgID", "aws:SourceOrgID")
    )
    for facts, answer in (
        ({}, "unknown"),
        ({"aws:VpceOrgID": [], "aws:SourceOrgID": []}, expected),
    ):
        behind = Exposure(locks(deny(of_endpoint), **facts), "k").at("vpce-0a1b2c3d", "presigned")
        delivered = locks(PUBLIC, deny(of_service), **facts).log_delivery("logs/1")
        assert (behind.answer, delivered.answer) == (answer, answer)


def test_what_a_browser_sends_without_a_signature_has_no_payload_hash() -> None:
    exposure = Exposure(locks(PUBLIC, deny({"Null": {"s3:x-amz-content-sha256": "true"}})), "k")
    assert exposure.plain("198.51.100.9", "anonymous").answer == "refused"
    assert exposure.at("198.51.100.9", "anonymous").answer == "opened"


def test_values_that_a_variable_ties_together_are_compared_with_those_of_the_policies() -> None:
    """Only the tag "red" on both sides opens it,
    which neither of the two statements says of both.
    """
    team = [
        {"StringNotEquals": {"aws:PrincipalTag/team": "red"}},
        {"StringNotEquals": {"s3:ExistingObjectTag/team": "${aws:PrincipalTag/team}"}},
    ]
    answer = Exposure(locks(*map(deny, team)), "k").at("198.51.100.9", "presigned")
    assert (answer.answer, answer.depends_on) == (
        "unknown",
        ("aws:PrincipalTag/team", "s3:ExistingObjectTag/team"),
    )


@pytest.mark.parametrize(
    ("words", "proved"),
    [
        (("refused",), True),
        (("refused", "unknown"), None),
        (("unknown",), None),
        (("opened", "unknown"), False),
        (("refused", "opened"), False),
    ],
)
def test_an_expectation_holds_if_every_answer_is_the_expected_one(
    words: tuple[Any, ...], proved: bool | None
) -> None:
    answers = tuple(
        Answer(word, depends_on=("aws:x",) if word == "unknown" else ()) for word in words
    )
    found = Proof.of_expectation(Expectation("refused", (Source.parse("198.51.100.9"),)), answers)
    assert (found.proved, len(found.broken)) == (proved, len(words) - words.count("refused"))
    assert found.depends_on == (("aws:x",) if "unknown" in words else ())


@pytest.mark.parametrize(
    ("locked", "kind", "proved"),
    [(False, "refused", False), (True, "refused", True), (True, "allowed", True)],
)
def test_an_expectation_of_a_team_asks_for_urls_that_are_used_from_another_address(
    locked, kind, proved
) -> None:
    """The portal gives nobody outside its list a URL; it opens there all the same,
    unless the URL lock is on.
    """
    exposure = Exposure(
        team_locks(url_lock=UrlLock(locked), cidrs=("203.0.113.0/24",)), "scans/1.png"
    )
    source = Source.parse("203.0.113.7" if kind == "allowed" else "198.51.100.9")
    assert exposure.holds(Expectation(kind, (source,), of="team")).proved is proved


def test_a_role_signs_with_temporary_credentials_and_anybody_else_with_any() -> None:
    """Their time of issue is not after now, where the question is about now,
    and later where it is about every time.
    """
    issued = "aws:TokenIssueTime"
    for condition, expected in (
        ({"Null": {issued: "true"}}, "opened"),
        ({"Null": {issued: "false"}}, "refused"),
        ({"DateLessThan": {issued: "2020-01-01T00:00:00Z"}}, "opened"),
        ({"DateGreaterThan": {issued: "2020-01-01T00:00:00Z"}}, "opened"),
        ({"DateLessThan": {issued: LATER}}, "refused"),
    ):
        by_role = replace(locks(deny(condition)), facts=Facts({"aws:principalarn": (ROLE,)}))
        for each, answer in ((by_role, expected), (locks(deny(condition)), "opened")):
            found = Exposure(each, "k").at("198.51.100.9", "presigned")
            assert (condition, found.answer) == (condition, answer)
    assert guarded({"Null": {issued: "false"}}).proved is False
    assert guarded({"Null": {issued: "false"}}, {"Null": {issued: "true"}}).proved is True
    assert guarded({"DateLessThanIfExists": {issued: LATER}}).proved is False


@pytest.mark.parametrize(
    ("condition", "of_role", "of_user"),
    [
        ({"Null": {"aws:TokenIssueTime": "true"}}, "allow", "allow"),
        ({"Null": {"aws:TokenIssueTime": "false"}}, "explicit-deny", "allow"),
        ({"StringLike": {"aws:userid": "AROA*"}}, "explicit-deny", "unknown"),
        ({"StringNotLike": {"aws:userid": "AIDA*"}}, "explicit-deny", "unknown"),
    ],
)
def test_a_user_signs_with_keys_of_any_kind(
    condition: Condition, of_role: str, of_user: str
) -> None:
    user = "arn:aws:iam::111122223333:user/bob"
    for caller, arn, expected in ((SESSION, ROLE, of_role), (user, user, of_user)):
        context = presigned_context("198.51.100.9", principal_arn=arn)
        request = Request("s3:GetObject", f"{ARN}/k", caller, context, "111122223333")
        assert locks(deny(condition)).verdict(request).decision == expected


def test_ranges_without_others_are_those_addresses() -> None:
    places = [
        Span(4, 2 * at, 2 * at + size) for at, size in ((0, 1), (1, 2), (3, 0), (4, 3), (6, 1))
    ]
    for taken in itertools.chain.from_iterable(
        itertools.combinations(places, size) for size in range(4)
    ):
        for items in itertools.combinations(
            [Span(4, 0, 5), Span(4, 3, 9), Span(4, 8, 15), Span(6, 0, 3)], 2
        ):
            left = {(s.version, a) for s in items for a in range(s.first, s.last + 1)}
            left -= {(s.version, a) for s in taken for a in range(s.first, s.last + 1)}
            found = [
                (s.version, a) for s in minus(items, taken) for a in range(s.first, s.last + 1)
            ]
            assert sorted(found) == sorted(left)
