"""One accepted finding: a known risk with a reason, an owner and the day on which it ends."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..text import members

SAVED_SECRET = "saved-secret"  # noqa: S105
"""The code of a secret that ``no_secret_saved`` accepts: the subject of its entry is the id of the secret."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A finding that somebody accepted until a date.

    Attributes
    ----------
    finding : str
        The code of the finding.
    reason : str
        The reason for accepting it.
    until : date
        The last day (UTC) on which it is accepted.
    subject : str
        The team, workforce, bucket or key, or ``account/region/subject``; the id of a secret; ``*`` matches any text.
        Empty: every one.
    owner : str
        The person or team that accepted it.
    """

    finding: str
    reason: str
    until: dt.date
    subject: str = ""
    owner: str = ""

    def covers(self, code: str, *subjects: str) -> bool:
        """Return True if it is for this code, and for one of the names of the subject."""
        if code != self.finding:
            return False
        return not self.subject or any(_pattern(self.subject).fullmatch(subject) for subject in subjects)

    def ended(self, today: dt.date | None = None) -> bool:
        """Return True after the last day."""
        return (today or dt.datetime.now(dt.UTC).date()) > self.until

    def to_dict(self) -> dict[str, str]:
        """Return the entry in the form of a file."""
        data = members(self, "finding", "subject", "reason", "owner") | {"until": self.until.isoformat()}
        return {name: value for name, value in data.items() if value}

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> Acceptance:
        """Return an entry from what :meth:`to_dict` returned."""
        return cls(**{**data, "until": dt.date.fromisoformat(data["until"])})  # type: ignore[arg-type]

    @property
    def words(self) -> str:
        """The acceptance in one clause: ``accepted by OWNER until DATE: REASON``."""
        by = f" by {self.owner}" if self.owner else ""
        return f"accepted{by} until {self.until.isoformat()}: {self.reason}"

    @property
    def label(self) -> str:
        """The code and subject."""
        return f"{self.finding} of {self.subject}" if self.subject else self.finding


@lru_cache(maxsize=1024)
def _pattern(subject: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, subject.split("*"))), re.DOTALL)
