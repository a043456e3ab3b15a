"""Proofs and probes of an account, which record themselves when somebody asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from ..engine.access.proof import Proof
from ..presign import Probe
from .ledger import RecordedPlace, record, recorded


@dataclass(frozen=True)
class RecordedProof(Proof):
    """A proof about an account. It is recorded with its claim: one that holds when it is made, in
    whatever way somebody asks for it, and every other one when it is required.
    """

    place: RecordedPlace | None = field(default=None, repr=False, compare=False)
    wanted: str = field(default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.proved:
            self._record()

    def _record(self) -> None:
        subject = f"{self.subject}: {self.wanted}" if self.wanted else self.subject
        recorded(replace(self.result, subject=subject), self.place)

    def require(self) -> Proof:
        """Return the proof; raise :class:`~gt_secure.check.CheckFailed` unless
        the claim is proved.
        """
        self._record()
        self.result.require()
        return self


@dataclass(frozen=True, slots=True)
class RecordedProbe(Probe):
    """A probe whose answer is recorded when it is read: opened, refused or undecided."""

    place: RecordedPlace | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, probe: Probe, place: RecordedPlace | None) -> RecordedProbe:
        """Return a probe with its place."""
        given = {each.name: getattr(probe, each.name) for each in fields(Probe)}
        return cls(**given, place=place)

    @property
    def opened(self) -> bool:
        """See :attr:`gt_secure.presign.Probe.opened`."""
        status = "unknown" if self.answer == "unknown" else "passed"
        origin = self.source or self.probe_origin
        said = f"{self.method} s3://{self.bucket}/{self.key} from {origin}: {self.answer}"
        record("probe", said, status, self.place, self.why_unknown)
        is_opened: bool = Probe.opened.__get__(self)
        return is_opened
