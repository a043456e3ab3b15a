"""Points in time as people type them, in UTC."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from ..base.clock import utc_now
from ..base.errors import InvalidInput

TimeLike: TypeAlias = str | dt.date | dt.datetime | dt.timedelta
ProgressCallback: TypeAlias = Callable[[Any], object]

_AGO = re.compile(r"([0-9]{1,6})\s*(m|min|h|d|w)", re.IGNORECASE)
_UNIT = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(value: TimeLike | None, field: str = "time") -> dt.datetime | None:
    """Read a point in time: ISO 8601 (with a zone or in UTC), an age such as ``24h``, ``7d`` or a
    timedelta, or ``now``.

    The result is in UTC, without a zone; a date is its first moment. Anything else is an
    :class:`InvalidInput`.
    """
    if value is None:
        return None
    if isinstance(value, dt.timedelta):
        value = utc_now() - value
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, dt.date):
        moment = dt.datetime(value.year, value.month, value.day)
    else:
        moment = _parse(str(value).strip(), field)
    try:
        return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except OverflowError as error:
        raise _no_time(str(value), field) from error


def _parse(text: str, field: str) -> dt.datetime:
    ago = _AGO.fullmatch(text)
    try:
        if text.lower() == "now":
            return utc_now()
        if ago:
            span = dt.timedelta(**{_UNIT[ago[2].lower()]: int(ago[1])})
            return utc_now() - span
        return dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise _no_time(text, field) from error


def _no_time(text: str, field: str) -> InvalidInput:
    return InvalidInput(
        f'"{text[:40]}" is not a point in time.',
        next_step=(
            "Write 2026-11-20, 2026-11-20T09:00, an age such as 24h or 7d, or now; times are UTC."
        ),
        field=field,
        value=text,
    )
