"""Reading of a part of an account: an error of AWS makes it one that was not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..aws.client_errors import aws_errors
from ..base.errors import GtSecureError
from ..engine.access.part import NotRead, Part, PartNotReadError

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
