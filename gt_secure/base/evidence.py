"""Evidence: what an outcome rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .shown import Shown
from .text import Texts, count


@dataclass(frozen=True, slots=True)
class Evidence(Shown):
    """The things on which an outcome rests, be it an answer from a log, a check or a report.

    Attributes
    ----------
    subject : str
    read : tuple of str
        The names of what was read.
    counts : mapping of str to int
        How many were read, by a word in the singular, such as ``rule``.
    since, until : datetime or None
        The time of the oldest and newest row; without rows, ``until`` is the time of the reading.
    not_read : tuple of str
        What was asked for and not read, with the reason.
    doubt : str
        Why another reading of the same data has another answer; empty where it has the same.
    not_looked_for : str
        Why nobody looked; then nothing else is known.
    place : str
        That the bucket is in another region than the connection; empty where it is not.
    """

    document = (
        "subject",
        "read",
        "counts",
        "since",
        "until",
        "not_read",
        "doubt",
        "not_looked_for",
    )

    subject: str
    read: Texts = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    until: datetime | None = None
    not_read: Texts = ()
    place: str = ""
    since: datetime | None = None
    doubt: str = ""
    not_looked_for: str = ""

    @property
    def missing(self) -> str:
        """The reasons why nothing found means unknown, in sentences; empty where it means none."""
        return " ".join(filter(None, (self.not_looked_for, *self.not_read, self.doubt)))

    def __str__(self) -> str:
        numbers = [count(number, word) for word, number in self.counts.items()]
        when = f" at {self.until:%Y-%m-%d %H:%M:%S} UTC" if self.until is not None else ""
        read = f"Read{when}: {', '.join([*numbers, *self.read]) or 'nothing'}."
        unread = f"Not read: {'; '.join(self.not_read)}." if self.not_read else ""
        return " ".join(filter(None, (read, unread, self.doubt, self.not_looked_for, self.place)))
