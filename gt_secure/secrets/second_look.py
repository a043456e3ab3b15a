"""Looks at what is left of an output after masking, in another way than the search for secrets.

The search goes by names, prefixes and lines. This goes by the text next to a mask, once line
breaks, frames, comment marks and markup are left out, so that a half of a secret, or the key beside
a masked key id, is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .recogniser import decode, table

_LABELS = ("output_type", "name", "mime", "model_name", "model_module")
"""Members whose text is of the format, not of the output."""


def holds_rest(value: Any) -> bool:
    """Return whether a part of a secret seems to be left beside a mask.

    Parameters
    ----------
    value : object
        What is left of the outputs of a cell, of an attachment or of metadata.
    """
    patterns = table().patterns
    text = decode("\x00".join(_texts(value))).text
    if table().mask not in text:
        return False
    flat = patterns["margin"].sub("", text)
    return any(
        all(patterns[kind].search(found[1]) for kind in kinds)
        for name, kinds in (("rest", ("lower", "upper")), ("beside", ("lower", "upper", "digit")))
        for found in patterns[name].finditer(flat)
    )


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
