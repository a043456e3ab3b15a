"""Two spellings that count as the same never decide differently,
and the usual ones do count as the same.
"""

import json

import pytest
from hypothesis import example, given, settings, strategies as st

from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import (
    anonymous_context,
    header_context,
    presigned_context,
)
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.equivalence import policies_equal, statements_equal
from support.examples import examples
from support.guards import deleted_principals, find_guard, merge_guard

ENDPOINT = "vpce-0a1b2c3d4e5f60718"
GUARD = build_guard(
    "gt-images", networks=["203.0.113.0/24", "2001:db8::/32"], endpoints=[ENDPOINT, "vpce-0b1b2c3d"]
)
SESSION = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/w"
USER = "arn:aws:iam::444455556666:user/alice"
ALLOW = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
}
SOURCES = ["203.0.113.7", "203.0.112.255", "198.51.100.9", "2001:db8::7", "2001:db9::1",
           f"10.0.3.4 via {ENDPOINT}", "10.0.3.4 via vpce-0b1b2c3d", "10.0.3.4 via vpce-0c1b2c3d"]  # fmt: skip
CONTEXTS = [
    *(presigned_context(source) for source in SOURCES),
    *(presigned_context(source, extra={"aws:ViaAWSService": "true"}) for source in SOURCES[:3]),
    *(header_context(source) for source in SOURCES[:6]),
    *(anonymous_context(source) for source in SOURCES[:3]),
]


def decisions(statement):
    """What a bucket policy with this one statement decides, over callers, actions, objects,
    paths and signatures.
    """
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return [
        evaluate(
            Request(action, f"arn:aws:s3:::{name}", who, context, owner),
            Policies([ALLOW], resource=document),
        ).decision
        for context in CONTEXTS
        for who, owner in ((SESSION, None), (USER, None), (SESSION, "444455556666"), ("*", None))
        for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject")
        for name in ("gt-images/scans/1.png", "gt-images/x", "other/x")
    ]


EXPECTED = decisions(GUARD)


def respelled(draw, value):
    values = list(value) if isinstance(value, list) else [value]
    values = draw(st.permutations(values))
    values += draw(st.lists(st.sampled_from(values), max_size=1))
    return values[0] if len(set(values)) == 1 and draw(st.booleans()) else values


@st.composite
def spellings(draw):
    """The guard, in another spelling of the same meaning."""
    made = dict(draw(st.permutations(list(GUARD.items()))))
    made["Principal"] = draw(st.sampled_from(["*", {"AWS": "*"}, {"AWS": ["*"]}]))
    made["Action"] = respelled(draw, draw(st.sampled_from(["s3:*", "S3:*"])))
    made["Resource"] = respelled(draw, GUARD["Resource"])
    condition = {}
    for operator, keys in draw(st.permutations(list(GUARD["Condition"].items()))):
        ((key, value),) = keys.items()
        if operator == "NotIpAddressIfExists":
            value = draw(st.sampled_from([value, ["203.0.113.128/25", "203.0.113.0/25", "2001:db8::/32"],
                                          ["203.0.113.9/24", "2001:DB8:0::/32", "203.0.113.7"]]))  # fmt: skip
        if operator == "BoolIfExists":
            value = draw(st.sampled_from(["false", False, ["false"], [False]]))
        else:
            value = respelled(draw, value)
        condition[operator] = {draw(st.sampled_from([key, key.lower(), key.upper()])): value}
    made["Condition"] = condition
    return made


@settings(deadline=None, max_examples=examples(60))
@given(spellings())
def test_another_spelling_of_the_guard_is_the_same_and_decides_the_same(statement):
    assert statements_equal(statement, GUARD)
    assert decisions(statement) == EXPECTED
    text = json.dumps({"Statement": [statement], "Version": "2012-10-17"})
    assert not find_guard(text).drifted
    assert policies_equal(text, merge_guard(None, GUARD))


