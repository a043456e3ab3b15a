"""The time of now, for all who compare it with a time that they read."""

from __future__ import annotations

import datetime as dt


def utc_now() -> dt.datetime:
    """Return the time of now, in UTC."""
    return dt.datetime.now(dt.UTC)
