"""Check results, and the two calling conventions: raising and non-raising."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, ParamSpec, TypeAlias

from ..base.errors import (
    AccessDenied,
    CredentialsError,
    GtSecureError,
    LogError,
    NotFound,
    PolicyError,
    Throttled,
    Unreachable,
)
from ..base.text import printable
from .ledger import record, replaced

P = ParamSpec("P")
CheckStatus: TypeAlias = Literal["passed", "failed", "unknown"]

_CANNOT_SEE = (AccessDenied, CredentialsError, Unreachable, Throttled, LogError)
MAX_NAMED = 5
"""Maximum number of problems named in a message; all of them are in ``details``."""


@dataclass(frozen=True)
class CheckResult:
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

    name: str
    subject: str
    passed: bool | None
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    next_step: str = ""

    @property
    def status(self) -> CheckStatus:
        """``passed``, ``failed`` or ``unknown``."""
        return "unknown" if self.passed is None else "passed" if self.passed else "failed"

    def __bool__(self) -> bool:
        return self.passed is True

    def __str__(self) -> str:
        return f"{self.status}: {self.name}({self.subject}): {self.message} {self.next_step}".strip()

    def require(self) -> CheckResult:
        """Return the result if the check passed; raise :class:`CheckFailed` otherwise."""
        if self.passed is not True:
            raise CheckFailed(self)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able data."""
        return {
            "check": self.name,
            "subject": self.subject,
            "status": self.status,
            "passed": self.passed,
            "message": self.message,
            "next_step": self.next_step,
            "details": dict(self.details),
        }

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


CHECKS: dict[str, Check[Any]] = {}
"""Every check by its name."""


class Check(Generic[P]):
    """A check, callable in two ways.

    ``guard_is_in_place(gt, "gt-images")`` asserts: it raises :class:`CheckFailed` unless the check passed.
    ``guard_is_in_place.look(gt, "gt-images")`` returns the result, whatever it is. Both raise
    :class:`~gt_secure.errors.InvalidInput` for arguments that make no sense. In a notebook both leave a record in the
    outputs of the cell: a runner compares the records with the checks of the notebook.

    Arguments have one meaning in all checks: ``gt`` is a connection or a session of the SageMaker SDK, ``team`` what a
    connection accepts, ``restriction`` a restriction or the path of its file. ``context`` has known values of condition
    keys, such as ``{"aws:PrincipalOrgID": "o-abc123"}``, in addition to those of the connection and the restriction.
    """

    def __init__(self, look: Callable[P, CheckResult]) -> None:
        self._look = look
        self.name = look.__name__
        CHECKS[self.name] = self
        self.__name__ = look.__name__
        self.__doc__ = look.__doc__
        self.__module__ = look.__module__
        self.__wrapped__ = look  # help() and editors show the signature of the function

    def __repr__(self) -> str:
        return f"<check {self.name}>"

    def __bool__(self) -> bool:
        raise TypeError(f"The check {self.name} was not called: write {self.name}(...).")

    def look(self, *args: P.args, **kwargs: P.kwargs) -> CheckResult:
        """Return the result without raising for a failed or undecided check."""
        return self._recorded(args, kwargs)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> CheckResult:
        """Assert: return the result, or raise :class:`CheckFailed`."""
        return self._recorded(args, kwargs).require()

    def skip(self, reason: str) -> str:
        """Record in a notebook why the check does not belong to this run, instead of leaving it out in an ``if``."""
        record(self.name, reason, "skipped")
        return f"skipped: {self.name}: {reason}"

    def _recorded(self, args: Any, kwargs: Any) -> CheckResult:
        subject = _subject(args, kwargs)
        if name := replaced([*args, *kwargs.values()]):
            said = f"This kernel has replaced {name}, so the check proves nothing."
            result = CheckResult(self.name, subject, None, said, {}, "Restart the kernel, and do not replace it.")
        else:
            result = self._result(subject, args, kwargs)
        record(self.name, result.subject, result.status, args[0] if args else None)
        return result

    def _result(self, subject: str, args: Any, kwargs: Any) -> CheckResult:
        try:
            return self._look(*args, **kwargs)
        except _CANNOT_SEE as error:
            return of_error(self.name, subject, error, None)
        except (NotFound, PolicyError) as error:
            # What is not there, or is no policy, cannot protect anything.
            return of_error(self.name, subject, error, False)


def of_error(name: str, subject: str, error: GtSecureError, passed: bool | None) -> CheckResult:
    """Return the result of a check that met an error: unknown if something could not be read, else failed."""
    return CheckResult(name, subject, passed, error.message, {"error": error.to_dict()}, error.next_step)


def _subject(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return the subject of a check from its arguments: the second one, or those given by name."""
    values = [*args[1:2], *(kwargs[key] for key in ("team", "bucket", "restriction", "path") if key in kwargs)]
    return ", ".join(label(value) for value in values if value is not None) or "the account"


def label(value: object) -> str:
    """Name a team, bucket, restriction or file in a few words."""
    for member in ("workteam_name", "name"):
        word = getattr(value, member, None)
        if isinstance(word, str) and word:
            return word
    team, bucket = getattr(value, "team", None), getattr(value, "bucket", None)
    if team is not None or bucket is not None:
        return " and ".join(str(part) for part in (team, bucket) if part)
    return str(value)[:120]
