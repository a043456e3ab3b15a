"""The policies that gt_secure writes: the bucket guard and the session policy of a test URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.lazy import attach

if TYPE_CHECKING:
    from .bucket_guard import (
        GUARD_SID as GUARD_SID,
        Guard as Guard,
        build_guard as build_guard,
    )
    from .bucket_policy import BucketPolicy as BucketPolicy
    from .session_policy import session_policy as session_policy


__all__, __getattr__, __dir__ = attach(__name__)
