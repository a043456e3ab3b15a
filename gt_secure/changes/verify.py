"""Check expectations on the wire after a change, where a probe can use the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..access.answer import MEANT
from ..errors import GtSecureError
from ..network import Source
from .journal import scrub
from .plan import Plan

Fetch: TypeAlias = Callable[[Source, str, str], bool | None]
"""Fetches an object of a bucket under a prefix by a presigned URL from a source: True opened, False refused, None where
a probe cannot use that source. The caller supplies it: this module knows no presigned URLs."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of one expectation on the wire; ``observed`` is ``opened``, ``refused`` or ``not reached``."""

    kind: str
    source: str
    observed: str
    detail: str = ""

    @property
    def holds(self) -> bool:
        """True if the result is as expected, or could not be probed."""
        return self.observed in (MEANT[self.kind], "not reached")

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able data."""
        return {
            "kind": self.kind,
            "source": self.source,
            "observed": self.observed,
            "holds": self.holds,
            "detail": self.detail,
        }


def probe_expectations(plan: Plan, probe: Fetch) -> tuple[ProbeResult, ...]:
    """Probe every expectation of a plan that has been applied.

    A probe that fails is a result, not an error: the change itself has been applied and read back.
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
            observed = "not reached" if opened is None else "opened" if opened else "refused"
            found.append(ProbeResult(one.kind, str(source), observed, detail))
    return tuple(found)
