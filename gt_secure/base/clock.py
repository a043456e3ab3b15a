"""The time of now, for all who compare it with a time that they read: this machine's clock,
corrected by the last answer of AWS.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

_SLACK = dt.timedelta(seconds=5)
"""A smaller difference may be due to whole seconds, and to the time that an answer takes."""
_AHEAD: dict[bool, dt.timedelta] = {}
"""By whether AWS answered, or a program on this machine: its time is no better than this clock's,
and never replaces that of AWS.
"""


def utc_now() -> dt.datetime:
    """Return the time of now, in UTC."""
    return _here() + aws_ahead()


def aws_ahead() -> dt.timedelta:
    """Return how far the time of AWS's last answer was ahead of this machine's clock."""
    return _AHEAD.get(True, _AHEAD.get(False, dt.timedelta()))


def heard(date: str, *, is_aws: bool = True) -> None:
    """Compare the clock with the ``Date`` of an answer of AWS, or of a sandbox."""
    # Most of the library for mail comes with it, which the policy lab would load too.
    from email.utils import parsedate_to_datetime

    with suppress(TypeError, ValueError, OverflowError):
        ahead = parsedate_to_datetime(date) - _here()
        _AHEAD[is_aws] = ahead * (abs(ahead) > _SLACK)


def _here() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
