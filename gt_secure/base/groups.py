"""Values in groups, by a key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")
OrderedNames: TypeAlias = dict[str, None]
"""Names in the order in which they came, each once."""


def grouped(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    """Return the values of each key, keys and values in their order."""
    groups: dict[Key, list[Value]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def as_list(value: Any) -> list[Any]:
    """Return a value of JSON that may be one or several as a list."""
    return value if isinstance(value, list) else [value]
