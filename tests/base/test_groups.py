"""Values in groups, and values of JSON that may be one or several."""

from __future__ import annotations

from gt_secure.base.groups import as_list, grouped


def test_values_stay_in_their_order() -> None:
    groups = grouped([("b", 1), ("a", 2), ("b", 3)])
    assert list(groups.items()) == [("b", [1, 3]), ("a", [2])]
    assert grouped([]) == {}


def test_a_single_value_is_a_list_of_one() -> None:
    assert as_list("s3:*") == ["s3:*"]
    assert as_list(["s3:*", "sts:*"]) == ["s3:*", "sts:*"]
    assert as_list(()) == [()]
