"""Words for who can open what, in one place for all surfaces: sources, and headlines."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ...base.text import some
from .address_classes import EVERY_ADDRESS, Span, minimal_cidrs, minus

NAMED = 3
"""Most ranges that are named; of a longer list the ranges outside it are named,
if they are fewer.
"""


def addresses(spans: Iterable[Span]) -> str:
    """Return addresses by their ranges, or by those outside them where they are fewer."""
    within = tuple(spans)
    cidrs, others = minimal_cidrs(within), minimal_cidrs(minus(EVERY_ADDRESS, within))
    if not others:
        return "all addresses"
    if NAMED < len(cidrs) > len(others):
        return f"all addresses except {some(others, NAMED, 'range')}"
    return some(cidrs, NAMED, "range")


def endpoints(names: Iterable[str], labels: Collection[str], *, others: bool) -> str:
    """Return endpoints by their names, or with all ``others`` than an answer names, by those of its
    ``labels`` that are not among them.
    """
    if not others:
        return ", ".join(names)
    missing = sorted({*labels} - {*names})
    return f"all endpoints except {', '.join(missing)}" if missing else "all endpoints"


def anyone(what: str, *, without_url: bool = False) -> str:
    """Return the headline of objects that are open to anyone."""
    if without_url:
        return f"Anyone can open {what}, even without a URL."
    return f"Anyone with a URL can open {what}."


def only(who: str, what: str) -> str:
    """Return the headline of objects that nobody else opens; ``who`` may be nobody."""
    return f"{f'Only {who}' if who else 'Nobody'} can open presigned URLs of {what}."


def unknown(what: str, depends_on: Collection[str]) -> str:
    """Return the headline of objects of which it is not known who opens them."""
    return f"Who can open {what} is unknown: it depends on {some([*depends_on])}."
