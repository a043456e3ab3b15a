"""The URL lock of a workteam: two settings, of which at most one is on where a URL shall work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...base.text import Json


@dataclass(frozen=True, slots=True)
class UrlLock:
    """The two settings of ``WorkerAccessConfiguration.S3Presign.IamPolicyConstraints``.
    They accept no addresses.
    """

    source_ip: bool = False
    vpc_source_ip: bool = False

    @property
    def on(self) -> bool:
        """True if one of the two settings is on."""
        return self.source_ip or self.vpc_source_ip

    @property
    def impossible(self) -> bool:
        """True if both are on: one key exists only outside endpoints and the other only in them,
        so no URL works.
        """
        return self.source_ip and self.vpc_source_ip

    @property
    def mode(self) -> Literal["off", "SourceIp", "VpcSourceIp", "both"]:
        """The setting that is on, ``both`` or ``off``."""
        if self.impossible:
            return "both"
        return "SourceIp" if self.source_ip else "VpcSourceIp" if self.vpc_source_ip else "off"

    @property
    def settings(self) -> dict[str, str]:
        """Both settings as the API writes them:
        AWS does not document whether an omitted one is kept.
        """
        words = {True: "Enabled", False: "Disabled"}
        return {"SourceIp": words[self.source_ip], "VpcSourceIp": words[self.vpc_source_ip]}

    def to_api(self) -> Any:
        """Return the API structure with both settings."""
        return {"S3Presign": {"IamPolicyConstraints": self.settings}}

    @classmethod
    def from_api(cls, config: Json | None) -> UrlLock:
        """Read the lock from the ``WorkerAccessConfiguration`` of a workteam."""
        constraints = ((config or {}).get("S3Presign") or {}).get("IamPolicyConstraints") or {}
        return cls(
            constraints.get("SourceIp") == "Enabled", constraints.get("VpcSourceIp") == "Enabled"
        )
