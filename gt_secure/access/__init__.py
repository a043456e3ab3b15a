"""Who can open an object: one model for plans, checks, findings and explanations."""

from __future__ import annotations

from .locks import Outcome
from .simulation import ExpectationResult, Row
from .who_can_open import WhoRow, who_can_open

__all__ = [
    "ExpectationResult",
    "Outcome",
    "Row",
    "WhoRow",
    "who_can_open",
]
