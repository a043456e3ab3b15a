"""Explanation of a refusal: S3's answer, or a line of a log, beside the policies that were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from .explanation import Explanation as Explanation
    from .from_account import expectation_probe as expectation_probe, explain_probe as explain_probe
    from .refused_by import refusal_decider as refusal_decider


__all__, __getattr__, __dir__ = attach(__name__)
