"""The policy language beyond the conformance cases: documents, matching, operators, principals,
layers, renderings.
"""

import json
import time

import pytest

from gt_secure.base.errors import PolicyError
from gt_secure.engine.iam.documents import parse_document
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import (
    anonymous_context,
    header_context,
    presigned_context,
)

ACCOUNT, OTHER = "111122223333", "444455556666"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/w-7"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Worker"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
SERVICE = "logging.s3.amazonaws.com"
KEY = "arn:aws:s3:::gt-data/task/img.jpg"


def doc(*statements, version="2012-10-17", **common):
    made = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **common, **each}
        for each in statements or ({},)
    ]
    return {
        "Version": version,
        "Statement": [{k: v for k, v in each.items() if v is not None} for each in made],
    }


def bucket(*statements, **common):
    return doc(*statements, **{"Principal": "*", **common})


ALLOW = doc()


def ask(
    identity=(ALLOW,),
    principal=SESSION,
    resource=KEY,
    context=None,
    action="s3:GetObject",
    owner=None,
    **policies,
):
    request = Request(action, resource, principal, context or {}, owner)
    return evaluate(request, Policies(identity=identity, **policies))


def decide(*args, **more):
    return ask(*args, **more).decision


def holds(condition, context, effect="Allow", version="2012-10-17"):
    """Tell whether one condition holds, in an Allow or in a Deny."""
    verdict = ask(
        [ALLOW, doc({"Effect": effect, "Condition": condition}, version=version)][
            effect == "Allow" :
        ],
        context=context,
    )
    assert verdict.decision != "invalid", verdict.reason
    return verdict.allowed if effect == "Allow" else verdict.decision == "explicit-deny"


# documents

S = "$.Statement[0]"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"Effect": "allow"}, f"{S}.Effect"), ({"Effect": None}, f"{S}.Effect"), ({"effect": "Allow"}, S),
        ({"Action": None}, S), ({"NotAction": "s3:*"}, S), ({"Resource": None}, S), ({"NotResource": "*"}, S),
        ({"Action": "GetObject"}, f"{S}.Action[0]"), ({"Action": ["s3:GetObject", "s3:"]}, f"{S}.Action[1]"),
        ({"Action": ["s3:GetObject", 5]}, f"{S}.Action[1]"), ({"Action": {}}, f"{S}.Action[0]"),
        ({"Action": "s3:Get:Object"}, f"{S}.Action[0]"), ({"Resource": "gt-data/*"}, f"{S}.Resource[0]"),
        ({"Resource": ["*", "arn:aws:s3:::b/${aws:username"]}, f"{S}.Resource[1]"),
        ({"Resource": "arn:aws:s3:::b/${}"}, f"{S}.Resource[0]"), ({"Resource": True}, f"{S}.Resource[0]"),
        ({"Sid": "a b"}, f"{S}.Sid"), ({"Sid": 5}, f"{S}.Sid"), ({"Principal": "*"}, f"{S}.Principal"),
        ({"NotPrincipal": "*"}, f"{S}.NotPrincipal"), ({"Condition": []}, f"{S}.Condition"),
        ({"Condition": {"IpAdress": {}}}, f"{S}.Condition.IpAdress"),
        ({"Condition": {"ipaddress": {}}}, f"{S}.Condition.ipaddress"),
        ({"Condition": {"ForSomeValues:StringEquals": {}}}, f'{S}.Condition["ForSomeValues:StringEquals"]'),
        ({"Condition": {"NullIfExists": {}}}, f"{S}.Condition.NullIfExists"),
        ({"Condition": {"ForAnyValue:Null": {}}}, f'{S}.Condition["ForAnyValue:Null"]'),
        ({"Condition": {"StringEquals": "x"}}, f"{S}.Condition.StringEquals"),
        ({"Condition": {"StringEquals": {"aws:a": None}}}, f'{S}.Condition.StringEquals["aws:a"]'),
        ({"Condition": {"StringEquals": {"aws:a": [["x"]]}}}, f'{S}.Condition.StringEquals["aws:a"][0]'),
        ({"Condition": {"StringEquals": {"aws:A": "x", "aws:a": "x"}}}, f"{S}.Condition.StringEquals"),
        ({"Condition": {"StringEquals": {"aws:a": "${x"}}}, f'{S}.Condition.StringEquals["aws:a"]'),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "203.0.113.0/33"]}}},
         f'{S}.Condition.IpAddress["aws:SourceIp"][1]'),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/"}}}, f'{S}.Condition.IpAddress["aws:SourceIp"]'),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "2001:db8::/129"}}}, f'{S}.Condition.IpAddress["aws:SourceIp"]'),
        ({"Condition": {"NumericEquals": {"aws:a": "1e3"}}}, f'{S}.Condition.NumericEquals["aws:a"]'),
        ({"Condition": {"DateEquals": {"aws:a": "2025-13-01"}}}, f'{S}.Condition.DateEquals["aws:a"]'),
        ({"Condition": {"Bool": {"aws:a": "yes"}}}, f'{S}.Condition.Bool["aws:a"]'),
        ({"Condition": {"Null": {"aws:a": "x"}}}, f'{S}.Condition.Null["aws:a"]'),
        ({"Condition": {"BinaryEquals": {"aws:a": "???"}}}, f'{S}.Condition.BinaryEquals["aws:a"]'),
    ],
)  # fmt: skip
def test_a_document_that_aws_would_refuse_is_refused_at_its_place(change, place):
    with pytest.raises(PolicyError) as caught:
        parse_document(json.dumps(doc(change)), "identity")
    assert caught.value.place == place
    assert caught.value.next_step
    verdict = ask([doc(change)])
    assert verdict.decision == "invalid"
    assert not verdict.allowed
    assert place in verdict.reason
    assert verdict.layers == ()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "$"), ("[]", "$"), ("{}", "$"), ('{"Statement": 5}', "$.Statement"),
        ('{"Statement": [5]}', "$.Statement[0]"),
        ('{"Version": "2012-10-18", "Statement": []}', "$.Version"),
        ('{"Version": 2012, "Statement": []}', "$.Version"),
        ('{"Id": 5, "Statement": []}', "$.Id"), ('{"Statement": [], "Extra": 1}', "$"),
        ('{"Statement": [], "Statement": []}', "$.Statement"), ("[" * 100_000, "$"), ('{"Statement": NaN}', "$"),
        ('{"Statement": [{"Condition": {"Bool": {"a": "true", "a": "true"}}}]}', "$.Statement[0].Condition.Bool.a"),
        (" " * 300_000, "$"),
    ],
)  # fmt: skip
def test_text_that_is_no_policy(text, place):
    with pytest.raises(PolicyError) as caught:
        parse_document(text)
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"Principal": None}, S), ({"NotPrincipal": "*"}, S), ({"Principal": ROLE}, f"{S}.Principal"),
        ({"Principal": {"Aws": "*"}}, f"{S}.Principal"), ({"Principal": {"AWS": 5}}, f"{S}.Principal.AWS[0]"),
        ({"Principal": {"AWS": [ROLE, f"arn:aws:iam::{ACCOUNT}:role/*"]}}, f"{S}.Principal.AWS[1]"),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:group/g"}}, f"{S}.Principal.AWS[0]"),
        ({"Principal": {"AWS": "alice"}}, f"{S}.Principal.AWS[0]"),
        ({"Principal": {"AWS": "11112222333"}}, f"{S}.Principal.AWS[0]"),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/"}}, f"{S}.Principal.AWS[0]"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["resource", "endpoint"])
