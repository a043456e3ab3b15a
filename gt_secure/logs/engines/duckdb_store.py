"""A DuckDB database on disk for one look at the logs: rows go in from a stream of lines, queries
come out.

Parsed rows are stored beside it as Parquet: that is written faster than a table, and the cache can
keep the same file. All is compressed, may be larger than memory, and is deleted with the object.
"""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import stat
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from ...base.errors import LogError
from ...base.shared_files import is_mine, open_regular
from ...base.text import Json, size_text
from ...base.url_journal import UrlJournal
from .. import activity
from ..ingest.arrow_stream import LineStream
from ..ingest.json_records import RecordSink
from ..ingest.reader import Reader
from ..sql.derived_columns import ODD_URI, Reads, derived, from_lines, masked
from ..sql.literals import literal
from ..sql.log_columns import COLUMNS, EXTRA, FIELDS, STORED, unknown_column
from ..sql.odd_lines import ONLY
from ..sql.viewers import Viewers

T = TypeVar("T")

MEMORY_LIMIT = "400MB"
"""Memory for reading and asking; beyond it, DuckDB writes to disk."""
_OLD_THREADS = 2
"""Threads of DuckDB before 2.0.1, which reserves so much for each of them that four
exceed the default limit.
"""
_SMALL = 50_000_000
"""Bytes of logs that need less memory than any limit: more is a fault of gt_secure."""
_ENGINE = 0.65
"""DuckDB's share of it. The other memory is Python's, of the buffers,
and what DuckDB does not count.
"""


_PREFIX = "gt-secure-logs-"
_FOLDERS: dict[Path, int] = {}
"""The folders of open stores, and the process that each belongs to: a fork has them all,
and only its own are its.
"""
_LOCK = "in-use"
_NOT_A_COLUMN = re.compile('Referenced column "(.+?)" not found')


