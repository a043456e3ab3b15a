"""A set of requests that is cut into classes, and one exact answer for all of them: opened, refused
or unknown.

Each dimension is either *chosen* by who makes the request (the request is opened if some choice
opens it) or a *fact* that is not known (the answer is unknown if it depends on it). So the question
for a set is: is there, for every value of the facts, a choice that is allowed? Dimensions that a
policy variable ties together are looked at together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import product
from math import prod
from operator import and_, or_
from typing import Literal, NamedTuple, TypeAlias

from ...base.groups import grouped
from .request_keys import is_absent_for
from .statement_table import DimensionValue, StatementTable, TablePart, View, mask_of
from .wildcards import TooManyClassesError

Word: TypeAlias = Literal["opened", "refused", "unknown"]
WORDS: tuple[Word, ...] = ("opened", "refused", "unknown")
"""The three answers to a request."""

MAX_CLASSES = 20_000
"""The most classes that are looked at; beyond, the answer is unknown unless the bounds agree."""

MAX_SAMPLES = 500
"""The most values of a dimension that are tried where its classes are too many."""

MAX_WORK = 60_000
"""The most conditions that are decided for one kind of request; beyond, only bounds are, as for too
many classes.

What cannot be left out counts too. Beyond twice as many the answer is unknown.
"""
_MOST_COMPARED = 100_000
"""The most pairs of masks that are compared or combined: their number grows with the square of the
masks.
"""

_MASKS_OF_WORK = 64
"""Masks that are as much work to combine or to compare as the decision of one condition."""

_PER_SPACE, _PER_STATEMENT, _PER_CHOICE = 200, 20, 4
"""Conditions whose decision is as much work as a space makes, each statement in it,
and each choice or value.
"""


@dataclass
class Work:
    """The work that is left for a question, of the most that it may make."""

    left: int
    most: int

    @property
    def is_done(self) -> bool:
        """Return whether nothing is left."""
        return self.left < 0


_work: ContextVar[Work | None] = ContextVar("_work", default=None)


@contextmanager
def limited_work(most: int = MAX_WORK) -> Iterator[Work]:
    """Limit the work for one question, however many spaces it has."""
    work = Work(most, most)
    token = _work.set(work)
    try:
        yield work
    finally:
        _work.reset(token)


def spend(conditions: int) -> bool:
    """Count work, and return whether it may be done."""
    work = _work.get()
    if work is None:
        return True
    work.left -= conditions
    return not work.is_done


def charge(conditions: int, name: str) -> None:
    """Count work that cannot be left out; raises TooManyClassesError, which names a key,
    beyond twice the limit.
    """
    if not spend(conditions) and (work := _work.get()) is not None and work.left < -work.most:
        raise TooManyClassesError(name)


SettingTrail: TypeAlias = tuple[DimensionValue, ...]
Places: TypeAlias = tuple[int, ...]
"""One setting of each dimension, by its place in it."""
Masks: TypeAlias = dict[int, SettingTrail]
"""Masks of choices, each with settings that lead to it."""


@dataclass(frozen=True)
class Dimension:
    """A key, or keys that belong together, with settings for all their values.

    There are no ``settings`` where the values are too many to be told apart. A choice then has
    ``samples``: with one of them a request may be opened for certain.
    """

    name: str
    keys: frozenset[str]
    settings: tuple[DimensionValue, ...]
    chosen: bool
    samples: tuple[DimensionValue, ...] = ()


class SpaceAnswer(NamedTuple):
    """The answer for a set of requests, the facts that an unknown one depends on,
    and an opened one's example.
    """

    state: Word
    depends_on: tuple[str, ...] = ()
    example: SettingTrail = ()


@dataclass
class _Group:
    """Dimensions that must be looked at together: for each value of their facts,
    the masks of the choices.
    """

    dimensions: list[Dimension]
    parts: list[TablePart]
    facts: list[Dimension] = field(default_factory=list)
    table: dict[Places, tuple[SettingTrail, Masks]] = field(default_factory=dict)
    bounded: bool = False
    classes: dict[int, _Classes] = field(default_factory=dict)
    """The classes of the facts for each set of statements that matter:
    many sources ask for the same.
    """
    best: Masks | None = None
    """Without facts: the masks of the choices that no other is better than,
    once somebody asked for them.
    """

    @property
    def bits(self) -> int:
        """The bits of the statements that look at its dimensions."""
        return reduce(or_, (part.bits for part in self.parts))


class RequestSpace:
    """Requests of one kind of caller on one path."""

    def __init__(
        self,
        table: StatementTable,
        base: View,
        dimensions: Sequence[Dimension],
        *,
        elsewhere: frozenset[str] = frozenset(),
    ) -> None:
        self.table = table
        self.base = base
        self.elsewhere = elsewhere
        most = max(dimensions, key=lambda each: len(each.settings), default=None)
        size = _PER_STATEMENT * len(table.statements) + _PER_CHOICE * sum(
            len(each.settings) for each in dimensions
        )
        charge(_PER_SPACE + size, most.name if most else "the policies")
        dimensions = [*dimensions, *map(_open_pattern, sorted(table.open_patterns))]
        moving = frozenset(key for dimension in dimensions for key in dimension.keys) | elsewhere
        fixed = mask_of((part for part in table.parts if not part.keys & moving), base)
        self.settled = table.everything & fixed
        live = [part for part in table.parts if part.keys & moving and part.bits & self.settled]
        self.of_source = [part for part in live if not (part.keys & moving) - elsewhere]
        free = [part for part in live if (part.keys & moving) - elsewhere]
        self.is_coupled = any(part.keys & elsewhere for part in free)
        """True if a policy variable ties the source to something else,
        so that each source needs a separate space.
        """
        self.groups = [self._fill(group) for group in _groups(dimensions, free)]

    def source_mask(self, setting: DimensionValue) -> int:
        """Return the mask of the statement parts that ask for the source, for one source."""
        return mask_of(self.of_source, self.base.with_setting(setting))

    def answer(
        self, mask: int = -1, *, without: Dimension | None = None, instead: _Group | None = None
    ) -> SpaceAnswer:
        """Answer for the requests whose source leaves these statements standing;
        ``instead`` varies in place of the group of a dimension.
        """
        groups = [
            group for group in self.groups if without is None or without not in group.dimensions
        ]
        groups += [] if instead is None else [instead]
        choices: Masks = {self.settled & mask: ()}
        facts, too_many = [], []
        for group in groups:
            if group.facts or group.bounded:
                facts.append(group)
                continue
            if group.best is None:
                group.best = self._best(next(iter(group.table.values()))[1])
            masks = group.best
            if len(choices) * len(masks) > MAX_CLASSES or not spend(
                len(choices) * len(masks) // _MASKS_OF_WORK
            ):
                too_many.append(group)
                continue
            choices = self._best(_combine(choices, masks))
        return self._over_facts(choices, facts, too_many)

    def _over_facts(
        self, choices: Masks, groups: list[_Group], too_many: list[_Group]
    ) -> SpaceAnswer:
        """Answer for each class of the facts; by bounds where these,
        or the choices of some groups, are too many.
        """
        relevant = reduce(or_, choices, 0)
        classes = [self._classes(group, relevant) for group in (*groups, *too_many)]
        if too_many or not _may_combine(choices, classes):
            return self._bounds(choices, classes)
        results: dict[Places, SettingTrail | None] = {}
        for chosen in product(*(range(len(each.members)) for each in classes)):
            masks = choices
            for each, index in zip(classes, chosen, strict=True):
                masks = _combine(masks, each.members[index])
            results[chosen] = next(
                (trail for mask, trail in masks.items() if self.table.allows(mask)), None
            )
        trails = [trail for trail in results.values() if trail is not None]
        if not trails:
            return SpaceAnswer("refused")
        if len(trails) == len(results):
            return SpaceAnswer("opened", example=trails[0])
        return SpaceAnswer("unknown", tuple(sorted(_support(classes, results))))

    def _classes(self, group: _Group, relevant: int) -> _Classes:
        matters = relevant | ~group.bits
        if matters not in group.classes:
            group.classes[matters] = _classes(group, matters)
        return group.classes[matters]

    def _bounds(self, choices: Masks, classes: list[_Classes]) -> SpaceAnswer:
        """Decide between the worst and the best that the facts can make of it,
        where their classes are too many.
        """
        denies = self.table.gates.denies
        best = worst = -1
        for each in classes:
            masks = [mask for member in each.members for mask in member]
            some, common = reduce(or_, masks, 0), reduce(and_, masks, -1)
            best &= (some & ~denies) | (common & denies)
            worst &= (common & ~denies) | (some & denies)
        if any(self.table.allows(mask & worst) for mask in choices):
            return SpaceAnswer(
                "opened",
                example=next(t for m, t in choices.items() if self.table.allows(m & worst)),
            )
        if not any(self.table.allows(mask & best) for mask in choices):
            return SpaceAnswer("refused")
        undecided = [
            each.group for each in classes if len(each.members) > 1 or not each.group.facts
        ]
        return SpaceAnswer(
            "unknown",
            tuple(sorted({d.name for group in undecided for d in group.facts or group.dimensions})),
        )

    def _best(self, masks: Masks) -> Masks:
        """Return the masks that no other is better than;
        all of them where that takes too many comparisons.
        """
        kept: Masks = {}
        compared = 0
        for mask, trail in masks.items():
            compared += 2 * len(kept)
            if compared > _MOST_COMPARED:
                kept = masks
                break
            if any(self.table.better(other, mask) for other in kept):
                continue
            kept = {other: t for other, t in kept.items() if not self.table.better(mask, other)}
            kept[mask] = trail
        spend(compared // _MASKS_OF_WORK)
        return kept

    def usable(
        self, dimension: Dimension, mask: int
    ) -> tuple[list[DimensionValue], frozenset[str]]:
        """Return the settings with which a request may be opened, and the facts on which it then
        depends.

        All settings of a dimension that is tied to others are.
        """
        group = next((each for each in self.groups if _is_about(each, dimension)), None)
        if group is None or not spend(len(dimension.settings) * len(group.parts)):
            return [*dimension.settings], frozenset()
        if group.facts:
            return self._usable_with_facts(group, dimension, mask)
        of_setting = [
            mask_of(group.parts, self.base.with_setting(each)) & mask for each in dimension.settings
        ]
        answers = {own: self.answer(own, without=dimension) for own in dict.fromkeys(of_setting)}
        pairs = zip(dimension.settings, of_setting, strict=True)
        facts = frozenset(fact for answer in answers.values() for fact in answer.depends_on)
        return [setting for setting, own in pairs if answers[own].state != "refused"], facts

    def _usable_with_facts(
        self, group: _Group, dimension: Dimension, mask: int
    ) -> tuple[list[DimensionValue], frozenset[str]]:
        """Return the settings that may be opened with some value of the facts about their keys,
        and the other facts.
        """
        usable, facts = [], set[str]()
        for setting in dimension.settings:
            only = replace(dimension, settings=(setting,))
            narrowed = self._fill(_Group([*group.facts, only], group.parts))
            answer = self.answer(mask, without=dimension, instead=narrowed)
            facts |= set(answer.depends_on)
            usable += [] if answer.state == "refused" else [setting]
        return usable, frozenset(facts.difference(fact.name for fact in group.facts))

    def always_opened(self, mask: int) -> bool:
        """Return whether every request is opened, whatever its dimensions are;
        False if there are too many classes.
        """
        worst = [self.settled & mask]
        for group in self.groups:
            masks = {m for _, choices in group.table.values() for m in choices}
            if len(worst) * len(masks) > MAX_CLASSES // 32:
                return False
            combined = {one & other for one in worst for other in masks}
            worst = [
                one
                for one in combined
                if not any(self.table.better(one, o) and o != one for o in combined)
            ]
        return all(self.table.allows(one) for one in worst)

    def _fill(self, group: _Group) -> _Group:
        group.facts = [dimension for dimension in group.dimensions if not dimension.chosen]
        size = prod(len(dimension.settings) for dimension in group.dimensions)
        if not 0 < size <= MAX_CLASSES or not spend(size * (len(group.parts) + _PER_CHOICE)):
            # classes are too many: the worst and the best, and beside the worst what was sampled
            bits, denies = group.bits, self.table.gates.denies
            group.bounded = True
            worst, best = self.settled & ~(bits & ~denies), self.settled & ~(bits & denies)
            samples = self._sampled(group)
            group.table = {(0,): ((), {**samples, worst: ()}), (1,): ((), {best: ()})}
            return group
        chosen = [dimension for dimension in group.dimensions if dimension.chosen]
        ordered = [*group.facts, *chosen]
        tables = self._tables(group.parts, ordered)
        choices = [*product(*(range(len(dimension.settings)) for dimension in chosen))]
        for index in product(*(range(len(dimension.settings)) for dimension in group.facts)):
            masks: dict[int, Places] = {}
            for choice in choices:
                whole, mask = (*index, *choice), self.settled
                for places, table in tables:
                    mask &= table[tuple(whole[place] for place in places)]
                masks.setdefault(mask, whole)
            named = {mask: _trail(ordered, at) for mask, at in masks.items()}
            group.table[index] = (_trail(group.facts, index), named)
        return group

    def _tables(
        self, parts: Iterable[TablePart], dimensions: Sequence[Dimension]
    ) -> list[tuple[Places, dict[Places, int]]]:
        """Return for parts that look at the same dimensions which these are, and the mask for each
        of their settings.

        Spaces share those of parts that look at nothing else.
        """
        moving = frozenset(key for dimension in dimensions for key in dimension.keys)
        by_places = grouped(
            ((*(place for place, each in enumerate(dimensions) if each.keys & part.keys),), part)
            for part in parts
        )
        found = []
        for places, alike in by_places.items():
            own = [dimensions[place] for place in places]
            asked = (*map(id, own), *map(id, alike))
            if not all(part.keys <= moving for part in alike):
                found.append((places, _masks(alike, own, self.base)))
                continue
            if asked not in self.table.shared:
                self.table.shared[asked] = own, _masks(alike, own, self.base)
            found.append((places, self.table.shared[asked][1]))
        return found

    def _sampled(self, group: _Group) -> Masks:
        """Return the masks of some choices: each value of a dimension with the first value of the
        others.

        Beside facts that is for actions whose requests have none of them: there the facts change
        nothing.
        """
        facts = [key for dimension in group.facts for key in dimension.keys]
        values = [each.settings or each.samples for each in group.dimensions if each.chosen]
        masks: Masks = {}
        for place, settings in enumerate(values):
            others = [each[:1] for each in values]
            for choice in product(*others[:place], settings[:MAX_SAMPLES], *others[place + 1 :]):
                action = next((each.action for each in choice if each.action), self.base.action)
                if all(is_absent_for(action, key) for key in facts) and spend(len(group.parts)):
                    view = reduce(View.with_setting, choice, self.base)
                    masks.setdefault(mask_of(group.parts, view) & self.settled, choice)
        return masks


def _is_about(group: _Group, dimension: Dimension) -> bool:
    """Return whether a group has this choice alone, beside facts about its keys."""
    chosen = [each for each in group.dimensions if each.chosen]
    about = all(fact.keys <= dimension.keys for fact in group.facts)
    return not group.bounded and chosen == [dimension] and about


def _open_pattern(key: str) -> Dimension:
    """Return the fact whether a pattern matches, of which AWS leaves that open."""
    return Dimension(
        key,
        frozenset({key}),
        tuple(DimensionValue({key: (word,)}) for word in ("true", "false")),
        False,
    )


def _trail(dimensions: Sequence[Dimension], index: Sequence[int]) -> SettingTrail:
    return tuple(
        dimension.settings[number] for dimension, number in zip(dimensions, index, strict=True)
    )


def _masks(
    parts: Sequence[TablePart], dimensions: Sequence[Dimension], base: View
) -> dict[Places, int]:
    """Return the mask of parts for each combination of the settings of dimensions."""
    indices = product(*(range(len(dimension.settings)) for dimension in dimensions))
    return {
        each: mask_of(parts, reduce(View.with_setting, _trail(dimensions, each), base))
        for each in indices
    }


class _Classes(NamedTuple):
    """The distinct masks of a group's facts, and the class of each of their values."""

    group: _Group
    members: list[Masks]
    of: dict[Places, int]


