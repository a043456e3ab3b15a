"""Threads that read log objects and queue batches of lines: many small objects go into one batch.

Opening files one by one is what makes engines slow on twenty thousand small logs; here an engine sees only large
batches. Memory is bounded by the queue.
"""

from __future__ import annotations

import datetime as dt
import itertools
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import AccessDenied, GtSecureError, LogError, NotFound
from .arrow import LineBatch
from .chunks import CHUNK, chunks
from .objects import LogObject, S3Object

if TYPE_CHECKING:
    from .records import RecordSink

BATCH = CHUNK


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a read is; totals are what listing has found so far."""

    objects: int
    bytes: int
    lines: int
    total_objects: int


@dataclass(slots=True)
class Failure:
    """An object that was named but not, or not wholly, read."""

    name: str
    why: str
    kind: str = "failed"  # vanished, denied, damaged or failed


@dataclass
class Tally:
    """What reading found, by object number; filled by the threads under a lock."""

    names: list[str] = field(default_factory=list)
    objects: list[LogObject] = field(default_factory=list)
    lines: int = 0
    bytes: int = 0
    read: int = 0
    empty: int = 0
    too_long: list[tuple[int, int]] = field(default_factory=list)
    not_utf8: int = 0
    failures: list[Failure] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    per_object: dict[int, int] = field(default_factory=dict)
    last_delivery: dt.datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Reader:
    """Iterator of :class:`LineBatch` over log objects.

    Parameters
    ----------
    objects : iterable of LogObject
        May be a listing that is still going on.
    sink : RecordSink
        Takes what is JSON and not lines.
    threads : int
        Readers at the same time.
    progress : callable, optional
        Called with :class:`Progress` from a reading thread, at most ten times a second.
    cancel : threading.Event, optional
        When set, reading stops with :class:`LogError`.
    """

    def __init__(
        self,
        objects: Iterable[LogObject],
        sink: RecordSink,
        *,
        threads: int | None = None,
        progress: Callable[[Progress], object] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.tally = Tally()
        self._objects = iter(objects)
        self._sink = sink
        self._progress, self._cancel = progress, cancel
        self._told = 0.0
        self._listing = threading.Lock()
        self._stop = threading.Event()
        self._threads = threads
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[LineBatch]:
        first = self._next_object()
        count = self._threads or (16 if first is not None and isinstance(first[1], S3Object) else 2)
        ready: queue.Queue[LineBatch | None] = queue.Queue(maxsize=count if count < 4 else 4)
        pool = [
            threading.Thread(target=self._work, args=(ready, first if i == 0 else None), daemon=True)
            for i in range(count if first is not None else 0)
        ]
        for thread in pool:
            thread.start()
        try:
            yield from self._drain(ready, len(pool))
        finally:
            self._stop.set()
            self._empty(ready, pool)
        if self._error is not None:
            raise self._error

    def _drain(self, ready: queue.Queue[LineBatch | None], working: int) -> Iterator[LineBatch]:
        while working:
            self._check_cancel()
            try:
                batch = ready.get(timeout=0.2)
            except queue.Empty:
                continue
            if batch is None:
                working -= 1
            else:
                yield batch

    def _empty(self, ready: queue.Queue[LineBatch | None], pool: list[threading.Thread]) -> None:
        while any(thread.is_alive() for thread in pool):
            try:
                ready.get(timeout=0.02)
            except queue.Empty:
                continue

    def _check_cancel(self) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise LogError("Reading the access logs was cancelled.", next_step="Start it again to read on.")

    def _next_object(self) -> tuple[int, LogObject] | None:
        with self._listing:
            item = next(self._objects, None)
            if item is None:
                return None
            with self.tally.lock:
                number = len(self.tally.names)
                self.tally.names.append(item.name)
                self.tally.objects.append(item)
            return number, item

    def _work(self, ready: queue.Queue[LineBatch | None], first: tuple[int, LogObject] | None) -> None:
        pack = _Pack()
        try:
            item = first or self._next_object()
            while item is not None and not self._stop.is_set():
                for batch in self._object(pack, *item):
                    self._put(ready, batch)
                item = self._next_object()
            if pack.size:
                self._put(ready, self._batch(pack))
        except BaseException as error:
            self._error = self._error or error
            self._stop.set()
        finally:
            ready.put(None)

    def _put(self, ready: queue.Queue[LineBatch | None], batch: LineBatch) -> None:
        while not self._stop.is_set():
            try:
                ready.put(batch, timeout=0.2)
            except queue.Full:
                continue
            return

    def _object(self, pack: _Pack, number: int, item: LogObject) -> Iterator[LineBatch]:
        size = 0
        try:
            with item.open() as stream:
                parts = chunks(stream)
                part = next(parts, None)
                if part is not None and part.data[:64].lstrip()[:1] in (b"{", b"["):
                    part, parts = self._sink.take(number, part, parts)
                while part is not None and not self._stop.is_set():
                    if part.skipped:
                        with self.tally.lock:
                            self.tally.too_long.append((number, part.start))
                    else:
                        pack.add(number, part.start, part.data)
                    size += len(part.data)
                    if pack.size >= BATCH:
                        yield self._batch(pack)
                    part = next(parts, None)
        except (GtSecureError, OSError, EOFError, zlib.error) as error:
            self._failed(number, item, error)
        except Exception as error:
            if not isinstance(error, _transport_errors()):
                raise
            self._failed(number, item, error)
        finally:
            with self.tally.lock:
                self.tally.bytes += size
                self.tally.read += number not in self.tally.failed
                self.tally.empty += not size and number not in self.tally.failed
                if item.delivered and (not self.tally.last_delivery or item.delivered > self.tally.last_delivery):
                    self.tally.last_delivery = item.delivered
            self._tell()

    def _batch(self, pack: _Pack) -> LineBatch:
        batch, not_utf8, per_object = pack.batch()
        with self.tally.lock:
            self.tally.lines += len(batch.source)
            self.tally.not_utf8 += not_utf8
            for number, count in per_object:
                self.tally.per_object[number] = self.tally.per_object.get(number, 0) + count
        self._tell()
        return batch

    def _failed(self, number: int, item: LogObject, error: BaseException) -> None:
        kind = "failed"
        if isinstance(error, (NotFound, FileNotFoundError)):
            kind = "vanished"
        elif isinstance(error, (AccessDenied, PermissionError)):
            kind = "denied"
        elif isinstance(error, (EOFError, zlib.error)):
            kind = "damaged"
        why = error.message if isinstance(error, GtSecureError) else f"{type(error).__name__}: {error}"
        with self.tally.lock:
            self.tally.failed.add(number)
            self.tally.failures.append(Failure(item.name, why[:300], kind))

    def _tell(self) -> None:
        now = time.monotonic()
        if self._progress is None or now - self._told < 0.1:
            return
        self._told = now
        tally = self.tally
        self._progress(Progress(tally.read, tally.bytes, tally.lines, len(tally.names)))


def _transport_errors() -> tuple[type[BaseException], ...]:
    """What a broken connection raises in the middle of a body; known only if botocore is in use."""
    import sys

    if "botocore" not in sys.modules:
        return ()
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


class _Pack:
    """Chunks of one or many objects on the way to one batch."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, int, bytearray]] = []
        self.size = 0

    def add(self, number: int, start: int, data: bytearray) -> None:
        self._parts.append((number, start, data))
        self.size += len(data)

    def batch(self) -> tuple[LineBatch, int, list[tuple[int, int]]]:
        """The batch, whether bytes had to be replaced, and how many lines are from which object; empties the pack."""
        import numpy as np

        parts, self._parts, self.size = self._parts, [], 0
        data = parts[0][2] if len(parts) == 1 else bytearray().join(data for _, _, data in parts)
        raw = np.frombuffer(data, dtype=np.uint8)
        newlines = np.flatnonzero(raw == 10)
        ends = np.empty(len(newlines) + 1, dtype=np.int64)
        ends[0] = 0
        ends[1:] = newlines + 1
        borders = np.cumsum([len(data) for _, _, data in parts])
        counts = np.diff(np.searchsorted(ends, borders), prepend=0)
        source = np.repeat(np.array([number for number, _, _ in parts], dtype=np.int32), counts)
        shift = np.repeat(
            np.array([start for _, start, _ in parts]) - (borders - [len(d) for _, _, d in parts]), counts
        )
        offset = ends[:-1] + shift
        # The parser wants neither newline nor carriage return; a blank at the end does no harm.
        returns = newlines[newlines > 0] - 1
        raw[returns[raw[returns] == 13]] = 32
        raw[newlines] = 32
        not_utf8 = 0
        if raw.size and raw.max() > 127:
            data, ends, not_utf8 = _utf8(data, raw, ends)
        per_object = [(number, int(count)) for (number, _, _), count in zip(parts, counts, strict=True)]
        return LineBatch(data, ends, source, offset), not_utf8, per_object


def _utf8(data: bytearray, raw: Any, ends: Any) -> tuple[Any, Any, int]:
    """Make text valid UTF-8: bytes that are not are written as ``\\xff``, so that nothing merges or vanishes."""
    import numpy as np

    suspect = np.unique(np.searchsorted(ends, np.flatnonzero(raw > 127), side="right") - 1)
    fixed = {int(i): text for i in suspect if (text := _repaired(bytes(raw[ends[i] : ends[i + 1]]))) is not None}
    if not fixed:
        return data, ends, 0
    lines = [fixed.get(i, raw[a:b]) for i, (a, b) in enumerate(itertools.pairwise(ends))]
    borders = np.zeros(len(lines) + 1, dtype=np.int64)
    np.cumsum([len(line) for line in lines], out=borders[1:])
    return bytearray().join(lines), borders, len(fixed)


def _repaired(line: bytes) -> bytes | None:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("utf-8", "backslashreplace").encode()
    return None
