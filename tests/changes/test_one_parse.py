"""One plan parses two policies, that before and that after, and compares whole guards."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from gt_secure.base.errors import PolicyError
from gt_secure.changes.plan import plan
from gt_secure.engine.policies import bucket_guard, bucket_policy
from gt_secure.engine.policies.bucket_guard import Guard, build_guard
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from gt_secure.engine.policies.policy_text import Layout, lay_out
from gt_secure.restriction.model import Restriction
from support.states import data_bucket, state

BUCKET = "gt-images"
TEAM = (
    '{ "Sid":"Team",'
    ' "Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::gt-images/*"}'
)
LISTED = f'{{"Version":"2012-10-17","Statement":[\n{TEAM} ]}}'


def restriction(prefix: str = "a/", **more: Any) -> Restriction:
    return Restriction(bucket=BUCKET, prefix=prefix, addresses=["203.0.113.0/24"], **more)


def planned(policy: str | None, wanted: Restriction) -> Any:
    read = None if policy is None else BucketPolicy(policy)
    return plan(
        None, wanted, state=state(team=None, workforce=None, bucket=data_bucket(policy=read))
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", [None, LISTED, "guarded"])
@pytest.mark.parametrize(
    "more", [{}, {"age_limit": "15m"}, {"signers": ["arn:aws:iam::111122223333:role/Scanner"]}]
)
def test_one_plan_lays_out_at_most_the_two_policies_before_and_after(
    policy: str | None, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if policy == "guarded":
        policy = str(planned(LISTED, restriction("b/", age_limit="1h")).changes[0].after)
    texts, built = Counter[str](), Counter[str]()

    def counted(text: str) -> Layout:
        texts[str(text)] += 1
        return lay_out(text)

    def build(*names: Any, **values: Any) -> dict[str, object]:
        built[values["prefix"]] += 1
        return build_guard(*names, **values)

    wanted = restriction(**more)
    monkeypatch.setattr(bucket_policy, "lay_out", counted)
    monkeypatch.setattr(bucket_guard, "build_guard", build)
    assert planned(policy, wanted).changes
    assert sum(texts.values()) <= 2, texts
    assert built["a/"] == 1, (
        "the planned guard is built once more, to see that it is as it should be"
    )
    assert built["b/"] == (2 if policy and "b/" in policy else 0), "once in each policy"


def test_no_part_of_a_guard_passes_a_plan_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is new has no place to be forgotten in:
    the plan asks whether the whole guards are equal.
    """
    before = planned(LISTED, restriction()).changes[0].after
    assert planned(before, restriction()).changes == ()
    monkeypatch.setattr(Guard, "__eq__", lambda one, other: False)
    assert planned(before.replace('"s3:*"', '["s3:*"]'), restriction()).changes


@pytest.mark.parametrize("wanted", [restriction(), Restriction(bucket=BUCKET, guard=False)])
@pytest.mark.parametrize(
    "text",
    ["[]", '{"Version":"2012-10-17"}', json.dumps({"Statement": [{"Sid": "GtSecureX"}] * 2})],
)
def test_what_is_no_policy_is_not_planned_on(text: str, wanted: Restriction) -> None:
    with pytest.raises(PolicyError):
        planned(text, wanted)
