"""Parsed log objects kept on disk as Parquet, by bucket, key and ETag: a second look reads only
what is new.

Each read adds one Parquet file for all its new objects, and an index records the place of each
object. Secrets were masked before. The oldest files go when the limit is passed.

The cache is optional: whatever is wrong with it, the logs are read without it, and a note says so.
"""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ...base.shared_files import is_mine
from ..sql.log_columns import STORED
from ..sql.odd_lines import OTHER
from .objects import LogObject, ObjectIdentity, S3Object
from .pages import PAGE

if TYPE_CHECKING:
    from ..engines.duckdb_store import Store
    from ..ingest.json_records import RecordSink
    from ..ingest.reader import Tally

LIMIT_BYTES = 2 << 30
_VERSION = 10
"""Raised when parsing changes: what older versions kept is then read again."""


@dataclass(frozen=True, slots=True)
class CacheState:
    """Contents of the cache; ``bytes`` on disk."""

    folder: str
    objects: int
    files: int
    bytes: int
    limit_bytes: int


def _default_folder() -> Path:
    named = os.environ.get("GT_SECURE_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gt_secure" / "logs"


CacheLike: TypeAlias = "bool | str | Path | Cache"
"""A cache, its folder, or whether there is one."""


def open_cache(given: CacheLike) -> Cache | None:
    """Return the cache that a person means: True is the default folder,
    a path another, False none.
    """
    if isinstance(given, Cache):
        return given
    if isinstance(given, bool):
        return Cache() if given else None
    return Cache(Path(given).expanduser())


class Cache:
    """The cache in one folder, of ``limit_bytes`` on disk at most: the least recently used files
    are removed.

    Only what was fetched from S3 is kept. ``notes`` say what was wrong with the cache in the last
    read.
    """

    def __init__(self, folder: str | Path | None = None, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = Path(folder) if folder is not None else _default_folder()
        self.limit_bytes = limit_bytes
        self._found: dict[
            int, tuple[str, int]
        ] = {}  # place in the list of cached objects -> file, number in it
        self._counts: list[tuple[int, int]] = []  # lines and blank lines of cached objects
        self.notes: list[str] = []
        self._off = False

    @contextlib.contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_private(self.folder, stat.S_ISDIR)
        for name in ("index.sqlite", "index.sqlite-journal", "index.sqlite-wal"):
            _check_private(self.folder / name, stat.S_ISREG)
        connection = sqlite3.connect(self.folder / "index.sqlite", timeout=10)
        try:
            with connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS objects (bucket TEXT, key TEXT, etag TEXT, version"
                    " INT, file TEXT, number INT, lines INT, blank INT, PRIMARY KEY (bucket, key,"
                    " etag, version))"
                )
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS files (file TEXT PRIMARY KEY, bytes INT, used REAL)"
                )
                yield connection
        finally:
            connection.close()

    def split(self, objects: Sequence[LogObject]) -> tuple[list[LogObject], list[LogObject]]:
        """Return the objects that are not in the cache, and those that are."""
        self._found, self._counts, self.notes, self._off = {}, [], [], False
        missing = []
        cached: list[LogObject] = []
        known, present = self._known() if objects else ({}, set())
        for item in objects:
            place = known.get(item.identity) if isinstance(item, S3Object) else None
            if place is None or place[0] not in present:
                missing.append(item)
                continue
            self._found[len(cached)] = place[:2]
            self._counts.append(place[2:])
            cached.append(item)
        return missing, cached

    def borders(self, bucket: str, prefix: str) -> list[str]:
        """Keys under a prefix that were read before, as many apart as a page of a listing holds."""
        with contextlib.suppress(OSError, sqlite3.Error), self._index() as index:
            # Not the last of them: what was added since follows it.
            rows = index.execute(
                "SELECT key FROM (SELECT key, row_number() OVER (ORDER BY key) AS place FROM"
                " objects WHERE bucket = ? AND version = ? AND substr(key, 1, ?) = ?) WHERE place %"
                " ? = 0 ORDER BY key",
                (bucket, _VERSION, len(prefix), prefix, PAGE),
            ).fetchall()
            return [key for (key,) in rows]
        return []

    def _known(self) -> tuple[dict[ObjectIdentity, tuple[str, int, int, int]], set[str]]:
        try:
            with self._index() as index:
                known = {
                    (bucket, key, etag): (file, number, lines, blank)
                    for bucket, key, etag, file, number, lines, blank in index.execute(
                        "SELECT bucket, key, etag, file, number, lines, blank FROM objects WHERE"
                        " version = ?",
                        (_VERSION,),
                    )
                }
                sizes = dict(index.execute("SELECT file, bytes FROM files").fetchall())
                needed = {row[0] for row in known.values()}
                present = {file for file in needed if _whole(self.folder / file, sizes.get(file))}
                for file in needed - present:
                    self._remove(index, file)
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)
            return {}, set()
        return known, present

    def _give_up(self, error: Exception) -> None:
        """Go on without the cache; an index that is no database is dropped with its files."""
        self._off = True
        self.notes.append(
            f"The cache in {self.folder} was not used ({error}). The logs were read without it."
        )
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        ):
            with contextlib.suppress(OSError):
                self.clear()

    def keep(
        self,
        store: Store,
        lines_file: Path,
        records_file: Path | None,
        tally: Tally,
        sink: RecordSink,
    ) -> int:
        """Keep the Parquet files of lines and JSON records; returns the number of objects kept.

        An object that was not read whole is not found in them later.
        """
        if self._off:
            return 0
        made: list[str] = []
        try:
            return self._keep(
                store,
                ((lines_file, tally.per_object), (records_file, sink.per_object)),
                tally,
                made,
            )
        except (
            BaseException
        ) as error:  # an interrupt too must leave no file that the index does not name
            for file in made:
                with contextlib.suppress(OSError):
                    (self.folder / file).unlink()
            if not isinstance(error, (OSError, sqlite3.Error)):
                raise
            self._give_up(error)
            return 0

    def _keep(
        self,
        store: Store,
        parts: tuple[tuple[Path | None, dict[int, int]], ...],
        tally: Tally,
        files: list[str],
    ) -> int:
        (lines_file, _), (_, in_records) = parts
        bad = (
            tally.failed
            | tally.unfinished
            | set(tally.left_out)
            | {source for source, _ in tally.too_long}
        )
        whole = [
            i for i, item in enumerate(tally.objects) if i not in bad and isinstance(item, S3Object)
        ]
        if not whole:
            return 0
        from ..engines.duckdb_store import rows_of

        with self._index() as index:
            for path, counts in parts:
                # An empty object is in no file: any will do.
                here = [
                    i for i in whole if i in counts or (path is lines_file and i not in in_records)
                ]
                if path is None or not here:
                    continue
                rows = dict(
                    store.query(
                        f"SELECT source, count(*) FROM ({rows_of([path])}) WHERE reading < {OTHER}"
                        " GROUP BY source"
                    )
                )
                file = f"{uuid.uuid4().hex}.parquet"
                files.append(file)
                self._take(path, file)
                entries = []
                for number in here:
                    lines, identity = (
                        counts.get(number, 0),
                        tally.objects[number].identity or ("", "", ""),
                    )
                    entries.append(
                        (*identity, _VERSION, file, number, lines, lines - rows.get(number, 0))
                    )
                index.executemany(
                    "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)", entries
                )
                size = (self.folder / file).stat().st_size
                index.execute("INSERT INTO files VALUES (?, ?, ?)", (file, size, time.time()))
                self._shrink(index, keep=file)
        return len(whole)

    def _take(self, path: Path, file: str) -> None:
        """A second name for a file, in the cache's folder; a copy, where that is another disk."""
        path.chmod(0o600)
        try:
            (self.folder / file).hardlink_to(path)
        except OSError:
            shutil.copy2(path, self.folder / file)

    def _shrink(self, index: sqlite3.Connection, keep: str) -> None:
        files = index.execute("SELECT file, bytes FROM files ORDER BY used DESC").fetchall()
        total = 0
        for file, size in files:
            total += size
            if total > self.limit_bytes and file != keep:
                self._remove(index, file)

    def _remove(self, index: sqlite3.Connection, file: str) -> None:
        index.execute("DELETE FROM objects WHERE file = ?", (file,))
        index.execute("DELETE FROM files WHERE file = ?", (file,))
        (self.folder / file).unlink(missing_ok=True)

    def with_cached(
        self, store: Store, relation: str, cached: list[LogObject], first: int
    ) -> tuple[str, int, int]:
        """Return the rows of a relation and of the cached objects, numbered from ``first``, with
        the lines and blank lines of those.
        """
        if not cached:
            return relation, 0, 0
        from ..engines.duckdb_store import rows_of
        from ..sql.group_by import lookup_table

        names = ", ".join(("reading", "readable", "sample", *(f'"{c}"' for c in STORED)))
        parts, files = (
            [relation] if relation else [],
            sorted({file for file, _ in self._found.values()}),
        )
        for file in files:
            numbers = {number: first + i for i, (f, number) in self._found.items() if f == file}
            # A table, because every query over these rows would read a list of thousands of numbers
            # again.
            table = lookup_table(
                store,
                "cached",
                {"was": list(numbers), "now": list(numbers.values())},
                {"was": "INTEGER", "now": "INTEGER"},
            )
            parts.append(
                f"SELECT place.now AS source, pos, {names} FROM ({rows_of([self.folder / file])}) r"
                f" JOIN {table} place ON r.source = place.was"
            )
        with contextlib.suppress(OSError, sqlite3.Error), self._index() as index:
            index.executemany(
                "UPDATE files SET used = ? WHERE file = ?", [(time.time(), f) for f in files]
            )
        return (
            " UNION ALL BY NAME ".join(f"({part})" for part in parts),
            sum(lines for lines, _ in self._counts),
            sum(blank for _, blank in self._counts),
        )

    def state(self) -> CacheState:
        """Return the contents of the cache."""
        objects = files = size = 0
        if (self.folder / "index.sqlite").exists():
            with contextlib.suppress(OSError, sqlite3.Error), self._index() as index:
                objects = index.execute("SELECT count(*) FROM objects").fetchone()[0]
                files, size = index.execute(
                    "SELECT count(*), coalesce(sum(bytes), 0) FROM files"
                ).fetchone()
        return CacheState(str(self.folder), objects, files, size, self.limit_bytes)

    def clear(self) -> int:
        """Remove index and files, whatever state they are in; returns the bytes of rows freed,
        or raises OSError.
        """
        if not (self.folder / "index.sqlite").exists():
            return 0
        freed = 0
        for path in (*self.folder.glob("*.parquet"), *self.folder.glob("index.sqlite*")):
            size = path.stat().st_size
            path.unlink(missing_ok=True)
            freed += size if path.suffix == ".parquet" else 0
        return freed


def _check_private(path: Path, kind: Callable[[int], bool]) -> None:
    """Refuse a link, another kind of file, another user's, and one that everybody may write."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if kind is stat.S_ISDIR and stat.S_ISLNK(found.st_mode) and is_mine(found):
        found = path.stat()
    if not kind(found.st_mode) or not is_mine(found) or found.st_mode & stat.S_IWOTH:
        raise PermissionError(f"{path.name} is not private to you")


def _whole(path: Path, size: int | None) -> bool:
    try:
        _check_private(path, stat.S_ISREG)
        with path.open("rb") as file:
            begin = file.read(4)
            file.seek(-4, os.SEEK_END)
            return path.stat().st_size == size and begin == file.read(4) == b"PAR1"
    except OSError:
        return False
