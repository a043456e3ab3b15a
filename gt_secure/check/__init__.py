"""Checks that watch a team's posture: assertions with readable failures, for notebooks, tests and
scheduled jobs.

Each check can be called in two ways: ``check.guard_is_in_place(gt, "gt-images")`` raises
:class:`CheckFailed` unless it passed, ``check.guard_is_in_place.look(gt, "gt-images")`` returns its
:class:`CheckResult`. What could not be read is ``unknown``, and never passes. ``gt-secure check``
runs the same checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from ..base.outcome import CheckFailed as CheckFailed, CheckResult as CheckResult
    from ..secrets import (
        SavedSecret as SavedSecret,
        find_secrets as find_secrets,
        mask_secrets as mask_secrets,
    )
    from .account import (
        no_findings as no_findings,
    )
    from .applied_locks import (
        guard_is_in_place as guard_is_in_place,
        team_is_restricted as team_is_restricted,
    )
    from .logs import (
        no_foreign_hits as no_foreign_hits,
        no_leaked_urls as no_leaked_urls,
        urls_are_consistent as urls_are_consistent,
    )
    from .notebooks import (
        SANITIZE_FILE as SANITIZE_FILE,
        no_code_cell_skipped as no_code_cell_skipped,
        no_secret_saved as no_secret_saved,
        remove_secrets as remove_secrets,
    )
    from .promise import promise as promise
    from .report import Report as Report
    from .restrictions import (
        expectations_hold as expectations_hold,
        is_proved as is_proved,
        nothing_drifted as nothing_drifted,
    )
    from .result import Check as Check
    from .running import run_file as run_file, run_specs as run_specs
    from .secret_check import SecretCheck as SecretCheck
    from .spec import CheckFile as CheckFile, Spec as Spec, load_check_file as load_check_file


__all__, __getattr__, __dir__ = attach(__name__)
