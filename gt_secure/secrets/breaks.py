"""Joins what a separator breaks: a text with the same run of characters at each break.

What looks drawn by chance is looked up first, since most texts have none of it. Each run around it
that no secret has is left out in a copy of its surroundings, wherever it is the same, and the rules
are tried in the copies. What they find ends at the first break that does not fit the others. The
secret check of the JupyterLab extension does the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from itertools import pairwise
from typing import NamedTuple

_NEAR = 100
"""Letters within which four turns from one kind of letter to another look drawn by chance."""
_REACH = 240
"""Most letters between two breaks, and on each side of them that are copied."""
_LEAST = 8
"""Fewest letters between two breaks."""
_BESIDE = 32
"""Letters on each side of a break, up to the next one, in which turns are counted."""
_ROOM = 1 << 14
"""Letters that the copies of a text may have, plus half of those of the text."""
_EACH = 64
"""Letters of them that a secret costs which is known without them."""
_MARGIN = 12
"""Most signs at an end of a separator that a secret may have too."""
_SOFT = "+/_~.=&?:%-"
"""Signs that secrets and their names have: a separator has another one."""
_QUOTES = frozenset("\"'`")
_END = "\x00\n"
_LINE = re.compile("\n")
_NUMBER = re.compile("[ \\t]*[0-9]+")


class _Break(NamedTuple):
    start: int
    end: int
    loose: bool = False
    """True if what is beside it may be drawn by chance."""
    certain: bool = False
    """True if what is on both sides of it looks drawn by chance."""


class Copies:
    """Copies of parts of a text without separators, one behind the other,
    with the place of each letter.

    Parameters
    ----------
    text : str
    turns : list of int
        Where a letter is of another kind than the one behind it.
    gap : re.Pattern
        A run of characters that no secret has.
    ends : tuple of str
        What a separator may end with.
    found : int
        Number of secrets that are known in the text: each costs as much as some letters of copies.
    """

    def __init__(
        self, text: str, turns: list[int], gap: re.Pattern[str], ends: tuple[str, ...], found: int
    ) -> None:
        self._given = text
        room = len(text) // 2 + _ROOM - _EACH * found
        self._pieces: list[str] = []
        self._places = [0]
        self._starts: list[int] = []
        self._certain: list[bool] = []
        for start, end in _regions(turns) if room > 0 else ():
            region = max(0, start - _REACH), min(len(text), end + _NEAR + _REACH)
            breaks = _breaks(text, region, turns, gap, ends)
            for key in sorted(breaks, key=lambda each: -sum(at.certain for at in breaks[each])):
                if self._places[-1] < room:
                    for chosen in _choices(text, key, breaks[key]):
                        self._copy(chosen)
        self.text = "".join(self._pieces)

    def _copy(self, breaks: list[_Break]) -> None:
        """Add what is around some breaks, without them."""
        ends = [-3 * _REACH, *(each.end for each in breaks)]
        for each, before, after in zip(breaks, ends, [*breaks[1:], None], strict=False):
            if each.start - before > 2 * _REACH:
                self._add(_END, 0)
                before = max(0, before, each.start - _REACH)
                self._add(self._given[before : each.start], before)
            near = after and after.start - each.end <= 2 * _REACH
            stop = after.start if after and near else each.end + _REACH
            self._add(self._given[each.end : stop], each.end, certain=each.certain)
        self._add(_END, 0)

    def _add(self, piece: str, start: int, *, certain: bool = False) -> None:
        self._pieces.append(piece)
        self._starts.append(start)
        self._certain.append(certain)
        self._places.append(self._places[-1] + len(piece))

    def adds(self, match: re.Match[str]) -> bool:
        """Return whether a match in the copies may be more than its pattern finds in the text."""
        start, end = match.end(1), match.end()
        at = bisect_right(self._places, start)
        border = self._places[at]
        if border < end and (
            self._certain[at] or self._places[at + 1] < end or self._is_quoted(at - 1, start, end)
        ):
            return True
        whole = match.re.match(self._given, self._start(match.start()))
        if not whole or whole.end(1) != self._start(start):
            return True
        return whole.end() - whole.end(1) < min(border, end) - start

    def given(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of the copies is in the text, up to the first break at another width
        than the others.
        """
        first, last = bisect_right(self._places, start) - 1, bisect_left(self._places, end) - 1
        at = last
        if last > first + 1 and not self._is_quoted(first, start, end):
            at = self._last_of_one_width(first, last, start, end)
        end = min(end, self._places[at + 1])
        return self._start(start), self._starts[at] + end - self._places[at]

    def _start(self, at: int) -> int:
        """Return where a letter of the copies is in the text."""
        piece = bisect_right(self._places, at) - 1
        return self._starts[piece] + at - self._places[piece]

    def _is_quoted(self, piece: int, start: int, end: int) -> bool:
        """Return whether a part that begins in a piece is all that is between two quotes."""
        quote, after = self.text[start - 1 : start], self._starts[piece] + len(self._pieces[piece])
        return (
            quote in _QUOTES
            and quote == self.text[end : end + 1]
            and quote not in self._given[after : self._starts[piece + 1]]
        )

    def _last_of_one_width(self, first: int, last: int, start: int, end: int) -> int:
        """Return the last of some pieces before the first break at another width."""
        ends = [start, *self._places[first + 1 : last + 1], end]
        lengths = [max(map(len, self.text[a:b].split("\n"))) for a, b in pairwise(ends)]
        line = self._pieces[first].rpartition("\n")[2]
        [(width, _)] = Counter([len(line), *lengths[1:-1]]).most_common(1)
        for one, two in pairwise(lengths):
            if max(one, two) > width or not (self._certain[first + 1] or width in (one, two)):
                break
            first += 1
        return first