def _classes(group: _Group, relevant: int) -> _Classes:
    numbers: dict[frozenset[int], int] = {}
    members: list[Masks] = []
    of: dict[Places, int] = {}
    for index, (_, masks) in group.table.items():
        here: Masks = {}
        for mask, trail in masks.items():
            here.setdefault(mask & relevant, trail)
        key = frozenset(here)
        if key not in numbers:
            numbers[key] = len(members)
            members.append(here)
        of[index] = numbers[key]
    return _Classes(group, members, of)


def _combine(masks: Masks, others: Masks) -> Masks:
    if len(others) == 1 and len(masks) == 1:
        ((one, first),), ((other, second),) = masks.items(), others.items()
        return {one & other: first + second}
    combined: Masks = {}
    for one, first in masks.items():
        for other, second in others.items():
            combined.setdefault(one & other, first + second)
    return combined


def _may_combine(choices: Masks, classes: Sequence[_Classes]) -> bool:
    """Count the work to combine the choices with all classes,
    and return whether it may be done.
    """
    size = prod(len(each.members) for each in classes)
    pairs = len(choices) * prod(sum(map(len, each.members)) for each in classes)
    is_small = size * max(1, len(choices)) <= MAX_CLASSES and pairs <= _MOST_COMPARED
    return is_small and spend(size + pairs // _MASKS_OF_WORK)


def _support(
    classes: Sequence[_Classes], results: dict[Places, SettingTrail | None]
) -> Iterable[str]:
    """Yield the facts on which the answer depends: with some values of the others,
    one of their values changes it.
    """
    for place, each in enumerate(classes):
        answers: dict[int, dict[Places, bool]] = {}
        for chosen, trail in results.items():
            answers.setdefault(chosen[place], {})[(*chosen[:place], *chosen[place + 1 :])] = (
                trail is not None
            )
        kinds: dict[frozenset[Places], int] = {}
        kind_of = {
            member: kinds.setdefault(
                frozenset(rest for rest, opened in row.items() if opened), len(kinds)
            )
            for member, row in answers.items()
        }
        if len(kinds) < 2:
            continue
        if each.group.bounded or len(each.group.facts) == 1:
            yield from (dimension.name for dimension in each.group.facts or each.group.dimensions)
            continue
        for number, dimension in enumerate(each.group.facts):
            if _matters(each, number, kind_of):
                yield dimension.name


def _matters(classes: _Classes, number: int, kind_of: Mapping[int, int]) -> bool:
    """Return whether two values of a fact, with the same values of the others of its group,
    are answered otherwise.
    """
    lines: dict[Places, int] = {}
    for index, member in classes.of.items():
        kind = kind_of[member]
        if lines.setdefault((*index[:number], *index[number + 1 :]), kind) != kind:
            return True
    return False


def _groups(dimensions: Sequence[Dimension], parts: Sequence[TablePart]) -> list[_Group]:
    """Put dimensions that a part ties together into one group;
    those that no part looks at drop out.
    """
    groups = []
    for dimension in dimensions:
        own = [part for part in parts if part.keys & dimension.keys]
        if own:
            groups.append(_Group([dimension], own))
    merged: list[_Group] = []
    for group in groups:
        tied = [other for other in merged if any(part in other.parts for part in group.parts)]
        for other in tied:
            merged.remove(other)
            group.dimensions = [*other.dimensions, *group.dimensions]
            group.parts = [*other.parts, *(part for part in group.parts if part not in other.parts)]
        merged.append(group)
    return merged
