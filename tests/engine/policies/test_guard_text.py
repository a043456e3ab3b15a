"""Putting the guard into a foreign policy and taking it out again changes nothing else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gt_secure.base.errors import InvalidInput, PolicyError
from gt_secure.engine.policies.bucket_guard import GUARD_SID, MAX_BUCKET_POLICY, build_guard
from support.guards import find_guard, merge_guard, remove_guard, without_forms

GUARD = build_guard(
    "gt-images", prefix="scans/", networks=["203.0.113.0/24"], endpoints=["vpce-0a1b2c3d4e5f60718"]
)

blank = st.text(" \t\r\n", max_size=3)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.one_of(texts, st.booleans(), st.integers(-(10**20), 10**20), st.just(None))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)


@st.composite
def written(draw, value):
    """JSON text of a value with blanks anywhere and escapes that json.dumps would not choose."""
    if isinstance(value, dict):
        parts = []
        for name, each in value.items():
            parts.append(
                draw(blank)
                + json.dumps(name, ensure_ascii=draw(st.booleans()))
                + draw(blank)
                + ":"
                + draw(blank)
                + draw(written(each))
                + draw(blank)
            )
        return "{" + (",".join(parts) or draw(blank)) + "}"
    if isinstance(value, list):
        return (
            "["
            + (
                ",".join(draw(blank) + draw(written(each)) + draw(blank) for each in value)
                or draw(blank)
            )
            + "]"
        )
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    return text.replace("/", "\\/") if draw(st.booleans()) else text


@st.composite
def foreign_policies(draw):
    statement = st.dictionaries(texts.filter(lambda name: name != "Sid"), values, max_size=4).map(
        lambda body: {"Sid": "Foreign", **body}
    )
    statements = draw(st.one_of(statement, st.lists(statement, min_size=1, max_size=4)))
    members = [("Version", "2012-10-17"), ("Statement", statements)]
    if draw(st.booleans()):
        members.append(("Id", draw(texts)))
    document = dict(draw(st.permutations(members)))
    return draw(blank) + draw(written(document)) + draw(blank), statements


# a busy machine is no fault of the policies
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(foreign_policies())
def test_merge_then_remove_is_the_identity(made):
    text, _ = made
    assert remove_guard(merge_guard(text, GUARD)) == text


@given(foreign_policies())
def test_merge_keeps_every_foreign_statement_in_order(made):
    text, statements = made
    merged = json.loads(merge_guard(text, GUARD))["Statement"]
    foreign = [each for each in merged if each.get("Sid") != GUARD_SID]
    assert foreign == (statements if isinstance(statements, list) else [statements])
    assert [each for each in merged if each.get("Sid") == GUARD_SID] == [GUARD]


@given(foreign_policies())
def test_merging_again_replaces_the_guard_in_place(made):
    text, _ = made
    other = build_guard("gt-images", networks=["198.51.100.0/24"])
    once = merge_guard(text, GUARD)
    twice = merge_guard(once, other)
    assert merge_guard(twice, GUARD) == once
    assert remove_guard(twice) == text


@given(foreign_policies())
def test_what_others_append_behind_the_guard_stays(made):
    text, _ = made
    merged = json.loads(merge_guard(text, GUARD))
    added = {"Sid": "Later", "Effect": "Deny"}
    merged["Statement"].append(added)
    left = json.loads(remove_guard(json.dumps(merged)))["Statement"]
    foreign = json.loads(text)["Statement"]
    assert left == [*(foreign if isinstance(foreign, list) else [foreign]), added]


@pytest.mark.parametrize("nothing", [None, "", "  \n"])
def test_a_bucket_without_a_policy_gets_one_and_loses_it_again(nothing):
    merged = merge_guard(nothing, GUARD)
    assert json.loads(merged) == {"Version": "2012-10-17", "Statement": [GUARD]}
    assert remove_guard(merged) is None
    assert remove_guard(json.dumps(json.loads(merged))) is None


def test_remove_without_a_guard_returns_the_text():
    text = '{ "Statement" : [ ] , "Version":"2012-10-17"}'
    assert remove_guard(text) == text
    assert merge_guard(text, GUARD).startswith('{ "Statement" : [{"Sid"')


def test_an_empty_list_gets_the_guard_and_nothing_else_changes():
    made = json.dumps(GUARD, separators=(",", ":"))
    assert (
        merge_guard('{ "Statement" : [ ] ,"Id":"x"}', GUARD)
        == '{ "Statement" : [' + made + ' ] ,"Id":"x"}'
    )


def test_single_statement_keeps_its_form_after_aws_has_rewritten_the_text():
    foreign = {"Sid": "Mine", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    merged = merge_guard(json.dumps({"Version": "2012-10-17", "Statement": foreign}), GUARD)
    rewritten = json.dumps(json.loads(merged), separators=(",", ":"))
    assert json.loads(remove_guard(rewritten))["Statement"] == foreign


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "$"), ("[]", "$"), ('{"Version":"2012-10-17"}', "$"), ('{"Statement":[1]}', "$.Statement"),
        ('{"Statement":[],"Statement":[]}', "$.Statement"), ('{"Statement":[{"a":1,"a":2}]}', "$.Statement[0].a"),
    ],
)  # fmt: skip
def test_text_that_is_no_policy_is_refused_with_its_place(text, place):
    with pytest.raises(PolicyError) as caught:
        merge_guard(text, GUARD)
    assert caught.value.place == place
    assert caught.value.next_step


def test_two_guards_are_refused():
    text = json.dumps({"Version": "2012-10-17", "Statement": [GUARD, GUARD]})
    for call in (
        lambda: merge_guard(text, GUARD),
        lambda: remove_guard(text),
        lambda: find_guard(text),
    ):
        with pytest.raises(PolicyError, match="2 statements"):
            call()


def test_the_limit_of_20_kb_counts_bytes():
    filler = {"Sid": "é" * 100, "Effect": "Deny"}
    room = MAX_BUCKET_POLICY - len(
        merge_guard(json.dumps({"Statement": [filler]}, ensure_ascii=False), GUARD).encode()
    )
    for extra, fits in ((room, True), (room + 1, False)):
        text = json.dumps(
            {"Statement": [{**filler, "Effect": "Deny" + "x" * extra}]}, ensure_ascii=False
        )
        if fits:
            assert len(merge_guard(text, GUARD).encode()) == MAX_BUCKET_POLICY
        else:
            with pytest.raises(PolicyError, match="20,481 bytes; S3 takes 20,480"):
                merge_guard(text, GUARD)


def test_odd_prefix_is_literal_and_needs_the_new_version():
    guard = build_guard("b-1", prefix="a*b?c${d}/", networks=["192.0.2.1"])
    assert guard["Resource"] == "arn:aws:s3:::b-1/a${*}b${?}c${$}{d}/*"
    assert find_guard(merge_guard(None, guard)).prefix == "a*b?c${d}/"
    with pytest.raises(PolicyError, match="2008-10-17"):
        merge_guard('{"Statement":[]}', guard)


def test_build_needs_a_dimension_and_leaves_out_an_empty_one():
    with pytest.raises(InvalidInput, match="neither addresses nor VPC endpoints"):
        build_guard("gt-images")
    only_ip = build_guard("gt-images", networks=["203.0.113.7"])["Condition"]
    only_endpoint = build_guard("gt-images", endpoints=["vpce-0a1b2c3d"])["Condition"]
    assert "StringNotEqualsIfExists" not in only_ip
    assert only_ip["NotIpAddressIfExists"] == {"aws:SourceIp": ["203.0.113.7/32"]}
    assert "NotIpAddressIfExists" not in only_endpoint
    assert only_endpoint["StringNotEqualsIfExists"] == {"aws:SourceVpce": ["vpce-0a1b2c3d"]}


def test_ranges_are_merged_without_loss():
    guard = build_guard(
        "gt-images", networks=["203.0.113.128/25", "203.0.113.0/25", "203.0.113.9", "2001:db8::/32"]
    )
    assert guard["Condition"]["NotIpAddressIfExists"]["aws:SourceIp"] == [
        "203.0.113.0/24",
        "2001:db8::/32",
    ]


@pytest.mark.parametrize("bucket", ["", "a", "b/../c", "b*", "-b-", "arn:aws:s3:::x"])
def test_bucket_name_is_checked(bucket):
    with pytest.raises(InvalidInput):
        build_guard(bucket, networks=["203.0.113.7"])


def test_find_reads_back_what_was_built():
    found = find_guard(merge_guard(None, GUARD))
    assert (found.bucket, found.prefix, found.drifted) == ("gt-images", "scans/", False)
    assert [str(n) for n in found.networks] == ["203.0.113.0/24"]
    assert found.endpoints == ("vpce-0a1b2c3d4e5f60718",)
    assert find_guard(None) is None
    assert find_guard('{"Statement":[]}') is None


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Allow"}, {"Action": "s3:GetObject"}, {"Resource": "arn:aws:s3:::gt-images"}, {"Resource": ["x"]},
        {"Resource": "arn:aws:s3:::gt:images/scans/*"}, {"Resource": "arn:aws:s3:::-/*"},
        {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}, {"Condition": {}}, {"Condition": 5},
        {"Condition": {**GUARD["Condition"], "NotIpAddressIfExists": {"aws:SourceIp": ["203.0.113.0/33"]}}},
        {"Condition": {**GUARD["Condition"], "StringNotEqualsIfExists": {"aws:SourceVpce": "vpce-*"}}},
        {"Condition": {**GUARD["Condition"], "Null": {"aws:SourceIp": "false"}}},
    ],
)  # fmt: skip
def test_a_changed_guard_counts_as_drifted(change):
    text = json.dumps({"Version": "2012-10-17", "Statement": [{**GUARD, **change}]})
    assert find_guard(text).drifted


def test_the_way_aws_writes_the_same_statement_is_no_drift():
    same = json.loads(json.dumps(GUARD))
    same["Principal"] = {"AWS": "*"}
    same["Condition"]["NotIpAddressIfExists"]["aws:SourceIp"] = "203.0.113.0/24"
    same["Action"] = ["s3:*"]
    same["Condition"]["BoolIfExists"]["aws:ViaAWSService"] = False
    assert not find_guard(json.dumps({"Version": "2012-10-17", "Statement": [same]})).drifted


WHOLE = build_guard("gt-images", networks=["203.0.113.0/24"])


def test_guard_names_query_strings_and_forms_and_without_a_prefix_the_bucket():
    assert GUARD["Condition"]["StringEquals"] == {"s3:authType": ["REST-QUERY-STRING", "POST"]}
    assert GUARD["Resource"] == "arn:aws:s3:::gt-images/scans/*"
    assert WHOLE["Resource"] == ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]


@pytest.mark.parametrize("guard", [GUARD, WHOLE])
def test_guard_without_forms_is_ours_and_drifted(guard):
    found, today = (
        find_guard(merge_guard(None, without_forms(guard))),
        find_guard(merge_guard(None, guard)),
    )
    assert (found.drifted, today.drifted) == (True, False)
    assert (found.bucket, found.prefix, found.networks, found.endpoints) == (
        today.bucket, today.prefix, today.networks, today.endpoints,
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"Resource": "arn:aws:s3:::gt-images/*"}, {"Resource": "arn:aws:s3:::gt-images"},
        {"Resource": ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/scans/*"]},
        {"Resource": ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*", "arn:aws:s3:::gt-images/scans/*"]},
        {"Resource": ["arn:aws:s3:::other", "arn:aws:s3:::gt-images/*"]},
        {"Resource": ["arn:aws-cn:s3:::gt-images", "arn:aws:s3:::gt-images/*"]},
        {"Condition": {**WHOLE["Condition"], "StringEquals": {"s3:authType": "POST"}}},
        {"Condition": {**WHOLE["Condition"], "StringEquals": {"s3:authType": "REST-QUERY-STRING"}}},
        {"Condition": {**WHOLE["Condition"], "StringEquals": {"s3:authType": ["REST-QUERY-STRING", "POST", "x"]}}},
    ],
)  # fmt: skip
def test_another_resource_or_form_is_drift(change):
    found = find_guard(json.dumps({"Version": "2012-10-17", "Statement": [{**WHOLE, **change}]}))
    assert found.drifted


@given(foreign_policies(), st.sampled_from([GUARD, WHOLE]))
def test_upgrade_and_undo_leave_everything_else_as_it_was(made, guard):
    text, _ = made
    old = merge_guard(text, without_forms(guard))
    assert merge_guard(merge_guard(old, guard), without_forms(guard)) == old
    assert remove_guard(merge_guard(old, guard)) == text
