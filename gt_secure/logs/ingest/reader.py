"""Threads that read log objects and queue batches of lines: many small objects go into one batch.

Opening files one by one is what makes engines slow on twenty thousand small logs; here an engine
sees only large batches. Memory is bounded by the queue.
"""

from __future__ import annotations

import codecs
import contextlib
import datetime as dt
import gzip
import io
import os
import queue
import threading
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ...base.errors import AccessDenied, GtSecureError, NotFound
from ...base.shown import Shown
from ..read_progress import Progress
from ..storage.objects import SMALL, LogObject, S3Object, transport_errors
from .arrow_stream import LineBatch
from .batching import Buffers, Packed, Packer, buffer_size
from .converted import Metered, opened as unpacked_log
from .json_stream import Item, JsonStream, looks_like_json
from .neighbours import is_other_text, is_record, neighbour_file

if TYPE_CHECKING:
    from .json_records import RecordSink

Ready: TypeAlias = queue.Queue[LineBatch | None]
"""Batches that were read; None ends them."""
BATCH = 4 << 20
"""Bytes of a batch."""


@dataclass(slots=True)
class Failure(Shown):
    """An object that was named but not, or not wholly, read."""

    document = ("name", "kind", "why")

    name: str
    why: str
    kind: str = "failed"  # vanished, denied, damaged, not UTF-8 or failed


