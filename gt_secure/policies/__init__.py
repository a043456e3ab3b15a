"""The policies that gt_secure writes: the bucket guard and the session policy of a test URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
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

__getattr__, __dir__ = attach(
    __name__,
    {
        "GUARD_SID": ".bucket_guard",
        "Guard": ".bucket_guard",
        "build_guard": ".bucket_guard",
        "find_guard": ".bucket_guard",
        "merge_guard": ".bucket_guard",
        "remove_guard": ".bucket_guard",
        "session_policy": ".session_policy",
    },
)
