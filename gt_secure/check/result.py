"""Checks and their calling conventions: raising, non-raising, and expected to fail."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Generic, ParamSpec, cast

from ..aws.buckets import place_of
from ..base.errors import (
    AccessDenied,
    CredentialsError,
    GtSecureError,
    InvalidInput,
    LogError,
    NotFound,
    PolicyError,
    Throttled,
    Unreachable,
)
from ..base.outcome import CheckResult
from ..base.text import JsonLike
from ..engine.policies.age_limit import parse_age
from .ledger import KEY, RecordedPlace, claimed, kernel_shell, record, recorded, recorded_place

P = ParamSpec("P")

_CANNOT_SEE = (AccessDenied, CredentialsError, Unreachable, Throttled, LogError)
_FOREIGN = ("__main__", "unittest.mock")
LOOK_S = 1.0
"""Seconds between two looks of a check that waits."""
MAX_NAMED = 5
"""Maximum number of problems named in a message; all of them are in ``details``."""


CHECKS: dict[str, Check[Any]] = {}
"""Every check by its name."""


class Check(Generic[P]):
    """A check, callable in two ways.

    ``guard_is_in_place(gt, "gt-images")`` asserts: it raises :class:`CheckFailed` unless the check
    passed. ``guard_is_in_place.look(gt, "gt-images")`` returns the result, whatever it is. Both
    raise :class:`~gt_secure.errors.InvalidInput` for arguments that make no sense. In a notebook
    both leave a record in the outputs of the cell: a runner compares the records with the checks of
    the notebook.

    Arguments have one meaning in all checks: ``gt`` is a connection or a session of the SageMaker
    SDK, ``team`` what a connection accepts, ``restriction`` a restriction or the path of its file.
    ``context`` has known values of condition keys, such as ``{"aws:PrincipalOrgID": "o-abc123"}``,
    in addition to those of the connection and the restriction.
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

    def fails(self, *args: P.args, **kwargs: P.kwargs) -> CheckResult:
        """Assert that the check fails, such as on an open bucket; unknown is no failure.

        Examples
        --------
        >>> check.guard_is_in_place.fails(gt, "open-bucket")  # doctest: +SKIP
        """
        result, claim, place = self._decided(args, kwargs)
        passed = None if result.passed is None else not result.passed
        # Of two readings of a log, the worse result is taken: that it failed does not say that both
        # do.
        passed = None if passed and "odd_lines" in result.details else passed
        step = (
            result.next_step
            if passed is None
            else "Call the check without .fails if it should pass now."
        )
        expected = replace(
            result, name=f"{self.name}_fails", passed=passed, next_step="" if passed else step
        )
        return self._noted(expected, claim, place).require()

    def within(self, limit: str | timedelta) -> Callable[P, CheckResult]:
        """Return the check as one that may need some time, as after a change: it looks each second,
        and the last look is its outcome.

        Parameters
        ----------
        limit : str or timedelta
            The time after which the last look is taken.

        Raises
        ------
        InvalidInput
            If the time cannot be read.

        Examples
        --------
        >>> check.guard_is_in_place.within("30s")(gt, "gt-images")  # doctest: +SKIP
        """
        try:
            wait_s = parse_age(limit)
        except InvalidInput as error:
            raise InvalidInput(
                f"'{str(limit)[:40]}' cannot be read as a time to wait.",
                next_step="Write a number and its unit, such as 30s or 5m.",
                field="limit",
            ) from error

        def look(*args: P.args, **kwargs: P.kwargs) -> CheckResult:
            end = time.monotonic() + wait_s
            decided = self._decided(args, kwargs)
            while decided[0].passed is not True and time.monotonic() < end:
                time.sleep(LOOK_S)
                decided = self._decided(args, kwargs)
            return self._noted(*decided).require()

        return look

    def skip(self, reason: str) -> str:
        """Record in a notebook why the check does not belong to this run,
        instead of leaving it out in an ``if``.
        """
        record(self.name, reason, "skipped")
        return f"skipped: {self.name}: {reason}"

    def _recorded(self, args: Any, kwargs: Any) -> CheckResult:
        return self._noted(*self._decided(args, kwargs))

    def _noted(self, result: CheckResult, claim: str, place: RecordedPlace | None) -> CheckResult:
        """Return a result, and record it with its claim."""
        recorded(replace(result, subject=claim), place)
        return result

    def _decided(self, args: Any, kwargs: Any) -> tuple[CheckResult, str, RecordedPlace | None]:
        """Return the outcome, what was claimed of the subject, and where it was looked."""
        subject, given = _subject(args, kwargs), [*args, *kwargs.values()]
        if name := replaced(given):
            said = f"This kernel has replaced {name}, so the check proves nothing."
            result = CheckResult(
                self.name, subject, None, said, {}, "Restart the kernel, and do not replace it."
            )
        else:
            result = self._result(subject, args, kwargs)
        more = "; ".join(self._arguments(args, kwargs))
        return result, f"{result.subject}: {more}" if more else result.subject, _place(given)

    def _arguments(self, args: Any, kwargs: Any) -> Iterator[str]:
        """Yield in words what a call claims beside its subject; a time is not part of a claim."""
        signature = inspect.signature(self._look)
        with suppress(TypeError):
            given = signature.bind(*args, **kwargs).arguments
            first, *others = given.items()
            if rows := claimed(getattr(first[1], "conditions", None)):
                yield rows
            for name, value in others:
                if name == "bucket" and isinstance(value, str) and (prefix := place_of(value)[1]):
                    yield f"prefix {prefix}"
                words = "" if name in ("team", "bucket", "path") else claimed(value)
                if words and words != claimed(signature.parameters[name].default):
                    yield f"{name} {words}"

    def _result(self, subject: str, args: Any, kwargs: Any) -> CheckResult:
        try:
            return self._look(*args, **kwargs)
        except _CANNOT_SEE as error:
            return of_error(self.name, subject, error, None)
        except (NotFound, PolicyError) as error:
            # What is not there, or is no policy, cannot protect anything.
            return of_error(self.name, subject, error, False)


