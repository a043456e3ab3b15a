"""Log files unpacked, whatever is in them: gzip, Zstandard, our own export as Parquet, exports of
CloudWatch Logs.

Without what unpacks a file, the reader names it as not read
(:mod:`gt_secure.logs.ingest.neighbours`).
"""

from __future__ import annotations

import re
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeAlias

from ...base.budget import LIMITS
from ..sql.literals import literal
from ..sql.log_columns import EXTRA, FIELDS

ReadBytes: TypeAlias = Callable[[int], bytes]
HEAD = 64 << 10
"""Bytes read first, to see what a file is."""
_MOST_PACKED = 50
"""Bytes of a log for each byte of gzip: logs have 5 to 25, and a bomb has a thousand."""
_LINE = 100
"""Bytes that count for each line, in addition to its own: an empty line costs as much time as a
short record.
"""
_ZSTD, _PARQUET = b"\x28\xb5\x2f\xfd", b"PAR1"
_STAMP = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)? (?:[^ {]+ (?=\{))?"
_EXPORTED = re.compile(_STAMP + rb"(?:\{|[0-9a-f]{64} )")
"""A line of an export from CloudWatch Logs to S3, or of ``aws logs tail``: the time of the event,
the stream, and the message.
"""
_RETURNS = re.compile(rb'\r[^ "\r]+ +[^ "\r]+ +\[\d\d/[A-Z][a-z]{2}/\d{4}:')
"""A carriage return between two records: no header of HTTP holds one."""
_STAMPS = re.compile(rb"^" + _STAMP, re.MULTILINE)


def opened(stream: Any) -> tuple[bytes, Any, bool]:
    """Return the first bytes of a log, a stream of those that follow,
    and whether they come from our own export.
    """
    head, rest = unpacked(stream)
    if head.startswith(_ZSTD) and (open_zstd := zstd_opener()) is not None:
        head, rest = unpacked(_Joined(open_zstd(_Joined(rest.read, head))))
    if head.startswith(_PARQUET):
        rows = _rows_as_json(_Joined(rest.read, head))
        return (head, rest, False) if rows is None else (*unpacked(rows), True)
    if _EXPORTED.match(head):
        head, rest = unpacked(_Joined(_Messages(_Joined(rest.read, head)).read))
    if b"\n" not in head and _RETURNS.search(head):
        head, rest = head.replace(b"\r", b"\n"), _LineFeeds(rest)
    return head, rest, False


class _Joined:
    """A stream of bytes that were read already, and of those that follow."""

    closed = False

    def __init__(self, read: ReadBytes, head: bytes = b"") -> None:
        self._read, self._head = read, head

    def read(self, size: int = HEAD) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head or self._read(size)

    def close(self) -> None:
        """Do nothing: who opened the stream closes it."""


class _LineFeeds:
    """A stream of text whose lines end in carriage returns, with line feeds in their place."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readinto(self, buffer: Any) -> int:
        size = self._stream.readinto(buffer) or 0
        buffer[:size] = bytes(buffer[:size]).replace(b"\r", b"\n")
        return size


class _Messages:
    """The messages of an export, without their times; each chunk ends at a line."""

    def __init__(self, stream: _Joined) -> None:
        self._stream, self._ready, self._left = stream, b"", b""

    def read(self, size: int) -> bytes:
        while not self._ready:
            data = self._stream.read(HEAD)
            lines, end, self._left = (
                (self._left + data).rpartition(b"\n") if data else (self._left, b"", b"")
            )
            self._ready = _STAMPS.sub(b"", lines + end)
            if not data:
                break
        ready, self._ready = self._ready[:size], self._ready[size:]
        return ready


def zstd_opener() -> Callable[[Any], ReadBytes] | None:
    """Return what unpacks a stream of Zstandard: Python's own from 3.14 on, or pyarrow;
    None without either.
    """
    try:
        from compression.zstd import ZstdError, ZstdFile  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        try:
            import pyarrow
        except ImportError:
            return None
        return lambda stream: _guarded(
            pyarrow.CompressedInputStream(pyarrow.PythonFile(stream, "r"), "zstd").read, OSError
        )

    return lambda stream: _guarded(ZstdFile(stream).read, ZstdError)


def _guarded(read: ReadBytes, fault: type[Exception]) -> ReadBytes:
    """Return a read whose faults are those of damaged data; what was unpacked before is kept."""

    def read_on(size: int) -> bytes:
        try:
            return read(size)
        except fault as error:
            raise zlib.error(str(error)) from None

    return read_on


def _rows_as_json(stream: _Joined) -> Any:
    """Return the rows of our own export as JSON lines; None for any other Parquet file."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        packed, rows = Path(folder) / "rows.parquet", Path(folder) / "rows.json"
        with packed.open("wb") as file:
            while data := stream.read():
                file.write(data)
        names = ", ".join(f'"{name}"' for name in (*FIELDS, *EXTRA) if name != "endpoint")
        connection = duckdb.connect()
        try:
            table = connection.read_parquet(str(packed)).project(
                f'{names}, "endpoint" AS vpc_endpoint_id'
            )
            table.create_view("exported")
            connection.execute(f"COPY exported TO {literal(rows)} (FORMAT json)")
        except duckdb.Error:
            return None
        finally:
            connection.close()
        return rows.open("rb")


def unpacked(stream: Any) -> tuple[bytes, Any]:
    """The first bytes of a stream, gzip or plain, and a stream of those that follow,
    with ``read`` and ``readinto``.
    """
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
        """Read bytes, and count them."""
        data = self._stream.read(size)
        self._count(len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer, and count them."""
        size = self._stream.readinto(buffer) or 0
        self._count(size)
        return size


class _Gunzip(_Into):
    """Unpack gzip with many members; :class:`EOFError` if the last is cut,
    :class:`zlib.error` if one is damaged, or unpacks to more than a log can.
    """

    def __init__(self, stream: Any, head: bytes) -> None:
        self._stream, self._input = stream, head
        self._new, self._errors = _decompressor()
        self._unpack: Any = self._new()
        self._left = LIMITS["gzip"].size + _MOST_PACKED * len(head)

    def read(self, size: int = -1, /) -> bytes:
        while True:
            if self._unpack.eof:
                # Padding of zeros may follow a member; anything else is another member.
                rest = (self._unpack.unused_data or self._more()).lstrip(b"\0")
                if not rest:
                    return b""
                self._unpack, self._input = self._new(), rest
            data = self._input or getattr(self._unpack, "unconsumed_tail", b"") or self._more()
            self._input = b""
            if not data and getattr(self._unpack, "needs_input", True):
                raise EOFError("the gzip stream ends early")
            try:
                out: bytes = self._unpack.decompress(data, size)
            except self._errors as error:
                raise zlib.error(str(error)) from None
            self._left -= len(out) + _LINE * out.count(b"\n")
            if self._left < 0:
                raise zlib.error("it unpacks to more bytes or lines than a log of its size has")
            if out:
                return out

    def _more(self) -> bytes:
        data: bytes = self._stream.read(1 << 18)
        self._left += _MOST_PACKED * len(data)
        return data


def _decompressor() -> tuple[Callable[[], Any], type[Exception]]:
    """Return the maker of a decompressor,
    and the error that it raises where the data is damaged.
    """
    try:
        from isal import isal_zlib  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return lambda: zlib.decompressobj(wbits=31), zlib.error
    return lambda: isal_zlib.decompressobj(wbits=31), isal_zlib.error  # type: ignore[return-value, unused-ignore]
