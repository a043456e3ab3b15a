"""State of SageMaker, one region at a time, in the shape of their own API; kept on disk on request."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import GtSecureError
from ..shared_files import replacing

Record = dict[str, Any]
FORMAT = 3


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
    """All regions and the caller's credentials; :meth:`save` after each change."""

    def __init__(self, path: Path | None = None, *, workforce_delay_s: float = 1.0) -> None:
        self.path = path
        self.workforce_delay_s = workforce_delay_s
        self.regions: dict[str, Region] = {}
        self.credentials: dict[str, str] = {}
        if path is not None and path.exists():
            self._load(path)

    def region(self, name: str) -> Region:
        return self.regions.setdefault(name, Region(name))

    def save(self) -> None:
        """Write the state, whole or not at all; only the owner may read it, because it holds a secret key."""
        if self.path is None:
            return
        data = {
            "format": FORMAT,
            "credentials": self.credentials,
            "regions": {name: asdict(region) for name, region in self.regions.items()},
        }
        with replacing(self.path, 0o600) as file:
            json.dump(data, file)

    def _load(self, path: Path) -> None:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                raise ValueError(f"format {data['format']}")
            self.regions = {name: Region(**region) for name, region in data["regions"].items()}
            self.credentials = dict(data["credentials"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GtSecureError(
                f"The sandbox state in {path} cannot be read ({type(error).__name__}).",
                next_step="Move the directory away to start afresh, or give another one.",
            ) from error

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
            self.save()

    def begin(self, workforce: Record, status: str) -> None:
        workforce["Status"] = status
        workforce["LastUpdatedDate"] = time.time()
        workforce["_ready_at"] = time.time() + self.workforce_delay_s
