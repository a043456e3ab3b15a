"""Finds anchors in a long text with numpy: looks up pairs of letters, then the anchors where one of their pairs is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_BLOCK = 1 << 18
_COMMON = "xzqjkvbwpygfmucdhlnriotase"
"""Letters from rare to common; what is none of them is rarer."""
_AHEAD = 16
"""Number of letters behind a name that are looked at."""
_CLASSES = (
    ("-_", str.isalnum),
    ("", str.isalpha),
    ("%+/_~.-", str.isalnum),
    ("", str.isspace),
    ("\"'`\\]:=<>|? \t\n\r\f\v", lambda _: False),
    (" \t\n\r,;)", lambda _: False),
    ("aAkK", lambda _: False),
)
_WORD, _LETTER, _IN_VALUE, _SPACE, _VALUE, _STOP, _KEY = (1 << i for i in range(7))
"""Classes of letters: of names, of words, of values, spaces, what is between a name and its value, what ends a word of
prose, and what "access" and "key" begin with."""


class Anchor:
    """A literal that is looked up: in lower case, unless it minds the case."""

    def __init__(self, text: str, case: bool, rules: tuple[int, ...], far: bool) -> None:
        self.text, self.case, self.rules, self.data = text, case, rules, text.encode()
        self.far = far or case or not text[-1].isalnum()

    def codes(self, at: int) -> list[int]:
        """Return the letters that one of its letters may be; behind its end it may be any."""
        if at >= len(self.data):
            return list(range(256))
        letter = self.text[at]
        return [ord(letter)] if self.case or not letter.isalpha() else [ord(letter), ord(letter.upper())]


class Pairs:
    """The pairs of letters that anchors have at even places, wherever they begin."""

    @classmethod
    def of(cls, anchors: Sequence[Anchor]) -> Pairs | None:
        """Return the pairs of some anchors; None where numpy is missing."""
        try:
            import numpy
        except ImportError:
            return None
        return cls(anchors, numpy)

    def __init__(self, anchors: Sequence[Anchor], numpy: Any) -> None:
        self._numpy = numpy
        self._anchors: dict[bytes, list[tuple[Anchor, int]]] = {}
        anchors = sorted((anchor for anchor in anchors if len(anchor.data) > 1), key=lambda anchor: not anchor.far)
        tables = numpy.zeros((2, 1 + len(anchors) // 32, 256, 256), numpy.uint64)
        for number, (anchor, odd) in enumerate((anchor, odd) for anchor in anchors for odd in (0, 1)):
            at = min(range(odd, len(anchor.data) - 1, 2), key=lambda i: self._worth(anchor, i))
            word, bit = divmod(number, 64)
            for table, first in zip(tables, (at, at + 2), strict=True):
                table[word][numpy.ix_(anchor.codes(first + 1), anchor.codes(first))] |= numpy.uint64(1 << bit)
            for one in anchor.codes(at):
                for two in anchor.codes(at + 1):
                    self._anchors.setdefault(bytes((one, two)), []).append((anchor, at))
        self._pair, self._next = tables.reshape(2, len(tables[0]), -1)
        self._any = self._pair.any(axis=0)
        self._rest, self._least = numpy.zeros((2, 1 << 16), numpy.int8)
        for pair, windows in self._anchors.items():
            rest = {0 if anchor.far else len(anchor.data) - at for anchor, at in windows}
            self._rest[int.from_bytes(pair, "little")] = rest.pop() if len(rest) == 1 else 0
            least = min(8 if anchor.text.startswith("p") else 12 for anchor, _ in windows)
            self._least[int.from_bytes(pair, "little")] = least
        letters = map(chr, range(128))
        classes = [sum((c in has or more(c)) << i for i, (has, more) in enumerate(_CLASSES)) for c in letters]
        self._class = numpy.array(classes, numpy.uint8)

    def places(self, data: bytes) -> dict[Anchor, list[int]]:
        """Find each anchor in a text of ASCII; a name that prose goes on behind is left out."""
        found: dict[Anchor, list[int]] = {}
        pairs = self._numpy.frombuffer(data + bytes(3 * _AHEAD + len(data) % 2), "<u2")
        last = len(data) // 2 + 1
        for block in range(0, last, _BLOCK):
            at = block + self._numpy.flatnonzero(self._any.take(pairs[block : min(last, block + _BLOCK)]))
            for place in (2 * self._likely(pairs, at)).tolist():
                for anchor, offset in self._anchors[data[place : place + 2]]:
                    start = place - offset
                    there = data[start : start + len(anchor.data)] if start >= 0 else b""
                    if there == anchor.data or (not anchor.case and there.lower() == anchor.data):
                        found.setdefault(anchor, []).append(start)
        for starts in found.values():
            starts.sort()
        return found

    def _likely(self, pairs: Any, at: Any) -> Any:
        """Return those of the places where the next pair fits too, and no prose goes on behind the name."""
        numpy = self._numpy
        pair, after = pairs[at], pairs[at + 1]
        fits = numpy.zeros(len(at), bool)
        for one, two in zip(self._pair, self._next, strict=True):
            fits |= (one.take(pair) & two.take(after)) != 0
        at = at[fits]
        rest = self._rest.take(pairs[at])
        data = pairs.view(numpy.uint8)
        windows = numpy.lib.stride_tricks.as_strided(data, (len(data) - _AHEAD + 1, _AHEAD), (1, 1))
        ahead = self._class.take(windows[2 * at + rest])
        row, column = numpy.arange(len(at)), numpy.arange(_AHEAD)
        end = ((ahead & _WORD) == 0).argmax(axis=1)
        behind = column > end[:, None]
        next_one, word = ahead[row, end], ahead[row, numpy.minimum(end + 1, _AHEAD - 1)]
        prose = numpy.zeros(len(at), bool)
        for letters, most in ((_LETTER, _AHEAD), (_IN_VALUE, self._least.take(pairs[at]))):
            stop = (((ahead & letters) == 0) & behind).argmax(axis=1)
            length = stop - end - 1
            prose |= (
                (length > 0)
                & (length < most)
                & (ahead[row, stop] & _STOP > 0)
                & ((word & _KEY == 0) | ((length != 3) & (length != 6)))
            )
        prose &= next_one & _SPACE > 0
        named = (next_one & (_WORD | _VALUE) > 0) & ~prose
        return at[named | (rest == 0)]

    def _worth(self, anchor: Anchor, at: int) -> tuple[bool, bool, int]:
        """Order the pairs of an anchor: first those with another one behind them, then those of no other anchor."""
        pair = anchor.text[at : at + 2]
        common = sum(_COMMON.find(letter) for letter in pair.lower())
        return at + 3 >= len(anchor.data), pair.encode() in self._anchors, common
