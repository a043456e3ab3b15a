"""Streams of lines packed into large batches: many small files share one batch, and bytes are read
where they stay.

A file is read straight into the batch's own buffer, and the buffer is used again when the engine
has let it go: copies and fresh memory cost as much as the reading itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from .arrow_stream import LineBatch

MAX_LINE = 4 << 20
"""A longer line is no record: S3 accepts at most some tens of kilobytes of client text."""
_ROOM = 64 << 10
"""A buffer with less room is handed on."""
_BLOCK = 256 << 10
"""Bytes that are searched for newlines at a time: they stay in the processor's cache."""


class Stream(Protocol):
    """Source of lines."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Read up to the size of the buffer; 0 at the end."""


@dataclass(slots=True)
class Packed:
    """A batch, and what of it is to be counted."""

    batch: LineBatch
    not_utf8: int
    per_object: list[tuple[int, int]]


class Buffers:
    """Buffers that are not in use, shared by all threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free: list[Any] = []

    def take(self) -> Any:
        """Return a free buffer, or a new one."""
        import numpy as np

        try:
            return self._free.pop()
        except IndexError:
            return np.empty(self.size, dtype=np.uint8)

    def give(self, buffer: Any) -> None:
        """Take a buffer back; nothing may read it any more."""
        self._free.append(buffer)


class Packer:
    """Fills batches with the lines of one stream after the other; belongs to one thread."""

    def __init__(
        self, put: Callable[[Packed], None], buffers: Buffers, stopped: Callable[[], bool]
    ) -> None:
        import numpy as np

        self._put, self._buffers, self._stopped = put, buffers, stopped
        self._scratch = np.empty(_BLOCK, dtype=bool)
        self._parts: list[
            tuple[int, int, int, int]
        ] = []  # object, offset in it, begin and end in the buffer
        self._new_buffer()

    def _new_buffer(self) -> None:
        self._buffer = self._buffers.take()
        self._view = memoryview(self._buffer)
        # room for the newline that a last line lacks
        self._used, self._limit = (
            0,
            len(self._buffer) - 1,
        )

    def read(
        self,
        number: int,
        stream: Stream,
        too_long: Callable[[int], None],
        head: bytes = b"",
        start: int = 0,
    ) -> int:
        """Read all lines of a stream; returns its bytes.

        ``head`` is what has been read of it, ``start`` the offset at which the stream starts;
        ``too_long`` gets the offset of each line that is longer than
        :data:`~gt_secure.logs.ingest.batching.MAX_LINE`.
        """
        if self._limit - self._used < len(head) + _ROOM:
            self.flush()
        begin, total, skipping = self._used, 0, False
        self._view[begin : begin + len(head)] = head
        self._used += len(head)
        got: int | None = len(head)
        try:
            while not self._stopped():
                total += got or 0
                if skipping:
                    skipping, start = self._skip(start)
                if self._limit - self._used < _ROOM:
                    begin, start, skipping = self._turn(number, begin, start, too_long)
                got = stream.readinto(self._view[self._used : self._limit])
                if not got:
                    break
                self._used += got
        except BaseException:
            # What was whole before the fault is kept.
            self._end(number, begin, start, self._last_newline(begin) + 1)
            raise
        if skipping:
            self._used = begin
        elif self._used > begin and self._buffer[self._used - 1] != 10:
            self._buffer[self._used] = 10
            self._used += 1
        self._end(number, begin, start, self._used)
        return total

    def flush(self) -> None:
        """Hand on what is packed so far."""
        if self._used:
            self._hand_on(self._used)
        self._parts = []

    def _end(self, number: int, begin: int, start: int, end: int) -> None:
        self._used = max(begin, end)
        if end > begin:
            self._parts.append((number, start, begin, end))

    def _turn(
        self, number: int, begin: int, start: int, too_long: Callable[[int], None]
    ) -> tuple[int, int, bool]:
        """Begin a new buffer with the line that is not whole yet; returns where it begins,
        here and in the stream.
        """
        cut = self._last_newline(begin) + 1
        if cut > begin:
            self._parts.append((number, start, begin, cut))
        elif not begin:
            too_long(start)
            start += self._used
            self._used = 0
            return 0, start, True
        else:
            cut = begin
        rest = bytes(self._view[cut : self._used])
        self._hand_on(cut)
        self._view[: len(rest)] = rest
        self._used = len(rest)
        return 0, start + cut - begin, False

    def _skip(self, start: int) -> tuple[bool, int]:
        found = bytes(self._view[: self._used]).find(b"\n") + 1
        rest = bytes(self._view[found : self._used]) if found else b""
        gone = self._used - len(rest)
        self._view[: len(rest)] = rest
        self._used = len(rest)
        return not found, start + gone

    def _last_newline(self, begin: int) -> int:
        end = self._used
        while end > begin:
            low = max(begin, end - _ROOM)
            found = bytes(self._view[low:end]).rfind(b"\n")
            if found >= 0:
                return low + found
            end = low
        return begin - 1

    def _hand_on(self, size: int) -> None:
        parts, self._parts = self._parts, []
        buffer, buffers = self._buffer, self._buffers
        packed = _packed(buffer, size, parts, self._scratch, lambda: buffers.give(buffer))
        self._new_buffer()
        self._put(packed)


def buffer_size(size: int) -> int:
    """Size of a buffer that takes ``size`` bytes, but no less than the longest line."""
    return max(size, MAX_LINE) + _ROOM + 1


def _packed(
    buffer: Any,
    size: int,
    parts: list[tuple[int, int, int, int]],
    scratch: Any,
    done: Callable[[], None],
) -> Packed:
    import numpy as np

    raw = buffer[:size]
    newlines, foreign = _newlines(raw, scratch)
    ends = np.empty(len(newlines) + 1, dtype=np.int64)
    ends[0] = 0
    np.add(newlines, 1, out=ends[1:])
    numbers, starts, begins, borders = (
        np.array(column, dtype=np.int64) for column in zip(*parts, strict=True)
    )
    counts = np.diff(np.searchsorted(ends, borders), prepend=0)
    source = np.repeat(numbers.astype(np.int32), counts)
    offset = ends[:-1] + np.repeat(starts - begins, counts)
    # The parser wants neither newline nor carriage return; a blank at the end does no harm.
    returns = newlines[newlines > 0] - 1
    raw[returns[raw[returns] == 13]] = 32
    raw[newlines] = 32
    per_object = list(zip(numbers.tolist(), counts.tolist(), strict=True))
    if foreign:
        fixed = _repaired_lines(raw, ends, foreign)
        if fixed:
            lines = [
                fixed.get(i, raw[a:b]) for i, (a, b) in enumerate(itertools.pairwise(ends.tolist()))
            ]
            borders = np.zeros(len(lines) + 1, dtype=np.int64)
            np.cumsum([len(line) for line in lines], out=borders[1:])
            data = bytearray().join(lines)
            done()
            return Packed(LineBatch(data, borders, source, offset), len(fixed), per_object)
    return Packed(LineBatch(raw, ends, source, offset, done), 0, per_object)


def _newlines(raw: Any, scratch: Any) -> tuple[Any, list[tuple[int, int]]]:
    import numpy as np

    found, foreign = [], []
    for at in range(0, len(raw), _BLOCK):
        block = raw[at : at + _BLOCK]
        here = np.equal(block, 10, out=scratch[: len(block)]).nonzero()[0]
        here += at
        found.append(here)
        if block.max() > 127:
            foreign.append((at, at + len(block)))
    return (np.concatenate(found) if found else np.empty(0, dtype=np.int64)), foreign


def _repaired_lines(raw: Any, ends: Any, blocks: list[tuple[int, int]]) -> dict[int, bytes]:
    """Lines that are no UTF-8: what is none is written as ``\\xff``,
    so that nothing merges or vanishes.
    """
    import numpy as np

    high = np.concatenate([(raw[low:end] > 127).nonzero()[0] + low for low, end in blocks])
    suspect = np.unique(np.searchsorted(ends, high, side="right") - 1).tolist()
    repaired = {}
    for number in suspect:
        line = bytes(raw[ends[number] : ends[number + 1]])
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            repaired[number] = line.decode("utf-8", "backslashreplace").encode()
    return repaired
