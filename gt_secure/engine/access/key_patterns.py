"""Patterns of keys for people and programs: for which keys of a prefix an answer holds, exactly.

Statements match ARNs, so what a pattern says about keys is what is left of it behind the ARN of the
bucket or of an access point. Classes of keys are then put into words with the fewest patterns that
the policies have themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache, reduce
from itertools import product
from operator import and_
from typing import NamedTuple

from ...base.text import Texts, some
from ..iam.variables import Template, Variable, Wild, joined
from ..iam.wildcards import Gap, PatternMachine
from .key_classes import KeyClasses, Signature

_ARN_COLONS = 5
_SHOWN = 3


class KeyPattern(NamedTuple):
    """Keys that match each of some patterns, and none of the exceptions;
    without patterns all keys of the prefix.
    """

    patterns: Texts
    exceptions: Texts = ()

    def __str__(self) -> str:
        found = " and ".join(self.patterns) or "all keys"
        return f"{found} except {', '.join(self.exceptions)}" if self.exceptions else found

    def to_dict(self) -> dict[str, list[str]]:
        """Return JSON-able data."""
        return {"patterns": list(self.patterns), "except": list(self.exceptions)}


@lru_cache(maxsize=4096)
def behind(template: Template, start: str) -> tuple[Template, ...]:
    """Return what is left of a pattern behind a text: what may follow the text in an ARN that
    matches.

    An ARN with too few parts is completed as a statement completes it.
    """
    missing = _ARN_COLONS - sum(part.count(":") for part in template if isinstance(part, str))
    completed = (*template, *(each for _ in range(missing) for each in (":", Wild.ANY)))
    return tuple(
        dict.fromkeys(
            each for one in dict.fromkeys((template, completed)) for each in _behind(one, start)
        )
    )


def _behind(template: Template, start: str) -> Iterator[Template]:
    steps = [step for part in template for step in (part if isinstance(part, str) else (part,))]
    gaps = (Gap(_is_long(step)) if isinstance(step, Wild | Variable) else step for step in steps)
    # behind a last step without a text no wildcard settles the others
    machine = PatternMachine([[(*gaps, "")]])
    state = reduce(machine.step, start, machine.start)
    for at in range(len(steps)):
        if state >> at & 1 and not (at and state >> (at - 1) & 1 and _is_long(steps[at - 1])):
            # the value may begin before the end of the text
            is_inside = "".join(map(str, steps[:at])) != start
            first = Wild.ANY if isinstance(steps[at], Variable) and is_inside else steps[at]
            yield joined([first, *steps[at + 1 :]])


def _is_long(step: object) -> bool:
    return step is Wild.ANY or isinstance(step, Variable)


def patterns_of(
    classes: KeyClasses, chosen: Collection[Signature], prefix: str
) -> tuple[KeyPattern, ...]:
    """Return the patterns that exactly the keys of these classes match; none for all keys."""
    signatures = list(classes.arns)
    every = (1 << len(signatures)) - 1
    masks = [
        sum(1 << at for at, each in enumerate(signatures) if each[bit])
        for bit in range(len(classes.groups))
    ]
    wanted = sum(1 << at for at, each in enumerate(signatures) if each in chosen)
    wide = sorted(range(len(masks)), key=lambda bit: masks[bit].bit_count())
    terms: list[tuple[dict[int, bool], int]] = []
    left = 0 if wanted == every else wanted

    while left:
        example = left & -left
        term = {
            bit: bool(masks[bit] & example)
            for bit in sorted(wide, key=lambda bit: bool(masks[bit] & example))
        }
        for bit in list(term):
            if not _covered(masks, every, term, bit) & ~wanted:
                del term[bit]
        covered = _covered(masks, every, term)
        terms = [*(each for each in terms if each[1] & ~covered), (term, covered)]
        left &= ~covered
    return tuple(
        dict.fromkeys(each for term, _ in terms for each in _in_words(classes, term, prefix))
    )


def _covered(masks: Sequence[int], every: int, term: dict[int, bool], but: int = -1) -> int:
    """Return the classes of which each pattern of a term, except one, is as the term says."""
    return reduce(
        and_,
        (masks[bit] ^ (0 if is_in else every) for bit, is_in in term.items() if bit != but),
        every,
    )


def _in_words(classes: KeyClasses, term: dict[int, bool], prefix: str) -> Iterator[KeyPattern]:
    def named(bit: int) -> list[str]:
        rests = [rest for filled in classes.groups[bit] for rest in behind(filled, classes.start)]
        texts = [
            "".join(part.value if isinstance(part, Wild) else str(part) for part in rest)
            for rest in rests
        ]
        # a pattern may match a key under the prefix, by its literal start
        starts = ((text, text.partition("*")[0].partition("?")[0]) for text in texts)
        return [
            text for text, start in starts if start.startswith(prefix) or prefix.startswith(start)
        ]

    exceptions = tuple(text for bit, is_in in term.items() if not is_in for text in named(bit))
    for patterns in product(*(named(bit) for bit, is_in in term.items() if is_in)):
        yield KeyPattern(patterns, exceptions)


def shown_keys(patterns: Sequence[KeyPattern]) -> str:
    """Return the first patterns as text, and how many more there are."""
    return some([*map(str, patterns)], _SHOWN, "pattern") or "all keys"
