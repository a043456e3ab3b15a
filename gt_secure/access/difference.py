"""The difference of two exposures: which sources lose access, and which gain it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .address_classes import EVERY_ADDRESS, minus
from .answer import Word
from .source_sets import Row, SourceSet

_UNCLEAR: tuple[tuple[Word, Word], ...] = (
    ("opened", "unknown"),
    ("refused", "unknown"),
    ("unknown", "opened"),
    ("unknown", "refused"),
)


@dataclass(frozen=True)
class Difference:
    """One kind of request, before and after the changes.

    Attributes
    ----------
    request : str
        The kind of request, such as ``worker``.
    before, after : Row
    """

    request: str
    before: Row
    after: Row

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
        return self.before.labels | self.after.labels

    @property
    def changes(self) -> bool:
        """True if the answer to some source changes."""
        return not (self.loses.is_empty and self.gains.is_empty and self.unclear.is_empty)

    def _moved(self, before: Word, after: Word) -> SourceSet:
        old, new = self.before.places(before), self.after.places(after)
        moved = [
            label
            for label in self.named_endpoints
            if self.before.at_endpoint(label) == before and self.after.at_endpoint(label) == after
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


def _data(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row.to_dict().items() if key != "request"}
