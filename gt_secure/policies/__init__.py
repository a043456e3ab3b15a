"""The policies that gt_secure writes: the bucket guard and the session policy of a test URL."""

from __future__ import annotations

from .bucket_guard import GUARD_SID, Guard, build_guard, find_guard, merge_guard, remove_guard
from .session_policy import session_policy

__all__ = [
    "GUARD_SID",
    "Guard",
    "build_guard",
    "find_guard",
    "merge_guard",
    "remove_guard",
    "session_policy",
]
