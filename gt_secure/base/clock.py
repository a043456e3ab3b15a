"""The time of now, for all who compare it with a time that they read: this machine's clock,
corrected by the last answer of AWS.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from email.utils import parsedate_to_datetime

_SLACK = dt.timedelta(seconds=5)
"""A smaller difference may be due to the time that an answer takes."""
_HALF = dt.timedelta(seconds=0.5)
"""A date has whole seconds."""
_AHEAD = {"": dt.timedelta()}


def utc_now() -> dt.datetime:
    """Return the time of now, in UTC."""
    return _here() + aws_ahead()


def aws_ahead() -> dt.timedelta:
    """Return how far the time of AWS's last answer was ahead of this machine's clock."""
    return _AHEAD[""]


def heard(date: str | None) -> None:
    """Compare the clock with the ``Date`` of an answer of AWS."""
    with suppress(TypeError, ValueError, OverflowError):
        ahead = answered_at(date) + _HALF - _here()
        _AHEAD[""] = ahead if abs(ahead) >= _SLACK else dt.timedelta()


def answered_at(date: str | None) -> dt.datetime:
    """Read a ``Date``; raises TypeError, ValueError or OverflowError for anything else."""
    there = parsedate_to_datetime(date)  # type: ignore[arg-type]
    return there.replace(tzinfo=there.tzinfo or dt.UTC)  # -0000 is UTC, of no zone


def _here() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
