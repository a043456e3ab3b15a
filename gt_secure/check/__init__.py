"""Checks that watch a team's posture: assertions with readable failures, for notebooks, tests and scheduled jobs.

Each check can be called in two ways: ``check.guard_is_in_place(gt, "gt-images")`` raises :class:`CheckFailed` unless it
passed, ``check.guard_is_in_place.look(gt, "gt-images")`` returns its :class:`CheckResult`. What could not be read is
``unknown``, and never passes. ``gt-secure check`` runs the same checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .account import no_findings
    from .guards import guard_is_in_place
    from .logs import no_foreign_hits, no_leaked_urls
    from .notebooks import SANITIZE_FILE, no_code_cell_skipped, no_secret_saved, remove_secrets
    from .report import Report
    from .restrictions import expectations_hold, is_proved, nothing_drifted
    from .result import Check, CheckFailed, CheckResult
    from .running import run_file, run_specs
    from .save_guard import SaveGuard
    from .saved_secrets import SavedSecret, find_secrets, mask_secrets
    from .spec import Spec, load_specs
    from .teams import team_is_restricted

__all__ = [
    "SANITIZE_FILE",
    "Check",
    "CheckFailed",
    "CheckResult",
    "Report",
    "SaveGuard",
    "SavedSecret",
    "Spec",
    "expectations_hold",
    "find_secrets",
    "guard_is_in_place",
    "is_proved",
    "load_specs",
    "mask_secrets",
    "no_code_cell_skipped",
    "no_findings",
    "no_foreign_hits",
    "no_leaked_urls",
    "no_secret_saved",
    "nothing_drifted",
    "remove_secrets",
    "run_file",
    "run_specs",
    "team_is_restricted",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "SANITIZE_FILE": ".notebooks",
        "Check": ".result",
        "CheckFailed": ".result",
        "CheckResult": ".result",
        "Report": ".report",
        "SaveGuard": ".save_guard",
        "SavedSecret": ".saved_secrets",
        "Spec": ".spec",
        "expectations_hold": ".restrictions",
        "find_secrets": ".saved_secrets",
        "guard_is_in_place": ".guards",
        "is_proved": ".restrictions",
        "load_specs": ".spec",
        "mask_secrets": ".saved_secrets",
        "no_code_cell_skipped": ".notebooks",
        "no_findings": ".account",
        "no_foreign_hits": ".logs",
        "no_leaked_urls": ".logs",
        "no_secret_saved": ".notebooks",
        "nothing_drifted": ".restrictions",
        "remove_secrets": ".notebooks",
        "run_file": ".running",
        "run_specs": ".running",
        "team_is_restricted": ".teams",
    },
)
