"""A policy that would exceed the most bytes: a new one is written without blanks,
one with other statements is kept.
"""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from gt_secure.base.errors import PolicyError
from gt_secure.changes.plan import plan
from gt_secure.restriction.model import Restriction
from support.states import data_bucket, state

OTHERS = {
    "Sid": "Others",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": [f"arn:aws:s3:::gt-images/public/{number:03}/*" for number in range(200)],
}
LONG = [f"100.{number // 128}.{number % 128 * 2}.0/24" for number in range(700)]
"""Ranges of which none joins another: with blanks they exceed the 20 KB of a policy,
and without them they fit.
"""


def planned(policy: str | None, addresses: list[str]) -> Any:
    wish = Restriction(bucket="gt-images", addresses=addresses)
    seen = state(team=None, workforce=None, bucket=data_bucket(policy=policy))
    [change] = plan(cast(Any, None), wish, state=seen).changes
    return change


def test_a_long_list_is_written_without_blanks_into_a_new_policy() -> None:
    short, long = planned(None, LONG[:2]).after, planned(None, LONG).after
    assert "\n" in short
    assert "\n" not in long
    assert len(long) < 20_480
    [statement] = [
        each
        for each in json.loads(long)["Statement"]
        if "NotIpAddressIfExists" in each["Condition"]
    ]
    assert len(statement["Condition"]["NotIpAddressIfExists"]["aws:SourceIp"]) == len(LONG)


def test_a_list_that_does_not_fit_beside_the_statements_of_others_is_an_error() -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [OTHERS]}, indent=2)
    assert '"Others"' in planned(policy, LONG[:2]).after
    with pytest.raises(PolicyError):
        planned(policy, LONG)
