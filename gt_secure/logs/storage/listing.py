"""Sources of access logs: files, and objects in S3 by the target of a bucket, both key layouts and
bounds of time.

Sources: Amazon S3 User Guide, *Logging requests with server access logging* (key formats,
best-effort delivery), and Amazon S3 API Reference, *PartitionedPrefix*. A file delivered at *t* may
hold any earlier record, so that keys are pruned with a margin and rows are filtered by their own
time afterwards.
"""

from __future__ import annotations

import datetime as dt
import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ...base.errors import GtSecureError, InvalidInput, LogError, refuse_url
from ...base.text import Json, count
from ..location import LogLocation
from .objects import LocalFile, LogObject, S3Object, StandardInput, local_files
from .opener import Opener, opener_of
from .pages import chain, parallel_pages

LogLayout = Literal["simple", "partitioned", "unknown"]
Borders = Callable[[str, str], Sequence[str]]
"""From a bucket and a prefix to keys in their order."""
_Listed = Callable[[str], Iterator[LogObject]]
"""From an ``s3://`` address to the objects there in the range of time."""

LATE = dt.timedelta(days=2)
"""Margin after ``until`` in which late files are still looked for;
less than 0.001 % of rows were seen later.
"""

_STAMP = r"(\d{4})-(\d\d)-(\d\d)-\d\d-\d\d-\d\d-"
_SIMPLE = re.compile(_STAMP)
_DAY = re.compile(r"(\d{4})/(\d\d)/(\d\d)/")
_FOLDERS = 200
_RANGES = 50


def find_logs(aws: Opener | Any, bucket: str) -> LogLocation:
    """Ask where the server access logs of a bucket are delivered.

    Raises
    ------
    LogError
        If server access logging is off.
    NotFound
        If there is no such bucket.
    AccessDenied
        Without ``s3:GetBucketLogging``.
    """
    found = opener_of(aws).log_target(bucket)
    if found is None:
        raise LogError(
            f"Server access logging of {bucket} is off, so nobody knows who opened its objects.",
            next_step=(
                "Turn it on (s3:PutBucketLogging) with a log bucket of the same account and region;"
                " the first records arrive after some hours."
            ),
            details={"bucket": bucket},
        )
    return found


def refuse_data(aws: Opener | Any, sources: Sequence[str], lines: int, unreadable: int) -> None:
    """Raise InvalidInput for a data bucket in place of its log: it has a log,
    and holds no record.
    """
    if not lines or unreadable < lines or len(sources) != 1 or not sources[0].startswith("s3://"):
        return
    bucket, _ = split_uri(sources[0])
    try:
        find_logs(aws, bucket)
    except GtSecureError:
        return
    raise InvalidInput(
        f"{bucket} holds objects, not logs: none of {count(lines, 'line')} is a record of an access"
        " log.",
        next_step=f"Use bucket='{bucket}' for its access log.",
        field="sources",
    )


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and prefix of an ``s3://`` location."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise InvalidInput(
            f'"{uri[:80]}" names no bucket.', next_step="Write s3://bucket/prefix.", field="sources"
        )
    return bucket, prefix


def list_logs(
    opener: Opener,
    uri: str,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    borders: Borders | None = None,
) -> Iterator[S3Object]:
    """List the log objects under an ``s3://`` prefix that may hold records of a time range.

    The layout is seen from the keys. Keys in no known layout are all listed, except those written
    before ``since``.

    ``since`` and ``until`` are UTC; deliveries are looked for until :data:`LATE` after the end.
    ``borders`` gives keys that were there once, a page apart: the parts between them are listed at
    the same time.
    """
    bucket, prefix = split_uri(uri)
    last = (until + LATE).date() if until else None
    bases = (
        _objects(
            opener,
            bucket,
            base,
            layout,
            since,
            last,
            borders(bucket, base) if borders else (),
            page,
        )
        for base, layout, page in _bases(opener, bucket, prefix)
    )
    for page in chain(bases):
        yield from page


def _objects(
    opener: Opener,
    bucket: str,
    base: str,
    layout: LogLayout,
    since: dt.datetime | None,
    last: dt.date | None,
    borders: Sequence[str],
    level: Json,
) -> Iterator[list[S3Object]]:
    """Give the log objects under one prefix after which the date follows, a page at a time."""
    wanted: Json = {"Bucket": bucket, "Prefix": base}
    if layout == "simple":  # folders below are looked at on their own
        wanted["Delimiter"] = "/"
    if since is not None and layout != "unknown":
        wanted["StartAfter"] = base + since.strftime(
            "%Y/%m/%d" if layout == "partitioned" else "%Y-%m-%d"
        )
    first = level if layout == "simple" and since is None else None  # which was the same request
    for page in parallel_pages(opener, wanted, borders, first):
        objects: list[S3Object] = []
        for entry in page.get("Contents", ()):
            day = _day_of(entry["Key"][len(base) :], layout) if last is not None else None
            if day is not None and last is not None and day > last:
                yield objects
                return
            written = entry["LastModified"].astimezone(dt.UTC).replace(tzinfo=None)
            if (since is not None and written < since) or entry["Key"].endswith("/"):
                continue
            objects.append(
                S3Object(
                    opener,
                    bucket,
                    entry["Key"],
                    entry.get("ETag", "").strip('"'),
                    entry["Size"],
                    written,
                )
            )
        yield objects


