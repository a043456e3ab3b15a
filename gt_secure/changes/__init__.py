"""Planned changes: plan, apply, verify, undo, and a journal of all of them."""

from __future__ import annotations

from .apply import apply
from .change import Call, Change
from .engine import Progress, Step
from .journal import ChangeRecord, export_journal, journal_path, list_changes, show_change, verify_journal
from .plan import Plan, plan
from .transaction import Applied
from .undo import UndoPlan, plan_undo, resume, undo
from .verify import ProbeResult

__all__ = [
    "Applied",
    "Call",
    "Change",
    "ChangeRecord",
    "Plan",
    "ProbeResult",
    "Progress",
    "Step",
    "UndoPlan",
    "apply",
    "export_journal",
    "journal_path",
    "list_changes",
    "plan",
    "plan_undo",
    "resume",
    "show_change",
    "undo",
    "verify_journal",
]
