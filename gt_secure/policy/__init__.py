"""IAM as a small pure language: documents, conditions, verdicts with their reasons, and the two policies we write."""

from __future__ import annotations

from .contexts import anonymous_context, header_context, presigned_context
from .documents import Document, parse_document
from .evaluate import evaluate
from .findings import Finding, find_all
from .guard import GUARD_SID, Guard, build_guard, find_guard, merge_guard, remove_guard
from .request import Policies, Request
from .session import session_policy
from .snapshot import Snapshot
from .verdict import ConditionExplanation, LayerExplanation, StatementExplanation, Verdict
from .who import WhoRow, who_can_open

__all__ = [
    "GUARD_SID",
    "ConditionExplanation",
    "Document",
    "Finding",
    "Guard",
    "LayerExplanation",
    "Policies",
    "Request",
    "Snapshot",
    "StatementExplanation",
    "Verdict",
    "WhoRow",
    "anonymous_context",
    "build_guard",
    "evaluate",
    "find_all",
    "find_guard",
    "header_context",
    "merge_guard",
    "parse_document",
    "presigned_context",
    "remove_guard",
    "session_policy",
    "who_can_open",
]
