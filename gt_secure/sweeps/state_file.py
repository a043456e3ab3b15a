"""The progress of a sweep on disk: a line for each account and region that was read, so that it can be resumed."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from ..errors import InvalidInput
from .accounts import Account

FORMAT = 1
AGAIN = frozenset({"no-answer", "throttled"})
"""Outcomes that are tried again when a sweep resumes."""


def sweep_id(role_name: str, external_id: str, accounts: Sequence[Account], regions: Sequence[str]) -> str:
    """Return the fingerprint of a sweep: the same accounts, regions and role."""
    parts = [role_name, external_id, *sorted(account.id for account in accounts), "|", *sorted(regions)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def default_folder() -> Path:
    """Return the folder of the state files."""
    return Path(os.environ.get("GT_SECURE_SWEEPS") or Path.home() / ".gt_secure" / "sweeps")


class StateFile:
    """Outcomes by account and region, in a file that only its owner can read.

    Raises
    ------
    InvalidInput
        If the file belongs to another sweep, or cannot be written.
    """

    def __init__(self, path: Path | None, identifier: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: TextIO | None = None
        self.done: dict[tuple[str, str], dict[str, Any]] = {}
        if path is None:
            return
        self.done = dict(_read(path, identifier))
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = path.with_name(path.name + ".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(json.dumps({"version": FORMAT, "sweep": identifier}) + "\n")
                file.writelines(json.dumps(each) + "\n" for each in self.done.values())
            fresh.replace(path)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise InvalidInput(
                f"The state of the sweep cannot be written to {path}: {error.strerror}.",
                next_step="Choose another file with state=.",
                field="state",
            ) from error

    def add(self, outcome: dict[str, Any]) -> None:
        """Append an outcome; a line is complete or it is ignored."""
        with self._lock:
            self.done[(outcome["account"], outcome["region"])] = outcome
            if self._file is not None:
                self._file.write(json.dumps(outcome) + "\n")
                self._file.flush()

    def close(self, *, finished: bool) -> None:
        """Close the file, and delete it after a sweep that is finished."""
        with self._lock:
            if self._file is None or self.path is None:
                return
            self._file.close()
            self._file = None
            if finished:
                self.path.unlink(missing_ok=True)


def _read(path: Path, identifier: str) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}.", next_step="Choose another file with state=.", field="state"
        ) from error
    values = [_parsed(line) for line in lines]
    head = values[0] if values else None
    if lines and (head is None or head.get("version") != FORMAT or head.get("sweep") != identifier):
        raise InvalidInput(
            f"{path} belongs to another sweep.",
            next_step="Choose another file with state=, or delete this one.",
            field="state",
        )
    for value in values[1:]:
        if value is not None and value.get("status") not in AGAIN and {"account", "region", "rows"} <= set(value):
            yield (str(value["account"]), str(value["region"])), value


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None  # cut in the middle of a write
    return value if isinstance(value, dict) else None