@dataclass
class Tally:
    """Result of reading, by object number; filled by the threads under a lock."""

    names: list[str] = field(default_factory=list)
    objects: list[LogObject] = field(default_factory=list)
    lines: int = 0
    bytes: int = 0
    read: int = 0
    empty: int = 0
    exports: int = 0  # files that gt_secure wrote itself
    too_long: list[tuple[int, int]] = field(default_factory=list)
    not_utf8: int = 0
    failures: list[Failure] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    unfinished: set[int] = field(default_factory=set)
    per_object: dict[int, int] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)  # neighbours of the logs, by kind
    last_delivery: dt.datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Reader:
    """Iterator of :class:`LineBatch` over log objects.

    ``progress`` is called with :class:`Progress` from a reading thread, at most ten times a second.
    ``tally.unfinished`` has the objects that a cancelled reader did not read to their end.
    """

    def __init__(
        self,
        objects: Sequence[LogObject],
        sink: RecordSink,
        *,
        threads: int | None = None,
        progress: Callable[[Progress], object] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.tally = Tally(names=[item.name for item in objects], objects=list(objects))
        self._upcoming = iter(enumerate(self.tally.objects))
        self._total_bytes = sum(item.size for item in objects)
        self._sink = sink
        self._progress, self._cancel = progress, cancel
        self._told = 0.0
        self._began = time.monotonic()
        self._seen = self._stored = 0  # bytes in batches, and bytes as stored
        self._stop = threading.Event()  # nobody takes batches any more
        self._halt = threading.Event()  # no more is to be read, but what was read is still taken
        self._threads = threads
        self._error: BaseException | None = None
        self._packers: queue.LifoQueue[Packer] = queue.LifoQueue()
        self._reading = 0  # threads that still take objects
        self._batches = self._read()

    def __iter__(self) -> Iterator[LineBatch]:
        return self

    def __next__(self) -> LineBatch:
        return next(self._batches)

    def close(self) -> None:
        """End the reading, and free its buffers."""
        self._stop.set()
        # A thread of the engine that failed may still take a batch: then this one cannot close.
        with contextlib.suppress(ValueError):
            self._batches.close()

    def _read(self) -> Generator[LineBatch]:
        """Read with few packers, whose buffers are large,
        and with a thread for each request to S3 that waits.
        """
        objects = self.tally.objects
        packing = self._threads or _thread_count(objects)
        fetching = (
            objects[0].most_requests if objects and isinstance(objects[0], S3Object) else packing
        )
        ready: Ready = queue.Queue(maxsize=min(packing, 4))
        buffers = Buffers(buffer_size(BATCH))
        for _ in range(packing if objects else 0):
            self._packers.put(
                Packer(lambda packed: self._put(ready, self._counted(packed)), buffers, self._ended)
            )
        self._reading = min(fetching, len(objects))
        pool = [
            threading.Thread(target=self._work, args=(ready,), daemon=True)
            for _ in range(self._reading)
        ]
        for thread in pool:
            thread.start()
        try:
            working = len(pool)
            while working:
                if self._cancel is not None and self._cancel.is_set():
                    self._halt.set()
                try:
                    batch = ready.get(timeout=0.2)
                except queue.Empty:
                    continue
                if batch is None:
                    working -= 1
                else:
                    yield batch
        finally:
            self._stop.set()
            # a thread that waits to hand over its lines ends only when they are taken
            while any(thread.is_alive() for thread in pool):
                with contextlib.suppress(queue.Empty):
                    ready.get(timeout=0.02)
            self.tally.unfinished.update(number for number, _ in self._upcoming)
        if self._error is not None:
            raise self._error

    @property
    def cancelled(self) -> bool:
        """Return whether reading stopped early because somebody asked for it."""
        return self._halt.is_set()

    @property
    def read_bytes(self) -> int:
        """Bytes that were read so far, after unpacking, or those of the objects where these are
        more.
        """
        return max(self.tally.bytes, self._seen, self._total_bytes)

    def _ended(self) -> bool:
        return self._stop.is_set() or self._halt.is_set()

    def _work(self, ready: Ready) -> None:
        try:
            while not self._ended():
                with self.tally.lock:
                    taken = next(self._upcoming, None)
                if taken is None:
                    break
                self._object(*taken)
            with self.tally.lock:
                self._reading -= 1
                last = not self._reading
            while last and not self._packers.empty():
                self._packers.get().flush()
        except BaseException as error:
            self._error = self._error or error
            self._stop.set()
        finally:
            ready.put(None)

    @contextlib.contextmanager
    def _packer(self) -> Iterator[Packer]:
        packer = self._packers.get()
        try:
            yield packer
        finally:
            self._packers.put(packer)

    def _put(self, ready: Ready, batch: LineBatch) -> None:
        while not self._stop.is_set():
            try:
                ready.put(batch, timeout=0.2)
            except queue.Full:
                continue
            return

    def _object(self, number: int, item: LogObject) -> None:
        size = 0

        def too_long(start: int) -> None:
            with self.tally.lock:
                self.tally.too_long.append((number, start))

        try:
            fetched = item.open() if item.size <= SMALL else None  # before it holds a packer
            with self._packer() as packer, fetched or item.open() as stream:
                stored = stream if self._progress is None else Metered(stream, self._take_stored)
                unpacked, rest, exported = unpacked_log(stored)
                with self.tally.lock:
                    self.tally.exports += exported
                head = unpacked.removeprefix(codecs.BOM_UTF8)
                mark = len(unpacked) - len(head)
                if is_other_text(head):
                    raise UnicodeError("the text is UTF-16 or UTF-32, not UTF-8")
                if is_record(head):
                    size = packer.read(number, rest, too_long, head, mark) + mark
                elif (kind := neighbour_file(head, item.name)) is not None:
                    size = self._left_out(number, kind, head)
                elif looks_like_json(head):
                    size = self._records(
                        packer, number, JsonStream(head, rest, self._ended, mark), too_long
                    )
                else:
                    size = packer.read(number, rest, too_long, head, mark) + mark
        except (GtSecureError, OSError, EOFError, UnicodeError, zlib.error) as error:
            self._failed(number, item, error)
        except Exception as error:
            if not isinstance(error, transport_errors()):
                raise
            self._failed(number, item, error)
        finally:
            with self.tally.lock:
                if self._ended():
                    self.tally.unfinished.add(number)
                self.tally.bytes += size
                self.tally.read += number not in self.tally.failed
                self.tally.empty += not size and number not in self.tally.failed
                if item.delivered and (
                    not self.tally.last_delivery or item.delivered > self.tally.last_delivery
                ):
                    self.tally.last_delivery = item.delivered
            self._tell()

    def _take_stored(self, size: int) -> None:
        with self.tally.lock:
            self._stored += size
        self._tell()

    def _left_out(self, number: int, kind: str, head: bytes) -> int:
        with self.tally.lock:
            self.tally.left_out[number] = kind
        return len(head)

    def _records(
        self, packer: Packer, number: int, items: JsonStream, too_long: Callable[[int], None]
    ) -> int:
        """Read an object that holds JSON; what is a line of text between the
        documents is read as one.
        """

        def line(item: Item) -> None:
            data = io.BytesIO((item.text or "").encode("utf-8", "surrogateescape"))
            packer.read(number, data, too_long, start=item.offset)

        self._sink.take(number, items, line)
        return items.size

    def _counted(self, packed: Packed) -> LineBatch:
        with self.tally.lock:
            self.tally.lines += len(packed.batch.source)
            self._seen += len(packed.batch.data)
            self.tally.not_utf8 += packed.not_utf8
            for number, count in packed.per_object:
                self.tally.per_object[number] = self.tally.per_object.get(number, 0) + count
        self._tell()
        return packed.batch

    def _failed(self, number: int, item: LogObject, error: BaseException) -> None:
        kind = "failed"
        if isinstance(error, (NotFound, FileNotFoundError)):
            kind = "vanished"
        elif isinstance(error, (AccessDenied, PermissionError)):
            kind = "denied"
        elif isinstance(error, (EOFError, zlib.error, gzip.BadGzipFile)):
            kind = "damaged"
        elif isinstance(error, UnicodeError):
            kind = "not UTF-8"
        why = (
            error.message
            if isinstance(error, GtSecureError)
            else f"{type(error).__name__}: {error}"
        )
        with self.tally.lock:
            self.tally.failed.add(number)
            self.tally.failures.append(Failure(item.name, why[:300], kind))

    def _tell(self) -> None:
        now = time.monotonic()
        if self._progress is None or now - self._told < 0.1:
            return
        self._told = now
        tally = self.tally
        self._progress(
            Progress(
                tally.read,
                max(tally.bytes, self._seen),
                tally.lines,
                len(tally.names),
                self._total_bytes,
                self._stored,
                now - self._began,
                listed=True,
            )
        )


def _thread_count(objects: Sequence[LogObject]) -> int:
    cores = os.cpu_count() or 2
    if objects and (isinstance(objects[0], S3Object) or objects[0].name.endswith(".gz")):
        return max(2, min(4, cores))
    return max(1, min(4, cores // 2))
