"""Facts that a person supplies: which keys can be one, and which values."""

from __future__ import annotations

from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.engine.iam.facts import check_facts


@pytest.mark.parametrize(
    ("given", "facts"),
    [
        ({"aws:principalorgid": "o-abc"}, {"aws:PrincipalOrgID": ("o-abc",)}),
        ({"aws:PrincipalTag/Team": "x"}, {"aws:PrincipalTag/Team": ("x",)}),
        (
            {"aws:PrincipalOrgPaths": ["o-a/r-1/", "o-a/r-2/"]},
            {"aws:PrincipalOrgPaths": ("o-a/r-1/", "o-a/r-2/")},
        ),
        ({"aws:PrincipalOrgID": ""}, {"aws:PrincipalOrgID": ()}),
        ({"aws:SourceAccount": ""}, {"aws:SourceAccount": ()}),
        ({"saml:aud": "x"}, {"saml:aud": ("x",)}),
        ({"aws:SomethingOfTomorrow": "x"}, {"aws:SomethingOfTomorrow": ("x",)}),
        (None, {}),
    ],
)
def test_facts_are_read(given: Any, facts: dict[str, tuple[str, ...]]) -> None:
    assert check_facts(given) == facts


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"aws:PrincipleOrgID": "o-a"}, "aws:PrincipalOrgID"),
        ({"aws:ResourceOrgPath": "o-a/r/"}, "aws:ResourceOrgPaths"),
        ({"aws:PrincipleTag/team": "x"}, "aws:PrincipalTag/team"),
        ({"aws:PrincipalTag": "x"}, "aws:PrincipalTag/TAG"),
        ({"PrincipalOrgID": "o-a"}, "not a condition key"),
        ({"aws:SourceIp": "203.0.113.7"}, "all sources"),
        ({"aws:SourceVpce": "vpce-0a1b2c3d"}, "all sources"),
        ({"aws:Referer": "https://example.com"}, "chooses"),
        ({"s3:x-amz-acl": "private"}, "chooses"),
        ({"s3:authType": "POST"}, "chooses"),
        ({"aws:CalledVia": "athena.amazonaws.com"}, "no request"),
        ({"s3:DataAccessPointArn": "arn:aws:s3:us-east-1:1:accesspoint/x"}, "no request"),
        ({"aws:ViaAWSService": "maybe"}, "true, false"),
        ({"aws:ResourceAccount": "1234"}, "????????????"),
        ({"aws:PrincipalOrgID": "abc"}, "o-?*"),
        ({"aws:ResourceAccount": 111122223333}, "quotes"),
        ({"aws:ViaAWSService": False}, "quotes"),
        ({"aws:PrincipalOrgID": "o-a", "aws:principalorgid": "o-b"}, "twice"),
        (["aws:PrincipalOrgID=o-a"], "mapping"),
    ],
)
def test_what_cannot_be_a_fact_says_why(given: Any, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_facts(given, "context")
    assert said in f"{caught.value.message} {caught.value.next_step}"
    assert caught.value.field == "context"
