"""A restriction with the ranges of its lists: what it keeps, what it warns of,
and which lists it refuses.
"""

from __future__ import annotations

from typing import Any

import pytest

from gt_secure.aws.managed_lists import ManagedList
from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import parse_networks
from gt_secure.restriction.model import Restriction

OFFICE, CLOUD = "pl-0a1b2c3d", "pl-0f0f0f0f"


def named(name: str, *ranges: str) -> ManagedList:
    return ManagedList(name, parse_networks(ranges))


def wish(*lists: str, **more: Any) -> Restriction:
    return Restriction(bucket="gt-images", addresses=["203.0.113.0/25", *lists], **more)


def test_the_ranges_of_lists_are_among_the_addresses_and_the_written_ones_stay() -> None:
    lists = (named(OFFICE, "203.0.113.128/25"), named(CLOUD, "192.0.2.0/24"))
    before = wish(OFFICE, CLOUD)
    after = before.with_lists(lists)
    assert [*map(str, after.addresses)] == ["192.0.2.0/24", "203.0.113.0/24"]
    assert [*map(str, after.written)] == ["203.0.113.0/25"]
    assert after.managed == lists
    assert after.allowed_names == ("203.0.113.0/25", f"{OFFICE} (1 range)", f"{CLOUD} (1 range)")
    assert (before.managed, [*map(str, before.addresses)]) == ((), ["203.0.113.0/25"])
    assert before.allowed_names == ("203.0.113.0/25", OFFICE, CLOUD)
    assert after.to_dict() == before.to_dict()


def test_a_notice_of_a_range_is_said_once_and_those_of_the_restriction_stay() -> None:
    broad = named(OFFICE, "200.64.0.0/15")
    before = wish(OFFICE, portal_lock=None)
    after = before.with_lists([broad])
    codes = [each.code for each in after.notices]
    assert codes.count("very-broad") == 1
    assert set(before.notices) <= set(after.notices)
    assert len(set(after.notices)) == len(after.notices)


def test_without_lists_nothing_changes() -> None:
    before = wish()
    assert before.with_lists([]).addresses == before.addresses


@pytest.mark.parametrize(
    "found", [[], [named(CLOUD, "192.0.2.0/24")], [named(OFFICE), named(CLOUD)]]
)
def test_every_list_is_read_and_no_other(found: list[ManagedList]) -> None:
    with pytest.raises(InvalidInput, match="Not every list of the restriction was read") as caught:
        wish(OFFICE).with_lists(found)
    assert (caught.value.field, caught.value.next_step) == ("lists", "Read them all.")


def test_a_range_that_no_lock_can_have_names_its_list() -> None:
    many = named(OFFICE, *(f"203.0.{number}.0/24" for number in range(1, 240, 2)))
    with pytest.raises(InvalidInput) as caught:
        wish(OFFICE, portal_lock=True, guard=None, team="radiology-team").with_lists([many])
    assert caught.value.message.startswith(f"With {OFFICE} (120 ranges): ")
    assert caught.value.field == "addresses"


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        set,
        frozenset,
        iter,
        lambda words: (word for word in words),
        ", ".join,
        "\n".join,
    ],
)
def test_a_list_is_found_among_the_addresses_in_any_form(form: Any) -> None:
    words = ["203.0.113.0/25", OFFICE, "198.51.100.7"]
    made = Restriction(bucket="gt-images", addresses=form(words))
    assert made.lists == (OFFICE,)
    assert {*map(str, made.addresses)} == {"203.0.113.0/25", "198.51.100.7/32"}
    plain = Restriction(bucket="gt-images", addresses=form([words[0], words[2]]))
    assert (plain.lists, plain.addresses) == ((), made.addresses)


def test_lists_are_named_once_and_in_order() -> None:
    made = Restriction(
        bucket="gt-images", addresses=[CLOUD, OFFICE, CLOUD], lists=[OFFICE, "pl-0b0b0b0b"]
    )
    assert made.lists == (CLOUD, OFFICE, "pl-0b0b0b0b")
