"""The keys that exist in a bucket, for questions about all objects under a prefix."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ..aws.buckets import list_keys
from ..aws.client import Aws
from ..engine.access.key_classes import Listing
from .part_reader import part_of

_MOST = 1000


def listing_of(aws: Aws, bucket: str) -> Callable[[str], Listing | None]:
    """Return a function that lists the keys of a bucket under a prefix, once;
    None where this role cannot.
    """

    @cache
    def listing(prefix: str) -> Listing | None:
        keys = part_of(
            f"keys of {bucket}", "s3:ListBucket", lambda: list_keys(aws, bucket, prefix, most=_MOST)
        )
        return keys.map(lambda found: Listing(tuple(found), complete=len(found) < _MOST)).if_read

    return listing