def of_error(name: str, subject: str, error: GtSecureError, passed: bool | None) -> CheckResult:
    """Return the result of a check that met an error:
    unknown if something could not be read, else failed.
    """
    return CheckResult(
        name, subject, passed, error.message, {"error": error.to_dict()}, error.next_step
    )


def _subject(args: tuple[Any, ...], kwargs: JsonLike) -> str:
    """Return the subject of a check from its arguments: the second one, or those given by name."""
    values = [
        *args[1:2],
        *(kwargs[key] for key in ("team", "bucket", "restriction", "path") if key in kwargs),
    ]
    return ", ".join(label(value) for value in values if value is not None) or "the account"


def _place(given: Iterable[object]) -> RecordedPlace | None:
    """Return where the arguments of a check look: at a connection,
    a session of the SageMaker SDK, or hits.
    """
    for value in given:
        if hasattr(value, "boto_session"):
            from ..connection import connection_of

            value = connection_of(cast(Any, value))
        if (aws := getattr(value, "aws", None)) is not None:
            return recorded_place(aws)
        if isinstance(place := getattr(value, "place", None), RecordedPlace):
            return place
    return None


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


def replaced(arguments: Iterable[object]) -> str:
    """Return a name of this package, or of an argument, that the notebook has replaced;
    empty outside a kernel.
    """
    if kernel_shell() is None:
        return ""
    for argument in arguments:
        if type(argument).__module__ == _FOREIGN[1]:
            return f"an argument with a {type(argument).__name__}"
        for member, value in vars(argument).items() if hasattr(argument, "__dict__") else ():
            if hasattr(type(argument), member) and getattr(value, "__module__", "") in _FOREIGN:
                return f"{type(argument).__name__}.{member}"
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != KEY:
            continue
        for holder in (
            module,
            *(each for each in vars(module).values() if getattr(each, "__module__", "") == name),
        ):
            for member, value in list(getattr(holder, "__dict__", {}).items()):
                if callable(value) and getattr(value, "__module__", "") in _FOREIGN:
                    return f"{getattr(holder, '__name__', name)}.{member}"
    return ""
