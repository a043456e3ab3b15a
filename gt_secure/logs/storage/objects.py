"""Log files and objects: their location, and how to open one."""

from __future__ import annotations

import datetime as dt
import glob
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, cast, runtime_checkable

from ...errors import NotFound
from .native import NativeBucket, native_bucket
from .pages import before_parse
from .resumable_body import ResumingBody

SMALL = 8 << 20
"""Bytes up to which an object is fetched whole before it is read."""


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
    def identity(self) -> tuple[str, str, str] | None:
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
        """Time of the last write of the file, UTC."""
        return dt.datetime.fromtimestamp(self.modified_ns / 1e9, dt.UTC).replace(tzinfo=None)

    @property
    def identity(self) -> tuple[str, str, str] | None:
        """The path, and size and time of change in place of an ETag."""
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
    identity: tuple[str, str, str] | None = None

    def open(self) -> IO[bytes]:
        """The stream itself."""
        return self.stream if self.stream is not None else sys.stdin.buffer


@dataclass(frozen=True)
class S3Object:
    """An object in a log bucket."""

    client: Any = field(repr=False, compare=False)
    bucket: str
    key: str
    etag: str
    size: int
    delivered: dt.datetime | None = None

    @property
    def name(self) -> str:
        """The ``s3://`` address."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def identity(self) -> tuple[str, str, str] | None:
        """Bucket, key and ETag."""
        return self.bucket, self.key, self.etag

    @property
    def most_requests(self) -> int:
        """Requests at a time that its client can do."""
        if native_bucket(self.client, self.bucket) is not None:
            return 128
        config = getattr(getattr(self.client, "meta", None), "config", None)
        return min(32, getattr(config, "max_pool_connections", 16))

    def open(self) -> IO[bytes]:
        """Fetch the object; a small one at once, so that its connection is free again."""
        native = native_bucket(self.client, self.bucket)
        if self.size > SMALL:
            return cast("IO[bytes]", ResumingBody(lambda start: self._body(start, native), self.size))
        data = None if native is None else native.whole(self.key, self.etag, self.size)
        return io.BytesIO(ResumingBody(self._body, self.size).read() if data is None else data)

    def _body(self, start: int, native: NativeBucket | None = None) -> Any:
        from ...aws.arns import bucket_arn, client_partition
        from ...aws.client import aws_errors

        if native is not None and not start and (body := native.body(self.key, self.etag)) is not None:
            return body
        # The rest must be of the same content.
        rest = {"Range": f"bytes={start}-", "IfMatch": f'"{self.etag}"'} if start else {}
        with (
            aws_errors("s3:GetObject", bucket_arn(client_partition(self.client), self.bucket, self.key)),
            before_parse(self.client, "GetObject", _drop_date),
        ):
            answer = self.client.get_object(Bucket=self.bucket, Key=self.key, **rest)
        if not answer.get("ETag"):  # a page of a proxy: S3 names the version of what it sends
            raise ConnectionError("the response is not from S3")
        return answer["Body"]


def _drop_date(response: dict[str, Any]) -> None:
    """Leave out the date of an object, which botocore takes a twentieth of the processor time to read."""
    response["headers"].pop("last-modified", None)


def local_files(pattern: str) -> list[LocalFile]:
    """Files of a path, a folder (with all below it) or a glob, in the order of their names.

    Raises
    ------
    NotFound
        If nothing is there.
    """
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
        found = [_local(name) for name in names if Path(name).is_file() and not Path(name).name.startswith(".")]
    else:
        raise NotFound(f'There is no file or folder "{pattern}".', next_step="Check the path of the access logs.")
    if not found:
        raise NotFound(f'No log files in "{pattern}".', next_step="Check the folder, or the pattern of the names.")
    return found


def _below(folder: str) -> Iterator[LocalFile]:
    """Files in a folder and all below it; one call for a folder and one for a file are all it takes."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            if entry.is_dir(follow_symlinks=False):
                try:
                    yield from _below(entry.path)
                except OSError:
                    yield LocalFile(entry.path, 0)  # reading it will fail, and its name will be told
            elif not entry.name.startswith(".") and entry.is_file():
                stat = entry.stat()
                yield LocalFile(entry.path, stat.st_size, stat.st_mtime_ns)


def _unreadable(name: str, error: OSError) -> NotFound:
    return NotFound(f'"{name}" cannot be read: {error.strerror}.', next_step="Check the permissions.")


def _local(name: str) -> LocalFile:
    try:
        stat = os.stat(name)  # noqa: PTH116
    except OSError as error:
        raise _unreadable(name, error) from error
    return LocalFile(name, stat.st_size, stat.st_mtime_ns)
