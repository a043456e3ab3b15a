"""The journal of our own test URLs: which markers this installation signed, and when it used them.

A marker is visible in the URL and in the log, so on its own it proves nothing: whoever adds it to
another URL, or gets hold of a test URL, would hide behind it. A logged request therefore counts as
our own test only if its marker was signed here (it carries a keyed hash, and this journal knows it)
and was used here within :data:`NEAR_S` of the request.
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

from .shared_files import open_regular

NEAR_S = 120
"""Seconds between our own use of a test URL and the time that the log gives for it."""
MOST = 500
"""Uses that are looked at, the newest first: a query names each of them."""

_NONCE, _SEAL = 16, 16
_session_key = secrets.token_bytes(32)
_session_uses: dict[Path, list[tuple[str, float]]] = {}


def journal_folder(folder: str | Path | None = None) -> Path:
    """Return the folder of the journal: the argument, ``GT_SECURE_JOURNAL``,
    or ``~/.gt_secure/journal``.
    """
    chosen = folder or os.environ.get("GT_SECURE_JOURNAL") or Path.home() / ".gt_secure" / "journal"
    return Path(chosen).expanduser()


class UrlJournal:
    """The markers that one installation signed, and when it used them."""

    def __init__(self, journal: str | Path | None = None) -> None:
        self._journal = journal

    def new_marker(self) -> str:
        """Return a marker for a new test URL: a random part and a keyed hash of it,
        in hexadecimal.
        """
        nonce = secrets.token_hex(_NONCE // 2)
        return nonce + self._seal(nonce)

    def is_ours(self, marker: str | None) -> bool:
        """Return True if this installation signed a marker."""
        if marker is None or len(marker) != _NONCE + _SEAL or not marker.isascii():
            return False
        return hmac.compare_digest(marker[_NONCE:], self._seal(marker[:_NONCE]))

    def record_use(self, marker: str | None, at: float | None = None) -> None:
        """Record that a test URL is being used from here now, from the kernel or the person's
        browser.

        Where the journal cannot be written, the use is known to this process only.
        """
        if marker is None or not self.is_ours(marker):
            return
        moment = time.time() if at is None else at
        _session_uses.setdefault(self._folder, []).append((marker, moment))
        with contextlib.suppress(OSError):
            line = json.dumps({"marker": marker, "used": round(moment, 3)}) + "\n"
            file = open_regular(
                self._made_folder() / "uses.ndjson", os.O_WRONLY | os.O_APPEND | os.O_CREAT
            )
            with os.fdopen(file, "ab", buffering=0) as uses:
                uses.write(line.encode())

    def own_uses(self) -> list[tuple[str, float]]:
        """Return marker and time (seconds since 1970) of our own uses, the newest first,
        at most :data:`MOST`.
        """
        uses = {*self._journalled(), *_session_uses.get(self._folder, ())}
        uses = {use for use in uses if self.is_ours(use[0])}
        return sorted(uses, key=lambda use: -use[1])[:MOST]

    @property
    def _folder(self) -> Path:
        return journal_folder(self._journal) / "test-urls"

    def _made_folder(self) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder

    def _seal(self, nonce: str) -> str:
        return hmac.new(self._key(), nonce.encode(), hashlib.sha256).hexdigest()[:_SEAL]

    def _key(self) -> bytes:
        """Return the key of this installation; where none can be kept, one of this process."""
        try:
            path = self._made_folder() / "key"
            with contextlib.suppress(FileExistsError):
                new = open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                written = 0
                with contextlib.suppress(OSError), os.fdopen(new, "wb", buffering=0) as file:
                    written = file.write(secrets.token_bytes(32))
                if written < 32:  # on a full disk; a part of a key would stay for good
                    path.unlink()
            with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
                key = file.read(32)
        except (OSError, RuntimeError):
            return _session_key
        return key if len(key) == 32 else _session_key

    def _journalled(self) -> Iterator[tuple[str, float]]:
        try:
            file = open_regular(self._folder / "uses.ndjson", os.O_RDONLY)
        except (OSError, RuntimeError):
            return
        with os.fdopen(file, "rb") as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                    yield str(row["marker"]), float(row["used"])
                except (ValueError, KeyError, TypeError):
                    continue
