"""Looks at what is left of an output after masking, in another way than the search for secrets.

The search goes by names, prefixes and separators. This goes by the words behind a mask: one that
looks drawn by chance may be a half of a secret, or the key beside a masked key id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .recogniser import decode, table

_LABELS = ("output_type", "name", "mime", "model_name", "model_module")
"""Members whose text is of the format, not of the output."""

_FEW, _MANY, _BESIDE, _NEAR = 3, 5, 24, 200
"""Turns from one kind of letter to another in the time of a URL, those that are too many, and the
letters behind a mask within which such words are looked for.
"""


def holds_rest(value: Any) -> bool:
    """Return whether a part of a secret seems to be left beside a mask.

    Parameters
    ----------
    value : object
        What is left of the outputs of a cell, of an attachment or of metadata.
    """
    patterns = table().patterns
    text = decode("\x00".join(_texts(value))).text
    at = -1
    while (at := text.find(table().mask, at + 1)) >= 0:
        end = at + len(table().mask)
        pieces = [*patterns["piece"].finditer(text, end, end + _NEAR)]
        turns = [len(patterns["turn"].findall(piece[0])) for piece in pieces]
        beside = turns and turns[0] >= _FEW and pieces[0].start() <= end + _BESIDE
        if beside or sum(each for each in turns if each > _FEW) >= _MANY:
            return True
    return False


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            if name not in _LABELS:
                yield from _texts(each)
    elif isinstance(value, list):
        lines = all(isinstance(each, str) for each in value)
        yield from ["".join(value)] if lines else (text for each in value for text in _texts(each))
