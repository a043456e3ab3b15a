"""The first guesses of a person who writes Python are answered by what to write."""

from __future__ import annotations

from typing import Any, cast

import pytest

import gt_secure
from gt_secure import Restriction
from gt_secure.base.errors import InvalidInput
from gt_secure.changes.plan import plan
from gt_secure.connection import Connection

OFFICE = "203.0.113.0/24"
GT = Connection(cast(Any, None))
ANY: Any = Restriction
CONNECT: Any = gt_secure.connect
WISH = Restriction(bucket="gt-images", addresses=OFFICE)


@pytest.mark.parametrize(
    ("guess", "says", "write"),
    [
        (lambda: ANY(allow=OFFICE, bucket="gt-images"), "no argument 'allow'", "addresses="),
        (lambda: ANY(address=OFFICE, bucket="gt-images"), "no argument 'address'", "addresses="),
        (lambda: ANY(endpoint="vpce-1", bucket="gt-images"), "'endpoint'", "endpoints="),
        (lambda: ANY(ips=OFFICE), "no argument 'ips'", "addresses"),
        (lambda: CONNECT(profile_name="a"), "no argument 'profile_name'", "profile="),
        (lambda: CONNECT(region_name="eu-west-1"), "no argument 'region_name'", "region="),
        (lambda: CONNECT(session=None), "no argument 'session'", "boto3_session="),
        (lambda: GT.apply(cast(Any, WISH)), "not a Restriction", "gt.apply(gt.plan("),
        (lambda: GT.apply(cast(Any, "open-team.json")), "not a str", "gt.apply(gt.plan("),
        (lambda: plan(GT.aws, cast(Any, "open-team.json")), "not str", "load_restriction("),
    ],
)
def test_a_guess_is_answered(guess: Any, says: str, write: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        guess()
    assert says in caught.value.message
    assert write in caught.value.next_step
