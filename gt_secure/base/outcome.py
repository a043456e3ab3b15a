"""The outcome of a check or a verdict: passed, failed or unknown,
with what it looked at and what to do.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .errors import GtSecureError
from .shown import Shown
from .text import Json, printable

CheckStatus: TypeAlias = Literal["passed", "failed", "unknown"]


@dataclass(frozen=True, repr=False)
class CheckResult(Shown):
    """The outcome of one check.

    Attributes
    ----------
    name : str
        The check, such as ``guard_is_in_place``.
    subject : str
        What it looked at: a team, a bucket, a notebook.
    passed : bool or None
        None: not known, because something could not be read. It never counts as passed.
    message : str
        What is so, in a sentence. It may hold text from outside, such as object keys.
    details : mapping
        JSON-able facts for programs; never a secret.
    next_step : str
        What to do; empty where the check passed.
    """

    document = ("check: name", "subject", "status", "passed", "message", "next_step", "details")

    name: str
    subject: str
    passed: bool | None
    message: str
    details: Json = field(default_factory=dict, hash=False)
    next_step: str = ""

    @property
    def status(self) -> CheckStatus:
        """``passed``, ``failed`` or ``unknown``."""
        return "unknown" if self.passed is None else "passed" if self.passed else "failed"

    def __bool__(self) -> bool:
        return self.passed is True

    def __str__(self) -> str:
        return (
            f"{self.status}: {self.name}({self.subject}): {self.message} {self.next_step}".strip()
        )

    def require(self) -> CheckResult:
        """Return the result if the check passed; raise :class:`CheckFailed` otherwise."""
        if self.passed is not True:
            raise CheckFailed(self)
        return self

    def _repr_html_(self) -> str:
        mark = {"passed": "✓", "failed": "✗", "unknown": "?"}[self.status]
        said = html.escape(printable(f"{self.message} {self.next_step}".strip()))
        name = html.escape(printable(f"{self.name}({self.subject})"))
        return f"<div>{mark} <b>{self.status}</b> <code>{name}</code> {said}</div>"


class CheckFailed(GtSecureError, AssertionError):
    """A check did not pass: it failed, or it could not be decided; ``result`` says which."""

    def __init__(self, result: CheckResult) -> None:
        super().__init__(
            f"{result.name}({result.subject}) {result.status}: {result.message}",
            next_step=result.next_step,
            details=result.to_dict(),
        )
        self.result = result
