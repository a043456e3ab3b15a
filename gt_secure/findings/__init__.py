"""Findings: settings that defeat, weaken or break a restriction, each with a stable code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from .accepted import (
        accept as accept,
        accepted_fold as accepted_fold,
        accepted_title as accepted_title,
        read_accepted as read_accepted,
        unused as unused,
    )
    from .catalog_page import page as page
    from .model import Acceptance as Acceptance, Checked as Checked, Finding as Finding
    from .run import examine as examine, with_url_ages as with_url_ages
    from .sarif import to_sarif as to_sarif


__all__, __getattr__, __dir__ = attach(__name__)
