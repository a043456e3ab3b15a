"""Evidence: what an outcome rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..base.text import Json, count


@dataclass(frozen=True, slots=True)
class Evidence:
    """The things on which an outcome rests: ``counts`` has how many by a word in the singular, such
    as ``rule``.

    ``place`` says that the bucket is in another region than the connection; empty where it is not.
    ``until`` is the time of the reading, or of the newest row; ``not_read`` has what was asked for
    and not read.
    """

    subject: str
    read: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    until: datetime | None = None
    not_read: tuple[str, ...] = ()
    place: str = ""

    def __str__(self) -> str:
        numbers = [count(number, word) for word, number in self.counts.items()]
        when = f" at {self.until:%Y-%m-%d %H:%M:%S} UTC" if self.until is not None else ""
        read = f"Read{when}: {', '.join([*numbers, *self.read]) or 'nothing'}."
        unread = f"Not read: {'; '.join(self.not_read)}." if self.not_read else ""
        return " ".join(filter(None, (read, unread, self.place)))

    def to_dict(self) -> Json:
        """Return the evidence as JSON-able data."""
        return {
            "subject": self.subject,
            "read": list(self.read),
            "counts": dict(self.counts),
            "until": self.until.isoformat() if self.until is not None else None,
            "not_read": list(self.not_read),
        }
