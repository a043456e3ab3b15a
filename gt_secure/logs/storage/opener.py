"""Access to an object store, handed in by the package that joins the parts: this one imports no
client of AWS.

With :mod:`gt_secure`, a connection or a boto3 S3 client is enough. A part that was copied alone
reads files, and an object store through an :class:`Opener` of the caller's.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from ...base.errors import InvalidInput
from ...base.handed import handed
from ...base.text import Json
from ..location import LogLocation


@runtime_checkable
class Opener(Protocol):
    """An object store with access logs; raises errors of :mod:`gt_secure.base.errors`."""

    def list_page(self, **wanted: Any) -> Json:
        """Return one page of S3's ``ListObjectsV2``, whose parameters these are."""

    def get_body(
        self, bucket: str, key: str, etag: str, start: int = 0, size: int | None = None
    ) -> Any:
        """Return the content of an object from a byte on, to be read;
        ``size`` if all of it will be read at once.
        """

    def log_target(self, bucket: str) -> LogLocation | None:
        """Return where the access logs of a bucket are delivered; None if they are not."""

    def most_requests(self, bucket: str) -> int:
        """Return how many objects may be fetched at the same time."""


def opener_of(aws: Any) -> Opener:
    """Return an opener itself, or that of a connection or of a boto3 S3 client."""
    if isinstance(aws, Opener):
        return aws
    make = handed("opener")
    if make is None:
        raise InvalidInput(
            "An s3:// source needs an opener.",
            next_step="Pass an Opener as aws=, or name a file.",
            field="aws",
        )
    opener: Opener = make(aws)
    return opener
