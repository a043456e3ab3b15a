"""Notices: non-error messages about a restriction or a plan;
their texts are in ``notices.json``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..base.shown import Shown
from ..base.situations import filled, situations, without_variants
from ..base.text import Json, Texts

MessageSeverity: TypeAlias = Literal["info", "warning", "blocker"]


@dataclass(frozen=True, slots=True)
class Notice(Shown):
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
    about : tuple of str
        The subjects of which it says what it implies, such as the names of workteams; empty: all.
    """

    document = ("code", "severity", "text", "fix", "field", "confirmable")

    code: str
    severity: MessageSeverity
    text: str
    fix: str = ""
    field: str = ""
    confirmable: bool = True
    consent: str = ""
    about: Texts = ()

    def implies(self, code: str, subject: str = "") -> bool:
        """Return True if it says a fact that another notice or a finding would repeat."""
        row = notices().get(self.code.partition(":")[0], {})
        is_of_it = not subject or not self.about or subject in self.about
        return is_of_it and code in row.get("implies", ())

    @property
    def asks(self) -> bool:
        """True if a person must confirm the notice before Apply: a blocker,
        or a warning with words of consent.
        """
        return self.confirmable and self.severity != "info" and bool(self.consent)

    def __str__(self) -> str:
        return f"{self.text} {self.fix}".strip()


def notice(
    code: str,
    /,
    *,
    severity: MessageSeverity | None = None,
    fix: str | None = None,
    field: str | None = None,
    about: Iterable[str] = (),
    **values: object,
) -> Notice:
    """Return the notice of a code, or of ``CODE/VARIANT``, with values in its sentence;
    the other arguments replace what the file says.
    """
    row = situations(__package__, "notices.json")[code]
    said = filled(row, values)
    kind: Any = row["severity"] if severity is None else severity
    code = code.partition("/")[0]
    anyway = f"I understand the risk. Apply anyway ({code})" if kind == "blocker" else ""
    return Notice(
        row.get("code", code).format_map(values),
        kind,
        said["text"],
        said["fix"] if fix is None else fix,
        row.get("field", "") if field is None else field,
        row.get("consent") != "",
        said.get("consent", anyway),
        tuple(about),
    )


def notices() -> dict[str, Json]:
    """Return the data file: every code with severity, title, text, why, fix and the field that it
    is about.

    A warning that must be confirmed before Apply has the words to agree to, as ``consent``. A
    blocker must be confirmed without them too, and cannot be if they are empty. A notice that is
    confirmed for each workteam alone has its code with the place for the name, as ``code``.
    ``implies`` are the notices and findings that would say the same fact again.
    """
    return without_variants(situations(__package__, "notices.json"))
