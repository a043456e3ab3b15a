"""Text for people: sizes, and what of a text from outside may be shown. Imports nothing of the
package.

One definition each, for every surface:

* :func:`printable`: characters that a terminal or a renderer obeys, or that nobody sees, become
  visible;
* :func:`truncate`: long text is cut in the middle. Redact it first
  (:func:`gt_secure.secrets.redact`): half a secret is no longer recognised.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

Json = dict[str, Any]
"""An object of JSON by its members, as ``to_dict`` returns it and ``json_text`` writes it."""

JsonLike = Mapping[str, Any]
"""An object of JSON that is only read."""
Texts = tuple[str, ...]
"""Any number of texts, as a value has them."""
TextsLike = str | Iterable[str]
"""One text, or several."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Letters and marks that Unicode calls printable and that show nothing: combining grapheme joiner,
# Hangul and Khmer fillers, Mongolian separators, variation selectors of the supplement (used to
# smuggle text).
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))


def printable(text: object, keep: str = "") -> str:
    """Make characters visible that drive a terminal, turn text around or show nothing.

    Control characters (C0, C1, DEL), bidirectional marks, zero-width characters, line separators,
    blanks other than a space, private and unassigned characters and lone surrogates become U+FFFD.
    """
    shown = str(text)
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(
        c if c in keep or (c.isprintable() and c not in _BLANK) else REPLACEMENT for c in shown
    )


def truncate(text: str, most: int) -> str:
    """Cut text to ``most`` characters in the middle; the end is kept,
    since it often distinguishes keys and ARNs.
    """
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: max(0, most - tail - 1)]}…{text[len(text) - tail :]}"


def members(item: object, *names: str) -> Json:
    """Return attributes as JSON-able data: sequences as lists, mappings as they are, times in ISO
    8601, what has a ``to_dict`` by it, and everything else as text.

    A name may have the path of its attribute: ``account: state.account_id``.
    """
    paths = (name.partition(": ") for name in names)
    return {name: _data(attrgetter(path or name)(item)) for name, _, path in paths}


def _data(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, list | tuple):
        return [_data(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat() + ("" if value.tzinfo else "Z")
    is_json = value is None or isinstance(value, str | int | float | Mapping)
    return value if is_json else str(value)


def json_text(data: Any, *, indent: int | None = None) -> str:
    """Write JSON that may go to a terminal: letters stay readable,
    what :func:`printable` hides is escaped.
    """
    return shown_json(json.dumps(data, indent=indent, default=str, ensure_ascii=False))


def shown_json(text: str) -> str:
    """Return JSON with escapes for what :func:`printable` hides."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _RARE.sub(_escaped, text)


_RARE = re.compile(r"[^\n -~]")


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    if char.isprintable() and char not in _BLANK:
        return char
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def count(number: int, word: str, plural: str = "") -> str:
    """Return a number and its noun: ``1 range``, ``1,204 ranges``."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def some(words: Sequence[str], most: int = 5, noun: str = "", between: str = ", ") -> str:
    """Return the first words, and how many more there are: ``a, b and 3 more``,
    or ``... and 3 more ranges``.
    """
    left = len(words) - most
    more = f" and {count(left, f'more {noun}') if noun else f'{left:,} more'}" if left > 0 else ""
    return between.join(words[:most]) + more


def did_you_mean(
    word: str, known: Collection[str], otherwise: str = "", *, form: str = "{}", cutoff: float = 0.6
) -> str:
    """Return the next step for an unknown word: the nearest of the known ones, else another text,
    or all of them.

    ``form`` is how a near one is written, such as ``'{}'``. Two that are equally near are both
    named.
    """
    from difflib import SequenceMatcher, get_close_matches

    near = sorted(get_close_matches(word, known, 2, cutoff))
    if len({SequenceMatcher(None, each, word).ratio() for each in near}) > 1:
        near = get_close_matches(word, known, 1, cutoff)
    if near:
        return f"Did you mean {' or '.join(map(form.format, near))}?"
    return otherwise or f"Choose from {', '.join(known)}."


def capital(words: str) -> str:
    """Return words with a capital letter at their start."""
    return words[:1].upper() + words[1:]


_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def duration(seconds: int) -> str:
    """Return a time span in its two largest units, such as ``1 h 30 min``."""
    parts = []
    for unit, size in _UNITS:
        amount, seconds = divmod(seconds, size)
        if amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2]) or "0 s"


def size_text(size: int) -> str:
    """Bytes as people read them, in decimal units."""
    number, unit = float(size), "bytes"
    for bigger in ("kB", "MB", "GB", "TB", "PB"):
        if number < 1000:
            break
        number, unit = number / 1000, bigger
    return f"{number:,.0f} {unit}" if unit in ("bytes", "kB", "MB") else f"{number:,.1f} {unit}"
