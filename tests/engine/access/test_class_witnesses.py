"""Requests that a stand-in once answered for: keys filled from variables, tied keys,
keys with several values.
"""

from __future__ import annotations

from typing import Any

import pytest

from gt_secure.base.network import parse_network
from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.iam import Policies, Request, evaluate
from gt_secure.engine.iam.facts import supplied_facts

ACCOUNT, OTHER, OUTSIDE = "111122223333", "444455556666", "198.51.100.9"
ARN = "arn:aws:s3:::gt-images"
OFFICE = parse_network("203.0.113.0/24")
ELSEWHERE = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
OF_ACCOUNT = {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}


def statement(effect: str, condition: Any = None, **more: Any) -> dict[str, Any]:
    both = {} if "NotResource" in more else {"Resource": [ARN, f"{ARN}/*"]}
    made = {"Effect": effect, "Principal": "*", "Action": "s3:*", **both, **more}
    return {**made, "Condition": condition} if condition else made


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def proved(document: dict[str, Any], prefix: str = "") -> bool | None:
    claim = Claim(prefix=prefix, allowed=[OFFICE])
    return prove(locks_of_policies("gt-images", document, ACCOUNT), claim).proved


VARIABLES = (
    "aws:username", "aws:userid", "aws:PrincipalAccount", "aws:PrincipalType", "aws:PrincipalArn", "aws:PrincipalTag/t",
    "aws:PrincipalTag/t, 'pub'", "aws:PrincipalOrgID", "aws:Referer", "aws:UserAgent", "aws:RequestedRegion",
    "aws:ResourceAccount", "s3:ExistingObjectTag/k", "s3:authType", "s3:signatureversion", "aws:SecureTransport",
    "aws:CurrentTime", "aws:EpochTime", "aws:SourceIp", "aws:username, 'scans'", "aws:PrincipalIsAWSService",
)  # fmt: skip
PATTERNS = ("home/${%s}/*", "${%s}/*", "home/${%s}", "*/${%s}/x", "a-${%s}-b/*", "${%s}/${%s}/*")


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_guard_that_spares_keys_with_a_variable_is_not_proved(
    variable: str, pattern: str
) -> None:
    spared = f"{ARN}/{pattern.replace('%s', variable)}"
    guard = statement("Deny", ELSEWHERE, NotResource=[spared, ARN])
    assert proved(policy(guard, statement("Deny", ELSEWHERE, Resource=ARN))) is not True


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_grant_of_keys_with_a_variable_to_others_is_not_proved(
    variable: str, pattern: str
) -> None:
    spares_others = statement("Deny", {**ELSEWHERE, **OF_ACCOUNT})
    document = policy(
        spares_others, statement("Allow", Resource=f"{ARN}/{pattern.replace('%s', variable)}")
    )
    assert proved(document) is not True


TIED = (
    "s3:ExistingObjectTag/owner",
    "aws:PrincipalTag/t",
    "aws:Referer",
    "aws:UserAgent",
    "s3:prefix",
    "aws:username",
)
OPERATORS = (
    "StringNotEquals",
    "StringNotLike",
    "StringNotEqualsIgnoreCase",
    "StringNotEqualsIfExists",
)


@pytest.mark.parametrize("is_variable", [False, True])
@pytest.mark.parametrize(
    "key", ["s3:ExistingObjectTag/owner", "aws:Referer", "aws:UserAgent", "aws:PrincipalTag/t"]
)
def test_the_id_of_a_signer_may_be_equal_to_another_key(key: str, is_variable: bool) -> None:
    """An id of a role has a form of its own,
    and AWS documents none for requests that nobody signed.
    """
    compared = {"aws:userid": f"${{{key}}}"} if is_variable else {key: "${aws:userid}"}
    document = policy(
        statement("Deny", {**ELSEWHERE, "StringNotEquals": compared}),
        statement("Allow", Action="s3:GetObject", Resource=f"{ARN}/*"),
    )
    exposure = Exposure(locks_of_policies("gt-images", document, ACCOUNT), "scans/1.png")
    kinds = ["presigned", "header", *(["anonymous"] if "Principal" not in key else [])]
    assert "refused" not in [exposure.at(OUTSIDE, kind).answer for kind in kinds]
    context = {"aws:SourceIp": OUTSIDE}
    request = Request(
        "s3:GetObject", f"{ARN}/scans/1.png", "*", context, ACCOUNT, ("aws:userid", key)
    )
    assert evaluate(request, Policies(resource=document)).decision == "unknown"


NEVER_EQUAL = {("aws:username", "aws:PrincipalArn"): "no name holds a colon"}
PAIRS = [
    (key, variable) for key in TIED for variable in VARIABLES if key != variable.partition(",")[0]
]