class Store:
    """One temporary database; safe to use from several threads, one query at a time."""

    def __init__(
        self,
        memory_limit: str = MEMORY_LIMIT,
        test_urls: UrlJournal | None = None,
        viewers: Viewers | None = None,
    ) -> None:
        import duckdb

        self._memory_limit = memory_limit
        self.test_urls = test_urls or UrlJournal()
        self.viewers = viewers
        self.stored: Collection[str] = STORED
        """The columns of its rows that are not NULL."""
        self.read_bytes: Callable[[], int] | None = None
        """Return the bytes that were read into it; None where another engine read the logs."""
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._process = _FOLDERS[self.folder] = os.getpid()
        # A lock that ends with this process; named only when locked, or a sweep would find it free.
        unnamed = self.folder / f"{_LOCK}.new"
        held = unnamed.open("w+b")
        if _locked(held):
            unnamed.rename(self.folder / _LOCK)
        config: Json = {
            "memory_limit": _of_engine(memory_limit),
            "temp_directory": str(self.folder / "spill"),
            "autoinstall_known_extensions": "false",
            "preserve_insertion_order": "false",
        }
        self._connection = duckdb.connect(str(self.folder / "hits.duckdb"), config=config)
        if tuple(map(int, duckdb.__version__.split(".")[:3])) < (2, 0, 1):
            self._connection.execute(f"SET threads = {min(os.cpu_count() or 1, _OLD_THREADS)}")
        # in a notebook it would show a widget
        self._connection.execute("SET enable_progress_bar_print = false")
        self._connection.execute("SET enable_progress_bar = true")
        self._lock = threading.RLock()
        self._names = 0
        self._finalizer = weakref.finalize(self, _discard, self._connection, self.folder, held)

    def close(self) -> None:
        """Close the database and remove its files."""
        with self._lock:
            self._finalizer()

    def share_done(self) -> float | None:
        """Return the share of the running query that is done, 0 to 1, from any thread;
        None where it is not known.
        """
        import duckdb

        try:
            done = float(self._connection.query_progress())
        except duckdb.Error:  # closed in the meantime
            return None
        return done / 100 if 0 <= done <= 100 else None

    def new_name(self, stem: str) -> str:
        """Return a name for a table that no other table has."""
        with self._lock:
            self._names += 1
            return f"{stem}_{self._names}"

    def query(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement that can be cancelled, and return its rows."""
        with self._our_errors(), self._lock, activity.statement(self.share_done) as stops:
            return run_interruptible(
                lambda: self._connection.execute(sql, list(parameters)).fetchall(),
                self._connection.interrupt,
                stops,
            )

    def frame(self, sql: str) -> Any:
        """Run a statement that can be cancelled, and return its rows as a pandas frame."""
        with self._our_errors(), self._lock, activity.statement(self.share_done) as stops:
            return run_interruptible(
                lambda: self._connection.execute(sql).df(), self._connection.interrupt, stops
            )

    def arrow_stream(self, sql: str, requested_schema: object) -> object:
        """Return the rows of a query as a stream of Arrow,
        which lives on while other statements run.
        """
        name = self.new_name("stream")
        self.query(f"CREATE TABLE {name} AS {sql}")  # a cursor sees no temporary table
        with self._our_errors(), self._lock:
            stream: object = (
                self._connection.cursor().table(name).__arrow_c_stream__(requested_schema)
            )
            self._connection.execute(f"DROP TABLE {name}")
        return stream

    @contextlib.contextmanager
    def _our_errors(self) -> Iterator[None]:
        import duckdb

        if os.getpid() != self._process:
            raise LogError(
                "These logs were read before this process was forked, and can be asked only where"
                " they were read.",
                next_step="Read them in this process, or ask for a frame before the fork.",
            )
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            raise self._too_much_memory(duckdb.__version__) from error
        except duckdb.BinderException as error:  # of a condition that a person wrote
            name = _NOT_A_COLUMN.search(str(error))
            if name is None:
                raise
            raise unknown_column(name[1], COLUMNS, "condition") from error

    def _too_much_memory(self, version: str) -> LogError:
        """Return the error for a question that does not fit;
        small logs always fit, so that one about them is to be reported.
        """
        size = _SMALL if self.read_bytes is None else self.read_bytes()
        text = f"This question needs more memory than {self._memory_limit}"
        if size < _SMALL:
            return LogError(
                f"{text}, although the logs that were read have only {size_text(size)}.",
                next_step=(
                    f"Report this as a fault of gt_secure with DuckDB {version}. Until it is fixed,"
                    " read with a larger memory_limit (for example memory_limit='2GB')."
                ),
            )
        return LogError(
            f"{text}.",
            next_step=(
                "Read with a larger memory_limit (for example memory_limit='2GB'), or a shorter"
                " time range."
            ),
        )

    def run_on(self, reader: Reader, sql: str) -> None:
        """Run one statement over the lines of a reader, as relation ``lines_in``;
        raises what the reader raised.
        """
        import duckdb

        stream = LineStream(iter(reader))

        def stop() -> None:
            stream.stop()
            self._connection.interrupt()

        with self._lock, self._read_from(stream):
            try:
                run_interruptible(lambda: self._connection.execute(sql), stop)
            except duckdb.Error as error:
                if stream.error is not None:
                    raise stream.error from None
                if isinstance(error, duckdb.OutOfMemoryException):
                    with self._our_errors():
                        raise
                raise LogError(
                    f"DuckDB could not read the logs: {str(error).splitlines()[0][:200]}",
                    next_step=(
                        "Read a shorter time range; if it goes on, report it with the DuckDB"
                        " version."
                    ),
                ) from error
            finally:
                stream.close()

    @contextlib.contextmanager
    def _read_from(self, stream: LineStream) -> Iterator[None]:
        self._connection.register("lines_in", stream)
        try:
            yield
        finally:
            self._connection.unregister("lines_in")

    def write_lines(
        self,
        reader: Reader,
        path: Path,
        reads: Reads = "once",
    ) -> None:
        """Parse the lines of a reader into a Parquet file."""
        process = os.getpid()
        # most processes read once, and planning ahead takes longer
        if process not in _PLANNED or reads != "once" or self.stored is not STORED:
            _PLANNED.setdefault(process, [])
            self.run_on(reader, _write_lines(path, reads, self.stored))
            return
        spare = _PLANNED[process]
        parser = _free(spare) or _Planned(self._memory_limit)
        parser.read_bytes = self.read_bytes
        try:
            parser.write(reader, path, self._memory_limit)
        except BaseException:
            parser.close()
            raise
        parser.read_bytes = None  # else it would keep the question, and its files, until the next
        if spare:
            parser.close()
        else:
            spare.append(parser)

    def add_readings(self, read_again: Callable[[str], object], path: Path) -> None:
        """Add the other readings of odd lines to the file of :meth:`write_lines`."""
        others, both = (self.folder / f"{name}.parquet" for name in ("others", "both"))
        read_again(_write_lines(others, "other", self.stored))
        names = ", ".join(literal(each) for each in (path, others))
        self.query(copied(f"FROM read_parquet([{names}])", both))
        both.replace(path)


def _of_engine(memory_limit: str) -> str:
    number, unit = re.findall("[0-9.]+|[A-Za-z]+", memory_limit)
    return f"{float(number) * _ENGINE:f}{unit}"


class _Planned(Store):
    """A database that has planned the reading of lines: planning takes ten times as long as reading
    a few lines.

    DuckDB plans a prepared statement again if it reads a table, a view or a file, but not if it
    reads a Python object.
    """

    def __init__(self, memory_limit: str) -> None:
        super().__init__(memory_limit)
        self._file = self.folder / "lines.parquet"
        lines_in = _Lines()
        # finds lines_in by its name
        self._connection.execute(f"PREPARE reading AS {_write_lines(self._file)}")
        self._lines = lines_in

    def write(self, reader: Reader, path: Path, memory_limit: str) -> None:
        self._connection.execute(f"SET memory_limit = {literal(_of_engine(memory_limit))}")
        self._memory_limit = memory_limit
        self.run_on(reader, "EXECUTE reading")
        shutil.move(self._file, path)

    @contextlib.contextmanager
    def _read_from(self, stream: LineStream) -> Iterator[None]:
        self._lines.now = stream
        yield
        self._lines.now = _NOTHING


_PLANNED: dict[int, list[_Planned]] = {}
"""At most one free database for each process: DuckDB's threads do not survive a fork."""
_NOTHING = LineStream(iter(()))


def _free(spare: list[_Planned]) -> _Planned | None:
    try:
        found = spare.pop()
    except IndexError:  # none, or another thread was faster
        return None
    if found.folder.exists():
        return found
    found.close()  # somebody has cleaned up
    return None


class _Lines:
    """A stream of lines that is replaced before each run of a statement."""

    now = _NOTHING

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.now.__arrow_c_stream__(requested_schema)


_GROUP = 40_960
"""Rows in a row group: larger ones are buffered in memory by every thread."""
_DICTIONARY = 200
"""Maximum number of values in a row group's dictionary:
most columns have either few values or only distinct ones.
"""
_PARQUET = (
    f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_GROUP}, DICTIONARY_SIZE_LIMIT"
    f" {_DICTIONARY}"
)

