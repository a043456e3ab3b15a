"""Checking expectations on the wire after a change, where the source can be reached from here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import GtSecureError
from ..network import Source
from .journal import scrub
from .plan_data import PlanData

Probe: TypeAlias = Callable[[Source, str, str], bool | None]
"""Fetches an object of a bucket under a prefix by a presigned URL from a source: True opened, False refused, None where
that source cannot be reached from here. Another room makes it: this one knows no presigned URLs."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one expectation looked like on the wire; ``observed`` is ``allowed``, ``refused`` or ``not reached``."""

    kind: str
    source: str
    observed: str
    detail: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is as expected, or could not be tried."""
        return self.observed in (self.kind, "not reached")

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able data."""
        return {
            "kind": self.kind,
            "source": self.source,
            "observed": self.observed,
            "holds": self.holds,
            "detail": self.detail,
        }


def probe_expectations(plan: PlanData, probe: Probe) -> tuple[ProbeResult, ...]:
    """Probe every expectation of a plan that has been applied.

    A probe that fails is a result, not an error: the change itself stands and has been read back.
    """
    wish = plan.restriction
    if wish.bucket is None:
        return ()
    found: list[ProbeResult] = []
    for one in wish.expectations:
        prefix = wish.prefix if one.prefix is None else one.prefix
        for source in one.sources:
            detail = ""
            try:
                opened = probe(source, wish.bucket, prefix)
            except GtSecureError as error:
                opened, detail = None, scrub(str(error))
            observed = "not reached" if opened is None else "allowed" if opened else "refused"
            found.append(ProbeResult(one.kind, str(source), observed, detail))
    return tuple(found)
