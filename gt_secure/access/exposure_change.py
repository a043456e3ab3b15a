"""The difference that planned values make to the exposure: which sources lose access, and which gain it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from ..account.snapshot import State as Account
from .address_classes import EVERY_ADDRESS, minus
from .exposure import RequestExposure, SourceSet
from .locks import EffectiveLocks, example_key
from .team_exposure import team_exposure

_Answer: TypeAlias = Literal["opened", "refused", "unknown"]
_ANSWERS: tuple[_Answer, ...] = ("opened", "refused", "unknown")
_UNCLEAR: tuple[tuple[_Answer, _Answer], ...] = (
    ("opened", "unknown"),
    ("refused", "unknown"),
    ("unknown", "opened"),
    ("unknown", "refused"),
)


@dataclass(frozen=True)
class ExposureChange:
    """One kind of request: its exposure before and after the planned values.

    Attributes
    ----------
    request : str
        ``worker`` (the worker's own URL), ``forwarded``, or a kind of :func:`gt_secure.access.exposures`.
    before, after : RequestExposure
    """

    request: str
    before: RequestExposure
    after: RequestExposure

    @cached_property
    def loses(self) -> SourceSet:
        """Sources that are opened before and refused after."""
        return self._moved("opened", "refused")

    @cached_property
    def gains(self) -> SourceSet:
        """Sources that are refused before and opened after."""
        return self._moved("refused", "opened")

    @cached_property
    def unclear(self) -> SourceSet:
        """Sources whose answer changes to or from unknown."""
        sets = [self._moved(before, after) for before, after in _UNCLEAR]
        return SourceSet(
            spans=tuple(span for each in sets for span in each.spans),
            endpoints=tuple(sorted({label for each in sets for label in each.endpoints})),
            other_endpoints=any(each.other_endpoints for each in sets),
            depends_on=tuple(sorted({*self.before.unknown.depends_on, *self.after.unknown.depends_on})),
        )

    @property
    def named_endpoints(self) -> frozenset[str]:
        """All endpoints, VPCs and patterns that one of the two exposures names."""
        return frozenset(
            label for row in (self.before, self.after) for each in _ANSWERS for label in _set(row, each).endpoints
        )

    @property
    def changes(self) -> bool:
        """True if the answer to some source changes."""
        return not (self.loses.is_empty and self.gains.is_empty and self.unclear.is_empty)

    def _moved(self, before: _Answer, after: _Answer) -> SourceSet:
        old, new = getattr(self.before, before), getattr(self.after, after)
        moved = [
            label
            for label in self.named_endpoints
            if _answer_at(self.before, label) == before and _answer_at(self.after, label) == after
        ]
        return SourceSet(
            spans=minus(old.spans, minus(EVERY_ADDRESS, new.spans)),
            endpoints=tuple(sorted(moved)),
            other_endpoints=old.other_endpoints and new.other_endpoints,
            decided_by=new.decided_by,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "request": self.request,
            "before": _data(self.before),
            "after": _data(self.after),
            "loses_access": self.loses.places(),
            "gains_access": self.gains.places(),
            "unclear": {**self.unclear.places(), "depends_on": list(self.unclear.depends_on)},
        }


def _data(row: RequestExposure) -> dict[str, Any]:
    return {key: value for key, value in row.to_dict().items() if key != "request"}


def _set(row: RequestExposure, answer: _Answer) -> SourceSet:
    places: SourceSet = getattr(row, answer)
    return places


def _answer_at(row: RequestExposure, label: str) -> _Answer:
    """Return the answer at an endpoint, which a row may not name."""
    for answer in _ANSWERS:
        if label in _set(row, answer).endpoints:
            return answer
    labels = [name for answer in _ANSWERS for name in _set(row, answer).endpoints]
    others: list[_Answer] = [answer for answer in _ANSWERS if _set(row, answer).other_endpoints]
    if len(others) != 1 or not all(name.startswith("vpce-") and not set("*?") & set(name) for name in labels):
        return "unknown"  # a VPC or a pattern may hold it
    return others[0]


def exposure_changes(account: Account, prefix: str, planned: Mapping[str, Any]) -> tuple[ExposureChange, ...]:
    """Return the exposure of an object under a prefix before and after planned values, for each kind of request."""
    now = EffectiveLocks.of(account)
    after = now.after(planned)
    key, has_bucket = example_key(prefix), account.bucket is not None
    before_rows = team_exposure(now, key, account.at, has_bucket=has_bucket)
    after_rows = before_rows if after == now else team_exposure(after, key, account.at, has_bucket=has_bucket)
    return tuple(ExposureChange(name, before_rows[name], after_rows[name]) for name in before_rows)
