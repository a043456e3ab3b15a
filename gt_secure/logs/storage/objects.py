"""Log files and objects: their location, and how to open one."""

from __future__ import annotations

import datetime as dt
import glob
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias, cast, runtime_checkable

from ...base.errors import GtSecureError, NotFound, Throttled
from .opener import Opener

SMALL = 1 << 20
"""Bytes up to which an object is fetched whole before it is read:
as many are held as there are requests.
"""

ObjectIdentity: TypeAlias = tuple[str, str, str]
"""Bucket, key and version of the content."""


@runtime_checkable
class LogObject(Protocol):
    """One file or object with log records."""

    @property
    def name(self) -> str:
        """Name in reports."""

    @property
    def size(self) -> int:
        """Bytes, packed."""

    @property
    def delivered(self) -> dt.datetime | None:
        """Time of the last write, UTC."""

    @property
    def identity(self) -> ObjectIdentity | None:
        """Bucket, key and version of the content, for the cache; None if it cannot be cached."""

    def open(self) -> IO[bytes]:
        """Open for reading; raises an error of ours or OSError."""


@dataclass(frozen=True)
class LocalFile:
    """A file on disk."""

    name: str
    size: int
    modified_ns: int = 0

    @property
    def delivered(self) -> dt.datetime | None:
        """The time of the last change, in UTC."""
        return dt.datetime.fromtimestamp(self.modified_ns / 1e9, dt.UTC).replace(tzinfo=None)

    @property
    def identity(self) -> ObjectIdentity | None:
        """Path, size and time of the file, by which the cache knows it."""
        return "", os.path.abspath(self.name), f"{self.size}-{self.modified_ns}"  # noqa: PTH100 - there may be many

    def open(self) -> IO[bytes]:
        """Open the file unbuffered: reads are large."""
        return open(self.name, "rb", buffering=0)  # noqa: PTH123 - a Path for each of many files costs time


@dataclass
class StandardInput:
    """The process's standard input, or any binary stream, read once."""

    stream: IO[bytes] | None = None
    name: str = "-"
    size: int = 0
    delivered: dt.datetime | None = None
    identity: ObjectIdentity | None = None

    def open(self) -> IO[bytes]:
        """Return the stream of bytes."""
        return self.stream if self.stream is not None else sys.stdin.buffer


@dataclass(frozen=True)
class S3Object:
    """An object in a log bucket."""

    opener: Opener = field(repr=False, compare=False)
    bucket: str
    key: str
    etag: str
    size: int
    delivered: dt.datetime | None = None

    @property
    def name(self) -> str:
        """The ``s3://`` location of the object."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def identity(self) -> ObjectIdentity:
        """Bucket, key and ETag, by which the cache knows the object."""
        return self.bucket, self.key, self.etag

    @property
    def most_requests(self) -> int:
        """The number of simultaneous requests that the client can make."""
        return self.opener.most_requests(self.bucket)

    def open(self) -> IO[bytes]:
        """Fetch the object; a small one at once, so that its connection is free again."""
        if self.size > SMALL:
            return cast("IO[bytes]", ResumingBody(self._body, self.size))
        first = [self.size]

        def body(start: int) -> Any:
            return self._body(start, first.pop() if first else None)

        return io.BytesIO(ResumingBody(body, self.size).read())

    def _body(self, start: int, size: int | None = None) -> Any:
        return self.opener.get_body(self.bucket, self.key, self.etag, start, size)


ATTEMPTS = 4
"""Connections for one object; boto3 repeats a request, but not one whose body breaks off."""


class ResumingBody(io.RawIOBase):
    """A body that is asked for when it is read, and again from where it broke, or where S3 was
    throttling.

    Fewer bytes than ``size`` are a break too.
    """

    def __init__(self, get: Callable[[int], Any], size: int) -> None:
        super().__init__()
        self._get, self._size = get, size
        self._at, self._left = 0, ATTEMPTS - 1
        self._body: Any = None

    def readable(self) -> bool:
        """Return True, as the body can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read bytes; a connection that breaks is opened again where it ended."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        while True:
            try:
                if self._body is None:
                    self._body = self._get(self._at)
                data: bytes = self._body.read(size)
                if data or not size or self._at >= self._size:
                    self._at += len(data)
                    return data
                raise EOFError(f"the connection ended after {self._at:,} of {self._size:,} bytes")
            except Exception as error:
                throttled = isinstance(error, Throttled)
                broke = isinstance(error, (OSError, EOFError, *transport_errors()))
                if not throttled and (isinstance(error, GtSecureError) or not broke):
                    raise
                if self._at >= self._size > 0:  # all of it came, whatever the response promised
                    return b""
                if not self._left:
                    raise
                self._pause(0.5 if throttled else 0.1)

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer, and return their number."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the body and its connection."""
        super().close()
        if self._body is not None:
            self._body.close()

    def _pause(self, first_s: float) -> None:
        if self._body is not None:
            self._body.close()
        time.sleep(first_s * 2 ** (ATTEMPTS - 1 - self._left))
        self._left -= 1
        self._body = None


def transport_errors() -> tuple[type[BaseException], ...]:
    """Return the errors that a broken connection raises in the middle of a body;
    known only if botocore is in use.
    """
    if "botocore" not in sys.modules:
        return ()
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


def local_files(pattern: str) -> list[LocalFile]:
    """Return the files at a path, in a folder or of a glob pattern."""
    path = Path(pattern).expanduser()
    if path.is_dir():
        try:
            found = list(_below(str(path)))
        except OSError as error:
            raise _unreadable(str(path), error) from error
    elif path.exists():
        return [_local(str(path))]
    elif glob.has_magic(pattern):
        names = sorted(glob.iglob(str(path), recursive=True))  # noqa: PTH207 - absolute patterns
        found = [
            _local(name)
            for name in names
            if Path(name).is_file() and not Path(name).name.startswith(".")
        ]
    else:
        raise NotFound(
            f'There is no file or folder "{pattern}".',
            next_step="Check the path of the access logs.",
            details={"field": "logs"},
        )
    if not found:
        raise NotFound(
            f'No log files in "{pattern}".',
            next_step="Check the folder, or the pattern of the names.",
        )
    return found


def _below(folder: str) -> Iterator[LocalFile]:
    """Files in a folder and all below it;
    one call for a folder and one for a file are all it takes.
    """
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            if entry.is_dir(follow_symlinks=False):
                try:
                    yield from _below(entry.path)
                except OSError:
                    # reading it will fail, and its name will be told
                    yield LocalFile(entry.path, 0)
            elif not entry.name.startswith(".") and entry.is_file():
                stat = entry.stat()
                yield LocalFile(entry.path, stat.st_size, stat.st_mtime_ns)


def _unreadable(name: str, error: OSError) -> NotFound:
    return NotFound(
        f'"{name}" cannot be read: {error.strerror}.', next_step="Check the permissions."
    )


def _local(name: str) -> LocalFile:
    try:
        stat = os.stat(name)  # noqa: PTH116
    except OSError as error:
        raise _unreadable(name, error) from error
    return LocalFile(name, stat.st_size, stat.st_mtime_ns)
