"""URLs and forms that were presigned some time ago: their age is tested without waiting for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

import botocore.auth
import pytest

from support.box import Box

T = TypeVar("T")


def in_the_past(patch: pytest.MonkeyPatch, seconds: int, presign: Callable[[], T]) -> T:
    """Presign as a machine did this long ago."""
    now = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds)
    with patch.context() as then:
        for signer in (botocore.auth.SigV4QueryAuth, botocore.auth.S3SigV4PostAuth):
            then.setattr(signer, "add_auth", _at(now.replace(tzinfo=None), signer.add_auth))
        return presign()


def _at(now: dt.datetime, add_auth: Any) -> Any:
    """Return the method with another clock:
    only presigned requests and forms are signed in the past.
    """

    def signed(self: Any, request: Any) -> Any:
        clock = botocore.auth.get_current_datetime
        botocore.auth.get_current_datetime = lambda *_, **__: now
        try:
            return add_auth(self, request)
        finally:
            botocore.auth.get_current_datetime = clock

    return signed


def aged(box: Box, patch: pytest.MonkeyPatch, seconds: int, key: str = "scans/0001.png") -> str:
    """Sign a URL with the administrator's own keys, this many seconds ago."""
    return in_the_past(patch, seconds, lambda: box.presign_plain(key, life_s=604_800))
