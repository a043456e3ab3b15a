"""Resolve sources that a person names to log objects."""

from __future__ import annotations

import datetime as dt
import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ...errors import InvalidInput, refuse_url
from .listing import Borders, list_logs
from .objects import LocalFile, LogObject, S3Object, StandardInput, local_files


def resolve(
    sources: str | Path | LogObject | Iterable[Any],
    *,
    client: Any = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    borders: Borders | None = None,
) -> Iterator[LogObject]:
    """Turn what a person names into objects to read.

    Sources are files, folders, globs, ``s3://bucket/prefix``, ``-`` for standard input, or log objects. A range of time
    bounds the listing of ``s3://`` prefixes, with a margin for late delivery.
    """
    single = isinstance(sources, (str, Path, LogObject)) or hasattr(sources, "uri")
    items: list[Any] = [sources] if single else list(sources)  # type: ignore[arg-type]
    if not items:
        raise InvalidInput("No access log was given.", next_step="Name a file, a folder or an s3:// prefix.")
    several = len(items) > 1 or (isinstance(items[0], (str, Path)) and glob.has_magic(str(items[0])))
    seen: set[tuple[str, str]] = set()
    for item in items:
        for found in _objects_of(item, client, since, until, borders):
            # Sources may overlap, and ** follows links: each object is read once.
            if several and (place := _place(found)) is not None:
                if place in seen:
                    continue
                seen.add(place)
            yield found


def _place(item: LogObject) -> tuple[str, str] | None:
    """Return what is the same for one object under several names, if it has a place."""
    if isinstance(item, S3Object):
        return item.bucket, item.key
    return ("", os.path.realpath(item.name)) if isinstance(item, LocalFile) else None


def _objects_of(
    item: Any, client: Any, since: dt.datetime | None, until: dt.datetime | None, borders: Borders | None
) -> Iterator[LogObject]:
    if isinstance(item, (str, Path)):
        yield from _named(str(item), client, since, until, borders)
    elif isinstance(item, (S3Object, LocalFile, LogObject)):  # the protocol last: it looks at every member
        yield item
    else:
        prefix = getattr(item, "uri", None)
        if prefix is None:
            raise InvalidInput(f"A {type(item).__name__} is not a source of access logs.", field="sources")
        yield from _named(prefix, client, since, until, borders)


def _named(
    text: str, client: Any, since: dt.datetime | None, until: dt.datetime | None, borders: Borders | None
) -> Iterator[LogObject]:
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
        if client is None:
            raise InvalidInput(
                "An s3:// source needs a connection to AWS.", next_step="Pass aws=connect_aws().", field="aws"
            )
        yield from list_logs(client, text, since=since, until=until, borders=borders)
    else:
        yield from local_files(text)