_READ_ONCE = _PARQUET.replace("zstd", "snappy")
"""Form of rows that are read once: in less time. Smaller groups would take less room in a buffer,
and more in a large log, because all of them are described in memory at its end."""


def _write_lines(path: Path, reads: Reads = "once", stored: Collection[str] = STORED) -> str:
    return _write(path, derived(from_lines("lines_in", reads=reads), stored=stored), stored)


def write_records(path: Path, records: RecordSink, stored: Collection[str] = STORED) -> str:
    """Return the statement that writes records and derived columns to a Parquet file."""
    return _write(path, derived(from_records(records), stored=stored), stored)


def rows_of(paths: Iterable[Path]) -> str:
    """SELECT of the rows in Parquet files, without blank lines."""
    names = ", ".join(literal(path) for path in paths)
    return f"SELECT * FROM read_parquet([{names}]) WHERE readable IS NOT NULL"


def from_records(records: RecordSink) -> str:
    """Return a SELECT over the records in a file of JSON lines."""
    kinds = {
        "source": "INTEGER",
        "pos": "BIGINT",
        "readable": "BOOLEAN",
        "line": "VARCHAR",
        **FIELDS,
        **EXTRA,
    }
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
    return (
        f"SELECT *, {ONLY} AS reading, false AS blank FROM read_json({literal(records.path)}, "
        f"format='newline_delimited', columns={{{columns}}}, maximum_object_size={records.longest})"
    )


