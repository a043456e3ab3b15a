"""Planned changes: plan, apply, verify, undo, and a journal of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from .applied import Applied as Applied, ProbeResult as ProbeResult
    from .apply import apply as apply, check_confirmed as check_confirmed
    from .change import Call as Call, Change as Change
    from .engine import ChangeStep as ChangeStep
    from .history import (
        KIND_CALLS as KIND_CALLS,
        read_history as read_history,
        wanted_on as wanted_on,
        wishes_of as wishes_of,
        with_wishes as with_wishes,
    )
    from .journal import ChangeRecord as ChangeRecord, Journal as Journal
    from .new_access import prove_no_new_access as prove_no_new_access
    from .plan import Plan as Plan, UndoPlan as UndoPlan, plan as plan
    from .revoke import plan_revoke as plan_revoke, revoked as revoked
    from .undo import plan_undo as plan_undo, resume as resume, undo as undo


__all__, __getattr__, __dir__ = attach(__name__)
