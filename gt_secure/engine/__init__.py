"""Policies and facts in; exact answers, proofs and signers out. No account,
and nothing but the standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from ..base.allowed import Allowed as Allowed
    from .access.exposure import Exposure as Exposure
    from .access.identities import principals_of as principals_of
    from .access.locks import (
        EffectiveLocks as EffectiveLocks,
        locks_of_policies as locks_of_policies,
    )
    from .access.proof import Claim as Claim, Proof as Proof, prove as prove
    from .access.signers import Signers as Signers, signers_of as signers_of
    from .iam.facts import supplied_facts as supplied_facts
    from .policies.bucket_guard import build_guard as build_guard
    from .policies.bucket_policy import BucketPolicy as BucketPolicy


__all__, __getattr__, __dir__ = attach(__name__)
