"""Bytes of one log file as chunks of whole lines, whatever is in the file."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

CHUNK = 4 << 20
"""Bytes read at a time."""
MAX_LINE = 4 << 20
"""A longer line is no record: S3 takes at most some tens of kilobytes of client text."""


@dataclass
class Chunk:
    """Whole lines at ``start`` in the (unpacked) file, each with its newline; or a line too long to read."""

    data: Any
    start: int
    skipped: bool = False


def chunks(stream: IO[bytes]) -> Iterator[Chunk]:
    """Cut a stream, gzip or plain, at newlines; a last line without one gets it."""
    read = _reader(stream)
    carry, start, skipping = b"", 0, False
    while block := read(CHUNK):
        if skipping:
            first = block.find(b"\n") + 1
            start += first or len(block)
            if not first:
                continue
            skipping, block = False, block[first:]
        data = bytearray(carry)
        data += block
        cut = data.rfind(b"\n") + 1
        carry = bytes(memoryview(data)[cut:])
        if cut:
            del data[cut:]
            yield Chunk(data, start)
            start += cut
        if len(carry) > MAX_LINE:
            yield Chunk(b"", start, skipped=True)
            start, carry, skipping = start + len(carry), b"", True
    if carry:
        yield Chunk(bytearray(carry + b"\n"), start)


def _reader(stream: IO[bytes]) -> Callable[[int], bytes]:
    head = _read(stream, 2)
    if head == b"\x1f\x8b":
        return _Gunzip(stream, head).read
    return _Ahead(stream, head).read


def _read(stream: IO[bytes], size: int) -> bytes:
    """Read up to ``size`` bytes; pipes give less at a time."""
    parts, missing = [], size
    while missing:
        part = stream.read(missing)
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Ahead:
    """A stream of which the first bytes have been read already."""

    def __init__(self, stream: IO[bytes], head: bytes) -> None:
        self._stream, self._head = stream, head

    def read(self, size: int) -> bytes:
        head, self._head = self._head, b""
        more = self._stream.read(size)
        return head + more if head else more


class _Gunzip:
    """Unpack gzip with many members; ends with :class:`EOFError` if the last is cut.

    isal unpacks about four times as fast as zlib, where it is installed.
    """

    def __init__(self, stream: IO[bytes], head: bytes) -> None:
        self._stream, self._input = stream, head
        self._new = _decompressor()
        self._unpack: Any = self._new()
        self._members = 0

    def read(self, size: int) -> bytes:
        while True:
            if self._unpack.eof:
                # Padding of zeros may follow a member; anything else is another member.
                rest = (self._unpack.unused_data or self._stream.read(1 << 16)).lstrip(b"\0")
                if not rest:
                    return b""
                self._unpack, self._input = self._new(), rest
            data = self._input or getattr(self._unpack, "unconsumed_tail", b"") or self._stream.read(1 << 18)
            self._input = b""
            if not data and getattr(self._unpack, "needs_input", True):
                raise EOFError("the gzip stream ends early")
            out: bytes = self._unpack.decompress(data, size)
            if out:
                return out


def _decompressor() -> Callable[[], Any]:
    try:
        from isal import isal_zlib  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return lambda: zlib.decompressobj(wbits=31)
    return lambda: isal_zlib.decompressobj(wbits=31)
