"""The journal of our own test URLs: which markers this installation minted, and when it used them.

A marker is visible in the URL and in the log, so on its own it proves nothing: whoever adds it to another URL, or gets
hold of a test URL, would hide behind it. A logged request therefore counts as our own test only if its marker was
minted here (it carries a keyed hash, and this journal knows it) and was used here within :data:`NEAR_S` of the request.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

NEAR_S = 120
"""Seconds between our own use of a test URL and the time that the log gives for it."""
MOST = 500
"""Uses that are looked at, the newest first: a query names each of them."""

_NONCE, _SEAL = 16, 16
_session_key = secrets.token_bytes(32)
_session_uses: list[tuple[str, float]] = []


def new_marker() -> str:
    """Return a marker for a new test URL: a random part and a keyed hash of it, in hexadecimal."""
    nonce = secrets.token_hex(_NONCE // 2)
    return nonce + _seal(nonce)


def is_ours(marker: str | None) -> bool:
    """Return True if this installation minted a marker."""
    if marker is None or len(marker) != _NONCE + _SEAL or not marker.isascii():
        return False
    return hmac.compare_digest(marker[_NONCE:], _seal(marker[:_NONCE]))


def record_use(marker: str | None, at: float | None = None) -> None:
    """Record that a test URL is being used from here now, from the kernel or the person's browser.

    Where the journal cannot be written, the use is known to this process only.
    """
    if marker is None or not is_ours(marker):
        return
    moment = time.time() if at is None else at
    _session_uses.append((marker, moment))
    with contextlib.suppress(OSError):
        line = json.dumps({"marker": marker, "used": round(moment, 3)}) + "\n"
        file = os.open(_folder() / "uses.ndjson", os.O_WRONLY | os.O_APPEND | os.O_CREAT | _SAFE, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)


def own_uses() -> list[tuple[str, float]]:
    """Return marker and time (seconds since 1970) of our own uses, the newest first, at most :data:`MOST`."""
    uses = {use for use in (*_journalled(), *_session_uses) if is_ours(use[0])}
    return sorted(uses, key=lambda use: -use[1])[:MOST]


_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


def _folder() -> Path:
    base = os.environ.get("GT_SECURE_JOURNAL")
    folder = (Path(base) if base else Path.home() / ".gt_secure" / "journal") / "test-urls"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _seal(nonce: str) -> str:
    return hmac.new(_key(), nonce.encode(), hashlib.sha256).hexdigest()[:_SEAL]


def _key() -> bytes:
    """The key of this installation; where none can be kept, one of this process."""
    try:
        path = _folder() / "key"
        with contextlib.suppress(FileExistsError):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o600)
            try:
                os.write(file, secrets.token_bytes(32))
            finally:
                os.close(file)
        file = os.open(path, os.O_RDONLY | _SAFE)
        try:
            key = os.read(file, 32)
        finally:
            os.close(file)
    except (OSError, RuntimeError):
        return _session_key
    return key if len(key) == 32 else _session_key


def _journalled() -> Iterator[tuple[str, float]]:
    try:
        file = os.open(_folder() / "uses.ndjson", os.O_RDONLY | _SAFE)
    except (OSError, RuntimeError):
        return
    with os.fdopen(file, "rb") as lines:
        for line in lines:
            try:
                row = json.loads(line)
                yield str(row["marker"]), float(row["used"])
            except (ValueError, KeyError, TypeError):
                continue
