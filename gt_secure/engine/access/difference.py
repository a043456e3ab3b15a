"""`Difference`: the answer to one kind of request, before and after a change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations
from typing import Generic, TypeVar

from ...base.text import Json
from ..iam.request_space import WORDS, Word
from .address_classes import EVERY_ADDRESS, minus
from .answer import Answer
from .source_sets import Row, SourceSet, union

T = TypeVar("T")


@dataclass(frozen=True)
class Difference(Generic[T]):
    """One kind of request, before and after the changes.

    Attributes
    ----------
    before, after
        A `Row` for all sources, an `Answer` for one source, or the word for places with the same
        answer.
    request : str
        The kind of request, such as ``worker``.
    source, why : str
        The source or service that asks, and what for; empty for all sources.
    """

    before: T
    after: T
    request: str = ""
    source: str = ""
    why: str = ""

    @cached_property
    def loses(self: Difference[Row]) -> SourceSet:
        """Sources that are opened before and refused after."""
        return moved(self.before, self.after, "opened", "refused")

    @cached_property
    def gains(self: Difference[Row]) -> SourceSet:
        """Sources that are refused before and opened after."""
        return moved(self.before, self.after, "refused", "opened")

    @cached_property
    def unclear(self: Difference[Row]) -> SourceSet:
        """Sources whose answer changes to or from unknown."""
        pairs = (words for words in permutations(WORDS, 2) if "unknown" in words)
        sets = [moved(self.before, self.after, *words) for words in pairs]
        depends_on = {*self.before.unknown.depends_on, *self.after.unknown.depends_on}
        return replace(union(sets), depends_on=tuple(sorted(depends_on)))

    @property
    def changes(self) -> bool:
        """True if the answer to some source changes."""
        if isinstance(self.before, Row) and isinstance(self.after, Row):
            return any(
                not moved(self.before, self.after, *words).is_empty
                for words in permutations(WORDS, 2)
            )
        return _word(self.before) != _word(self.after)

    @property
    def shut_out(self) -> bool:
        """True if a source that may be opened before is certainly refused after."""
        return _word(self.before) != "refused" and _word(self.after) == "refused"

    @property
    def arrow(self) -> str:
        """The answer before and after in words; once where it stays."""
        before, after = _word(self.before), _word(self.after)
        return after if before == after else f"{before} → {after}"

    def to_dict(self: Difference[Row]) -> Json:
        """Return JSON-able data."""
        return {
            "request": self.request,
            "before": _data(self.before),
            "after": _data(self.after),
            "loses_access": self.loses.places(),
            "gains_access": self.gains.places(),
            "unclear": self.unclear.places("depends_on"),
        }


def _word(answer: object) -> str:
    return answer.answer if isinstance(answer, Answer) else str(answer)


def moved(before: Row, after: Row, was: Word, is_now: Word) -> SourceSet:
    """Return the sources with one answer before and another one after."""
    old, new = before.places(was), after.places(is_now)
    moved = [
        label
        for label in before.labels | after.labels
        if before.at_endpoint(label) == was and after.at_endpoint(label) == is_now
    ]
    return SourceSet(
        spans=minus(old.spans, minus(EVERY_ADDRESS, new.spans)),
        endpoints=tuple(sorted(moved)),
        other_endpoints=old.other_endpoints and new.other_endpoints,
        decided_by=new.decided_by,
    )


def _data(row: Row) -> Json:
    return {key: value for key, value in row.to_dict().items() if key != "request"}
