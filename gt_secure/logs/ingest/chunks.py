"""Log files unpacked, whatever is in them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import IO, Any

CHUNK = 4 << 20
"""Bytes read at a time."""
HEAD = 64 << 10
"""Bytes read first, to see what a file is."""
MAX_LINE = 4 << 20
"""A longer line is no record: S3 accepts at most some tens of kilobytes of client text."""


def unpacked(stream: Any) -> tuple[bytes, Any]:
    """The first bytes of a stream, gzip or plain, and a stream of those that follow, with ``read`` and ``readinto``."""
    head = stream.read(HEAD)
    while head and len(head) < 2 and (more := stream.read(HEAD)):
        head += more
    if head[:2] == b"\x1f\x8b":
        gunzip = _Gunzip(stream, head)
        return gunzip.read(HEAD), gunzip
    return head, stream if hasattr(stream, "readinto") else _Into(stream)


class _Into:
    """``readinto`` for a stream that has only ``read``."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.read = stream.read

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Metered:
    """A stream that reports how many bytes are read from it."""

    def __init__(self, stream: IO[bytes], count: Callable[[int], None]) -> None:
        self._stream = stream if hasattr(stream, "readinto") else _Into(stream)
        self._count = count

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        self._count(len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        size = self._stream.readinto(buffer) or 0
        self._count(size)
        return size


class _Gunzip:
    """Unpack gzip with many members; :class:`EOFError` if the last is cut, :class:`zlib.error` if one is damaged."""

    def __init__(self, stream: Any, head: bytes) -> None:
        self._stream, self._input = stream, head
        self._new, self._errors = _decompressor()
        self._unpack: Any = self._new()
        self._members = 0

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

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
            try:
                out: bytes = self._unpack.decompress(data, size)
            except self._errors as error:
                raise zlib.error(str(error)) from None
            if out:
                return out


def _decompressor() -> tuple[Callable[[], Any], type[Exception]]:
    """Return the maker of a decompressor, and the error that it raises where the data is damaged."""
    try:
        from isal import isal_zlib  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return lambda: zlib.decompressobj(wbits=31), zlib.error
    return lambda: isal_zlib.decompressobj(wbits=31), isal_zlib.error  # type: ignore[return-value, unused-ignore]
