"""Notices: non-error messages about a restriction or a plan; their texts are in ``notices.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from ..base.files import package_data

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


def notice(
    code: str,
    /,
    *,
    severity: MessageSeverity | None = None,
    fix: str | None = None,
    field: str | None = None,
    confirmable: bool = True,
    **values: object,
) -> Notice:
    """Return the notice of a code, with values in its sentence; the other arguments replace what the file says."""
    row = notices()[code]
    return Notice(
        code,
        row["severity"] if severity is None else severity,  # type: ignore[arg-type]
        row["text"].format_map(values),
        row["fix"] if fix is None else fix,
        row.get("field", "") if field is None else field,
        confirmable,
    )


@lru_cache(maxsize=1)
def notices() -> dict[str, dict[str, str]]:
    """Return the data file: every code with severity, title, text, why, fix and the field that it is about."""
    data: dict[str, dict[str, str]] = package_data(__package__, "notices.json")
    return data