@st.composite
def edits(draw):
    """The guard with one value replaced by something else, which may or may not mean the same."""
    statement = json.loads(json.dumps(draw(spellings())))
    place = draw(
        st.sampled_from(
            ["Principal", "Action", "Resource", "Effect", "operator", "key", "value", "drop"]
        )
    )
    conditions = statement["Condition"]
    operator = draw(st.sampled_from(sorted(conditions)))
    ((key, value),) = conditions[operator].items()
    if place == "Principal":
        statement["Principal"] = draw(st.sampled_from([{"AWS": "111122223333"}, {"AWS": [SESSION]}, {"Service": "*"},
                                                       {"AWS": "*", "Service": "s3.amazonaws.com"}]))  # fmt: skip
    elif place == "Action":
        statement["Action"] = draw(
            st.sampled_from(["s3:GetObject", ["s3:*", "ec2:*"], "s3:getobject*", "*"])
        )
    elif place == "Resource":
        statement["Resource"] = draw(
            st.sampled_from(["*", "arn:aws:s3:::gt-images/scans/*", "arn:aws:s3:::GT-images/*"])
        )
    elif place == "Effect":
        statement["Effect"] = "Allow"
    elif place == "operator":
        conditions[operator.removesuffix("IfExists")] = conditions.pop(operator)
    elif place == "key":
        conditions[operator] = {
            draw(st.sampled_from(["aws:SourceIp", "aws:VpcSourceIp", "s3:authType"])): value
        }
    elif place == "value":
        extra = draw(
            st.sampled_from(
                ["203.0.112.0/24", "vpce-0c1b2c3d", "true", "rest-query-string", "203.0.113.0/33"]
            )
        )
        conditions[operator] = {key: draw(st.sampled_from([extra, [extra]]))}
    else:
        del conditions[operator]
    return statement


@settings(deadline=None, max_examples=examples(60))
@given(edits())
@example({**GUARD, "Principal": {"AWS": "*", "Service": "s3.amazonaws.com"}})
def test_what_counts_as_the_same_decides_the_same(statement):
    found = find_guard(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    if statements_equal(statement, GUARD):
        assert decisions(statement) == EXPECTED
        assert not found.drifted
    elif (
        not found.drifted
    ):  # a guard, but another one: then it is what would be built for what was read
        other = build_guard(
            found.bucket, prefix=found.prefix, networks=found.networks, endpoints=found.endpoints
        )
        assert statements_equal(statement, other)
        assert decisions(statement) == decisions(other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (None, None, True), (None, "{}", False), ("", None, True),
        ('{"Statement": []}', '{"Version": "2008-10-17", "Statement": []}', True),
        ('{"Statement": []}', '{"Version": "2012-10-17", "Statement": []}', False),
        ('{"Statement": {"Sid": "a"}}', '{"Statement": [{"Sid": "a"}]}', True),
        ('{"Statement": [{"Sid": "a"}, {"Sid": "b"}]}', '{"Statement": [{"Sid": "b"}, {"Sid": "a"}]}', False),
        ('{"Id": "a", "Statement": []}', '{"Id": "b", "Statement": []}', False),
        ('{"Statement": {"NotPrincipal": "*"}}', '{"Statement": {"NotPrincipal": {"AWS": ["*"]}}}', True),
        ('{"Statement": {"Resource": ["a", "b"]}}', '{"Statement": {"Resource": ["b", "a"]}}', True),
        ('{"Statement": {"Resource": "A"}}', '{"Statement": {"Resource": "a"}}', False),
        ('{"Statement": {"Condition": {"NumericEquals": {"s3:max-keys": 5}}}}',
         '{"Statement": {"Condition": {"NumericEquals": {"S3:Max-Keys": ["5"]}}}}', True),
        ('{"Statement": {"Condition": {"StringEquals": {"aws:a": "x"}}}}',
         '{"Statement": {"Condition": {"StringEquals": {"aws:a": "X"}}}}', False),
        ('{"Statement": {"Condition": 5}}', '{"Statement": {"Condition": {}}}', False),
        ('{"Statement": {"Condition": {"Bool": 5}}}', '{"Statement": {"Condition": {"Bool": 6}}}', False),
        ('{"Statement": 5}', '{"Statement": [5]}', True),
    ],
)  # fmt: skip
def test_policies(one, other, same):
    assert policies_equal(one, other) is same


def test_deleted_principals_are_named_with_their_statements():
    principals = [{"AWS": ["arn:aws:iam::1:root", "AROAEXAMPLE1234567890"]}, {"AWS": "AIDAEXAMPLE1234567890"}, "*",
                  {"Service": "AIDAEXAMPLE1234567890"}, {"AWS": "111122223333"}, {"AWS": "*"}]  # fmt: skip
    statements = [{"Sid": f"S{i}", "Principal": each} for i, each in enumerate(principals)]
    statements.append({"NotPrincipal": {"AWS": "AROAEXAMPLE1234567890"}})
    assert deleted_principals(json.dumps({"Statement": statements})) == (
        'AROAEXAMPLE1234567890 in statement 1 "S0"',
        'AIDAEXAMPLE1234567890 in statement 2 "S1"',
        "AROAEXAMPLE1234567890 in statement 7",
    )
    assert deleted_principals(None) == deleted_principals(" ") == deleted_principals("{") == ()
