"""Access to an object: one model for plans, checks, findings and explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .explain.expectation_probe import expectation_probe as expectation_probe
    from .explain.explanation import Explanation as Explanation
    from .explain.from_account import explain_probe as explain_probe
    from .from_account import (
        Context as Context,
        Exposure as Exposure,
        account_exposure as account_exposure,
        account_proof as account_proof,
    )
    from .locks import Outcome as Outcome
    from .policy_files import PolicyFiles as PolicyFiles, exposures as exposures
    from .proof import Claim as Claim, Proof as Proof, prove as prove
    from .read import AccessTable as AccessTable, who as who
    from .refused_by import refusal_decider as refusal_decider
    from .simulation import ExpectationResult as ExpectationResult, SimulatedRequest as SimulatedRequest
    from .who_can_open import AccessRow as AccessRow, who_can_open as who_can_open


__all__, __getattr__, __dir__ = attach(__name__)
