"""What is read of an account to say who signs through an access point of a bucket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gt_secure.account import locks_of, reader
from gt_secure.engine.access.access_points import AccessPoint
from gt_secure.engine.access.identities import parse_principals
from gt_secure.engine.access.part import NotRead, Part
from support.principals import ACCOUNT, arn, details, doc, user
from support.states import data_bucket, state

POINT = f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/images"
DENIED = NotRead("the access points of gt-images", "s3:ListAccessPoints", "denied", "no")


def point(principal: Any, vpc: str = "") -> AccessPoint:
    grant = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": f"{POINT}/object/*"}
    return AccessPoint("images", POINT, vpc, Part.of(json.dumps(doc(grant))), Part.of(None))


@pytest.mark.parametrize("made", [point("*"), point({"AWS": arn("user/x")}), point("*", "vpc-0abc"), None])
def test_the_block_of_the_account_is_read_where_a_policy_may_be_public(
    made: AccessPoint | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = Part[Any].unread(DENIED) if made is None else Part.of((made,))
    seen = state(bucket=data_bucket(access_points=points))
    for name, found in {
        "read_principals": Part.of(parse_principals(json.dumps(details(user("x"))))),
        "read_access_point": made, "read_account_block": Part.of({"RestrictPublicBuckets": True}),
    }.items():  # fmt: skip
        monkeypatch.setattr(reader, name, lambda *_, found=found: found)
    aws: Any = None
    public = made is not None and made.vpc == "" and '"*"' in str(made.policy.value)
    assert locks_of(reader.with_signers(aws, seen)).account_restricts_public is (True if public else None)
