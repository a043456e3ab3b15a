"""Findings: settings that defeat, weaken or break a restriction, each with a stable code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .acceptance import Acceptance
    from .accepted import accept, baseline, dump_accepted, load_accepted, read_accepted, unused
    from .catalog_page import page
    from .model import Finding
    from .render import accepted_fold, accepted_title
    from .run import find_all
    from .sarif import to_sarif
    from .url_ages import with_url_ages

__all__ = [
    "Acceptance",
    "Finding",
    "accept",
    "accepted_fold",
    "accepted_title",
    "baseline",
    "dump_accepted",
    "find_all",
    "load_accepted",
    "page",
    "read_accepted",
    "to_sarif",
    "unused",
    "with_url_ages",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Acceptance": ".acceptance",
        "Finding": ".model",
        "accept": ".accepted",
        "accepted_fold": ".render",
        "accepted_title": ".render",
        "baseline": ".accepted",
        "dump_accepted": ".accepted",
        "find_all": ".run",
        "load_accepted": ".accepted",
        "page": ".catalog_page",
        "read_accepted": ".accepted",
        "to_sarif": ".sarif",
        "unused": ".accepted",
        "with_url_ages": ".url_ages",
    },
)
