"""State of SageMaker, one region at a time, in the shape of their own API."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..base.text import Json
from .settings import account_id

Record = Json


@dataclass(slots=True)
class Region:
    """The resources of one region. Records are what the API returns;
    times are seconds since 1970.
    """

    name: str
    workforce_delay_s: float
    workteams: dict[str, Record] = field(default_factory=dict)
    workforces: dict[str, Record] = field(default_factory=dict)
    subscribed: list[Record] = field(default_factory=list)
    jobs: dict[str, Record] = field(default_factory=dict)
    flows: dict[str, Record] = field(default_factory=dict)

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a resource of the region."""
        return f"arn:aws:sagemaker:{self.name}:{account_id()}:{kind}/{name}"

    def knows_team(self, arn: object) -> bool:
        """Return whether a workteam of this ARN exists or is subscribed to."""
        return any(
            team["WorkteamArn"] == arn for team in (*self.workteams.values(), *self.subscribed)
        )

    def begin(self, workforce: Record, status: str) -> None:
        """Let a workforce change; it has done so after the delay."""
        workforce["Status"] = status
        workforce["LastUpdatedDate"] = time.time()
        workforce["_ready_at"] = time.time() + self.workforce_delay_s

    def settle(self) -> None:
        """Finish the changes of workforces whose time is over."""
        now = time.time()
        for name, workforce in list(self.workforces.items()):
            if workforce.get("_ready_at", now + 1) > now:
                continue
            if workforce["Status"] == "Deleting":
                del self.workforces[name]
            else:
                workforce["Status"] = "Active"
                del workforce["_ready_at"]


class SandboxState:
    """All regions and the caller's credentials."""

    def __init__(self, workforce_delay_s: float) -> None:
        self.workforce_delay_s = workforce_delay_s
        self.regions: dict[str, Region] = {}
        self.credentials: dict[str, str] = {}

    def region(self, name: str) -> Region:
        """Return a region, with the changes that have ended."""
        found = self.regions.setdefault(name, Region(name, self.workforce_delay_s))
        found.settle()
        return found
