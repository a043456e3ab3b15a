"""Access to an object: one model for plans, checks, findings and explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.lazy import attach

if TYPE_CHECKING:
    from .answer import Answer as Answer
    from .exposure import Context as Context, Exposure as Exposure
    from .locks import locks_of_policies as locks_of_policies
    from .matrix import picture_of as picture_of
    from .proof import Claim as Claim, Proof as Proof, prove as prove


__all__, __getattr__, __dir__ = attach(__name__)
