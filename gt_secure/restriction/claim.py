"""The claim that a restriction makes: what must be proved of the policies, and its words."""

from __future__ import annotations

from ..engine.access.proof import Claim
from .model import Restriction


def claim_from(restriction: Restriction) -> Claim:
    """Return the claim that no presigned request from outside the lists of a restriction is
    opened, and that those whom it keeps are not refused.
    """
    return Claim(
        restriction.prefix,
        restriction.allowed,
        reads=restriction.guard == "reads",
        signers=restriction.signers or (),
        keep=restriction.keep,
    )
