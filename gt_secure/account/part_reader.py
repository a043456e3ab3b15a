"""Reading of a part of an account: an error of AWS makes it one that was not read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from ..aws.buckets import parse_s3_uri
from ..aws.client_errors import aws_errors
from ..base.errors import GtSecureError
from ..engine.access.part import NotRead, Part, PartNotReadError
from ..logs.storage.opener import opener_of

T = TypeVar("T")


def part_of(
    what: str,
    action: str,
    read: Callable[[], T | None],
    *,
    resource: str = "*",
    raises: type[GtSecureError] | tuple[type[GtSecureError], ...] = (),
    absent: str = "",
) -> Part[T]:
    """Read a part; an error of AWS makes it one that was not read."""
    try:
        with aws_errors(action, resource):
            return Part.of(read())
    except GtSecureError as error:
        if absent and error.details.get("code") == absent:
            return Part.of(None)
        if isinstance(error, raises):
            raise
        if isinstance(error, PartNotReadError):
            return Part.unread(error.part)
        return Part.unread(NotRead.of(what, action, error, resource))


def first_text(aws: Any, uri: str, most: int) -> tuple[str, bool]:
    """Read the first bytes of an object as text, and whether they are all of it.

    ``aws`` is a connection, or a client of S3 in the region of the bucket.
    """
    with closing(opener_of(aws).get_body(*parse_s3_uri(uri), etag="")) as body:
        content = body.read(most + 1)
    return content[:most].decode("utf-8", "replace"), len(content) <= most
