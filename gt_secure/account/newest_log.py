"""The newest part of the access log of a bucket, which a plan reads without being asked.

A plan has seconds and a notebook's memory, so that the reading has a limit of each kind. Whatever
ends it early is said, and never ends the plan.
"""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from dataclasses import replace

from ..base.errors import GtSecureError
from ..base.text import JsonLike
from ..logs.read import read_hits
from ..logs.storage.listing import list_logs
from ..logs.storage.objects import S3Object
from ..logs.storage.opener import opener_of
from .bucket import Bucket
from .sightings import DAYS, Sightings

MOST_BYTES, MOST_OBJECTS = 64_000_000, 200
SECONDS = 10.0
_AT_ONCE = 50
"""Objects that are read together: what was read before a time-out counts."""
_QUIET = dt.timedelta(days=3)
"""Time before the last days in which a request shows that the log was already kept."""


def newest_sightings(bucket: Bucket, at: dt.datetime, options: JsonLike) -> Sightings:
    """Return what the newest log objects of a bucket show; ``options`` are those of
    :func:`~gt_secure.logs.read_hits`.
    """
    if (unread := bucket.logging.missing) is not None:
        return Sightings(missing=(f"{unread.text}.",))
    if (place := bucket.logging.value) is None:
        return Sightings(missing=(f"{bucket.name} keeps no access log.",))
    cancel, parts = threading.Event(), list[Sightings]()
    since = at.astimezone(dt.UTC).replace(tzinfo=None) - DAYS - _QUIET
    wanted = {**options, "cancel": cancel, "filters": {"bucket": bucket.name}}

    def read() -> None:
        try:
            listed = sorted(
                list_logs(opener_of(options["aws"]), place.uri, since=since),
                key=_delivered,
                reverse=True,
            )
            packed = itertools.accumulate(each.size for each in listed)
            most = min(MOST_OBJECTS, sum(size <= MOST_BYTES for size in packed))
            for first in range(0, most, _AT_ONCE):
                together = listed[first : min(first + _AT_ONCE, most)]
                with read_hits(together, **wanted) as hits:
                    part = Sightings.in_log(hits, bucket.name, at)
                if first + len(together) < len(listed):
                    # whatever was delivered earlier is of an earlier time
                    part = replace(part, since=_delivered(together[-1]).replace(tzinfo=dt.UTC))
                parts.append(part)
        except Exception as error:  # whatever fails here ends no plan
            why = error.message if isinstance(error, GtSecureError) else type(error).__name__
            parts.append(Sightings(missing=(f"Reading the log failed ({why.rstrip('.')}).",)))

    reader = threading.Thread(target=read, daemon=True, name="gt_secure-newest-log")
    reader.start()
    reader.join(SECONDS)
    if reader.is_alive():
        cancel.set()
        parts.append(Sightings(missing=(f"Reading the log stopped after {SECONDS:g} s.",)))
    return Sightings.joined(parts)


def _delivered(item: S3Object) -> dt.datetime:
    """Return when an object was delivered; every object of a listing has a time."""
    return item.delivered or dt.datetime.min
