"""Proofs about an account, which leave a record in the notebook that asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..engine.access.proof import Proof
from .ledger import RecordedPlace, recorded


@dataclass(frozen=True)
class RecordedProof(Proof):
    """A proof about an account, which a notebook records when it is asked for."""

    place: RecordedPlace | None = field(default=None, repr=False, compare=False)

    def __bool__(self) -> bool:
        if self.proved and self.place:  # with an assert or in another way
            recorded(self.result, self.place)
        return self.proved is True

    def require(self) -> Proof:
        """Return the proof; raise :class:`~gt_secure.check.CheckFailed` unless
        the claim is proved.
        """
        recorded(self.result, self.place).require()
        return self
