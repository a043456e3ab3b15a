"""Expectations are given as a sequence of them: anything else is an error that says so."""

from __future__ import annotations

from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.restriction.expectations import check_expectations, expect

OFFICE = expect.allowed("203.0.113.7")


@pytest.mark.parametrize("given", ["allowed 203.0.113.7", b"x", {"allowed": "203.0.113.7"}, 3])
def test_what_is_no_sequence_of_expectations_is_an_error_of_the_field(given: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_expectations(given)
    assert caught.value.field == "expectations"
    assert type(given).__name__ in caught.value.message


@pytest.mark.parametrize("given", [OFFICE, [OFFICE], (OFFICE,), iter([OFFICE])])
def test_one_expectation_or_a_sequence_of_expectations_is_kept(given: Any) -> None:
    assert tuple(check_expectations(given)) == (OFFICE,)
