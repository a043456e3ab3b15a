"""A part of what decides: read, absent, or not read with the reason,
so that nobody takes a default for a reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeAlias, TypeVar

from ...base.errors import AccessDenied, GtSecureError
from ...base.shown import Shown
from ...base.text import Json, capital

T = TypeVar("T")
S = TypeVar("S")
Why: TypeAlias = Literal["denied", "no answer", "in part", "in doubt", "not asked", "elsewhere"]


@dataclass(frozen=True, slots=True)
class NotRead(Shown):
    """A part that was not read: ``what`` in words, the ``action`` that reads it, and ``why`` and
    the ``reason``.

    ``why`` is ``not asked`` where the reading had a smaller scope, ``in part`` where the calls
    would be too many, and ``in doubt`` where what came back cannot be read as a whole, or in one
    way. It is ``elsewhere`` where the part is in a region that the connection cannot ask, as the
    ``reason`` says.
    """

    document = ("what", "action", "why", "reason", "policy")

    what: str
    action: str
    why: Why
    reason: str
    resource: str = "*"
    error: GtSecureError | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.what and self.action and self.reason):
            raise ValueError("a part that was not read needs its name, the action and the reason")

    @classmethod
    def of(cls, what: str, action: str, error: GtSecureError, resource: str = "*") -> NotRead:
        """Return the part that an error kept from being read."""
        if isinstance(error, AccessDenied):
            return cls(what, error.action, "denied", error.message, error.resource, error)
        return cls(
            what,
            str(error.details.get("action") or action),
            "no answer",
            error.message,
            resource,
            error,
        )

    @property
    def policy(self) -> Json | None:
        """The smallest policy that would allow it; None where it was not denied."""
        return (self.error.policy or None) if isinstance(self.error, AccessDenied) else None

    @property
    def text(self) -> str:
        """The action and its outcome, or the region that cannot be asked, for messages."""
        return self.reason if self.why == "elsewhere" else f"{self.action} {_OUTCOMES[self.why]}"


_OUTCOMES: Mapping[Why, str] = {
    "denied": "was denied",
    "no answer": "got no answer",
    "in part": "was not called for all of them",
    "in doubt": "gave an answer that cannot be read with certainty",
    "not asked": "was not called",
}


_asked: ContextVar[set[NotRead] | None] = ContextVar("asked", default=None)


@contextmanager
def asked_in_vain() -> Iterator[set[NotRead]]:
    """Collect the parts that are asked for and were not read, as long as the block lasts."""
    missing: set[NotRead] = set()
    token = _asked.set(missing)
    try:
        yield missing
    finally:
        _asked.reset(token)


def note_missing(parts: Iterable[NotRead]) -> None:
    """Add parts that were not read to those that :func:`asked_in_vain` collects."""
    missing = _asked.get()
    if missing is not None:
        missing.update(parts)


class PartNotReadError(GtSecureError):
    """The value of a part was asked for, and the part was not read; ``part`` says which and why."""

    def __init__(self, part: NotRead) -> None:
        super().__init__(f"{capital(part.what)} is unknown: {part.text}.", next_step=part.reason)
        self.part = part


@dataclass(frozen=True)
class Part(Generic[T]):
    """A part of what decides; ``missing`` says why it was not read."""

    _value: T | None = None
    missing: NotRead | None = None

    @classmethod
    def of(cls, value: T | None) -> Part[T]:
        """Return a part that was read; None says that there is no such thing."""
        return cls(value)

    @classmethod
    def unread(cls, missing: NotRead) -> Part[T]:
        """Return a part that was not read."""
        return cls(None, missing)

    @classmethod
    def unasked(cls, what: str, action: str) -> Part[T]:
        """Return a part that the scope of a reading left out."""
        return cls(None, NotRead(what, action, "not asked", "The reading left it out."))

    @property
    def was_asked(self) -> bool:
        """Return whether the scope of the reading had it, read or not."""
        return self.missing is None or self.missing.why != "not asked"

    @property
    def value(self) -> T | None:
        """The value; None if there is none. Raises :class:`PartNotReadError`
        where it was not read.
        """
        if self.missing is not None:
            note_missing([self.missing])
            raise PartNotReadError(self.missing)
        return self._value

    @property
    def if_read(self) -> T | None:
        """The value; None if there is none or it was not read,
        for callers that say so themselves.
        """
        if self.missing is not None:
            note_missing([self.missing])
        return self._value

    @property
    def if_asked(self) -> T | None:
        """The value as in ``if_read``; no caller waits for what the reading left out."""
        return self.if_read if self.was_asked else None

    @property
    def is_true(self) -> bool:
        """Return whether it was read and is true."""
        return self.missing is None and bool(self._value)

    def map(self, make: Callable[[T], S | None]) -> Part[S]:
        """Return a part of this part's value, not read where this one was not."""
        if self.missing is not None:
            return Part(None, self.missing)
        return Part(None if self._value is None else make(self._value))
