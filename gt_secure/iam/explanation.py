"""Answers of each policy, statement and condition to one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..text import some

LayerOutcome: TypeAlias = Literal["allow", "explicit-deny", "no match", "not set", "not consulted"]

_SHOWN, _LONGEST = 8, 200
"""Values of a list, and characters of one value, that a sentence shows: a guard may list 900 ranges."""


@dataclass(frozen=True, slots=True)
class ConditionExplanation:
    """One condition: what the policy wants, what the request has (None: the key is absent), and whether it holds."""

    operator: str
    key: str
    expected: tuple[str, ...]
    actual: tuple[str, ...] | None
    matched: bool

    def __str__(self) -> str:
        actual = "absent" if self.actual is None else _some(self.actual) or "empty"
        answer = "matches" if self.matched else "does not match"
        return f"{self.operator} {self.key} [{_some(self.expected)}]: {actual} -> {answer}"


@dataclass(frozen=True, slots=True)
class StatementExplanation:
    """One statement: which of its parts fit the request, and whether it decided."""

    index: int
    sid: str
    effect: Literal["Allow", "Deny"]
    action: bool
    resource: bool
    principal: bool
    conditions: tuple[ConditionExplanation, ...]
    applies: bool
    decides: bool

    @property
    def label(self) -> str:
        """``statement 2 "Sid"``."""
        return f"statement {self.index + 1}" + (f' "{self.sid}"' if self.sid else "")

    @property
    def misses(self) -> tuple[str, ...]:
        found = [name for name in ("action", "resource", "principal") if not getattr(self, name)]
        return tuple(found) + tuple(str(each) for each in self.conditions if not each.matched)


@dataclass(frozen=True, slots=True)
class LayerExplanation:
    """One policy: what it said to the request."""

    kind: str
    name: str
    outcome: LayerOutcome
    statements: tuple[StatementExplanation, ...] = ()


def _some(values: tuple[str, ...]) -> str:
    return some([each if len(each) <= _LONGEST else f"{each[:_LONGEST]}..." for each in values], _SHOWN)
