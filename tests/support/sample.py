"""Parameters of which the default run takes a sample, and ``make test-all`` all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sample(values: Iterable[Any], every: int, *, start: int = 0) -> list[Any]:
    """Return the values as parameters; all but each ``every``-th, from ``start`` on, are slow."""
    made = [each if isinstance(each, tuple) else (each,) for each in values]
    return [
        pytest.param(*each, marks=() if i % every == start else pytest.mark.slow)
        for i, each in enumerate(made)
    ]
