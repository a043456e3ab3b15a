"""Notices: what a person should know about a restriction or a plan, short of an error."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "blocker"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know before a change.

    Attributes
    ----------
    code : str
        Stable, in lower case with hyphens; a blocker is confirmed by this name.
    severity : str
        ``info``, ``warning``, or ``blocker``: the plan does not apply as it is.
    text, fix : str
        What is so, and what to do about it.
    field : str
        The member of :class:`Restriction` that it is about, if any.
    confirmable : bool
        Whether a blocker can be confirmed. A broken expectation cannot: change the restriction or the expectation.
    """

    code: str
    severity: Severity
    text: str
    fix: str = ""
    field: str = ""
    confirmable: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the notice as JSON-able data."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.text} {self.fix}".strip()
