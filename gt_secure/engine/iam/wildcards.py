"""Matching with ``*`` and ``?``: whole texts, and ARNs by their parts. No pattern can make it slow.

Sources: IAM User Guide, *IAM JSON policy elements: Resource* (``*`` covers slashes; within the
first five parts of an ARN it stays in its part unless it is the part's last character; an ARN with
too few parts is completed with ``*``) and *Condition operators* (Arn operators compare the six
parts one by one).

All texts are represented by one for each way in which groups of patterns can match or not. A group
is a list of alternatives, such as the values of one condition: it matches where one of them does.
The patterns are run side by side as one automaton over all texts. Each reachable state shows which
groups match, and the shortest text that leads there represents every other text that matches
exactly these. A group that matches whatever follows is settled: its other alternatives no longer
distinguish states, so that many alternatives need only a few states.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, reduce
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from .variables import Filled, Wild

TextMatcher: TypeAlias = Callable[[str], bool]
ARN_COLONS = 5


@lru_cache(maxsize=4096)
def glob(parts: Filled) -> TextMatcher:
    """Return a predicate for whether a whole text matches;
    ``*`` covers any characters, line ends too.
    """
    if all(isinstance(part, str) for part in parts):
        text = "".join(str(part) for part in parts)
        return text.__eq__
    if parts == (Wild.ANY,):
        return anything
    # the values of variables fill many such patterns
    if parts.count(Wild.ANY) == 1 and Wild.ONE not in parts:
        at = parts.index(Wild.ANY)
        start, end = ("".join(map(str, some)) for some in (parts[:at], parts[at + 1 :]))
        if not end:
            return lambda text: text.startswith(start)
        shortest = len(start) + len(end)
        return lambda text: len(text) >= shortest and text.startswith(start) and text.endswith(end)
    pattern = re.compile(_regex(parts), re.DOTALL)
    return lambda text: pattern.fullmatch(text) is not None


def anything(_text: str) -> bool:
    """Match every text."""
    return True


def _regex(parts: Filled) -> str:
    chunks = [""]
    for part in parts:
        if part is Wild.ANY:
            chunks.append("")
        else:
            chunks[-1] += "." if part is Wild.ONE else re.escape(str(part))
    # The leftmost place of each middle chunk is as good as any later one, so the groups may be
    # atomic: without going back, a pattern such as *a*a*a*a*b takes linear time on any text.
    middle = "".join(f"(?>.*?{chunk})" for chunk in chunks[1:-1] if chunk)
    return f"{chunks[0]}{middle}.*{chunks[-1]}" if len(chunks) > 1 else chunks[0]


@lru_cache(maxsize=4096)
def resource_glob(parts: Filled) -> TextMatcher:
    """Return the matcher of a resource pattern."""
    if parts == (Wild.ANY,):
        return anything
    head, tail = _split_head(parts)
    if (
        all(isinstance(part, str) for part in head)
        and "".join(map(str, head)).count(":") == ARN_COLONS
    ):
        prefix = "".join(map(str, head))
        rest = glob(tail)
        return lambda arn: arn.startswith(prefix) and rest(arn[len(prefix) :])
    machine = PatternMachine([resource_steps(parts)])
    return lambda text: bool(machine.state_of(text) & machine.domain_end)


@lru_cache(maxsize=4096)
def resource_steps(parts: Filled) -> tuple[Steps, ...]:
    """Return the steps of a resource pattern, one alternative or several."""
    if parts == (Wild.ANY,):
        return (ANY_TEXT,)
    missing = ARN_COLONS - sum(part.count(":") for part in parts if isinstance(part, str))
    if missing > 0:
        # A * that ends a part may stand for the parts behind it; otherwise the parts that are
        # missing are *.
        completed = (*parts, *(extra for _ in range(missing) for extra in (":", Wild.ANY)))
        return (_within_parts(parts, ()), *resource_steps(completed))
    return (_within_parts(*_split_head(parts)),)


def _split_head(parts: Filled) -> tuple[Filled, Filled]:
    head: list[str | Wild] = []
    left = ARN_COLONS
    for index, part in enumerate(parts):
        if not isinstance(part, str) or part.count(":") < left:
            head.append(part)
            left -= part.count(":") if isinstance(part, str) else 0
            continue
        cut = 0
        for _ in range(left):
            cut = part.index(":", cut) + 1
        rest = part[cut:]
        return (*head, part[:cut]), ((rest, *parts[index + 1 :]) if rest else parts[index + 1 :])
    return tuple(head), ()


def _within_parts(head: Filled, tail: Filled) -> Steps:
    """Return steps whose wildcards stay in their part of the ARN: in the head,
    unless they end the part.
    """
    steps: list[str | Gap] = []
    for index, part in enumerate(head):
        if isinstance(part, str):
            steps += part
        else:
            following = head[index + 1] if index + 1 < len(head) else ":"
            ends_part = isinstance(following, str) and following.startswith(":")
            steps.append(Gap(part is Wild.ANY, part is Wild.ANY and ends_part))
    return (*steps, *text_steps(tail))


@lru_cache(maxsize=4096)
def arn_glob(parts: Filled) -> TextMatcher | None:
    """Return a predicate that compares ARNs in each of six parts;
    None for a pattern that has not six.
    """
    segments: list[list[str | Wild]] = [[]]
    for part in parts:
        if not isinstance(part, str):
            segments[-1].append(part)
            continue
        pieces = part.split(":", max(0, ARN_COLONS + 1 - len(segments)))
        segments[-1].append(pieces[0])
        segments += [[piece] for piece in pieces[1:]]
    if len(segments) != ARN_COLONS + 1:
        return None
    matchers = [glob(tuple(part for part in segment if part != "")) for segment in segments]

    def match(arn: str) -> bool:
        pieces = arn.split(":", ARN_COLONS)
        return len(pieces) == len(matchers) and all(
            matcher(pieces[index]) for index, matcher in enumerate(matchers)
        )

    return match


MAX_STATES = 4000
_MOST_BITS, _BITS_OF_STEP = 1_000_000_000, 5000
"""The most bits that are moved for the texts of patterns,
and those that are as much work as a step of few patterns.
"""
_FRESH = "zqxjkvwyu0123456789ZQXJKVWY_~"


class TooManyClassesError(ValueError):
    """More classes than can be looked at: the answer is unknown unless bounds agree, and never a
    guess.

    Attributes
    ----------
    texts : sequence of str
        Texts of some of the classes: a request with one of them may show that something is opened.
    key : str
        The condition key that has these values, in lower case; empty for other texts.
    """

    def __init__(self, reason: str, texts: Sequence[str] = (), key: str = "") -> None:
        super().__init__(reason)
        self.texts, self.key = texts, key


class Gap(NamedTuple):
    """A wildcard: whether it covers many characters or one,
    and whether a colon may be among them.
    """

    many: bool
    colons: bool = True


Steps: TypeAlias = tuple[str | Gap, ...]
"""Characters and wildcards, in order."""

ANY_TEXT: Steps = (Gap(many=True),)


def text_steps(parts: Filled) -> Steps:
    """Return the steps of a pattern in which wildcards cover every character."""
    return tuple(
        step
        for part in parts
        for step in (part if isinstance(part, str) else (Gap(part is Wild.ANY),))
    )


def arn_steps(parts: Filled) -> Steps:
    """Return the steps of a pattern whose wildcards stay within a part of the ARN,
    except in the last part.
    """
    steps: list[str | Gap] = []
    colons = 0
    for part in parts:
        if isinstance(part, str):
            steps += part
            colons += part.count(":")
        else:
            steps.append(Gap(part is Wild.ANY, colons >= ARN_COLONS))
    return tuple(steps)


def witnesses(
    groups: Iterable[Sequence[Steps]],
    *,
    domain: Steps = ANY_TEXT,
    alphabet: str = "",
    avoid: frozenset[str] = frozenset(),
) -> list[str]:
    """Return texts of the domain, at least one for each set of groups (one alternative matches)
    that match the same.
    """
    distinct = tuple(dict.fromkeys(tuple(dict.fromkeys(group)) for group in groups))
    texts, is_whole = _witnesses(distinct, domain, alphabet, avoid)
    if not is_whole:
        raise TooManyClassesError(
            "The policies name more patterns than can be compared exactly.", texts
        )
    return list(texts)


@lru_cache(maxsize=256)
def _witnesses(
    groups: tuple[tuple[Steps, ...], ...], domain: Steps, alphabet: str, avoid: frozenset[str]
) -> tuple[tuple[str, ...], bool]:
    """Return texts, and whether they are of all classes; all kinds of requests ask the same."""
    machine = PatternMachine([(domain,), *groups])
    fresh = (
        alphabet
        if alphabet
        else next(
            c
            for c in (*_FRESH, *map(chr, range(0x3400, 0x4DB0)))
            if c not in machine.literals and c not in avoid
        )
    )
    texts: dict[tuple[tuple[bool, ...], bool], str] = {}
    start = (machine.start, False)
    nodes = {start}
    waiting = deque([(start, "")])
    most = _MOST_BITS // (_BITS_OF_STEP + machine.size)
    while waiting:
        (state, is_new), text = waiting.popleft()
        if state & machine.domain_end:
            texts.setdefault((machine.matching(state), is_new), text)
        for character in machine.following(state, fresh):
            most -= 1
            target = machine.step(state, character)
            if not target & machine.domain:
                continue
            node = (target, is_new or (character in fresh and character not in machine.literals))
            if node not in nodes:
                nodes.add(node)
                waiting.append((node, text + character))
                if len(nodes) > MAX_STATES or most < 0:
                    samples = _samples(groups, domain, alphabet) if len(groups) > 1 else ()
                    return (*[*texts.values()][:_MOST_SAMPLES], *samples), False
    return tuple(texts.values()), True


_MOST_SAMPLES = 100


def _samples(groups: Sequence[Sequence[Steps]], domain: Steps, alphabet: str) -> Iterator[str]:
    """Yield texts of the domain that one group matches, and one that as many as possible match,
    one after the other.
    """
    head = "".join(
        step
        for step in takewhile(lambda step: isinstance(step, str), domain)
        if isinstance(step, str)
    )
    joined = head
    for group in groups[:_MOST_SAMPLES]:
        found = witnesses([group], domain=domain, alphabet=alphabet)
        matching = PatternMachine([(domain,), group])
        single = next((text for text in found if matching.accepts(text)), None)
        if single is not None:
            yield single
            joined += single.removeprefix(head)
    if PatternMachine([(domain,)]).accepts(joined):
        yield joined


def _places(bits: int) -> Iterator[int]:
    while bits:
        yield (bits & -bits).bit_length() - 1
        bits &= bits - 1


class PatternMachine:
    """All patterns (first the domain) as one automaton;
    bit n of its state is set if its step n can be the next.
    """

    def __init__(self, groups: Sequence[Sequence[Steps]]) -> None:
        self.literals: dict[str, int] = {}
        self._one = self._one_no_colon = self._many = self._many_no_colon = 0
        self.start = 0
        self._group_at: dict[int, int] = {}
        self._ends = 0
        self._settling: dict[int, tuple[int, int]] = {}
        self._any_settling = 0
        offset = 0
        for number, group in enumerate(groups):
            begin, settling = offset, 0
            for steps in group:
                self.start |= 1 << offset
                for index, step in enumerate(steps):
                    self._add(step, 1 << (offset + index))
                self._group_at[offset + len(steps)] = number
                self._ends |= 1 << (offset + len(steps))
                if steps and isinstance(last := steps[-1], Gap) and last.many and last.colons:
                    settling |= 1 << (offset + len(steps) - 1)
                offset += len(steps) + 1
            first, every = settling & -settling, ((1 << offset) - 1) ^ ((1 << begin) - 1)
            self._settling.update(
                (1 << at, (every, first | (first << 1))) for at in _places(settling)
            )
            self._any_settling |= settling
            if not number:
                self.domain_end, self.domain = self._ends, (1 << offset) - 1
        self.size, self._groups = offset, len(groups)
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
        """Return for each group whether one of its patterns matches the text
        that leads to a state.
        """
        found = [False] * self._groups
        for at in _places(state & self._ends):
            found[self._group_at[at]] = True
        return tuple(found)

    def state_of(self, text: str) -> int:
        """Return the state to which a text leads."""
        return reduce(self.step, text, self.start)

    def accepts(self, text: str) -> bool:
        """Return whether a text is in the domain, and a pattern of each group matches it."""
        return all(self.matching(self.state_of(text)))

    def _spread(self, state: int, before: int = 0) -> int:
        """Pass over wildcards; a group that is settled stays so,
        whose other alternatives end once.
        """
        while more := ((state & self._many) << 1) & ~state:
            state |= more
        for at in _places(state & self._any_settling & ~before):
            group, settled = self._settling[1 << at]
            state = (state & ~group) | settled
        return state

    def step(self, state: int, character: str) -> int:
        """Return the state after one more character."""
        one, many = self._one, self._many
        if character == ":":
            one, many = one & ~self._one_no_colon, many & ~self._many_no_colon
        forward = state & (self.literals.get(character, 0) | one)
        return self._spread((forward << 1) | (state & many), state)

    def following(self, state: int, fresh: str) -> list[str]:
        """Return the characters that make a difference here: new ones first,
        so that texts are unlike all others.
        """
        wanted = [character for character, bits in self.literals.items() if bits & state]
        if ":" not in wanted and state & (self._many_no_colon | self._one_no_colon):
            wanted.append(":")
        return [*fresh, *(character for character in wanted if character not in fresh)]
