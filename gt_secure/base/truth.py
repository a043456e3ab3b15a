"""Truth values: ``assert answer`` and ``if answer`` mean what they read like,
or end with the member to ask.
"""

from __future__ import annotations


class Ambiguous:
    """An answer that is neither true nor false by itself: it names the member that is."""

    __slots__ = ()
    _ask = ""

    def __bool__(self) -> bool:
        raise TypeError(without_truth(self, self._ask))


def without_truth(answer: object, member: str) -> str:
    """Return in a sentence what to write in place of an answer without a truth value."""
    return f"{type(answer).__name__} is neither true nor false here. Write {member}."
