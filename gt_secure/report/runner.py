"""Reads many accounts and regions at the same time, slower where AWS throttles,
and again where it stopped.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
import random
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import NamedTuple, TextIO, TypeAlias

from ..base.errors import (
    AccessDenied,
    CredentialsError,
    GtSecureError,
    InvalidInput,
    Throttled,
    Unreachable,
)
from ..base.shared_files import open_regular, read_private, replacing
from ..base.text import Json
from .accounts import Account
from .rows import ReportRow

WORKERS = 8
TIMEOUT_S = 15.0
ATTEMPTS = 5
"""Maximum number of times that a throttled region is read."""
MAX_REGIONS = 3
"""Maximum number of regions named in a row of failed ones; ``regions`` has them all."""
_COLLECT_EVERY = 50
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0
AGAIN = frozenset({"no-answer", "throttled", "denied"})
"""Outcomes that are tried again when a report resumes."""
Unit: TypeAlias = "tuple[str, str]"
"""An account and a region."""


class ReportProgress(NamedTuple):
    """Progress of a report: regions done and in total, rows made, regions that could not be
    read.
    """

    done: int
    total: int
    rows: int
    failed: int


ReportCallback: TypeAlias = "Callable[[ReportProgress], object]"


class StateFile:
    """Outcomes by account and region, in a file that only its owner can read and write.

    ``damaged`` lines are no outcome of this report; their regions are read again.
    """

    def __init__(
        self, path: Path | None, identifier: str, units: Collection[Unit], *, fresh: bool = False
    ) -> None:
        self.path = path
        self._identifier = identifier
        self._lock = threading.Lock()
        self._file: TextIO | None = None
        self.done: dict[Unit, Json] = {}
        self.damaged = 0
        if path is None:
            return
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if fresh:
                path.unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                self._read(read_private(path).splitlines(), units)
            with replacing(path, 0o600) as rewritten:
                rewritten.writelines(map(self._line, self.done.values()))
            self._file = os.fdopen(
                open_regular(path, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8"
            )
        except OSError as error:
            raise self._unkept(
                error, "Choose another folder with GT_SECURE_REPORTS, or delete the file."
            ) from error

    def _unkept(self, error: OSError, next_step: str) -> InvalidInput:
        text = f"The state of the report cannot be kept in {self.path}: {error.strerror}."
        return InvalidInput(text, next_step=next_step, field="report")

    def _read(self, lines: list[str], units: Collection[Unit]) -> None:
        """Take over the outcomes of an interrupted report, the same one."""
        for line in lines:
            outcome = self._outcome(line)
            if outcome is None or (unit := (outcome["account"], outcome["region"])) not in units:
                self.damaged += 1
            elif outcome["status"] not in AGAIN:
                self.done[unit] = outcome

    def _line(self, outcome: Json) -> str:
        seal = hashlib.sha256(f"{self._identifier} {json.dumps(outcome)}".encode()).hexdigest()
        return json.dumps({"outcome": outcome, "seal": seal}) + "\n"

    def _outcome(self, line: str) -> Json | None:
        """Return the outcome in a line; None for one that was cut, changed,
        or written by another report.
        """
        try:
            outcome: Json = json.loads(line)["outcome"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return None
        return outcome if self._line(outcome) == f"{line}\n" else None

    def add(self, outcome: Json) -> None:
        """Record the outcome of one account and region."""
        with self._lock:
            self.done[(outcome["account"], outcome["region"])] = outcome
            if self._file is None:
                return
            try:
                self._file.write(self._line(outcome))
                self._file.flush()
            except OSError as error:
                with contextlib.suppress(OSError):
                    self._file.close()
                self._file = None
                raise self._unkept(
                    error, "Free space there, and report again: it goes on from here."
                ) from error

    def close(self, *, finished: bool) -> None:
        """Close the file; one of a finished report is removed."""
        with self._lock:
            if self._file is None or self.path is None:
                return
            self._file.close()
            self._file = None
            if finished:
                self.path.unlink(missing_ok=True)


@dataclass
class RegionRun:
    """One run over the accounts and regions that are not in the state file yet."""

    read: Callable[[Account, str], tuple[list[ReportRow] | None, int]]
    forget: Callable[[str], None]
    file: StateFile
    cancel: threading.Event
    progress: ReportCallback | None
    workers: int

    def all(self, units: list[tuple[Account, str]]) -> list[ReportRow]:
        """Read what has no outcome yet, and return all rows."""
        try:
            self._all(units)
        except BaseException:
            self.file.close(finished=False)
            raise
        self.file.close(finished=not self.cancel.is_set())
        return self.rows()

    def _all(self, units: list[tuple[Account, str]]) -> None:
        todo = [unit for unit in units if (unit[0].id, unit[1]) not in self.file.done]
        self._report(len(units))
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="gt_secure-report")
        try:
            futures = [pool.submit(self._one, account, region) for account, region in todo]
            for number, future in enumerate(as_completed(futures), 1):
                future.result()
                self._report(len(units))
                if number % _COLLECT_EVERY == 0:
                    # the clients of a session are circles, which pile up between Python's own
                    # rounds
                    gc.collect()
        except BaseException:
            self.cancel.set()
            raise
        finally:
            pool.shutdown(wait=not self.cancel.is_set(), cancel_futures=True)

    def _report(self, total: int) -> None:
        if self.progress is None:
            return
        outcomes = list(self.file.done.values())
        rows = sum(len(outcome["rows"]) for outcome in outcomes)
        failed = sum(outcome["status"] not in ("read", "empty") for outcome in outcomes)
        self.progress(ReportProgress(len(outcomes), total, rows, failed))

    def _one(self, account: Account, region: str) -> None:
        if self.cancel.is_set():
            return
        outcome = self._read(account, region)
        if not self.cancel.is_set():
            self.file.add(outcome)

    def _read(self, account: Account, region: str) -> Json:
        wait = _FIRST_WAIT_S
        for attempt in count(1):
            try:
                rows, calls = self.read(account, region)
                status = "empty" if rows is None else "read"
                return _outcome(account, region, status, rows or [], calls)
            except Throttled as error:
                self.forget(account.id)
                if attempt == ATTEMPTS or self.cancel.wait(wait * (0.5 + random.random())):
                    return _failed(account, region, "throttled", error)
                wait = min(wait * 2, _LONGEST_WAIT_S)
            except Unreachable as error:
                return _failed(account, region, "no-answer", error)
            except (AccessDenied, CredentialsError) as error:
                return _failed(account, region, "denied", error)
            except GtSecureError as error:
                return _failed(account, region, "failed", error)
        raise AssertionError("unreachable")  # pragma: no cover

    def rows(self) -> list[ReportRow]:
        """Return all rows in order; regions of an account that fail for one reason are one row."""
        rows = []
        failed: dict[tuple[str, str, tuple[str, ...]], list[ReportRow]] = {}
        for outcome in self.file.done.values():
            for row in map(ReportRow.from_dict, outcome["rows"]):
                if row.status == "read":
                    rows.append(row)
                else:
                    failed.setdefault((row.account, row.status, row.unread), []).append(row)
        rows += [_merged(group) for group in failed.values()]
        return sorted(rows, key=lambda row: (row.account, row.region, row.kind, row.name))


def _outcome(
    account: Account, region: str, status: str, rows: list[ReportRow], calls: int = 0
) -> Json:
    data = [row.to_dict() for row in rows]
    return {
        "account": account.id,
        "region": region,
        "status": status,
        "rows": data,
        "calls": calls,
    }


def _failed(account: Account, region: str, status: str, error: GtSecureError) -> Json:
    row = ReportRow(
        account.id, region, account_name=account.name, unread=(error.message,), status=status
    )
    return _outcome(account, region, status, [row])


def _merged(group: list[ReportRow]) -> ReportRow:
    names = sorted(row.region for row in group)
    region = ", ".join(names) if len(names) <= MAX_REGIONS else f"{len(names)} regions"
    return replace(group[0], region=region, regions=tuple(names))
