"""Changes of an input that keep some of its structure: words of the format go in, parts are cut,
doubled and mixed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

_ODD = (
    b"", b"\0", b"\r", b"\n", b"\r\n", b"\t", b" ", b"  ", b'"', b'" "', b"\\", b"\\u0000", b"\\ud800", b"%", b"%00",
    b"%25",
    b"%2522", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", "é".encode(), "\u2028\u202e".encode(),
    "\U0001f600".encode(),
    b"-", b"0", b"-1", b"1e309", b"9" * 25, b"9" * 400, b"null", b"true", b"[]", b"{}", b"[" * 60, b'{"a":' * 60,
    b"NaN",
    b"<script>alert(1)</script>", b"<img src=x onerror=alert(1)>", b"&#x3c;b&#x3e;", b"a" * 300, b"$", b"${*}",
    b"${a", b"*" * 30,
)  # fmt: skip


def mutate(
    data: bytes,
    rng: random.Random,
    words: Sequence[bytes],
    others: Sequence[bytes],
    most: int = 1 << 16,
) -> bytes:
    """Change an input in one to six places."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 6))):
        at = rng.randrange(len(out) + 1)
        span = rng.choice((1, 1, 2, 4, 8, 20, 60))
        kind = rng.randrange(10)
        if kind < 2:
            out[at:at] = rng.choice(words)
        elif kind == 2:
            out[at : at + span] = rng.choice(words)
        elif kind == 3:
            out[at:at] = rng.choice(_ODD)
        elif kind == 4:
            del out[at : at + span]
        elif kind == 5 and out:
            out[at % len(out)] = rng.randrange(256)
        elif kind == 6 and others:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            out[at : at + rng.choice((0, span))] = other[start : start + rng.choice((span, 200))]
        elif kind == 7:
            out[at:at] = out[at : at + span] * rng.choice((1, 2, 5, 50))
        elif kind == 8:
            out = _swapped(out, rng)
        else:
            out = _other_word(out, rng, words)
    return bytes(out[:most])


def _swapped(data: bytearray, rng: random.Random) -> bytearray:
    """Parts between separators in another order, one of them left out or doubled."""
    separator = rng.choice((b"\n", b" ", b",", b'"', b"&", b"/"))
    parts = bytes(data).split(separator)
    i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
    kind = rng.randrange(3)
    if kind == 0:
        parts[i], parts[j] = parts[j], parts[i]
    elif kind == 1:
        parts.insert(j, parts[i])
    else:
        del parts[i]
    return bytearray(separator.join(parts))


def _other_word(data: bytearray, rng: random.Random, words: Sequence[bytes]) -> bytearray:
    """One word of the format in place of another, everywhere or once."""
    held = [word for word in words if len(word) > 1 and word in data]
    if not held:
        return data
    word, new = rng.choice(held), rng.choice((*words, *_ODD))
    return data.replace(word, new, rng.choice((1, -1)))
