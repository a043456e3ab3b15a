"""The IAM policy language as pure functions: documents, conditions, and verdicts with their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .documents import Document, parse_document
    from .evaluate import evaluate
    from .explanation import ConditionExplanation, LayerExplanation, StatementExplanation
    from .facts import supplied_facts
    from .request import Policies, Request
    from .request_context import anonymous_context, header_context, presigned_context
    from .verdict import Verdict

__all__ = [
    "ConditionExplanation",
    "Document",
    "LayerExplanation",
    "Policies",
    "Request",
    "StatementExplanation",
    "Verdict",
    "anonymous_context",
    "evaluate",
    "header_context",
    "parse_document",
    "presigned_context",
    "supplied_facts",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "ConditionExplanation": ".explanation",
        "Document": ".documents",
        "LayerExplanation": ".explanation",
        "Policies": ".request",
        "Request": ".request",
        "StatementExplanation": ".explanation",
        "Verdict": ".verdict",
        "anonymous_context": ".request_context",
        "evaluate": ".evaluate",
        "header_context": ".request_context",
        "parse_document": ".documents",
        "presigned_context": ".request_context",
        "supplied_facts": ".facts",
    },
)