@pytest.mark.parametrize(
    ("key", "variable", "operator"),
    [(*pair, OPERATORS[i % len(OPERATORS)]) for i, pair in enumerate(PAIRS)],
)
def test_a_guard_that_spares_requests_with_two_equal_keys_is_not_proved(
    key: str, variable: str, operator: str
) -> None:
    document = policy(statement("Deny", {**ELSEWHERE, operator: {key: f"${{{variable}}}"}}))
    assert (proved(document) is True) == ((key, variable) in NEVER_EQUAL)


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("ForAllValues:StringNotLike", "s3:RequestObjectTagKeys", "*"),
        ("ForAllValues:StringNotLike", "s3:RequestObjectTagKeys", "?*"),
        ("ForAllValues:StringNotLike", "s3:RequestObjectTagKeys", ["x*", "*"]),
        ("ForAllValues:StringNotEquals", "s3:RequestObjectTagKeys", "x"),
        ("ForAllValues:StringNotLikeIfExists", "aws:PrincipalOrgPaths", "*"),
    ],
)
def test_a_guard_that_spares_requests_with_several_values_is_not_proved(
    operator: str, key: str, value: Any
) -> None:
    assert proved(policy(statement("Deny", {**ELSEWHERE, operator: {key: value}}))) is not True


@pytest.mark.parametrize("value", ["*", "?*", "x"])
def test_a_grant_to_requests_with_several_values_is_not_proved(value: str) -> None:
    tagged = {"ForAnyValue:StringLike": {"s3:RequestObjectTagKeys": value}}
    document = policy(
        statement("Deny", {**ELSEWHERE, **OF_ACCOUNT}),
        statement("Allow", tagged, Action="s3:PutObject"),
    )
    assert proved(document) is False


def test_a_user_is_looked_for_in_each_account_that_a_policy_names() -> None:
    grant = statement("Allow", Principal={"AWS": OTHER}, Action="s3:GetObject")
    spared = statement(
        "Deny", Action="s3:Get*", NotResource=[f"{ARN}/${{aws:username, 'scans'}}/*"]
    )
    answer = Exposure(
        locks_of_policies("gt-images", policy(grant, spared), ACCOUNT), "alice", is_prefix=True
    )
    assert answer.at(OUTSIDE, "other-account").answer == "opened"


@pytest.mark.parametrize("variable", ["aws:SourceIp", "aws:SourceVpce", "aws:VpcSourceIp"])
def test_keys_that_cannot_be_told_apart_leave_the_proof_open(variable: str) -> None:
    guard = statement("Deny", ELSEWHERE, NotResource=[f"{ARN}/home/${{{variable}}}/*", ARN])
    of_forms = statement("Deny", {"StringEquals": {"s3:authType": "POST"}})
    assert proved(policy(guard, statement("Deny", ELSEWHERE, Resource=ARN), of_forms)) is not True


FIELDS = (
    "arn:aws:iam::${%s}:role/x", f"arn:aws:iam::{ACCOUNT}:${{%s}}/x", "arn:aws:iam::${%s}:user/x",
    f"arn:${{%s}}:iam::{ACCOUNT}:role/x", f"arn:aws:iam::{ACCOUNT[:4]}${{%s}}:role/team/x", "${%s}:role/x",
)  # fmt: skip


@pytest.mark.parametrize("variable", ["aws:PrincipalTag/t", "foo:bar", "Account"])
@pytest.mark.parametrize("pattern", FIELDS)
def test_a_guard_that_spares_callers_with_a_variable_is_not_proved(
    pattern: str, variable: str
) -> None:
    spared = {"StringNotLike": {"aws:PrincipalArn": pattern.replace("%s", variable)}}
    assert proved(policy(statement("Deny", {**ELSEWHERE, **spared}))) is None


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        (ACCOUNT, "", False),
        ("", ACCOUNT, False),
        (OTHER, "", True),
        ("", OTHER, True),
        ("", "", True),
    ],
)
def test_the_values_of_variables_say_who_gets_in(first: str, second: str, answer: bool) -> None:
    spared = [
        "arn:aws:iam::${aws:PrincipalTag/t}:role/x",
        "arn:aws:iam::${aws:PrincipalTag/u}:role/y",
    ]
    document = policy(statement("Deny", {**ELSEWHERE, "ArnNotLike": {"aws:PrincipalArn": spared}}))
    facts = supplied_facts({"aws:PrincipalTag/t": first, "aws:PrincipalTag/u": second})
    proof = prove(locks_of_policies("gt-images", document, ACCOUNT, facts), Claim(allowed=[OFFICE]))
    assert proof.proved is answer


def test_a_variable_that_is_settled_is_its_value_beside_wildcards() -> None:
    spared = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/of-${aws:ResourceAccount}"}}
    assert proved(policy(statement("Deny", {**ELSEWHERE, **spared}))) is False
