"""A disk on which a chosen call fails: it is full, is read-only, cannot lock files, or gives up."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FAILURES = {
    "open": errno.EROFS, "write": errno.ENOSPC, "fsync": errno.EIO, "flock": errno.ENOLCK, "mkdir": errno.EACCES,
    "replace": errno.ENOSPC,
}  # fmt: skip


class FailingDisk:
    """Lets the n-th call fail by which some files of code touch the disk, or each from it on."""

    def __init__(self, callers: tuple[str, ...], at: int = 0, *, on: bool = False) -> None:
        self.callers, self.at, self.on, self.calls = callers, at, on, 0

    @contextmanager
    def failing(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in FAILURES:
                owner = fcntl if name == "flock" else os
                patch.setattr(owner, name, self._failing(name, getattr(owner, name)))
            yield

    def _failing(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **more: Any) -> Any:
            if sys._getframe(1).f_code.co_filename.endswith(self.callers):
                self.calls += 1
                if self.calls == self.at or (self.on and self.calls > self.at > 0):
                    raise OSError(FAILURES[name], os.strerror(FAILURES[name]))
            return original(*values, **more)

        return call
