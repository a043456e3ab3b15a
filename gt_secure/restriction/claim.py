"""The claim that a restriction makes: what must be proved of the policies, and its words."""

from __future__ import annotations

from ..base.text import printable
from ..engine.access.proof import Claim, Proof
from .model import Restriction


def claim_from(restriction: Restriction) -> Claim:
    """Return the claim that no presigned request from outside the lists of a restriction is opened."""
    return Claim(
        restriction.prefix,
        restriction.addresses,
        restriction.endpoints,
        reads=restriction.guard == "reads",
        signers=restriction.signers or (),
    )


def claim_text(proof: Proof) -> str:
    """Return the claim of a proof in a sentence that names the keys it is about, if these are not all."""
    return f'{proof.claim}, for keys under "{printable(proof.prefix)}" alone' if proof.prefix else proof.claim
