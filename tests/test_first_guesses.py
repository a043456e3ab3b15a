"""The first guesses of a person who writes Python are answered by what to write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

import gt_secure
from gt_secure import Restriction
from gt_secure.base.errors import InvalidInput
from gt_secure.changes.apply import check_confirmed
from gt_secure.changes.plan import plan
from gt_secure.connection import Connection
from support.states import FORCE, state

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


@pytest.mark.parametrize(
    ("guess", "write"),
    [
        ("who", "gt.who_can_open("),
        ("leaks", "gt.hits(...).leaks()"),
        ("teams", "gt.workteams()"),
        ("check", "gt_secure.check."),
        ("restrict", "gt.apply(gt.plan("),
        ("finding", "Did you mean gt.findings(...)?"),
        ("who_opens", "gt.who_can_open(...)"),
    ],
)
def test_a_method_that_is_not_there_names_the_one_that_is(guess: str, write: str) -> None:
    with pytest.raises(AttributeError, match=f"has no '{guess}'") as caught:
        getattr(GT, guess)
    assert write in str(caught.value)
    assert not hasattr(GT, "_repr_html_"), "a notebook asks for it"


def test_confirm_has_codes_and_no_true() -> None:
    account = state(workforce=replace(FORCE, vpc_id="vpc-0a1b2c3d"))
    wish = Restriction("radiology-team", addresses=OFFICE, bucket="gt-images")
    one = plan(GT.aws, wish, state=account)
    for value in (True, False):
        with pytest.raises(InvalidInput) as caught:
            check_confirmed(one, cast(Any, value))
        assert "url-lock-one-path" in caught.value.next_step
