"""Parameters of tests that are drawn from files, pages or catalogs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def subjects(found: Iterable[T], at_least: int) -> list[T]:
    """Return what was found as parameters; fewer than there must be fail the collection.

    A pattern that finds nothing any more would otherwise leave a test that passes without a
    subject.
    """
    parameters = list(found)
    if len(parameters) < at_least:
        raise ValueError(
            f"A test has {len(parameters)} subjects, and must have at least {at_least}."
        )
    return parameters
