"""Logs inside other files: Zstandard, our own export of rows as Parquet, and exports of CloudWatch Logs.

Without what unpacks a file, the reader names it as not read (:mod:`gt_secure.logs.ingest.neighbours`).
"""

from __future__ import annotations

import re
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..sql.columns import EXTRA, FIELDS
from .chunks import HEAD, unpacked

_ZSTD, _PARQUET = b"\x28\xb5\x2f\xfd", b"PAR1"
_STAMP = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
_EXPORTED = re.compile(_STAMP + rb"(?:\{|[0-9a-f]{64} )")
"""A line of an export from CloudWatch Logs to S3: the time of the event, and its message."""
_STAMPS = re.compile(rb"^" + _STAMP, re.MULTILINE)


def opened(stream: Any) -> tuple[bytes, Any, bool]:
    """Return the first bytes of a log, a stream of those that follow, and whether they come from our own export."""
    head, rest = unpacked(stream)
    if head.startswith(_ZSTD) and (open_zstd := zstd_opener()) is not None:
        head, rest = unpacked(_Joined(open_zstd(_Joined(rest.read, head))))
    if head.startswith(_PARQUET):
        rows = _rows_as_json(_Joined(rest.read, head))
        return (head, rest, False) if rows is None else (*unpacked(rows), True)
    if _EXPORTED.match(head):
        head, rest = unpacked(_Joined(_Messages(_Joined(rest.read, head)).read))
    return head, rest, False


class _Joined:
    """A stream of bytes that were read already, and of those that follow."""

    closed = False

    def __init__(self, read: Callable[[int], bytes], head: bytes = b"") -> None:
        self._read, self._head = read, head

    def read(self, size: int = HEAD) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head or self._read(size)


class _Messages:
    """The messages of an export, without their times; each chunk ends at a line."""

    def __init__(self, stream: _Joined) -> None:
        self._stream, self._ready, self._left = stream, b"", b""

    def read(self, size: int) -> bytes:
        while not self._ready:
            data = self._stream.read(HEAD)
            lines, end, self._left = (self._left + data).rpartition(b"\n") if data else (self._left, b"", b"")
            self._ready = _STAMPS.sub(b"", lines + end)
            if not data:
                break
        ready, self._ready = self._ready[:size], self._ready[size:]
        return ready


def zstd_opener() -> Callable[[Any], Callable[[int], bytes]] | None:
    """Return what unpacks a stream of Zstandard: Python's own from 3.14 on, or pyarrow; None without either."""
    try:
        from compression.zstd import ZstdError, ZstdFile  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        try:
            import pyarrow
        except ImportError:
            return None
        return lambda stream: pyarrow.CompressedInputStream(pyarrow.PythonFile(stream, "r"), "zstd").read

    def reader(stream: Any) -> Callable[[int], bytes]:
        file = ZstdFile(stream)

        def read(size: int) -> bytes:
            try:
                data: bytes = file.read(size)
            except ZstdError as error:
                raise zlib.error(str(error)) from None
            return data

        return read

    return reader


def _rows_as_json(stream: _Joined) -> Any:
    """Return the rows of our own export as JSON lines; None for any other Parquet file."""
    import duckdb

    from ..engines.duckdb_store import literal  # which reads with the reader that imports this module

    with tempfile.TemporaryDirectory() as folder:
        packed, rows = Path(folder) / "rows.parquet", Path(folder) / "rows.json"
        with packed.open("wb") as file:
            while data := stream.read():
                file.write(data)
        names = ", ".join(f'"{name}"' for name in (*FIELDS, *EXTRA) if name != "endpoint")
        connection = duckdb.connect()
        try:
            table = connection.read_parquet(str(packed)).project(f'{names}, "endpoint" AS vpc_endpoint_id')
            table.create_view("exported")
            connection.execute(f"COPY exported TO {literal(rows)} (FORMAT json)")
        except duckdb.Error:
            return None
        finally:
            connection.close()
        return rows.open("rb")