def test_principals_are_checked(change, place, kind):
    with pytest.raises(PolicyError) as caught:
        parse_document(bucket(change), kind)
    assert caught.value.place == place


def test_sids_are_unique_where_iam_asks_for_it():
    twice = doc({"Sid": "A"}, {"Sid": "A"})
    assert decide([twice]) == "invalid"
    named = bucket({"Sid": "with blanks"}, {"Sid": "with blanks"})
    assert parse_document(named, "resource").statements[1].label == 'statement 2 "with blanks"'


def test_the_invalid_policy_is_named():
    assert "session policy is not valid" in ask(session="{").reason
    assert "identity policy 2 is not valid" in ask([ALLOW, "{"]).reason
    assert (
        "bucket policy is not valid"
        in evaluate(Request("s3:GetObject", KEY, USER, {}), Policies(resource="{")).reason
    )


@pytest.mark.parametrize(
    "request_of",
    [
        {"action": "GetObject"}, {"action": "s3:Get*"}, {"resource": "gt-data/x"}, {"resource": "arn:aws:s3"},
        {"principal": "alice"}, {"principal": f"arn:aws:iam::{ACCOUNT}:group/g"},
        {"principal": "arn:aws:iam::1:user/a"},
        {"principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker"}, {"owner": "1"}, {"context": {"a": None}},
        {"context": {"a": {"b": "c"}}}, {"context": {"aws:A": "x", "aws:a": "x"}}, {"context": {"a": [["x"]]}},
    ],
)  # fmt: skip
def test_a_request_that_aws_could_not_get_is_invalid(request_of):
    assert decide(**request_of) == "invalid"


