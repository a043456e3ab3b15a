"""Planned changes: plan, apply, verify, undo, and a journal of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .apply import apply
    from .change import Call, Change
    from .engine import ChangeStep, ProgressLine
    from .history import KIND_CALLS, Resources, read_history
    from .journal import ChangeRecord, export_journal, journal_path, list_changes, show_change, verify_journal
    from .plan import Plan, plan
    from .revoke import plan_revoke, revoked_before, revoked_by_leak
    from .transaction import Applied
    from .undo import UndoPlan, plan_undo, resume, undo
    from .verify import ProbeResult

__all__ = [
    "KIND_CALLS",
    "Applied",
    "Call",
    "Change",
    "ChangeRecord",
    "ChangeStep",
    "Plan",
    "ProbeResult",
    "ProgressLine",
    "Resources",
    "UndoPlan",
    "apply",
    "export_journal",
    "journal_path",
    "list_changes",
    "plan",
    "plan_revoke",
    "plan_undo",
    "read_history",
    "resume",
    "revoked_before",
    "revoked_by_leak",
    "show_change",
    "undo",
    "verify_journal",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "KIND_CALLS": ".history",
        "Applied": ".transaction",
        "Call": ".change",
        "Change": ".change",
        "ChangeRecord": ".journal",
        "ChangeStep": ".engine",
        "Plan": ".plan",
        "ProbeResult": ".verify",
        "ProgressLine": ".engine",
        "Resources": ".history",
        "UndoPlan": ".undo",
        "apply": ".apply",
        "export_journal": ".journal",
        "journal_path": ".journal",
        "list_changes": ".journal",
        "plan": ".plan",
        "plan_revoke": ".revoke",
        "plan_undo": ".undo",
        "read_history": ".history",
        "resume": ".undo",
        "revoked_before": ".revoke",
        "revoked_by_leak": ".revoke",
        "show_change": ".journal",
        "undo": ".undo",
        "verify_journal": ".journal",
    },
)
