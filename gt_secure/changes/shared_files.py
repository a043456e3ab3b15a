"""Open files in a folder that other users may write to: no links, no pipes, inherited modes."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path


def open_regular(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a regular file and return its handle.

    Raises OSError if it cannot be opened, is a link, or is not a regular file.
    """
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(path, flags | safe, mode)
    status = os.fstat(handle)
    linked = status.st_nlink > 1 and flags & (os.O_WRONLY | os.O_RDWR)
    if linked or not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is a link or not a regular file", str(path))
    return handle


def create_mode(folder: Path) -> int:
    """Return the mode of new files: for the user alone, or for the group too where the folder is the group's."""
    return 0o660 if _is_shared(folder) else 0o600


def share_with_folder(handle: int, folder: Path) -> None:
    """Give a new file the group and mode of a folder that a group shares, whatever the umask is."""
    if not _is_shared(folder):
        return
    with contextlib.suppress(OSError, AttributeError):  # not the owner, or Windows
        os.fchown(handle, -1, folder.stat().st_gid)
        os.fchmod(handle, create_mode(folder))


def _is_shared(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & stat.S_IWGRP)
    except OSError:
        return False
