"""Notices: non-error messages about a restriction or a plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

MessageSeverity: TypeAlias = Literal["info", "warning", "blocker"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A blocker, warning or note about a restriction or a plan.

    Attributes
    ----------
    code : str
        Stable, in lower case with hyphens; a blocker is confirmed by this name.
    severity : str
        ``info``, ``warning``, or ``blocker``: the plan cannot be applied unless the blocker is confirmed.
    text, fix : str
        The situation, and the recommended action.
    field : str
        The field of :class:`Restriction` that it is about, if any.
    confirmable : bool
        Whether a blocker can be confirmed. A broken expectation cannot: change the restriction or the expectation.
    """

    code: str
    severity: MessageSeverity
    text: str
    fix: str = ""
    field: str = ""
    confirmable: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the notice as JSON-able data."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.text} {self.fix}".strip()