# matching


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/a:b/c", True), ("arn:aws:s3:::b/*/c", "arn:aws:s3:::b//c", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/", False), ("arn:aws:s3:::b/?", "arn:aws:s3:::b/:", True),
        ("arn:aws:s3:::b/a*c*e", "arn:aws:s3:::b/abcde", True), ("arn:aws:s3:::b/a*c*e", "arn:aws:s3:::b/abcd", False),
        ("arn:aws:s3:::b/*a", "arn:aws:s3:::b/aa", True), ("arn:aws:s3:::b/a*a", "arn:aws:s3:::b/a", False),
        ("arn:aws:s3:::b/*ab*ab", "arn:aws:s3:::b/ab", False), ("arn:aws:s3:::b/**", "arn:aws:s3:::b/x", True),
        ("arn:aws:s3:::b/[a]", "arn:aws:s3:::b/a", False), ("arn:aws:s3:::b/[a]", "arn:aws:s3:::b/[a]", True),
        ("arn:*:s3:::b/x", "arn:aws-cn:s3:::b/x", True), ("arn:a*:s3:::b/x", "arn:b:s3:::b/x", False),
        ("arn:aws*cn:s3:::b/x", "arn:aws-cn:s3:::b/x", True), ("arn:aws*cn:s3:::b/x", "arn:aws:x:cn:s3:::b/x", False),
        ("arn:aw?:s3:::b/x", "arn:aws:s3:::b/x", True), ("arn:aw?:s3:::b/x", "arn:aw:s3:::b/x", False),
        ("arn:aws:s3?::b/x", "arn:aws:s3:::b/x", False), ("arn:aws:s3", "arn:aws:s3:::b/x", True),
        ("arn:aws:s3:*", "arn:aws:s3:::b/x", True), ("arn:aws:sqs", "arn:aws:s3:::b/x", False),
        ("arn:aws:dynamodb:*:table/p-*", "arn:aws:dynamodb:us-east-1:1:table/p-x", True),
        ("arn:aws:dynamodb:*:table/p-*", "arn:aws:dynamodb:us-east-1:1:table/d-x", False),
        ("arn:aws:s3:::B/x", "arn:aws:s3:::b/x", False), ("arn:aws:s3:::b", "arn:aws:s3:::b/x", False),
    ],
)  # fmt: skip
def test_resource_patterns(pattern, arn, matches):
    assert decide([doc({"Resource": pattern})], resource=arn) == (
        "allow" if matches else "implicit-deny"
    )
    assert decide([doc({"NotResource": pattern, "Resource": None})], resource=arn) == (
        "implicit-deny" if matches else "allow"
    )


def test_no_pattern_is_slow():
    started = time.process_time()
    for pattern in ("*a" * 40 + "b", "a*" * 60 + "b", "?*" * 40 + "b"):
        for head in ("arn:aws:s3:::", "arn:*:s3:::"):
            assert (
                decide([doc({"Resource": head + pattern})], resource="arn:aws:s3:::" + "a" * 500)
                == "implicit-deny"
            )
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [("*", True), ("s3:*", True), ("S3:GETOBJECT", True), ("s?:get*", True), ("*:GetObject", True), ("s3:Get", False),
     ("s3:GetObject*", True), ("ec2:*", False)],
)  # fmt: skip
def test_action_patterns(pattern, matches):
    assert decide([doc({"Action": pattern})]) == ("allow" if matches else "implicit-deny")
    assert decide([doc({"NotAction": pattern, "Action": None})]) == (
        "implicit-deny" if matches else "allow"
    )


STRAY = [
    "s3:GetObject,PutObject",
    "s3:GetObject ",
    "s3: GetObject",
    "s3:Get_Object",
    "s3:GetObject/*",
    "s3:Gét*",
]


@pytest.mark.parametrize("stray", STRAY)
def test_a_stray_action_of_an_identity_policy_costs_only_itself(stray):
    assert decide([doc({"Action": stray})]) == "implicit-deny"
    assert decide([doc({"Action": [stray, "s3:GetObject"]})]) == "allow"
    assert decide([doc({"Effect": "Deny", "Action": [stray, "s3:GetObject"]})]) == "explicit-deny"
    assert decide([ALLOW, doc({"Effect": "Deny", "Action": stray})]) == "allow"
    assert decide([ALLOW], boundary=doc({"Action": [stray, "s3:GetObject"]})) == "allow"


@pytest.mark.parametrize("stray", STRAY)
def test_a_stray_action_is_refused_where_it_could_widen_access_or_s3_refuses_it(stray):
    assert decide([doc({"NotAction": [stray], "Action": None})]) == "invalid"
    for kind in ("resource", "session", "endpoint", "scp"):
        with pytest.raises(PolicyError):
            parse_document(
                bucket({"Action": stray})
                if kind in ("resource", "endpoint")
                else doc({"Action": stray}),
                kind,
            )


@pytest.mark.parametrize(
    "odd", ["GetObject", "s3:", ":GetObject", "s3:a:b", "", "s3 :GetObject", "**"]
)
def test_an_action_without_service_and_name_makes_every_policy_invalid(odd):
    assert decide([doc({"Action": odd})]) == "invalid"


def test_empty_lists_match_nothing():
    assert decide([doc({"Action": []})]) == "implicit-deny"
    assert decide([doc({"Resource": []})]) == "implicit-deny"
    assert by_bucket({"AWS": []}, USER) == "implicit-deny"


# variables


@pytest.mark.parametrize(
    ("value", "context", "matches"),
    [
        ("${aws:username}", {"aws:username": "img"}, True), ("${AWS:UserName}", {"aws:username": "img"}, True),
        ("${ aws:username }", {"aws:username": "img"}, True), ("${aws:username}", {}, False),
        ("${aws:username}", {"aws:username": ["img", "b"]}, False),
        ("${aws:username}", {"aws:username": ["img"]}, False),
        ("${aws:username, 'img'}", {}, True), ("${aws:username,'img'}", {}, True), ("${aws:username, ''}img", {}, True),
        ("${aws:username, 'img'}", {"aws:username": "x"}, False),
        ("i${aws:a}${aws:b}", {"aws:a": "m", "aws:b": "g"}, True),
        ("${aws:username}", {"aws:username": "*"}, False), ("*", {}, True), ("i?g", {}, True), ("${?}mg", {}, False),
        ("$img", {}, False), ("${$}", {}, False),
    ],
)  # fmt: skip
def test_variables_in_resources(value, context, matches):
    found = decide(
        [doc({"Resource": f"arn:aws:s3:::gt-data/{value}"})],
        resource="arn:aws:s3:::gt-data/img",
        context=context,
    )
    assert found == ("allow" if matches else "implicit-deny")


@pytest.mark.parametrize(
    ("key", "written"), [("*", "${*}"), ("?", "${?}"), ("$", "${$}"), ("a${b}", "a${$}{b}")]
)
def test_special_characters_are_written_as_variables(key, written):
    for version, expected in (("2012-10-17", "allow"), ("2008-10-17", "implicit-deny")):
        policy = doc({"Resource": f"arn:aws:s3:::gt-data/{written}"}, version=version)
        assert decide([policy], resource=f"arn:aws:s3:::gt-data/{key}") == expected
    assert (
        decide([doc({"Resource": "arn:aws:s3:::gt-data/${*}"})], resource="arn:aws:s3:::gt-data/x")
        == "implicit-deny"
    )


def test_a_version_that_is_left_out_is_the_old_one():
    old = {
        "Statement": {
            "Effect": "Allow",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::gt-data/${aws:username}",
        }
    }
    assert (
        decide([old], resource="arn:aws:s3:::gt-data/img", context={"aws:username": "img"})
        == "implicit-deny"
    )
    assert decide([old], resource="arn:aws:s3:::gt-data/${aws:username}") == "allow"


def test_a_variable_without_a_value_never_widens():
    allow = doc({"NotResource": "arn:aws:s3:::gt-data/${aws:username}/*", "Resource": None})
    deny = doc(
        {
            "Effect": "Deny",
            "NotResource": "arn:aws:s3:::gt-data/${aws:username}/*",
            "Resource": None,
        }
    )
    assert decide([allow]) == "implicit-deny"
    assert decide([ALLOW, deny]) == "explicit-deny"
    assert decide([allow], context={"aws:username": "alice"}) == "allow"
    both = doc(
        {"NotResource": ["arn:aws:s3:::x/${aws:username}", KEY], "Resource": None, "Effect": "Deny"}
    )
    assert decide([ALLOW, both]) == "allow"


# conditions


@pytest.mark.parametrize(
    ("operator", "policy", "actual", "matches"),
    [
        ("StringEquals", "a", "a", True), ("StringEquals", "a*", "ab", False), ("StringEquals", "${*}", "*", True),
        ("StringEqualsIgnoreCase", "AB", "ab", True), ("StringEqualsIgnoreCase", "AB", "abc", False),
        ("StringNotEqualsIgnoreCase", "AB", "ab", False), ("StringNotEqualsIgnoreCase", "AB", "c", True),
        ("StringLike", "a*c", "abc", True), ("StringLike", "A*", "abc", False), ("StringNotLike", "a*", "b", True),
        ("StringLike", "a", "a\n", False), ("StringLike", "", "", True), ("StringEquals", 5, "5", True),
        ("StringEquals", True, "true", True), ("StringEquals", 1.5, "1.5", True),
        ("NumericEquals", "5", "5.0", True), ("NumericEquals", "+5", "5", True), ("NumericEquals", ".5", "0.5", True),
        ("NumericEquals", "9007199254740993", "9007199254740992", False), ("NumericNotEquals", "5", "6", True),
        ("NumericLessThan", "5", "4.99", True), ("NumericLessThan", "5", "5", False),
        ("NumericLessThanEquals", "5", "5", True),
        ("NumericGreaterThan", "5", "5", False), ("NumericGreaterThan", "-5", "-4", True),
        ("NumericGreaterThanEquals", "5", "5", True), ("NumericGreaterThanEquals", "5", "4", False),
        ("DateEquals", "2025-06-01", "2025-06-01T00:00:00Z", True),
        ("DateEquals", "1989", "2025-01-01T00:00:00Z", False), ("DateNotEquals", "2025", "2026-02", True),
        ("DateEquals", "2025-06", "2025-06-01T00:00Z", True),
        ("DateEquals", "2025-06-01T14:00:00+02:00", "1748779200", True),
        ("DateEquals", "2025-06-01T10:00:00-0200", "1748779200", True),
        ("DateLessThan", "2025-06-01T00:00:00.5Z", "2025-06-01T00:00:00.25Z", True),
        ("DateLessThan", "2025-06-01", "2025-06-01", False), ("DateLessThanEquals", "2025-06-01", "2025-06-01", True),
        ("DateGreaterThan", "2025-06-01", "2025-06-01T00:00:01Z", True),
        ("DateGreaterThanEquals", "2025", "2026-01", True), ("DateLessThan", "2025", "2026-01", False),
        ("DateEquals", 1748779200, "2025-06-01T12:00:00Z", True),
        ("DateEquals", "2025-06-01T12:00:00", "1748779200", True),
        ("Bool", "true", "TRUE", True), ("Bool", False, "false", True), ("Bool", "false", "true", False),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True), ("BinaryEquals", "QmluYXJ5", "QmluYXJ6", False),
        ("IpAddress", "203.0.113.7/24", "203.0.113.200", True), ("IpAddress", "203.0.113.7", "203.0.113.8", False),
        ("IpAddress", "2001:db8::/32", "2001:DB8:0:0::1", True), ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
        ("NotIpAddress", "203.0.113.0/24", "2001:db8::1", True), ("IpAddress", " 203.0.113.7 ", "203.0.113.7", True),
        ("ArnLike", ROLE, ROLE, True), ("ArnLike", "arn:aws:iam::*:role/W*", ROLE, True),
        ("ArnEquals", "arn:*:iam::*:*", ROLE, True),
        ("ArnNotLike", "arn:aws:iam::*:user/*", ROLE, True),
        ("ArnLike", "arn:aws:iam::*:role/*", "not an arn", False), ("ArnNotEquals", ROLE, ROLE, False),
        ("ArnLike", "arn:aws:s3:::b/*:x", "arn:aws:s3:::b/a:b:x", True),
    ],
)  # fmt: skip
def test_operators(operator, policy, actual, matches):
    condition = {operator: {"aws:X": policy}}
    for effect in ("Allow", "Deny"):
        assert holds(condition, {"aws:x": actual}, effect) is matches
        assert (
            holds({f"{operator}IfExists": {"aws:X": policy}}, {"AWS:X": actual}, effect) is matches
        )
        assert holds(
            {f"ForAnyValue:{operator}": {"aws:X": [policy]}}, {"aws:x": [actual]}, effect
        ) is (matches and actual != "")
        assert holds(
            {f"ForAllValues:{operator}": {"aws:X": policy}}, {"aws:x": [actual, actual]}, effect
        ) is (matches or actual == "")


NEGATED = ["StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals", "DateNotEquals",
           "ArnNotEquals", "ArnNotLike", "NotIpAddress"]  # fmt: skip
POSITIVE = ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "NumericEquals", "NumericLessThan",
            "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateLessThan",
            "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress",
            "ArnEquals",
            "ArnLike"]  # fmt: skip


def sample(operator):
    for word, value in (
        ("Ip", "203.0.113.0/24"),
        ("Numeric", "5"),
        ("Date", "2025-01-01"),
        ("Bool", "true"),
        ("Arn", ROLE),
    ):
        if word in operator:
            return value
    return "QQ=="


@pytest.mark.parametrize("operator", NEGATED + POSITIVE)
def test_an_absent_key(operator):
    value = sample(operator)
    negated = operator in NEGATED
    for context in ({}, {"aws:x": []}):
        for effect in ("Allow", "Deny"):
            assert holds({operator: {"aws:x": value}}, context, effect) is negated
            assert holds({f"{operator}IfExists": {"aws:x": value}}, context, effect) is True
            assert holds({f"ForAllValues:{operator}": {"aws:x": value}}, context, effect) is True
            assert holds({f"ForAnyValue:{operator}": {"aws:x": value}}, context, effect) is False


@pytest.mark.parametrize(
    "operator", [o for o in NEGATED + POSITIVE if not o.startswith(("String", "Arn"))]
)
def test_a_value_of_the_wrong_type_gives_no_access_by_mistake(operator):
    condition = {operator: {"aws:x": sample(operator)}}
    assert holds(condition, {"aws:x": "~"}, "Allow") is False
    assert holds(condition, {"aws:x": "~"}, "Deny") is True


@pytest.mark.parametrize("operator", ["ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals"])
@pytest.mark.parametrize("pattern", ["*", "arn:aws:iam::*", "${aws:PrincipalTag/a}"])
def test_it_is_unknown_what_an_arn_pattern_of_fewer_parts_matches(operator, pattern):
    context = {"aws:PrincipalArn": ROLE, "aws:PrincipalTag/a": "role"}
    for effect in ("Allow", "Deny"):
        statement = doc({"Effect": effect, "Condition": {operator: {"aws:PrincipalArn": pattern}}})
        verdict = ask([ALLOW, statement][effect == "Allow" :], context=context)
        assert (verdict.decision, verdict.depends_on) == (
            "unknown",
            (f'the ARN pattern "{pattern}"',),
        )


def test_several_values_without_a_set_operator_give_no_access_by_mistake():
    context = {"aws:TagKeys": ["env", "team"]}
    assert holds({"StringEquals": {"aws:TagKeys": "env"}}, context, "Allow") is False
    assert holds({"StringEquals": {"aws:TagKeys": "env"}}, context, "Deny") is True
    assert holds({"StringNotEquals": {"aws:TagKeys": "env"}}, context, "Allow") is False
    assert holds({"StringNotEquals": {"aws:TagKeys": "env"}}, context, "Deny") is True
    assert holds({"StringEquals": {"aws:TagKeys": ["env", "team"]}}, context, "Allow") is True
    assert holds({"StringEquals": {"aws:TagKeys": ["cost"]}}, context, "Deny") is False


def test_sets():
    context = {"aws:TagKeys": ["env", "team"]}
    assert holds({"ForAllValues:StringEquals": {"aws:TagKeys": ["env", "team", "x"]}}, context)
    assert not holds({"ForAllValues:StringEquals": {"aws:TagKeys": ["env"]}}, context)
    assert holds({"ForAnyValue:StringEquals": {"aws:TagKeys": ["env"]}}, context)
    assert not holds({"ForAnyValue:StringEquals": {"aws:TagKeys": ["x"]}}, context)
    assert holds({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["env"]}}, context)
    assert not holds({"ForAllValues:StringNotEquals": {"aws:TagKeys": ["env"]}}, context)
    assert not holds({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["env", "team"]}}, context)
    assert holds({"ForAllValues:NumericEquals": {"aws:x": "5"}}, {"aws:x": ["5", "~"]}, "Deny")
    assert not holds({"ForAllValues:NumericEquals": {"aws:x": "5"}}, {"aws:x": ["5", "~"]}, "Allow")


def test_null_and_empty_values():
    for context, absent in (
        ({}, True),
        ({"aws:x": []}, True),
        ({"aws:x": ""}, True),
        ({"aws:x": "a"}, False),
    ):
        assert holds({"Null": {"aws:x": "true"}}, context) is absent
        assert holds({"Null": {"aws:x": False}}, context) is not absent
    assert holds({"ForAllValues:StringEquals": {"aws:x": "a"}}, {"aws:x": ""})
    assert not holds({"ForAnyValue:StringLike": {"aws:x": "*"}}, {"aws:x": ""})
    assert not holds({"ForAnyValue:StringLikeIfExists": {"aws:x": "*"}}, {"aws:x": ""})
    assert holds({"ForAnyValue:StringLikeIfExists": {"aws:x": "*"}}, {})
    assert holds({"StringEquals": {"aws:x": ""}}, {"aws:x": ""})


def test_conditions_are_and_values_are_or_negated_values_are_nor():
    context = {"aws:a": "1", "aws:b": "2"}
    assert holds({"StringEquals": {"aws:a": ["0", "1"], "aws:b": "2"}}, context)
    assert not holds({"StringEquals": {"aws:a": "1", "aws:b": "1"}}, context)
    assert not holds({"StringEquals": {"aws:a": "1"}, "StringLike": {"aws:b": "1"}}, context)
    assert not holds({"StringNotEquals": {"aws:a": ["0", "1"]}}, context)
    assert holds({"StringNotEquals": {"aws:a": ["0", "2"]}}, context)
    assert holds({}, context)
    assert holds({"StringEquals": {}}, context)


def test_context_values_may_be_numbers_and_booleans():
    assert holds({"NumericEquals": {"aws:x": "5"}}, {"aws:x": 5})
    assert holds({"Bool": {"aws:x": "true"}}, {"aws:x": True})
    assert holds({"ForAnyValue:StringEquals": {"aws:x": "a"}}, {"aws:x": ("b", "a")})


# principals and layers


def by_bucket(
    principal,
    caller,
    effect="Allow",
    *,
    identity=(),
    context=None,
    name="Principal",
    owner=None,
    **more,
):
    policy = doc({"Effect": effect, name: principal})
    request = Request("s3:GetObject", KEY, caller, context or {}, owner)
    return evaluate(request, Policies(identity, resource=policy, **more)).decision


@pytest.mark.parametrize(
    ("named", "caller", "named_it"),
    [
        ("*", SESSION, True), ({"AWS": "*"}, USER, True), ({"AWS": "*"}, "*", True), ("*", "*", True),
        ({"AWS": ACCOUNT}, SESSION, True), ({"AWS": ROOT}, USER, True), ({"AWS": OTHER}, USER, False),
        ({"AWS": ACCOUNT}, "*", False),
        ({"AWS": ROLE}, SESSION, True), ({"AWS": ROLE}, ROLE, True), ({"AWS": ROLE}, USER, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/path/Worker"}, SESSION, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/worker"}, SESSION, False),
        ({"AWS": f"arn:aws:iam::{OTHER}:role/Worker"}, SESSION, False),
        ({"AWS": f"arn:aws-cn:iam::{ACCOUNT}:role/Worker"}, SESSION, False),
        ({"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}, USER, False),
        ({"AWS": SESSION}, SESSION, True), ({"AWS": SESSION}, SESSION + "8", False), ({"AWS": USER}, USER, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/Alice"}, USER, False), ({"AWS": FEDERATED}, FEDERATED, True),
        ({"Service": SERVICE}, SERVICE, True), ({"Service": "ec2.amazonaws.com"}, SERVICE, False),
        ({"Service": SERVICE}, USER, False), ({"AWS": ACCOUNT}, SERVICE, False),
        ({"Federated": "cognito"}, SESSION, False),
        ({"CanonicalUser": "79a5"}, "*", False), ({"AWS": ROOT}, ROOT, True),
        ({"AWS": "AROAEXAMPLEID12345678"}, SESSION, False),
    ],
)  # fmt: skip
def test_whom_a_principal_names(named, caller, named_it):
    denied = by_bucket(named, caller, "Deny", identity=(ALLOW,))
    assert (denied == "explicit-deny") is named_it


def test_unique_ids_federated_providers_and_canonical_users():
    ids = {"aws:userid": "AROAEXAMPLEID12345678:w-7"}
    assert by_bucket({"AWS": "AROAEXAMPLEID12345678"}, SESSION, context=ids) == "allow"
    assert by_bucket({"AWS": "AROAEXAMPLEID12345679"}, SESSION, context=ids) == "implicit-deny"
    assert (
        by_bucket(
            {"AWS": "AIDAEXAMPLEID12345678"}, USER, context={"aws:userid": "AIDAEXAMPLEID12345678"}
        )
        == "allow"
    )
    provider = {"aws:FederatedProvider": "cognito-identity.amazonaws.com"}
    assert (
        by_bucket({"Federated": "cognito-identity.amazonaws.com"}, SESSION, context=provider)
        == "allow"
    )
    # whom a canonical id names is not known: no Allow, but a Deny
    assert by_bucket({"CanonicalUser": "79a5"}, USER) == "implicit-deny"
    assert by_bucket({"CanonicalUser": "79a5"}, USER, "Deny", identity=(ALLOW,)) == "explicit-deny"


@pytest.mark.parametrize(
    ("listed", "caller", "spared"),
    [
        ([SESSION, ROLE, ROOT], SESSION, True), ([SESSION, ROLE], SESSION, False), ([ROLE, ROOT], SESSION, False),
        ([SESSION, ROOT], SESSION, False), ([USER, ACCOUNT], USER, True), ([USER], USER, False), ([ROOT], USER, False),
        ([ROLE, ROOT], ROLE, True), ([ROLE], ROLE, False), ([ROOT], ROOT, True), ([FEDERATED, ROOT], FEDERATED, True),
        ([FEDERATED], FEDERATED, False), ([ROOT], FEDERATED, False),
        (["*"], "*", True), ([USER, ROOT], "*", False), (["*"], SESSION, True),
    ],
)  # fmt: skip
def test_not_principal_spares_only_who_is_listed_in_full(listed, caller, spared):
    found = by_bucket({"AWS": listed}, caller, "Deny", identity=(ALLOW,), name="NotPrincipal")
    assert (found != "explicit-deny") is spared


def test_not_principal_with_services_and_allow():
    assert by_bucket({"Service": SERVICE}, SERVICE, "Deny", name="NotPrincipal") == "implicit-deny"
    assert (
        by_bucket({"Service": SERVICE}, "ec2.amazonaws.com", "Deny", name="NotPrincipal")
        == "explicit-deny"
    )
    assert by_bucket({"AWS": USER}, SESSION, name="NotPrincipal") == "allow"
    assert by_bucket({"AWS": ACCOUNT}, SESSION, name="NotPrincipal") == "implicit-deny"
    assert by_bucket({"CanonicalUser": "79a5"}, SESSION, name="NotPrincipal") == "implicit-deny"


NOTHING = doc({"Action": "s3:ListBucket"})


@pytest.mark.parametrize(
    ("named", "caller", "limit", "expected"),
    [
        ({"AWS": ROLE}, SESSION, "session", "implicit-deny"), ({"AWS": ROLE}, SESSION, "boundary", "implicit-deny"),
        ({"AWS": SESSION}, SESSION, "session", "allow"), ({"AWS": SESSION}, SESSION, "boundary", "allow"),
        ({"AWS": USER}, USER, "boundary", "allow"), ("*", SESSION, "session", "allow"),
        ("*", USER, "boundary", "allow"),
        ({"AWS": ACCOUNT}, SESSION, "session", "implicit-deny"), ({"AWS": FEDERATED}, FEDERATED, "session", "allow"),
    ],
)  # fmt: skip
def test_what_limits_a_grant_of_the_bucket_policy(named, caller, limit, expected):
    assert by_bucket(named, caller, identity=(ALLOW,), **{limit: NOTHING}) == expected


def test_a_role_grant_stands_in_for_an_identity_policy_within_the_limits():
    assert by_bucket({"AWS": ROLE}, SESSION) == "allow"
    assert by_bucket({"AWS": ROLE}, ROLE) == "allow"
    assert by_bucket({"AWS": ROLE}, SESSION, session=ALLOW, boundary=ALLOW) == "allow"
    assert by_bucket({"AWS": ACCOUNT}, SESSION) == "implicit-deny"
    assert by_bucket({"AWS": ACCOUNT}, SESSION, identity=(ALLOW,)) == "allow"


def test_the_strongest_grant_counts():
    policy = bucket(
        {"Principal": {"AWS": ACCOUNT}},
        {"Principal": {"AWS": ROLE}},
        {"Principal": {"AWS": [ACCOUNT, SESSION]}},
    )
    verdict = evaluate(Request("s3:GetObject", KEY, SESSION, {}), Policies((), NOTHING, policy))
    assert verdict.allowed
    assert verdict.statement == "statement 3"


def test_boundary_and_session_limit_identity_policies():
    assert decide(boundary=ALLOW) == "allow"
    assert decide(boundary=NOTHING) == "implicit-deny"
    assert decide(boundary=doc({"Effect": "Deny"})) == "explicit-deny"
    assert decide(session=ALLOW, boundary=NOTHING) == "implicit-deny"
    assert ask(boundary=NOTHING).policy == "permissions boundary"


def test_a_federated_user_has_nothing_without_a_session_policy():
    assert decide(principal=FEDERATED) == "implicit-deny"
    assert decide(principal=FEDERATED, session=ALLOW) == "allow"


def test_the_root_user_needs_no_policy_but_obeys_a_deny():
    assert decide((), principal=ROOT) == "allow"
    assert by_bucket("*", ROOT, "Deny") == "explicit-deny"
    assert decide((), principal=ROOT, owner=OTHER) == "implicit-deny"
    assert by_bucket({"AWS": ACCOUNT}, ROOT, owner=OTHER) == "allow"


def test_services_and_anonymous_callers_live_by_the_bucket_policy_alone():
    assert decide(principal="*") == "implicit-deny"
    assert decide(principal=SERVICE) == "implicit-deny"
    assert by_bucket("*", "*") == "allow"
    assert by_bucket({"Service": SERVICE}, SERVICE) == "allow"
    assert by_bucket("*", "*", owner=OTHER) == "allow"


def test_another_accounts_bucket_needs_both_sides():
    for named in (ROLE, SESSION, ACCOUNT, "*"):
        assert by_bucket({"AWS": named}, SESSION, owner=OTHER, identity=(ALLOW,)) == "allow"
        assert by_bucket({"AWS": named}, SESSION, owner=OTHER) == "implicit-deny"
        assert (
            by_bucket({"AWS": named}, SESSION, owner=OTHER, identity=(ALLOW,), session=NOTHING)
            == "implicit-deny"
        )
    assert decide(owner=OTHER) == "implicit-deny"
    assert decide(owner=ACCOUNT) == "allow"


def test_an_endpoint_policy_counts_only_on_its_path():
    through = presigned_context("10.0.0.1 via vpce-0a1b2c3d")
    outside = presigned_context("203.0.113.7")
    closed = bucket({"Resource": "arn:aws:s3:::other/*"})
    assert decide(context=through, endpoint=closed) == "implicit-deny"
    assert ask(context=through, endpoint=closed).policy == "VPC endpoint policy"
    assert decide(context=outside, endpoint=closed) == "allow"
    assert decide(context={}, endpoint=closed) == "implicit-deny"
    assert decide(context=through, endpoint=bucket()) == "allow"
    assert decide(context=through, endpoint=bucket({"Effect": "Deny"})) == "explicit-deny"
    assert decide(context=outside, endpoint=bucket({"Effect": "Deny"})) == "allow"
    assert (
        decide(context=through, endpoint=bucket({"Principal": {"AWS": OTHER}})) == "implicit-deny"
    )
    layers = {layer.kind: layer.outcome for layer in ask(context=outside, endpoint=closed).layers}
    assert layers["endpoint"] == "not consulted"


# contexts


def test_contexts_hold_what_s3_fills_in():
    net = presigned_context(
        "203.0.113.7",
        age_ms=5,
        principal_arn=ROLE,
        region="us-east-1",
        extra={"s3:VersionId": "v", "k": "v"},
    )
    assert net["aws:SourceIp"] == "203.0.113.7"
    assert "aws:VpcSourceIp" not in net
    assert (net["s3:signatureAge"], net["s3:authType"], net["aws:PrincipalAccount"]) == (
        "5",
        "REST-QUERY-STRING",
        ACCOUNT,
    )
    assert (net["aws:RequestedRegion"], net["s3:VersionId"], net["k"]) == ("us-east-1", "v", "v")
    vpc = presigned_context(
        "10.0.0.1 via vpce-0a1b2c3d", secure=False, extra={"aws:ViaAWSService": "true"}
    )
    assert {k: v for k, v in vpc.items() if "Vpc" in k or "SourceIp" in k} == {
        "aws:VpcSourceIp": "10.0.0.1", "aws:SourceVpce": "vpce-0a1b2c3d",
    }  # fmt: skip
    assert (vpc["aws:SecureTransport"], vpc["aws:ViaAWSService"]) == ("false", "true")
    head = header_context("203.0.113.7", service=SERVICE)
    assert "s3:signatureAge" not in head
    assert (head["s3:authType"], head["aws:PrincipalIsAWSService"]) == ("REST-HEADER", "true")
    nobody = anonymous_context("203.0.113.7")
    assert not {
        "s3:authType",
        "aws:PrincipalArn",
        "aws:PrincipalIsAWSService",
        "s3:signatureversion",
    } & set(nobody)


# explanations


def test_an_explanation_names_each_condition_and_absent_keys():
    policy = doc(
        {
            "Sid": "Net",
            "Condition": {
                "IpAddress": {"aws:SourceIp": "203.0.113.0/24"},
                "Bool": {"aws:SecureTransport": "true"},
            },
        }
    )
    verdict = ask(session=policy, context={"aws:SecureTransport": "true"})
    assert verdict.decision == "implicit-deny"
    assert (
        verdict.reason
        == 'No statement of the session policy allows it (statement 1 "Net": IpAddress aws:SourceIp'
        " [203.0.113.0/24]: absent -> does not match)."
    )
    session = next(layer for layer in verdict.layers if layer.kind == "session")
    assert [(c.key, c.actual, c.matched) for c in session.statements[0].conditions] == [
        ("aws:SourceIp", None, False), ("aws:SecureTransport", ("true",), True),
    ]  # fmt: skip
    assert [layer.kind for layer in verdict.layers] == [
        "identity",
        "session",
        "boundary",
        "resource",
        "endpoint",
    ]


def test_the_deciding_statement_is_marked():
    verdict = ask(
        [
            doc({"Sid": "One"}),
            doc({"Effect": "Deny", "Sid": "Two", "Condition": {"Null": {"aws:x": "true"}}}),
        ]
    )
    assert (verdict.policy, verdict.statement) == ("identity policy 2", 'statement 1 "Two"')
    decides = [s.sid for layer in verdict.layers for s in layer.statements if s.decides]
    assert decides == ["Two"]
    assert [layer.outcome for layer in verdict.layers] == [
        "allow",
        "explicit-deny",
        "not set",
        "not set",
        "not set",
        "not set",
    ]
    assert (
        verdict.reason
        == 'Statement 1 "Two" of the identity policy 2 denies it (Null aws:x [true]: absent ->'
        " matches)."
    )
    assert repr(verdict).startswith("Verdict('explicit-deny'")


def test_a_miss_names_the_nearest_statement():
    policy = doc(
        {"Action": "s3:PutObject"}, {"Resource": "arn:aws:s3:::other/*"}, {"Action": "ec2:*"}
    )
    assert ask([policy]).reason == "No policy grants it (statement 2: other resource)."
    assert ask([]).reason == "No policy grants it."


def test_a_dict_and_its_text_give_the_same_and_are_not_mixed_up_by_kind():
    text = json.dumps(ALLOW)
    assert decide([text]) == decide([ALLOW]) == "allow"
    assert decide([text], resource=KEY) == "allow"
    assert (
        evaluate(Request("s3:GetObject", KEY, USER, {}), Policies(resource=text)).decision
        == "invalid"
    )


# found by the mutation check


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        ("arn:*:dynamodb:us:1*2:table", "arn:aws:dynamodb:us:1:2:table", False),
        ("arn:*:dynamodb:us:1*2:table", "arn:aws:dynamodb:us:112:table", True),
        ("arn:aws:s3::", KEY, True),
        ("arn:aws:s3:::gt*:x", "arn:aws:s3:::gt:y:x", True),
        ("arn:*:s3:::gt*x", "arn:aws:s3:::gt:y:x", True),
        ("arn:*:s3:::gt?x", "arn:aws:s3:::gt:x", True),
    ],
)
def test_stars_in_the_parts_of_an_arn(pattern, arn, matches):
    assert decide([doc({"Resource": pattern})], resource=arn) == (
        "allow" if matches else "implicit-deny"
    )


def test_null_with_both_values_always_holds():
    for context in ({}, {"aws:x": "a"}):
        assert holds({"Null": {"aws:x": ["true", "false"]}}, context)
        assert not holds({"Null": {"aws:x": []}}, context)


def test_minutes_of_a_time_zone_count():
    assert holds({"DateEquals": {"aws:x": "2025-06-01T17:30:00+05:30"}}, {"aws:x": "1748779200"})
    assert not holds(
        {"DateEquals": {"aws:x": "2025-06-01T17:30:00+05:35"}}, {"aws:x": "1748779200"}
    )


def test_a_canonical_user_spares_nobody():
    listed = {"AWS": [ROLE, ROOT], "CanonicalUser": "79a5"}
    assert (
        by_bucket(listed, SESSION, "Deny", identity=(ALLOW,), name="NotPrincipal")
        == "explicit-deny"
    )


def test_messages_name_what_is_meant():
    with pytest.raises(PolicyError, match=r"\"Action\" occurs more than once") as caught:
        parse_document(
            '{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Action": "*"}}'
        )
    assert caught.value.place == "$.Statement.Action"
    with pytest.raises(PolicyError, match="Write Effect: names of elements are case sensitive"):
        parse_document(doc({"effect": "Allow"}))
    with pytest.raises(PolicyError, match="wildcard cannot stand for part"):
        parse_document(bucket({"Principal": {"AWS": SESSION[:-3] + "*"}}), "resource")


def test_a_value_that_is_no_arn_opens_nothing_to_a_negated_operator():
    condition = {"ArnNotLike": {"aws:SourceArn": "arn:aws:s3:::x"}}
    assert holds(condition, {"aws:SourceArn": "foo"}, "Allow") is False
    assert holds(condition, {"aws:SourceArn": "foo"}, "Deny") is True


def test_digits_of_other_scripts_are_no_numbers():
    assert holds({"NumericEquals": {"aws:X": "3"}}, {"aws:X": "٣"}, "Allow") is False


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-23:00"])
def test_dates_beyond_the_calendar_are_no_dates(date):
    assert (
        holds(
            {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}},
            {"aws:CurrentTime": date},
            "Allow",
        )
        is False
    )


@pytest.mark.parametrize("element", ["NotAction", "NotResource"])
def test_an_empty_exception_list_opens_nothing_and_denies_everything(element):
    from gt_secure.engine.iam.evaluate import evaluate
    from gt_secure.engine.iam.request import Policies, Request

    request = Request("s3:GetObject", "arn:aws:s3:::b/k", "arn:aws:iam::111122223333:user/u", {})

    def decide(effect):
        statement = {"Effect": effect, "Action": "*", "Resource": "*"}
        del statement[element.removeprefix("Not")]
        statement[element] = []
        allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        document = {
            "Version": "2012-10-17",
            "Statement": [statement] if effect == "Allow" else [allow, statement],
        }
        return evaluate(request, Policies(identity=(document,))).decision

    assert decide("Allow") in {"implicit-deny", "invalid"}
    assert decide("Deny") in {"explicit-deny", "invalid"}


def test_an_account_in_a_gateway_endpoints_policy_is_its_root_user_alone():
    from gt_secure.engine.iam.evaluate import evaluate
    from gt_secure.engine.iam.request import Policies, Request
    from gt_secure.engine.iam.request_context import presigned_context

    caller = "arn:aws:sts::111122223333:assumed-role/r/s"
    request = Request(
        "s3:GetObject",
        "arn:aws:s3:::b/k",
        caller,
        presigned_context("10.0.3.4 via vpce-0a1b2c3d4e5f60718"),
    )
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    gate = {
        "Version": "2012-10-17",
        "Statement": [everything | {"Principal": {"AWS": "111122223333"}}],
    }
    identity = ({"Version": "2012-10-17", "Statement": [everything]},)
    assert evaluate(request, Policies(identity=identity, endpoint=gate)).allowed
    assert not evaluate(
        request, Policies(identity=identity, endpoint=gate, gateway_endpoint=True)
    ).allowed


def test_no_line_ends_the_stream_of_verdicts():
    import json

    from gt_secure.engine.iam import batch as ndjson

    case = {"id": "x", "request": {"action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "context": {},
            "principal": "arn:aws:iam::111122223333:user/u"}, "identityPolicies": [], "sessionPolicy": None,
            "resourcePolicy": None}  # fmt: skip
    good = json.dumps(case)
    lines = [
        "\ufeff" + good,
        good.replace('"x"', "1" * 5000),
        good.replace('"x"', "1e999"),
        good.replace(
            '"context": {}', '"context": {"aws:CurrentTime": "0001-01-01T00:00:00+10:00"}'
        ),
        "[" * 100_000,
        "",
        good,
    ]
    answers = list(ndjson.run(lines))
    assert len(answers) == len(lines)
    assert (
        json.loads(answers[0])["verdict"] == json.loads(answers[-1])["verdict"] == "implicit-deny"
    )
    assert answers[1].startswith('{"id": ' + "1" * 5000)
    assert answers[2].startswith('{"id": 1e999, ')


def test_a_number_names_no_principal():
    policy = (
        '{"Statement": {"Effect": "Allow", "Principal": {"Service": 5}, "Action": "s3:*",'
        ' "Resource": "*"}}'
    )
    with pytest.raises(PolicyError, match="Text or a list of texts") as caught:
        parse_document(policy, "resource")
    assert caught.value.place == "$.Statement.Principal.Service[0]"


@pytest.mark.parametrize(
    ("operator", "policy", "actual"),
    [("StringEquals", "a*?", "a*?"), ("StringEqualsIgnoreCase", "A*?", "a*?")],
)
def test_wildcards_are_plain_characters_to_the_operators_of_equality(operator, policy, actual):
    assert holds({operator: {"aws:x": policy}}, {"aws:x": actual})
    assert not holds({operator: {"aws:x": policy}}, {"aws:x": "abc"})


def test_a_number_has_less_than_400_digits():
    for zeros, read in ((0, True), (1, False)):
        assert (
            holds({"NumericEquals": {"aws:x": "1" * 399}}, {"aws:x": "0" * zeros + "1" * 399})
            is read
        )


def test_a_document_has_at_most_200_000_characters():
    text = json.dumps(ALLOW)
    assert parse_document(text + " " * (200_000 - len(text))).allows
    with pytest.raises(PolicyError, match="200,001 characters"):
        parse_document(text + " " * (200_001 - len(text)))


def test_thousands_of_names_that_occur_twice_are_refused_at_once():
    begun = time.process_time()
    with pytest.raises(PolicyError, match='"a0" occurs more than once'):
        parse_document("{" + ", ".join(f'"a{i}": 1, "a{i}": 1' for i in range(8000)) + "}")
    assert time.process_time() - begun < 3


def test_the_name_that_occurs_twice_is_the_one_that_is_named():
    with pytest.raises(PolicyError, match='"Resource" occurs more than once'):
        parse_document(
            '{"Statement": {"Action": "s3:*", "Effect": "Allow", "Resource": "a", "Resource": "b"}}'
        )


def test_what_is_wrong_with_a_principal_is_said():
    for text, said in (
        (f"arn:aws:iam::{ACCOUNT}:user/a?b", "a wildcard cannot stand for part"),
        (f"arn:aws:iam::{ACCOUNT}:user/a*", "a wildcard cannot stand for part"),
        ("alice", "it names no account, user, role or session"),
    ):
        with pytest.raises(PolicyError, match=said):
            parse_document(bucket({"Principal": {"AWS": text}}), "resource")


@pytest.mark.parametrize("order", [1, -1])
def test_the_strongest_of_several_grants_counts(order):
    """An account delegates to policies that are not there; the role is granted the object.
    Either may stand first.
    """
    grants = [ROOT, ROLE][::order]
    assert by_bucket({"AWS": grants}, SESSION) == "allow"
    statements = bucket(*({"Principal": {"AWS": each}} for each in grants))
    verdict = evaluate(Request("s3:GetObject", KEY, SESSION, {}), Policies(resource=statements))
    assert verdict.decision == "allow"
    assert verdict.statement == f"statement {grants.index(ROLE) + 1}"


def test_of_equal_grants_the_first_is_named():
    statements = bucket(
        {"Sid": "A", "Principal": {"AWS": ROLE}}, {"Sid": "B", "Principal": {"AWS": ROLE}}
    )
    verdict = evaluate(Request("s3:GetObject", KEY, SESSION, {}), Policies(resource=statements))
    assert verdict.statement == 'statement 1 "A"'


def test_everyone_among_others_spares_everyone():
    listed = {"AWS": [f"arn:aws:iam::{OTHER}:root", "*"]}
    assert by_bucket(listed, SESSION, "Deny", identity=(ALLOW,), name="NotPrincipal") == "allow"


def test_one_statement_of_an_endpoint_policy_is_enough():
    through = presigned_context("10.0.0.1 via vpce-0a1b2c3d")
    assert (
        decide(context=through, endpoint=bucket({"Resource": "arn:aws:s3:::other/*"}, {}))
        == "allow"
    )


def test_what_a_context_holds_if_nothing_else_is_said():
    now = {"aws:SecureTransport": "true", "aws:ViaAWSService": "false"}
    for made in (
        presigned_context("203.0.113.7"),
        header_context("203.0.113.7"),
        anonymous_context("203.0.113.7"),
    ):
        assert {key: made[key] for key in now} == now
    assert presigned_context("203.0.113.7")["s3:signatureAge"] == "0"


def test_one_identity_policy_has_no_number():
    assert ask().reason == "Statement 1 of the identity policy allows it."
    assert (
        ask([doc({"Action": "s3:PutObject"}), ALLOW]).reason
        == "Statement 1 of the identity policy 2 allows it."
    )


# explanations, part by part


def layers_of(verdict):
    return {layer.kind: layer for layer in verdict.layers}


def test_what_a_policy_said_is_told_from_all_of_its_statements():
    other = {"Resource": "arn:aws:s3:::other/*"}
    outcomes = [
        layers_of(ask(session=doc(*statements)))["session"].outcome
        for statements in (
            [{}, other],
            [other, {}],
            [other, {"Effect": "Deny"}],
            [{"Effect": "Deny"}, {}],
            [other],
        )
    ]
    assert outcomes == ["allow", "allow", "explicit-deny", "explicit-deny", "no match"]


def test_one_statement_decides_even_if_others_say_the_same():
    verdict = ask(
        [doc({"Sid": "A"}, {"Sid": "B"}, {"Sid": "C", "Resource": "arn:aws:s3:::other/*"})]
    )
    identity = layers_of(verdict)["identity"]
    assert [each.decides for each in identity.statements] == [True, False, False]
    # a statement that is equal to the deciding one, in another policy
    verdict = ask([ALLOW], session=ALLOW)
    assert [each.decides for each in layers_of(verdict)["session"].statements] == [False]


def test_only_the_endpoint_policy_is_not_consulted_off_the_endpoint():
    verdict = ask(
        context=presigned_context("203.0.113.7"),
        session=ALLOW,
        boundary=ALLOW,
        resource=KEY,
        endpoint=bucket(),
    )
    outcomes = {kind: layer.outcome for kind, layer in layers_of(verdict).items()}
    assert outcomes == {"identity": "allow", "session": "allow", "boundary": "allow", "resource": "not set",
                        "endpoint": "not consulted"}  # fmt: skip


def test_a_statement_knows_what_keeps_it_from_applying():
    statements = doc(
        {"Action": "s3:PutObject"},
        {"Resource": "arn:aws:s3:::other/*"},
        {"Condition": {"Bool": {"aws:x": "true"}}},
    )
    [layer] = [layer for layer in ask([statements]).layers if layer.kind == "identity"]
    assert [each.misses for each in layer.statements] == [
        ("action",),
        ("resource",),
        ("Bool aws:x [true]: absent -> does not match",),
    ]


def test_the_nearest_miss_fits_in_most_parts():
    net = {"Condition": {"Bool": {"aws:x": "true"}}}
    for policy, named in (
        (
            doc(
                {"Action": "s3:PutObject", "Sid": "A"}, {"Resource": "arn:aws:s3:::x/*", "Sid": "B"}
            ),
            "B",
        ),
        (doc({"Resource": "arn:aws:s3:::x/*", "Sid": "A"}, {"Sid": "B", **net}), "B"),
        (doc({"Sid": "A", **net}, {"Action": "s3:PutObject", "Sid": "B"}), "A"),
        (doc({"Effect": "Deny", "Sid": "A", **net}, {"Action": "s3:PutObject", "Sid": "B"}), "B"),
    ):
        assert f'(statement {"AB".index(named) + 1} "{named}": ' in ask([policy]).reason
    strangers = bucket(
        {"Sid": "A", "Principal": {"AWS": OTHER}}, {"Sid": "B", "Principal": {"AWS": ROLE}, **net}
    )
    verdict = evaluate(
        Request("s3:GetObject", KEY, SESSION, {}, OTHER),
        Policies(identity=[ALLOW], resource=strangers),
    )
    assert '"B": Bool aws:x [true]: absent' in verdict.reason


def test_long_lists_and_values_are_cut_in_a_sentence():
    many = [f"203.0.113.{i}/32" for i in range(20)]
    reason = ask(
        session=doc({"Condition": {"IpAddress": {"aws:SourceIp": many}}}),
        context={"aws:SourceIp": "x" * 500},
    ).reason
    assert "203.0.113.7/32 and 12 more]" in reason
    assert "x" * 200 + "..." in reason
    assert "x" * 201 not in reason
    eight = ask(session=doc({"Condition": {"IpAddress": {"aws:SourceIp": many[:8]}}})).reason
    assert "203.0.113.7/32]: absent" in eight
    assert (
        "x" * 200 + " ->"
        in ask(
            session=doc({"Condition": {"StringEquals": {"aws:y": "a"}}}),
            context={"aws:y": "x" * 200},
        ).reason
    )
    assert (
        ": empty ->"
        in ask(
            session=doc({"Condition": {"StringEquals": {"aws:y": "a"}}}), context={"aws:y": ""}
        ).reason
    )


def test_a_policy_of_a_case_may_be_text():
    from gt_secure.engine.iam import batch as ndjson

    request = {"action": "s3:GetObject", "resource": KEY, "principal": SESSION, "context": {}}
    policies = {
        "identityPolicies": [json.dumps(ALLOW)],
        "sessionPolicy": json.dumps(ALLOW),
        "resourcePolicy": None,
    }
    case = {"id": "x", "request": request, **policies}
    (answer,) = map(json.loads, ndjson.run([json.dumps(case)]))
    assert answer["verdict"] == "allow"
    (answer,) = map(json.loads, ndjson.run([json.dumps({**case, "sessionPolicy": 5})]))
    assert "no usable sessionPolicy" in answer["reason"]