def copied(rows: str, path: Path) -> str:
    """Return the statement that writes rows to a Parquet file of ours."""
    return f"COPY ({rows}) TO {literal(path)} ({_PARQUET})"


def _write(path: Path, rows: str, stored: Collection[str]) -> str:
    """Return the statement that writes rows into a file; of a line in doubt,
    a sample without secrets. Columns that are not stored are NULL.
    """
    # A blank line is marked, not left out: a condition on rows this wide costs more than the row.
    state = "CASE WHEN blank THEN NULL ELSE readable END"
    sample = (
        f"CASE WHEN readable AND reading = {ONLY} THEN NULL ELSE"
        f" {masked('substr(line, 1, 160)')} END"
    )
    kept = {*stored} | ({"request_uri"} if ODD_URI in stored else set())
    columns = ", ".join(
        f'"{name}"' if name in kept else f'CAST(NULL AS {kind}) AS "{name}"'
        for name, kind in STORED.items()
    )
    picks = (
        f"source, pos, CAST(reading AS TINYINT) AS reading, {state} AS readable, {sample} AS"
        f" sample, {columns}"
    )
    written = copied(f"SELECT {picks} FROM ({rows})", path)
    return written if stored is STORED else written.replace(_PARQUET, _READ_ONCE)


def _discard(connection: Any, folder: Path, held: IO[bytes]) -> None:
    import duckdb

    if _FOLDERS.get(folder) != os.getpid():
        # In a fork DuckDB has no threads, and ending it there crashes. The object gets a reference
        # that nobody drops.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        return
    # after an interrupt a call may still be ending, and closes it then
    with contextlib.suppress(duckdb.Error):
        connection.interrupt()
        connection.close()
    shutil.rmtree(folder, ignore_errors=True)
    del _FOLDERS[folder]
    held.close()


def discard_all() -> None:
    """Delete the folders of this process's stores, for a process that is about to end."""
    for folder in [each for each, process in _FOLDERS.items() if process == os.getpid()]:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> int:
    """Remove what readers that were killed left behind, unpacked log rows among it;
    returns how many folders.
    """
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            with _open_own(folder) as lock:
                if _locked(lock):
                    shutil.rmtree(folder, ignore_errors=True)
                    removed += not folder.exists()
        except OSError:  # somebody else's, or only just made
            continue
    return removed


def _open_own(folder: Path) -> IO[bytes]:
    """Open the lock of a folder that this user made: links are not followed,
    and pipes are not waited for.
    """
    held = folder.lstat()
    file = os.fdopen(open_regular(folder / _LOCK, os.O_RDONLY), "rb")
    if not (is_mine(held) and is_mine(os.fstat(file.fileno())) and stat.S_ISDIR(held.st_mode)):
        file.close()
        raise PermissionError(f"{folder} is not private")
    return file


def _locked(lock: IO[bytes]) -> bool:
    """Take a lock, if nobody has it; where the system has none, nothing is ever swept."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


_LOOK_S = 0.05
_GRACE_S = 0.6
"""Seconds that an interrupted call may take to end before the interrupt goes on without it."""


def run_interruptible(
    call: Callable[[], T], stop: Callable[[], object], cancel: threading.Event | None = None
) -> T:
    """Return what a call returns; on Ctrl-C tell it to stop, and raise KeyboardInterrupt.

    ``stop`` makes the call end soon. It is called repeatedly after Ctrl-C and once ``cancel`` is
    set: DuckDB forgets an interrupt that comes before the statement has begun. The call must not
    need the main thread.
    """
    if cancel is None and threading.current_thread() is not threading.main_thread():
        return call()
    results: list[Any] = []
    errors = []
    done = threading.Event()

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    try:
        threading.Thread(target=work, name="gt-secure-query", daemon=True).start()
        while not done.wait(_LOOK_S):
            if cancel is not None and cancel.is_set():
                stop()
    except KeyboardInterrupt:
        ends = time.monotonic() + _GRACE_S
        stop()
        while not done.wait(_LOOK_S) and time.monotonic() < ends:
            stop()
        raise
    if errors:
        raise errors[0]
    result: T = results[0]
    return result