def _regions(turns: list[int]) -> list[list[int]]:
    """Return begin and end of what looks drawn by chance."""
    result: list[list[int]] = []
    for start, end in zip(turns, turns[3:], strict=False):
        if end - start <= _NEAR:
            if not result or start - result[-1][1] > 2 * _REACH:
                result.append([start, start])
            result[-1][1] = start
    return result


def _breaks(
    text: str,
    region: tuple[int, int],
    turns: list[int],
    gap: re.Pattern[str],
    ends: tuple[str, ...],
) -> dict[str, list[_Break]]:
    """Return the gaps of a region with one of some ends, by what they are: with and without the
    signs at their ends.
    """
    result: dict[str, list[_Break]] = defaultdict(list)
    spans = [*(match.span() for match in gap.finditer(text, *region)), (len(text), 0)]
    behind = 0
    for (start, end), (after, _) in pairwise(spans):
        before, behind = behind, end
        if start - before < _LEAST and after - end < _LEAST:
            continue
        places = [(start, end)]
        if text[start - 1 : start] in _SOFT or text[end : end + 1] in _SOFT:
            one, two = text[max(0, start - _MARGIN) : start], text[end : end + _MARGIN]
            wide = len(two) - len(two.lstrip(_SOFT)), len(one.rstrip(_SOFT)) - len(one)
            places += [(start + wide[1], end + wide[0])] * any(wide)
        places = [(a, b) for a, b in places if text.endswith(ends, a, b)]
        if not places:
            continue
        left = bisect_left(turns, start) - bisect_left(turns, max(before, start - _BESIDE))
        right = bisect_left(turns, min(after, end + _BESIDE)) - bisect_left(turns, end)
        loose = left + right >= 2
        certain = left + right >= 3 and left > 0 and right > 0
        for a, b in places:
            key = text[a:b]
            key = _NUMBER.sub("0", key) if "\n" in key else key  # a number of a line is any
            result[key].append(_Break(a, b, loose, certain))
    return result


def _choices(text: str, key: str, breaks: list[_Break]) -> list[list[_Break]]:
    """Return what may be left out together: all of it, and what is certain."""
    far = [two.start - one.end >= _LEAST for one, two in pairwise(breaks)]
    beside = zip(breaks, [True, *far], [*far, True], strict=True)
    breaks = [each for each, before, after in beside if before or after]
    if not any(each.loose for each in breaks):
        return []
    every = _evenly(text, key, breaks)
    if all(each.certain for each in breaks):
        return [every]
    certain = _evenly(text, key, [each for each in breaks if each.certain])
    same = [each.start for each in certain] == [each.start for each in every]
    return [every] if same else [every, certain]


def _ends(text: str, breaks: list[_Break]) -> set[int]:
    """Return where breaks end, and the lines near them."""
    ends, seen = {each.end for each in breaks}, 0
    for start, end, *_ in breaks:
        at = max(seen, start - _REACH)  # each line once
        while at := text.find("\n", at, end) + 1:
            ends.add(at)
        seen = end
    return ends


def _evenly(text: str, key: str, breaks: list[_Break]) -> list[_Break]:
    """Return some breaks, and where the same separator is again at their usual distance."""
    widths = Counter(two.start - one.end for one, two in pairwise(breaks))
    usual = [width for width, _ in widths.most_common() if _LEAST <= width <= _REACH]
    if not usual:
        return breaks
    separator = re.compile(re.escape(key).replace("0", _NUMBER.pattern))
    width, known = usual[0], {each.start: each for each in breaks}
    for at in {end + width for end in _ends(text, breaks)} - known.keys():
        while at not in known and (match := separator.match(text, at)):
            known[at] = _Break(*match.span())
            at = match.end() + width
    for at in {2 * start - end - width for start, end, *_ in breaks} - known.keys():
        while at >= 0 and at not in known and (match := separator.match(text, at)):
            known[at] = _Break(*match.span())
            at = 2 * at - match.end() - width
    return sorted(known.values())
