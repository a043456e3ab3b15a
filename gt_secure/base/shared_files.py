"""Files in folders that other users may write to: no links, no pipes, no half-written text."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


def open_regular(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a regular file and return its handle;
    raises OSError for a link or another kind of file.
    """
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(path, flags | safe, mode)
    status = os.fstat(handle)
    linked = status.st_nlink > 1 and flags & (os.O_WRONLY | os.O_RDWR)
    if linked or not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is a link or not a regular file", str(path))
    return handle


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[TextIO]:
    """Write a file as a whole or not at all: a new file of another name takes its place at the end.

    A link at ``path`` is replaced, and what it points to stays. Raises OSError if the file cannot
    be written.
    """
    fresh = path.with_name(f".{path.name[:100]}.{os.urandom(8).hex()}")
    handle = os.open(
        fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), mode
    )
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(handle)
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def read_private(path: Path) -> str:
    """Return the text of a file that only this user can have written;
    PermissionError if others may have.
    """
    handle = open_regular(path, os.O_RDONLY)
    with os.fdopen(handle, encoding="utf-8", errors="replace") as file:
        found = os.fstat(handle)
        if not is_mine(found) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(errno.EPERM, "other users may write to it", str(path))
        return file.read()


def is_mine(found: os.stat_result) -> bool:
    """Return True if a file belongs to this user, or the system has no owners."""
    return not hasattr(os, "geteuid") or found.st_uid == os.geteuid()


def create_mode(folder: Path) -> int:
    """Return the mode of new files: for the user alone,
    or for the group too where the folder is the group's.
    """
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
