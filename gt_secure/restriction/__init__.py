"""From what a person wants to a change that cannot hurt: plan, apply, verify, undo, and a journal of all of it."""

from __future__ import annotations

from .applying import apply
from .changes import Call, Change
from .engine import Progress, Step
from .expectations import Expectation, expect
from .files import dump_restriction, dumps_restriction, load_restriction, loads_restriction, schema
from .journal import ChangeRecord, export_journal, journal_path, list_changes, show_change, verify_journal
from .model import Restriction
from .notices import Notice
from .planning import Plan, plan
from .probing import ProbeResult
from .running import Applied
from .simulate import ExpectationResult, Row
from .state import State, Unseen, read_state
from .undoing import UndoPlan, plan_undo, resume, undo
from .world import Outcome

__all__ = [
    "Applied",
    "Call",
    "Change",
    "ChangeRecord",
    "Expectation",
    "ExpectationResult",
    "Notice",
    "Outcome",
    "Plan",
    "ProbeResult",
    "Progress",
    "Restriction",
    "Row",
    "State",
    "Step",
    "UndoPlan",
    "Unseen",
    "apply",
    "dump_restriction",
    "dumps_restriction",
    "expect",
    "export_journal",
    "journal_path",
    "list_changes",
    "load_restriction",
    "loads_restriction",
    "plan",
    "plan_undo",
    "read_state",
    "resume",
    "schema",
    "show_change",
    "undo",
    "verify_journal",
]
