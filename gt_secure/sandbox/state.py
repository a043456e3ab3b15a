"""State of SageMaker, one region at a time, in the shape of their own API."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


@dataclass(slots=True)
class Region:
    """The resources of one region. Records are what the API returns; times are seconds since 1970."""

    name: str
    workteams: dict[str, Record] = field(default_factory=dict)
    workforces: dict[str, Record] = field(default_factory=dict)
    subscribed: list[Record] = field(default_factory=list)
    jobs: dict[str, Record] = field(default_factory=dict)
    flows: dict[str, Record] = field(default_factory=dict)


class SandboxState:
    """All regions and the caller's credentials."""

    def __init__(self, *, workforce_delay_s: float = 1.0) -> None:
        self.workforce_delay_s = workforce_delay_s
        self.regions: dict[str, Region] = {}
        self.credentials: dict[str, str] = {}

    def region(self, name: str) -> Region:
        return self.regions.setdefault(name, Region(name))

    def settle(self, region: Region) -> None:
        now = time.time()
        for name, workforce in list(region.workforces.items()):
            ready = workforce.get("_ready_at")
            if ready is None or ready > now:
                continue
            if workforce["Status"] == "Deleting":
                del region.workforces[name]
            else:
                workforce["Status"] = "Active"
                del workforce["_ready_at"]

    def begin(self, workforce: Record, status: str) -> None:
        workforce["Status"] = status
        workforce["LastUpdatedDate"] = time.time()
        workforce["_ready_at"] = time.time() + self.workforce_delay_s
