"""The progress of a sweep on disk: a line for each account and region that was read, so that it can be resumed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from ..errors import GtSecureError, InvalidInput
from ..findings.model import SEVERITIES, Finding
from ..shared_files import open_regular, read_private, replacing
from .accounts import Account
from .sweep_rows import SweepRow

FORMAT = 1
AGAIN = frozenset({"no-answer", "throttled"})
"""Outcomes that are tried again when a sweep resumes."""
STATUSES = AGAIN | {"read", "empty", "denied", "failed"}
Unit: TypeAlias = "tuple[str, str]"
"""An account and a region."""


def sweep_id(
    role_name: str, external_id: str, accounts: Sequence[Account], regions: Sequence[str], buckets: object = None
) -> str:
    parts = [role_name, external_id, *sorted(account.id for account in accounts), "|", *sorted(regions), repr(buckets)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def default_folder() -> Path:
    return Path(os.environ.get("GT_SECURE_SWEEPS") or Path.home() / ".gt_secure" / "sweeps")


class StateFile:
    """Outcomes by account and region, in a file that only its owner can read and write.

    ``damaged`` lines are no outcome of this sweep; their regions are read again.
    """

    def __init__(self, path: Path | None, identifier: str, units: Collection[Unit]) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: TextIO | None = None
        self.done: dict[Unit, dict[str, Any]] = {}
        self.damaged = 0
        if path is None:
            return
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                self._read(read_private(path).splitlines(), identifier, units)
            with replacing(path, 0o600) as fresh:
                fresh.write(json.dumps({"version": FORMAT, "sweep": identifier}) + "\n")
                fresh.writelines(json.dumps(each) + "\n" for each in self.done.values())
            self._file = os.fdopen(open_regular(path, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8")
        except OSError as error:
            raise InvalidInput(
                f"The state of the sweep cannot be kept in {path}: {error.strerror}.",
                next_step="Choose another file with state=, or delete this one.",
                field="state",
            ) from error

    def _read(self, lines: list[str], identifier: str, units: Collection[Unit]) -> None:
        """Take over the outcomes of an interrupted sweep, the same one."""
        head = _parsed(lines[0]) if lines else None
        if lines and (head is None or head.get("version") != FORMAT or head.get("sweep") != identifier):
            raise InvalidInput(
                f"{self.path} belongs to another sweep.",
                next_step="Choose another file with state=, or delete this one.",
                field="state",
            )
        for line in lines[1:]:
            value = _parsed(line)
            unit = _unit(value)
            if value is None or unit is None or unit not in units:
                self.damaged += 1
            elif value["status"] not in AGAIN:
                self.done[unit] = value

    def add(self, outcome: dict[str, Any]) -> None:
        """Append an outcome; a line is complete or it is ignored."""
        with self._lock:
            self.done[(outcome["account"], outcome["region"])] = outcome
            if self._file is not None:
                self._file.write(json.dumps(outcome) + "\n")
                self._file.flush()

    def close(self, *, finished: bool) -> None:
        with self._lock:
            if self._file is None or self.path is None:
                return
            self._file.close()
            self._file = None
            if finished:
                self.path.unlink(missing_ok=True)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None  # cut in the middle of a write
    return value if isinstance(value, dict) else None


def _unit(value: dict[str, Any] | None) -> Unit | None:
    """Return account and region of an outcome, or None for what no sweep has written."""
    try:
        assert value is not None
        rows = [SweepRow.from_dict(row) for row in value["rows"]]
        found = [each for row in rows for each in row.findings]
        unit = (value["account"], value["region"])
        whole = (
            json.loads(json.dumps([row.to_dict() for row in rows])) == value["rows"]
            and all(map(_typed, rows))
            and all(map(_typed, found))
            and all((row.account, row.region) == unit for row in rows)
            and {each.severity for each in found} <= {*SEVERITIES}
            and value["status"] in STATUSES
            and isinstance(value["calls"], int)
        )
    except (AssertionError, AttributeError, GtSecureError, KeyError, RecursionError, TypeError, ValueError):
        return None
    return unit if whole else None


def _typed(item: SweepRow | Finding) -> bool:
    """Return True if texts are texts; the types of other fields are known once they were read."""
    texts = [getattr(item, each.name) for each in fields(item) if each.type == "str"]
    lists = [text for each in fields(item) if each.type == "tuple[str, ...]" for text in getattr(item, each.name)]
    return all(isinstance(text, str) for text in (*texts, *lists))
