"""The progress of a sweep on disk: a line for each account and region that was read, so that it can be resumed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from ..errors import InvalidInput
from ..shared_files import open_regular, read_private, replacing

FORMAT = 2
AGAIN = frozenset({"no-answer", "throttled"})
"""Outcomes that are tried again when a sweep resumes."""
Unit: TypeAlias = "tuple[str, str]"
"""An account and a region."""


def default_folder() -> Path:
    return Path(os.environ.get("GT_SECURE_SWEEPS") or Path.home() / ".gt_secure" / "sweeps")


class StateFile:
    """Outcomes by account and region, in a file that only its owner can read and write.

    ``damaged`` lines are no outcome of this sweep; their regions are read again.
    """

    def __init__(self, path: Path | None, identifier: str, units: Collection[Unit]) -> None:
        self.path = path
        self._identifier = identifier
        self._lock = threading.Lock()
        self._file: TextIO | None = None
        self.done: dict[Unit, dict[str, Any]] = {}
        self.damaged = 0
        if path is None:
            return
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                self._read(read_private(path).splitlines(), units)
            with replacing(path, 0o600) as fresh:
                fresh.writelines(map(self._line, self.done.values()))
            self._file = os.fdopen(open_regular(path, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8")
        except OSError as error:
            raise InvalidInput(
                f"The state of the sweep cannot be kept in {path}: {error.strerror}.",
                next_step="Name another folder with state=, or delete the file.",
                field="state",
            ) from error

    def _read(self, lines: list[str], units: Collection[Unit]) -> None:
        """Take over the outcomes of an interrupted sweep, the same one."""
        for line in lines:
            outcome = self._outcome(line)
            if outcome is None or (unit := (outcome["account"], outcome["region"])) not in units:
                self.damaged += 1
            elif outcome["status"] not in AGAIN:
                self.done[unit] = outcome

    def _line(self, outcome: dict[str, Any]) -> str:
        seal = hashlib.sha256(f"{FORMAT} {self._identifier} {json.dumps(outcome)}".encode()).hexdigest()
        return json.dumps({"outcome": outcome, "seal": seal}) + "\n"

    def _outcome(self, line: str) -> dict[str, Any] | None:
        """Return the outcome in a line; None for one that was cut, changed, or written by another sweep."""
        try:
            outcome: dict[str, Any] = json.loads(line)["outcome"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return None
        return outcome if self._line(outcome) == f"{line}\n" else None

    def add(self, outcome: dict[str, Any]) -> None:
        """Append an outcome."""
        with self._lock:
            self.done[(outcome["account"], outcome["region"])] = outcome
            if self._file is not None:
                self._file.write(self._line(outcome))
                self._file.flush()

    def close(self, *, finished: bool) -> None:
        with self._lock:
            if self._file is None or self.path is None:
                return
            self._file.close()
            self._file = None
            if finished:
                self.path.unlink(missing_ok=True)
