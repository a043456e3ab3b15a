"""Each edit of a bucket policy knows where the statements are,
and a guard is compared as a whole.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings, strategies as st

from gt_secure.base.allowed import Allowed
from gt_secure.base.errors import PolicyError
from gt_secure.engine.policies.bucket_guard import Guard, build_guard
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from gt_secure.engine.policies.policy_text import Layout, lay_out

BUCKET = "gt-images"
TEAM = (
    '{ "Sid":"Team",'
    ' "Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::gt-images/*"}'
)
LISTED = f'{{"Version":"2012-10-17","Statement":[\n{TEAM} ]}}'
SINGLE = f'{{"Statement": {TEAM} ,"Version":"2012-10-17"}}'
EMPTY = '{"Version":"2012-10-17","Statement":[ ]}'
OURS = build_guard(BUCKET, prefix="a/", networks=["203.0.113.0/24"])

edits = st.lists(
    st.tuples(st.sampled_from(["put", "replace", "remove"]), st.integers(0, 5)), max_size=6
)


@settings(max_examples=60)
@given(st.sampled_from([LISTED, SINGLE, EMPTY]), edits)
def test_an_edited_text_knows_the_places_that_another_look_finds(
    text: str, steps: list[tuple[str, int]]
) -> None:
    layout: Layout | None = lay_out(text)
    for number, (kind, at) in enumerate(steps):
        if layout is None:
            return
        many, statement = len(layout.statements), {"Sid": f"One{number}", "Effect": "Deny"}
        if kind == "put":
            layout = layout.put(statement)
        elif many:
            layout = (
                layout.put(statement, at % many) if kind == "replace" else layout.without(at % many)
            )
        assert layout is None or layout == lay_out(layout.text)


OTHER = {
    "bucket": "other",
    "prefix": "z/",
    "allowed": Allowed.of("198.51.100.0/24, vpce-0a1b2c3d"),
    "drifted": True,
    "age_limit_s": 60,
    "reads": True,
}
"""Another value for each field that is part of what a guard means."""


def test_a_guard_is_compared_by_all_that_it_means() -> None:
    one = BucketPolicy.of(None).with_statement(OURS).guard_of("a/")
    assert one is not None
    assert {each.name for each in fields(Guard)} == {*OTHER, "statement", "sid"}
    for name, value in OTHER.items():
        assert replace(one, **{name: value}) != one, name
    assert replace(one, sid="GtSecurePresignGuardx00000000", statement={}) == one


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"Statement":[1]}',
        json.dumps({"Statement": [OURS, OURS]}),
        '{"Version":"2012-10-17"}',
    ],
)
def test_what_is_no_policy_is_changed_by_nothing_and_has_no_guards_where_that_may_be(
    text: str,
) -> None:
    policy = BucketPolicy(text)
    for ask in (
        lambda: policy.guards,
        lambda: policy.drop(["GtSecurePresignGuard"], "a/"),
        lambda: policy.with_statement(OURS),
        lambda: policy.without_expired(dt.datetime.now(dt.UTC)),
    ):
        with pytest.raises(PolicyError):
            ask()
    assert BucketPolicy.if_valid(text).guards == ()
    assert BucketPolicy.if_valid(None) == BucketPolicy.of(None) == ""
    assert BucketPolicy.of({"Statement": []}) == ""


def test_a_policy_stays_one_value_on_its_way() -> None:
    policy = BucketPolicy(LISTED)
    assert BucketPolicy.of(policy) is policy
    put = policy.with_statement(OURS)
    assert BucketPolicy.if_valid(put) is put
    assert (put.size, put.size_left) == (len(put.encode()), 20 * 1024 - len(put.encode()))
    assert put.without([str(OURS["Sid"])]) == LISTED
