"""Whereabouts: from where the people of a workteam opened objects, as the access log shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """From where the people of a workteam opened objects of a bucket in the last days.

    ``sources`` are addresses and ids of VPC endpoints, the busiest first. ``missing`` says why
    somebody else of the team may have opened objects from elsewhere; it is empty where the log of
    the whole time was read.
    """

    sources: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    missing: str = "No access log was read."

    @property
    def complete(self) -> bool:
        """True if the log of the whole time was read and shows everybody of the team."""
        return not self.missing
