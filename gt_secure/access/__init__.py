"""Access to an object: one model for plans, checks, findings and explanations."""

from __future__ import annotations

from .locks import Outcome
from .policy_files import PolicyFiles, exposures
from .proof import Claim, Proof, prove
from .simulation import ExpectationResult, Row
from .who_can_open import WhoRow, who_can_open

__all__ = [
    "Claim",
    "ExpectationResult",
    "Outcome",
    "PolicyFiles",
    "Proof",
    "Row",
    "WhoRow",
    "exposures",
    "prove",
    "who_can_open",
]
