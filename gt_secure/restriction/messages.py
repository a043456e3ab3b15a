"""Notices: non-error messages about a restriction or a plan;
their texts are in ``notices.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from ..base.files import package_data
from ..base.text import Json, members

MessageSeverity: TypeAlias = Literal["info", "warning", "blocker"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A blocker, warning or note about a restriction or a plan.

    Attributes
    ----------
    code : str
        Stable, in lower case with hyphens; a notice that asks is confirmed by this name. A notice
        about one workteam has the team's name after a colon, such as
        ``loses-access:radiology-team``.
    severity : str
        ``info``, ``warning`` or ``blocker``.
    text, fix : str
        The situation, and the recommended action.
    field : str
        The field of :class:`Restriction` that it is about, if any.
    confirmable : bool
        Whether a blocker can be confirmed. A broken expectation cannot: change the restriction or
        the expectation.
    consent : str
        The words that a person agrees to who confirms the notice; empty for a warning or note that
        does not ask.
    """

    code: str
    severity: MessageSeverity
    text: str
    fix: str = ""
    field: str = ""
    confirmable: bool = True
    consent: str = ""

    @property
    def asks(self) -> bool:
        """True if a person must confirm the notice before Apply: a blocker,
        or a warning with words of consent.
        """
        return self.confirmable and self.severity != "info" and bool(self.consent)

    def to_dict(self) -> Json:
        """Return the notice as JSON-able data."""
        return members(self, "code", "severity", "text", "fix", "field", "confirmable")

    def __str__(self) -> str:
        return f"{self.text} {self.fix}".strip()


def notice(
    code: str,
    /,
    *,
    severity: MessageSeverity | None = None,
    fix: str | None = None,
    field: str | None = None,
    **values: object,
) -> Notice:
    """Return the notice of a code, with values in its sentence;
    the other arguments replace what the file says.
    """
    row = notices()[code]
    kind: Any = row["severity"] if severity is None else severity
    anyway = f"I understand the risk. Apply anyway ({code})" if kind == "blocker" else ""
    return Notice(
        row.get("code", code).format_map(values),
        kind,
        row["text"].format_map(values),
        row["fix"] if fix is None else fix,
        row.get("field", "") if field is None else field,
        row.get("consent") != "",
        row.get("consent", anyway).format_map(values),
    )


@lru_cache(maxsize=1)
def notices() -> dict[str, dict[str, str]]:
    """Return the data file: every code with severity, title, text, why, fix and the field that it
    is about.

    A warning that must be confirmed before Apply has the words to agree to, as ``consent``. A
    blocker must be confirmed without them too, and cannot be if they are empty. A notice that is
    confirmed for each workteam alone has its code with the place for the name, as ``code``.
    """
    return package_data(__package__, "notices.json")