def path_ranges(
    opener: Opener,
    uri: str,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    late: dt.timedelta = LATE,
) -> list[tuple[str, str]]:
    """Ranges of keys that may hold records of a time range, for engines that list by themselves:
    first key, and the first one beyond, in the order of UTF-8 bytes. Too many folders become the
    one range of the prefix.
    """
    bucket, prefix = split_uri(uri)
    whole = [(prefix, _after(prefix))]
    if since is None and until is None:
        return whole
    found = []
    for base, layout, _ in _bases(opener, bucket, prefix):
        low, high = base, _after(base)
        pattern = "%Y/%m/%d" if layout == "partitioned" else "%Y-%m-%d"
        if layout != "unknown":
            low = base + since.strftime(pattern) if since else base
            high = base + (until + late + dt.timedelta(days=1)).strftime(pattern) if until else high
        found.append((low, high))
        if len(found) > _RANGES:
            return whole
    return found or whole


def _after(prefix: str) -> str:
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else ""


def _day_of(rest: str, layout: LogLayout) -> dt.date | None:
    pattern = {"simple": _SIMPLE, "partitioned": _DAY}.get(layout)
    found = pattern.match(rest) if pattern is not None else None
    if found is None:
        return None
    try:
        return dt.date(*(int(part) for part in found.groups()[:3]))
    except ValueError:
        return None


def _bases(
    opener: Opener, bucket: str, prefix: str, level: Json | None = None, depth: int = 5
) -> Iterator[tuple[str, LogLayout, Json]]:
    page = level or next(_level(opener, bucket, prefix))
    folders = [entry["Prefix"] for entry in page.get("CommonPrefixes", ())]
    if any(re.fullmatch(r"\d{4}/", folder[len(prefix) :]) for folder in folders):
        yield prefix, "partitioned", page
        return
    first = _first_key(page, prefix)
    simple = first is not None and _SIMPLE.match(first[len(prefix) :]) is not None
    if (first is not None and not simple) or depth == 0 or len(folders) > _FOLDERS:
        yield prefix, "unknown", page
        return
    if simple:
        yield prefix, "simple", page
    levels = chain(_level(opener, bucket, folder) for folder in folders)
    for folder, below in zip(folders, levels, strict=True):
        yield from _bases(opener, bucket, folder, below, depth - 1)


def _first_key(page: Json, prefix: str) -> str | None:
    """Return the first key of a level that may be a log object."""
    keys = [str(entry["Key"]) for entry in page.get("Contents", ())]
    # The marker of a folder is no log object. A whole key is one, but tells less than others that
    # begin with it.
    return next(
        (key for key in keys if key != prefix),
        None if prefix.endswith("/") or not keys else keys[0],
    )


def _level(opener: Opener, bucket: str, prefix: str) -> Iterator[Json]:
    yield opener.list_page(Bucket=bucket, Prefix=prefix, Delimiter="/")


def resolve(
    sources: str | Path | LogObject | Iterable[Any],
    *,
    opener: Opener | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    borders: Borders | None = None,
) -> Iterator[LogObject]:
    """Turn what a person names into objects to read.

    Sources are files, folders, globs, ``s3://bucket/prefix``, ``-`` for standard input, or log
    objects. A range of time bounds the listing of ``s3://`` prefixes, with a margin for late
    delivery.
    """
    single = isinstance(sources, (str, Path, LogObject)) or hasattr(sources, "uri")
    items: list[Any] = [sources] if single else list(sources)  # type: ignore[arg-type]
    if not items:
        raise InvalidInput(
            "No access log was given.", next_step="Name a file, a folder or an s3:// prefix."
        )
    several = len(items) > 1 or (
        isinstance(items[0], (str, Path)) and glob.has_magic(str(items[0]))
    )
    places: set[tuple[str, str]] = set()
    listed = None
    if opener is not None:
        listed = partial(list_logs, opener, since=since, until=until, borders=borders)
    for item in items:
        for stored in _objects_of(item, listed):
            # Sources may overlap, and ** follows links: each object is read once.
            if several and (place := _place(stored)) is not None:
                if place in places:
                    continue
                places.add(place)
            yield stored


def _place(item: LogObject) -> tuple[str, str] | None:
    """Return what is the same for one object under several names, if it has a place."""
    if isinstance(item, S3Object):
        return item.bucket, item.key
    return ("", os.path.realpath(item.name)) if isinstance(item, LocalFile) else None


def _objects_of(item: Any, listed: _Listed | None) -> Iterator[LogObject]:
    if isinstance(item, (str, Path)):
        yield from _named(str(item), listed)
    elif isinstance(
        item, (S3Object, LocalFile, LogObject)
    ):  # the protocol last: it looks at every member
        yield item
    else:
        prefix = getattr(item, "uri", None)
        if prefix is None:
            raise InvalidInput(
                f"A {type(item).__name__} is not a source of access logs.", field="sources"
            )
        yield from _named(prefix, listed)


def _named(text: str, listed: _Listed | None) -> Iterator[LogObject]:
    if not text.strip():
        raise InvalidInput(
            "The name of a source of access logs is empty.",
            next_step="Name a file, a folder (. is this one) or an s3:// prefix.",
            field="logs",
        )
    refuse_url(text, "logs", "where access logs are")
    if text == "-":
        yield StandardInput()
    elif text.startswith("s3://"):
        if listed is None:
            raise InvalidInput(
                "An s3:// source needs a connection to AWS.",
                next_step="Pass aws=connect_aws().",
                field="aws",
            )
        yield from listed(text)
    else:
        yield from local_files(text)
