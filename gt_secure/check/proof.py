"""Proofs and probes of an account, which record themselves when somebody asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from ..base.text import Json
from ..engine.access.proof import Proof
from ..presign import Probe
from .ledger import SAVED, RecordedPlace, record, recorded

COPIED = RecordedPlace(on=SAVED)
"""The place of what was made of another proof or probe."""


@dataclass(frozen=True, repr=False)
class RecordedProof(Proof):
    """A proof about an account. It is recorded with its claim: one that holds when it is made, in
    whatever way somebody asks for it, and every other one when it is required. A changed copy
    counts as a saved result.
    """

    place: RecordedPlace | None = field(default=COPIED, init=False, repr=False, compare=False)
    wanted: str = field(default="", init=False, repr=False, compare=False)

    @classmethod
    def of(cls, given: Json, place: RecordedPlace | None, wanted: str) -> RecordedProof:
        """Return a proof with its place and claim."""
        made = cls(**given)
        vars(made).update(place=place, wanted=wanted)
        if made.proved:
            made._record()
        return made

    def _record(self) -> None:
        recorded(replace(self.result, subject=f"{self.subject}: {self.wanted}"), self.place)

    def require(self) -> Proof:
        """Return the proof; raise :class:`~gt_secure.check.CheckFailed` unless
        the claim is proved.
        """
        self._record()
        self.result.require()
        return self


@dataclass(frozen=True, slots=True, repr=False)
class RecordedProbe(Probe):
    """A probe whose answer is recorded when it is read: opened, refused or undecided."""

    place: RecordedPlace | None = field(default=COPIED, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, probe: Probe, place: RecordedPlace | None) -> RecordedProbe:
        """Return a probe with its place, which no changed copy has."""
        made = cls(**{each.name: getattr(probe, each.name) for each in fields(Probe)})
        object.__setattr__(made, "place", place)
        return made

    @property
    def opened(self) -> bool:
        """See :attr:`gt_secure.presign.Probe.opened`."""
        status = "unknown" if self.answer == "unknown" else "passed"
        origin = self.source or self.probe_origin
        said = f"{self.method} s3://{self.bucket}/{self.key} from {origin}: {self.answer}"
        record("probe", said, status, self.place, self.why_unknown)
        is_opened: bool = Probe.opened.__get__(self)
        return is_opened
