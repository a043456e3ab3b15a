"""Finds anchors in a long text with numpy: looks up pairs of letters,
then the anchors where one of their pairs is.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
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
"""Classes of letters: of names, of words, of values, spaces, what is between a name and its value,
what ends a word of prose, and what "access" and "key" begin with."""

_TURNS = [
    bytes(
        c.islower() * lower + c.isupper() * upper + c.isdigit() * digit
        for c in map(chr, range(128))
    )
    + bytes(128)
    for lower, upper, digit in ((1, 2, 4), (4, 5, 3))
]
"""What a letter is, and what it turns from: two of them are a turn if they share a bit."""


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
        return (
            [ord(letter)]
            if self.case or not letter.isalpha()
            else [ord(letter), ord(letter.upper())]
        )


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
        windows, numbers = _windows(anchors)
        self._anchors = {
            pair: [windows[number] for number in each] for pair, each in numbers.items()
        }
        self._pair = numpy.zeros(1 << 16, numpy.uint16)
        for i, pair in enumerate(numbers, 1):
            self._pair[int.from_bytes(pair, "little")] = i
        self._any = self._pair > 0
        self._next, self._follows = _followers(windows, numbers, numpy)
        self._rest, self._least = numpy.zeros((2, 1 << 16), numpy.int8)
        for pair, ends in self._anchors.items():
            rest = {0 if anchor.far else len(anchor.data) - at for anchor, at in ends}
            self._rest[int.from_bytes(pair, "little")] = rest.pop() if len(rest) == 1 else 0
            least = min(8 if anchor.text.startswith("p") else 12 for anchor, _ in ends)
            self._least[int.from_bytes(pair, "little")] = least
        letters = map(chr, range(128))
        classes = [
            sum((c in has or more(c)) << i for i, (has, more) in enumerate(_CLASSES))
            for c in letters
        ]
        self._class = numpy.array(classes, numpy.uint8)

    def places(self, data: bytes) -> dict[Anchor, list[int]]:
        """Find each anchor in a text of ASCII; a name that prose follows is left out."""
        found: dict[Anchor, list[int]] = {}
        pairs = self._numpy.frombuffer(data, "<u2", len(data) // 2)
        for block in range(0, len(pairs), _BLOCK):
            at = block + self._numpy.flatnonzero(self._any.take(pairs[block : block + _BLOCK]))
            for place in (2 * self._likely(pairs, at)).tolist():
                for anchor, offset in self._anchors[data[place : place + 2]]:
                    start = place - offset
                    there = data[start : start + len(anchor.data)] if start >= 0 else b""
                    if there == anchor.data or (not anchor.case and there.lower() == anchor.data):
                        found.setdefault(anchor, []).append(start)
        for starts in found.values():
            starts.sort()
        return found

    def turns(self, text: str) -> list[int]:
        """Return where a letter is of another kind than the one behind it, but for the first
        letters of words.
        """
        data = text.encode("ascii", "replace")
        kinds = [self._numpy.frombuffer(data.translate(each), self._numpy.uint8) for each in _TURNS]
        return self._numpy.flatnonzero(kinds[0][:-1] & kinds[1][1:]).tolist()  # type: ignore[no-any-return]

    def _likely(self, pairs: Any, at: Any) -> Any:
        """Return those of the places where the next pair fits too,
        and no prose follows the name.
        """
        numpy = self._numpy
        at, last = numpy.split(at, [numpy.searchsorted(at, len(pairs) - 2 * _AHEAD)])
        if not len(at):
            return last
        at = at[self._follows[self._pair.take(pairs[at]), self._next.take(pairs[at + 1])]]
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
        return numpy.concatenate((at[named | (rest == 0)], last))


_Windows = list[tuple[Anchor, int]]
"""Anchors, each with the place of the pair by which it is looked up."""


def _windows(anchors: Sequence[Anchor]) -> tuple[_Windows, dict[bytes, list[int]]]:
    """Return the rarest pair of each anchor at an even and at an odd place,
    and the numbers of windows by pair.
    """
    windows: _Windows = []
    numbers: dict[bytes, list[int]] = {}
    long = sorted(
        (anchor for anchor in anchors if len(anchor.data) > 1), key=lambda anchor: not anchor.far
    )
    for anchor, odd in ((anchor, odd) for anchor in long for odd in (0, 1)):
        at = min(range(odd, len(anchor.data) - 1, 2), key=lambda i: _worth(anchor, i, numbers))
        for one in anchor.codes(at):
            for two in anchor.codes(at + 1):
                numbers.setdefault(bytes((one, two)), []).append(len(windows))
        windows.append((anchor, at))
    return windows, numbers


def _followers(windows: _Windows, numbers: dict[bytes, list[int]], numpy: Any) -> tuple[Any, Any]:
    """Return the class of each pair of letters,
    and the classes that may follow each pair of an anchor.
    """
    behind = numpy.zeros((2, len(windows), 256), bool)
    for number, (anchor, at) in enumerate(windows):
        behind[0, number, anchor.codes(at + 2)] = behind[1, number, anchor.codes(at + 3)] = True
    (ones, one_of), (twos, two_of) = (
        numpy.unique(each, axis=1, return_inverse=True) for each in behind
    )
    classes = (
        numpy.add.outer(two_of.ravel() * ones.shape[1], one_of.ravel()).ravel().astype(numpy.uint16)
    )
    both = (twos[:, :, None] & ones[:, None]).reshape(len(windows), -1)
    return classes, numpy.array([both[each].any(axis=0) for each in ([], *numbers.values())])


def _worth(anchor: Anchor, at: int, used: Container[bytes]) -> tuple[bool, bool, int]:
    """Return a key that sorts an anchor's pairs: first those before another pair,
    then those of no other anchor.
    """
    pair = anchor.text[at : at + 2]
    common = sum(_COMMON.find(letter) for letter in pair.lower())
    return at + 3 >= len(anchor.data), pair.encode() in used, common
