"""The IAM policy language as pure functions: documents, conditions,
and verdicts with their reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.lazy import attach

if TYPE_CHECKING:
    from .documents import Document as Document, parse_document as parse_document
    from .evaluate import evaluate as evaluate
    from .facts import supplied_facts as supplied_facts
    from .request import Policies as Policies, Request as Request
    from .request_context import (
        anonymous_context as anonymous_context,
        header_context as header_context,
        presigned_context as presigned_context,
    )
    from .verdict import (
        ConditionExplanation as ConditionExplanation,
        LayerExplanation as LayerExplanation,
        StatementExplanation as StatementExplanation,
        Verdict as Verdict,
    )


__all__, __getattr__, __dir__ = attach(__name__)
