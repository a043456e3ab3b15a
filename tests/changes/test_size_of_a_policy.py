"""A policy that would exceed the most bytes: a new one is written without blanks,
one with other statements is kept.
"""

from __future__ import annotations

import json

import pytest

from gt_secure.base.errors import PolicyError
from gt_secure.engine.policies.bucket_guard import build_guard
from support.guards import merge_guards

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


def merged(policy: str | None, addresses: list[str]) -> str:
    return merge_guards(policy, build_guard("gt-images", addresses), None)


def test_a_long_list_is_written_without_blanks_into_a_new_policy() -> None:
    short, long = merged(None, LONG[:2]), merged(None, LONG)
    assert "\n" in short
    assert "\n" not in long
    assert len(long) < 20_480
    [statement] = json.loads(long)["Statement"]
    assert len(statement["Condition"]["NotIpAddressIfExists"]["aws:SourceIp"]) == len(LONG)


def test_a_list_that_does_not_fit_beside_the_statements_of_others_is_an_error() -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [OTHERS]}, indent=2)
    assert '"Others"' in merged(policy, LONG[:2])
    with pytest.raises(PolicyError):
        merged(policy, LONG)
