"""Access to an object: one model for plans, checks, findings and explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .explain.expectation_probe import expectation_probe
    from .explain.explanation import Explanation
    from .explain.from_account import explain_probe
    from .from_account import Context, Exposure, account_exposure, account_proof
    from .locks import Outcome
    from .policy_files import PolicyFiles, exposures
    from .proof import Claim, Proof, prove
    from .read import AccessTable, who
    from .refused_by import refusal_decider
    from .simulation import ExpectationResult, SimulatedRequest
    from .who_can_open import AccessRow, who_can_open

__all__ = [
    "AccessRow",
    "AccessTable",
    "Claim",
    "Context",
    "ExpectationResult",
    "Explanation",
    "Exposure",
    "Outcome",
    "PolicyFiles",
    "Proof",
    "SimulatedRequest",
    "account_exposure",
    "account_proof",
    "expectation_probe",
    "explain_probe",
    "exposures",
    "prove",
    "refusal_decider",
    "who",
    "who_can_open",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "AccessRow": ".who_can_open",
        "AccessTable": ".read",
        "Claim": ".proof",
        "Context": ".from_account",
        "ExpectationResult": ".simulation",
        "Explanation": ".explain.explanation",
        "Exposure": ".from_account",
        "Outcome": ".locks",
        "PolicyFiles": ".policy_files",
        "Proof": ".proof",
        "SimulatedRequest": ".simulation",
        "account_exposure": ".from_account",
        "account_proof": ".from_account",
        "expectation_probe": ".explain.expectation_probe",
        "explain_probe": ".explain.from_account",
        "exposures": ".policy_files",
        "prove": ".proof",
        "refusal_decider": ".refused_by",
        "who": ".read",
        "who_can_open": ".who_can_open",
    },
)
