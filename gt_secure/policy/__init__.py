"""IAM as a small pure language: documents, conditions, verdicts with their reasons, and the two policies we write."""

from __future__ import annotations

from .documents import Document, parse_document
from .evaluate import evaluate
from .request import Policies, Request
from .verdict import ConditionExplanation, LayerExplanation, StatementExplanation, Verdict

__all__ = [
    "ConditionExplanation",
    "Document",
    "LayerExplanation",
    "Policies",
    "Request",
    "StatementExplanation",
    "Verdict",
    "evaluate",
    "parse_document",
]
