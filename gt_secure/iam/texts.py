"""Texts that stand for all texts: one for each way in which groups of patterns can match or not.

A group is a list of alternatives, such as the values of one condition: it matches where one of them does. The patterns
are run side by side as one automaton over all texts. Each state that can be reached says which groups match, and the
shortest text that leads there stands for every other text that matches exactly these. A group that matches whatever
follows is settled: its other alternatives no longer tell states apart, so that many of them stay few states.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from .variables import Filled, Wild

MAX_STATES = 4000
_FRESH = "zqxjkvwyu0123456789ZQXJKVWY_~"
_ARN_COLONS = 5


class TooManyClassesError(ValueError):
    """More classes than can be looked at: the answer is unknown, and never a guess."""


class Gap(NamedTuple):
    """A wildcard: whether it covers many characters or one, and whether a colon may be among them."""

    many: bool
    colons: bool = True


Steps: TypeAlias = tuple[str | Gap, ...]
"""Characters and wildcards, in order."""

ANY_TEXT: Steps = (Gap(many=True),)


def text_steps(parts: Filled) -> Steps:
    """Return the steps of a pattern in which wildcards cover every character."""
    steps: list[str | Gap] = []
    for part in parts:
        if isinstance(part, str):
            steps += part
        else:
            steps.append(Gap(part is Wild.ANY))
    return tuple(steps)


def arn_steps(parts: Filled) -> Steps:
    """Return the steps of a pattern whose wildcards stay within a part of the ARN, except in the last part."""
    steps: list[str | Gap] = []
    colons = 0
    for part in parts:
        if isinstance(part, str):
            steps += part
            colons += part.count(":")
        else:
            steps.append(Gap(part is Wild.ANY, colons >= _ARN_COLONS))
    return tuple(steps)


def witnesses(
    groups: Iterable[Sequence[Steps]],
    *,
    domain: Steps = ANY_TEXT,
    alphabet: str = "",
    avoid: frozenset[str] = frozenset(),
) -> list[str]:
    """Return texts of the domain, at least one for each set of groups (one alternative matches) that match the same."""
    machine = PatternMachine([(domain,), *dict.fromkeys(tuple(dict.fromkeys(group)) for group in groups)])
    fresh = (
        alphabet
        if alphabet
        else next(
            c for c in (*_FRESH, *map(chr, range(0x3400, 0x4DB0))) if c not in machine.literals and c not in avoid
        )
    )
    found: dict[tuple[tuple[bool, ...], bool], str] = {}
    start = (machine.start, False)
    seen = {start}
    waiting = deque([(start, "")])
    while waiting:
        (state, is_new), text = waiting.popleft()
        if state & machine.domain_end:
            found.setdefault((machine.matching(state), is_new), text)
        for character in machine.following(state, fresh):
            target = machine.step(state, character)
            if not target & machine.domain:
                continue
            node = (target, is_new or (character in fresh and character not in machine.literals))
            if node not in seen:
                seen.add(node)
                waiting.append((node, text + character))
                if len(seen) > MAX_STATES:
                    raise TooManyClassesError("The policies name more patterns than can be compared exactly.")
    return list(found.values())


class PatternMachine:
    """All patterns (first the domain) as one automaton; bit n of its state is set if its step n can be the next."""

    def __init__(self, groups: Sequence[Sequence[Steps]]) -> None:
        self.literals: dict[str, int] = {}
        self._one = self._one_no_colon = self._many = self._many_no_colon = 0
        self.start = 0
        self._ends: list[int] = []
        self._settled: list[tuple[int, int, int]] = []
        offset = 0
        for group in groups:
            begin, ends, settling = offset, 0, 0
            for steps in group:
                self.start |= 1 << offset
                for index, step in enumerate(steps):
                    self._add(step, 1 << (offset + index))
                ends |= 1 << (offset + len(steps))
                if steps and isinstance(last := steps[-1], Gap) and last.many and last.colons:
                    settling |= 1 << (offset + len(steps) - 1)
                offset += len(steps) + 1
            self._ends.append(ends)
            if settling:
                first = settling & -settling
                self._settled.append((settling, ((1 << offset) - 1) ^ ((1 << begin) - 1), first | (first << 1)))
            if len(self._ends) == 1:
                self.domain_end, self.domain = ends, (1 << offset) - 1
        self.start = self._spread(self.start)

    def _add(self, step: str | Gap, bit: int) -> None:
        if isinstance(step, str):
            self.literals[step] = self.literals.get(step, 0) | bit
        elif step.many:
            self._many |= bit
            self._many_no_colon |= 0 if step.colons else bit
        else:
            self._one |= bit
            self._one_no_colon |= 0 if step.colons else bit

    def matching(self, state: int) -> tuple[bool, ...]:
        """Return for each group whether one of its patterns matches the text that leads to a state."""
        return tuple(bool(state & ends) for ends in self._ends)

    def _spread(self, state: int) -> int:
        while more := ((state & self._many) << 1) & ~state:
            state |= more
        for settling, group, settled in self._settled:
            if state & settling:
                state = (state & ~group) | settled
        return state

    def step(self, state: int, character: str) -> int:
        one, many = self._one, self._many
        if character == ":":
            one, many = one & ~self._one_no_colon, many & ~self._many_no_colon
        forward = state & (self.literals.get(character, 0) | one)
        return self._spread((forward << 1) | (state & many))

    def following(self, state: int, fresh: str) -> list[str]:
        """Return the characters that make a difference here: new ones first, so that texts are unlike all others."""
        wanted = [character for character, bits in self.literals.items() if bits & state]
        if ":" not in wanted and state & (self._many_no_colon | self._one_no_colon):
            wanted.append(":")
        return [*fresh, *(character for character in wanted if character not in fresh)]
