"""A restriction with the ranges of the lists that AWS keeps."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.managed_lists import read_lists
from ..restriction.model import Restriction


def with_lists(aws: Aws, restriction: Restriction) -> Restriction:
    """Return a restriction whose addresses include the ranges that its lists have now.

    Raises
    ------
    NotFound, AccessDenied
        If a list does not exist or cannot be read: without it nobody knows whom a lock would refuse.
    InvalidInput
        If the ranges do not fit into a lock.
    """
    if not restriction.lists:
        return restriction
    return restriction.with_lists(read_lists(aws, restriction.lists))
