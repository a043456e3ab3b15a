"""Matching with ``*`` and ``?``: whole texts, and ARNs by their parts. No pattern can make it slow.

Sources: IAM User Guide, *IAM JSON policy elements: Resource* (``*`` covers slashes; within the first five parts of an
ARN it stays in its part unless it is the part's last character; an ARN with too few parts is completed with ``*``) and
*Condition operators* (Arn operators compare the six parts one by one).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from .texts import Gap, PatternMachine, text_steps
from .variables import Filled, Wild

TextMatcher: TypeAlias = Callable[[str], bool]
_ARN_COLONS = 5


@lru_cache(maxsize=4096)
def glob(parts: Filled) -> TextMatcher:
    """Return a predicate for whether a whole text matches; ``*`` covers any characters, line ends too."""
    if all(isinstance(part, str) for part in parts):
        text = "".join(str(part) for part in parts)
        return text.__eq__
    if parts == (Wild.ANY,):
        return _always
    if len(parts) == 2 and isinstance(parts[0], str) and parts[1] is Wild.ANY:
        prefix = parts[0]
        return lambda text: text.startswith(prefix)
    pattern = re.compile(_regex(parts), re.DOTALL)
    return lambda text: pattern.fullmatch(text) is not None


def _always(_text: str) -> bool:
    return True


def _regex(parts: Filled) -> str:
    chunks = [""]
    for part in parts:
        if part is Wild.ANY:
            chunks.append("")
        else:
            chunks[-1] += "." if part is Wild.ONE else re.escape(str(part))
    # The leftmost place of each middle chunk is as good as any later one, so the groups may be atomic: without going
    # back, a pattern such as *a*a*a*a*b takes linear time on any text.
    middle = "".join(f"(?>.*?{chunk})" for chunk in chunks[1:-1] if chunk)
    return f"{chunks[0]}{middle}.*{chunks[-1]}" if len(chunks) > 1 else chunks[0]


@lru_cache(maxsize=4096)
def resource_glob(parts: Filled) -> TextMatcher:
    if parts == (Wild.ANY,):
        return _always
    missing = _ARN_COLONS - sum(part.count(":") for part in parts if isinstance(part, str))
    if missing > 0:
        # A * that ends a part may stand for the parts behind it; otherwise the parts that are missing are *.
        within = _by_state(parts, ())
        completed = resource_glob((*parts, *(extra for _ in range(missing) for extra in (":", Wild.ANY))))
        return lambda arn: completed(arn) or within(arn)
    head, tail = _split_head(parts)
    if all(isinstance(part, str) for part in head):
        prefix = "".join(str(part) for part in head)
        rest = glob(tail)
        return lambda arn: arn.startswith(prefix) and rest(arn[len(prefix) :])
    return _by_state(head, tail)


def _split_head(parts: Filled) -> tuple[Filled, Filled]:
    head: list[str | Wild] = []
    left = _ARN_COLONS
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


def _by_state(head: Filled, tail: Filled) -> TextMatcher:
    """Return a matcher whose wildcards stay in their part of the ARN: in the head, unless they end the part."""
    steps: list[str | Gap] = []
    for index, part in enumerate(head):
        if isinstance(part, str):
            steps += part
        else:
            following = head[index + 1] if index + 1 < len(head) else ":"
            ends_part = isinstance(following, str) and following.startswith(":")
            steps.append(Gap(part is Wild.ANY, part is Wild.ANY and ends_part))
    machine = PatternMachine([[(*steps, *text_steps(tail))]])

    def matches(text: str) -> bool:
        state = machine.start
        for character in text:
            state = machine.step(state, character)
        return bool(state & machine.domain_end)

    return matches


@lru_cache(maxsize=4096)
def arn_glob(parts: Filled) -> TextMatcher | None:
    """Return a predicate that compares ARNs in each of six parts; None for a pattern that has not six."""
    segments: list[list[str | Wild]] = [[]]
    for part in parts:
        if not isinstance(part, str):
            segments[-1].append(part)
            continue
        pieces = part.split(":", max(0, _ARN_COLONS + 1 - len(segments)))
        segments[-1].append(pieces[0])
        segments += [[piece] for piece in pieces[1:]]
    if len(segments) != _ARN_COLONS + 1:
        return None
    matchers = [glob(tuple(part for part in segment if part != "")) for segment in segments]

    def match(arn: str) -> bool:
        pieces = arn.split(":", _ARN_COLONS)
        return len(pieces) == len(matchers) and all(matcher(pieces[index]) for index, matcher in enumerate(matchers))

    return match
