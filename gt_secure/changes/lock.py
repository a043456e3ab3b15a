"""One change at a time: a lock file next to the journal that names its holder.

The operating system drops the lock when its process dies, so a crashed holder never blocks.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from types import FrameType

from ..base.errors import Conflict, GtSecureError
from ..base.shared_files import create_mode, open_regular, share_with_folder
from ..base.text import JsonLike


@contextlib.contextmanager
def hold(directory: Path, scope: str, what: str) -> Iterator[None]:
    """Hold the lock of one account and region.

    ``what`` is the operation, for others who need the lock: they get a Conflict that names this
    process.
    """
    path = directory / f"lock-{scope}"
    mine, caller = (path, threading.get_ident()), sys._getframe(2)
    former = _FILES.get(mine)
    if former is not None and not any(
        frame is former[1] for frame, _ in traceback.walk_stack(caller)
    ):
        former[0].close()  # this thread was interrupted in the last lines of an earlier change
    with os.fdopen(_open(path), "r+b", buffering=0) as file:
        _FILES[mine] = file, caller
        handle = file.fileno()
        if not _take(handle):
            raise _held(_holder(handle))
        since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        _write(
            handle, {"pid": os.getpid(), "host": socket.gethostname(), "since": since, "what": what}
        )
        try:
            yield
        finally:
            _write(handle, None)
    _FILES.pop(mine, None)


_FILES: dict[tuple[Path, int], tuple[FileIO, FrameType]] = {}
"""The lock file that each thread opened last, and the call that holds it:
a traceback would keep it open after it.
"""


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = open_regular(path, os.O_RDWR | os.O_CREAT, create_mode(path.parent))
        share_with_folder(handle, path.parent)
        return handle
    except OSError as error:
        raise GtSecureError(
            f"The lock file {path} cannot be used: {error.strerror}.",
            next_step=(
                "Choose another folder with journal= or GT_SECURE_JOURNAL. Users who share one "
                "need a folder that their group may write to. Nothing was changed."
            ),
            details={"errno": error.errno},
        ) from error


def _take(handle: int) -> bool:
    try:
        _flock(handle)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}:
            return False
        raise GtSecureError(
            f"This file system cannot lock files ({error.strerror}).",
            next_step=(
                "Choose a directory on a local disk with journal= or GT_SECURE_JOURNAL. Nothing was"
                " changed."
            ),
        ) from error
    return True


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _flock(handle: int) -> None:
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the text, so that others can read it
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _flock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(handle: int) -> JsonLike | None:
    os.lseek(handle, 0, os.SEEK_SET)
    try:
        found = json.loads(os.read(handle, 4096) or b"null")
    except (ValueError, RecursionError):
        return {}  # crashed while writing its name
    return found if isinstance(found, dict) else None


def _write(handle: int, holder: JsonLike | None) -> None:
    """Write the holder of the lock. On a full disk the lock works without the name."""
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        if holder is not None:
            os.write(handle, json.dumps(holder).encode())
        os.fsync(handle)


def _held(holder: JsonLike | None) -> Conflict:
    who = holder or {}
    return Conflict(
        f"Another change is under way: {who.get('what') or 'a change'}, by process"
        f" {who.get('pid') or 'unknown'} on {who.get('host') or 'this machine'} since"
        f" {who.get('since') or 'just now'}.",
        next_step=(
            "Wait until it has ended, then plan again. If that process hangs, end it. Its steps are"
            " in the journal and can be undone."
        ),
        details={"holder": dict(who)},
    )
