"""Verdicts where keys are not known: certain where all values agree,
else unknown with the keys that matter.
"""

from __future__ import annotations

import pytest

from gt_secure.engine.iam import Policies, Request, evaluate

KEY = "arn:aws:s3:::b/k.png"
SESSION = "arn:aws:sts::111122223333:assumed-role/GT/w"
ALLOW = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
ORG, TAG = "aws:PrincipalOrgID", "aws:PrincipalTag/t"


def deny(*conditions, resource="*", principal=True):
    base = {
        "Effect": "Deny",
        "Action": "s3:*",
        "Resource": resource,
        **({"Principal": "*"} if principal else {}),
    }
    return {
        "Version": "2012-10-17",
        "Statement": [{**base, "Condition": {o: {k: v}}} for o, k, v in conditions],
    }


def ask(policy, unknown, context=None, *, principal=SESSION, owner="111122223333", **layers):
    request = Request("s3:GetObject", KEY, principal, context or {}, owner, unknown)
    verdict = evaluate(request, Policies([ALLOW], resource=policy, **layers))
    return verdict.decision, list(verdict.depends_on)


@pytest.mark.parametrize(
    ("conditions", "unknown", "context", "expected"),
    [
        ([("StringNotEquals", ORG, "o-a")], [ORG], {}, ("unknown", [ORG])),
        ([("StringNotEquals", ORG, "o-a")], [], {}, ("explicit-deny", [])),
        ([("StringNotEquals", ORG, "o-a")], [], {ORG: "o-a"}, ("allow", [])),
        ([("StringEquals", "k", "a"), ("StringNotEquals", "k", "a")], ["k"], {}, ("explicit-deny", [])),
        ([("StringLike", "k", "a*"), ("StringNotLike", "k", "a*")], ["k"], {}, ("explicit-deny", [])),
        ([("StringLike", "k", "a*"), ("StringEquals", "j", "x")], ["k", "j"], {}, ("unknown", ["j", "k"])),
        ([("StringLike", "k", "a*")], ["j"], {}, ("allow", [])),
        ([("StringNotEquals", TAG, "${s3:ExistingObjectTag/t}")], [TAG, "s3:ExistingObjectTag/t"], {},
         ("unknown", [TAG, "s3:ExistingObjectTag/t"])),
        ([("StringNotEquals", TAG, "${s3:ExistingObjectTag/t}")], ["s3:ExistingObjectTag/t"], {},
         ("explicit-deny", [])),
        ([("StringNotEquals", TAG, "${k, 'd'}")], ["k"], {TAG: "d"}, ("unknown", ["k"])),
        ([("StringEquals", "k", "${aws:TagKeys}")], [], {"aws:TagKeys": "v", "k": "v"}, ("allow", [])),
        ([("StringEquals", "k", "${aws:TagKeys, 'v'}")], [], {"aws:TagKeys": ["x"], "k": "v"}, ("explicit-deny", [])),
        ([("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-a/*")], ["aws:PrincipalOrgPaths"], {},
         ("unknown", ["aws:PrincipalOrgPaths"])),
        ([("NumericLessThan", "n", "5"), ("NumericGreaterThanEquals", "n", "5"), ("Null", "n", "true")], ["n"], {},
         ("explicit-deny", [])),
        ([("NumericLessThan", "n", "5"), ("NumericGreaterThan", "n", "5")], ["n"], {}, ("unknown", ["n"])),
        ([("StringEquals", TAG, "x")], ["aws:PrincipalTag/*"], {}, ("unknown", [TAG])),
    ],
)  # fmt: skip
def test_unknown_keys(conditions, unknown, context, expected):
    assert ask(deny(*conditions), unknown, context) == expected


def test_a_variable_in_a_resource():
    policy = deny(
        ("Bool", "aws:SecureTransport", "true"), resource="arn:aws:s3:::b/${aws:PrincipalTag/t}*"
    )
    context = {"aws:SecureTransport": "true"}
    assert ask(policy, [TAG], context) == ("unknown", ["aws:PrincipalTag/t"])
    assert ask(policy, [], {**context, TAG: "k."}) == ("explicit-deny", [])
    assert ask(policy, [], {**context, TAG: "j"}) == ("allow", [])


PERIMETER = deny(("StringNotEqualsIfExists", ORG, "o-a"))
ROOT = "arn:aws:iam::111122223333:root"
STRANGER = "arn:aws:iam::444455556666:user/u"
OPEN = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
}
NARROW = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
}


@pytest.mark.parametrize("principal", [SESSION, ROOT, STRANGER, "*"])
def test_a_resource_control_policy_limits_everybody(principal):
    assert ask(OPEN, [], principal=principal, rcp=[PERIMETER])[0] == "explicit-deny"
    assert ask(OPEN, [], {ORG: "o-a"}, principal=principal, rcp=[PERIMETER])[0] == "allow"


@pytest.mark.parametrize(
    ("principal", "limited"), [(SESSION, True), (ROOT, True), (STRANGER, False), ("*", False)]
)
def test_a_service_control_policy_limits_its_own_account(principal, limited):
    policy = deny(("StringNotEqualsIfExists", ORG, "o-a"), principal=False)
    assert ask(OPEN, [], principal=principal, scp=[policy])[0] == (
        "explicit-deny" if limited else "allow"
    )
    assert ask(OPEN, [], principal=principal, scp=[NARROW])[0] == (
        "implicit-deny" if limited else "allow"
    )


def test_every_level_must_allow():
    assert ask(None, [], scp=[ALLOW, NARROW])[0] == "implicit-deny"
    assert ask(None, [], scp=[ALLOW, ALLOW])[0] == "allow"


DENIES_EC2 = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Statement1", "Effect": "Deny", "Action": "ec2:*", "Resource": "*"}],
}
NAMED = {"Version": "2012-10-17", "Statement": [{**ALLOW["Statement"], "Sid": "Statement1"}]}


@pytest.mark.parametrize("unknown", [[], [TAG]])
@pytest.mark.parametrize(
    ("level", "answer"),
    [
        (DENIES_EC2, "allow"),
        ((), "implicit-deny"),
        ((DENIES_EC2,), "implicit-deny"),
        ((DENIES_EC2, NARROW), "implicit-deny"),
        ((DENIES_EC2, NAMED), "allow"),
        ((NAMED, DENIES_EC2, DENIES_EC2), "allow"),
    ],
)
def test_a_level_is_the_list_of_its_policies(level, answer, unknown):
    for principal, limited in ((SESSION, True), (ROOT, True), (STRANGER, False), ("*", False)):
        assert ask(OPEN, unknown, principal=principal, scp=[ALLOW, level])[0] == (
            answer if limited else "allow"
        )


def test_each_policy_of_a_level_keeps_its_version():
    tied = {"StringEquals": {"aws:PrincipalTag/t": "${aws:PrincipalTag/t}"}}
    denies = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": tied}
    for version, answer in (("2012-10-17", "explicit-deny"), ("2008-10-17", "allow")):
        level = (NAMED, {"Version": version, "Statement": denies})
        assert ask(OPEN, [], {TAG: "j"}, scp=[level])[0] == answer


def test_service_linked_roles_are_not_limited():
    linked = "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForSageMaker/x"
    assert ask(OPEN, [], principal=linked, rcp=[PERIMETER], scp=[NARROW])[0] == "allow"
