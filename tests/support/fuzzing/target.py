"""What a fuzz target is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from gt_secure.base.html import output

SLOW_S = 5.0
"""A run that takes longer counts as a hang, where the machine has nothing else to do."""


def is_slow(spent_s: float) -> bool:
    """Return whether a run took too long in processor time, held against what this machine computes
    at the moment.

    Beside other work the same takes several times as long, also in processor time.
    """
    if spent_s < SLOW_S:
        return False
    begun = time.process_time()
    sum(range(10_000_000))
    return spent_s > SLOW_S * max(1.0, (time.process_time() - begun) / 0.15)


Landmark = Callable[[object], None]


@dataclass(frozen=True)
class Target:
    """Something that reads bytes from outside.

    Attributes
    ----------
    run : callable
        Takes any bytes and raises what must not happen; errors of ours it takes itself.
    seeds : callable
        Inputs to start from.
    words : tuple of bytes
        Words of the format.
    share : int
        Its part of the time.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    words: tuple[bytes, ...]
    share: int


def _nothing(_state: object) -> None:
    """Under libFuzzer, states that no Python code shows are made branches: see fuzz.py."""


reached: list[Landmark] = [_nothing]


def landmark(state: object) -> None:
    """Tell the fuzzer that a state was reached, so that it keeps the input."""
    reached[0](state)


def check(holds: object, what: str, *facts: object) -> None:
    """Raise if something that must hold does not; facts are shown."""
    if not holds:
        raise AssertionError(f"{what}: {', '.join(repr(fact)[:600] for fact in facts)}")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag}@{name}" for name, _ in attrs)}


OUR_STYLE = output().partition("</style>")[0] + "</style>"
_PLAIN = ("div", "em", "li", "p", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul")
_KNOWN = {
    "b",
    "bdi",
    "bdi@dir",
    "code@class",
    "span",
    "span@aria-hidden",
    "span@class",
    *_PLAIN,
    "code",
    "div@aria-label",
    "div@class",
    "div@role",
    "div@tabindex",
    "li@class",
    "table@class",
    "td@data-label",
    "th@scope",
}


def check_markup(html: str) -> None:
    """Text from outside must have made no element or attribute."""
    tags = _Tags()
    tags.feed(html.replace(OUR_STYLE, "", 1))
    check(tags.found <= _KNOWN, "markup from outside", tags.found - _KNOWN, html)
