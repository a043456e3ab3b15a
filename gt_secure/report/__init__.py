"""The report: who can open each bucket of a region, or of many accounts and regions, with locks,
findings and leaked URLs. It changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from .accounts import (
        DEFAULT_REGIONS as DEFAULT_REGIONS,
        Account as Account,
        parse_regions as parse_regions,
        read_accounts as read_accounts,
    )
    from .result import AccountReport as AccountReport
    from .rows import ReportRow as ReportRow
    from .run import report as report


__all__, __getattr__, __dir__ = attach(__name__)
