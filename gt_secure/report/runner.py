"""Reads many accounts and regions at the same time, and goes on where it stopped."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

from ..base.errors import (
    AccessDenied,
    CredentialsError,
    GtSecureError,
    InvalidInput,
    Throttled,
    Unreachable,
)
from ..base.groups import grouped
from ..base.shared_files import open_regular, read_private, replacing
from .accounts import Account
from .rows import ReportRow, ReportRows

WORKERS = 8
"""Number of regions that are read at the same time."""
WAITS_S = (1.0, 2.0, 4.0, 8.0, 0.0)
"""Seconds to wait after each reading of a region that AWS throttles; the last one ends it."""
MAX_REGIONS = 3
"""Maximum number of regions named in a row of failed ones; ``regions`` has them all."""
_STATUS = {
    Throttled: "throttled",
    Unreachable: "no-answer",
    AccessDenied: "denied",
    CredentialsError: "denied",
    GtSecureError: "failed",
}
"""The status of a region by its error: the first one that fits."""
AGAIN = frozenset({"no-answer", "throttled", "denied"})
"""Outcomes that are tried again when a report resumes."""
Unit: TypeAlias = "tuple[str, str]"
"""An account and a region."""


class ReportProgress(NamedTuple):
    """Progress of a report: regions done and in total, and those that could not be read."""

    done: int
    total: int
    failed: int


ReportCallback: TypeAlias = "Callable[[ReportProgress], object]"


ReadRegion: TypeAlias = "Callable[[Account, str], tuple[ReportRows | None, int]]"
"""Returns the rows of an account and region, None for one without a workforce; and the calls."""


class Outcome(NamedTuple):
    """Result of one account and region: its status, its rows, and the number of calls.

    ``status`` is that of its rows, or ``empty`` for a region without a workforce.
    """

    account: str
    region: str
    status: str
    rows: ReportRows = ()
    calls: int = 0

    @property
    def line(self) -> str:
        """The line of a state file."""
        data = self._asdict() | {"rows": [row.to_dict() for row in self.rows]}
        return f"{json.dumps(data)}\n"

    @classmethod
    def of_line(cls, line: str) -> Outcome | None:
        """Return the outcome of a line; None for a line that was cut or is of another version."""
        try:
            data = json.loads(line)
            return cls(**data | {"rows": tuple(map(ReportRow.from_dict, data["rows"]))})
        except (ValueError, LookupError, TypeError, RecursionError):
            return None


class StateFile:
    """Outcomes by account and region, in a file that only its owner can read and write.

    A region whose line is no outcome is read again.
    """

    def __init__(self, path: Path | None, units: Collection[Unit], *, fresh: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        self.done: dict[Unit, Outcome] = {}
        if path is None:
            return
        with self._kept():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if fresh:
                path.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                for each in map(Outcome.of_line, read_private(path).splitlines()):
                    if each and each[:2] in units and each.status not in AGAIN:
                        self.done[each[:2]] = each
            with replacing(path, 0o600) as rewritten:
                rewritten.writelines(each.line for each in self.done.values())

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InvalidInput(
                f"The state of the report cannot be kept in {self.path}: {error.strerror}.",
                next_step=(
                    "Free space there, delete the file, or choose another folder with"
                    " GT_SECURE_REPORTS. The same report goes on from what the file has."
                ),
                field="report",
            ) from error

    def add(self, outcome: Outcome) -> None:
        """Record the outcome of one account and region."""
        with self._lock:
            self.done[outcome[:2]] = outcome
            if self.path is not None:
                with self._kept():
                    handle = open_regular(self.path, os.O_WRONLY | os.O_APPEND)
                    with os.fdopen(handle, "a", encoding="utf-8") as file:
                        file.write(outcome.line)

    def remove(self) -> None:
        """Remove the file of a finished report."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def read_units(
    read: ReadRegion,
    units: Sequence[tuple[Account, str]],
    file: StateFile,
    cancel: threading.Event,
    progress: ReportCallback | None,
) -> list[ReportRow]:
    """Read the accounts and regions that are not in the state file yet, and return all rows.

    Parameters
    ----------
    read : callable
    units : sequence of Account and str
    file : StateFile
    cancel : threading.Event
        Set it to stop.
    progress : callable, optional
        Gets how far it is, before the first one and after each.
    """

    def one(account: Account, region: str) -> None:
        if not cancel.is_set():
            outcome = _outcome(read, account, region, cancel)
            if not cancel.is_set():
                file.add(outcome)

    def tell() -> None:
        if progress is not None:
            words = [outcome.status for outcome in [*file.done.values()]]
            failed = sum(word not in ("read", "empty") for word in words)
            progress(ReportProgress(len(words), len(units), failed))

    tell()
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="gt_secure-report")
    todo = [unit for unit in units if (unit[0].id, unit[1]) not in file.done]
    try:
        for future in as_completed([pool.submit(one, *unit) for unit in todo]):
            future.result()
            tell()
    except BaseException:
        cancel.set()
        raise
    finally:
        pool.shutdown(wait=not cancel.is_set(), cancel_futures=True)
    if not cancel.is_set():
        file.remove()
    return in_order(row for outcome in file.done.values() for row in outcome.rows)


def _outcome(
    read: ReadRegion,
    account: Account,
    region: str,
    cancel: threading.Event,
) -> Outcome:
    """Read one account and region, which AWS may throttle for a while."""
    for wait in WAITS_S:
        try:
            rows, calls = read(account, region)
            status = "empty" if rows is None else "read"
            return Outcome(account.id, region, status, rows or (), calls)
        except GtSecureError as error:
            status = next(word for kind, word in _STATUS.items() if isinstance(error, kind))
            row = ReportRow(
                account.id,
                region,
                account_name=account.name,
                unread=(error.message,),
                status=status,
            )
            if status != "throttled" or cancel.wait(wait * (0.5 + random.random())):
                break
    return Outcome(account.id, region, status, (row,))


def in_order(rows: Iterable[ReportRow]) -> list[ReportRow]:
    """Return rows by account and region; regions of an account that fail for one reason are one
    row.
    """
    groups = grouped(
        ((row.account, row.status, row.unread), row) if row.status != "read" else (row_of(row), row)
        for row in rows
    )
    return sorted(map(_merged, groups.values()), key=row_of)


def row_of(row: ReportRow) -> tuple[str, ...]:
    """Return the place of a row: account, region, kind and name."""
    return row.account, row.region, row.kind, row.name


def _merged(group: list[ReportRow]) -> ReportRow:
    names = sorted(row.region for row in group)
    if len(names) == 1:
        return group[0]
    region = ", ".join(names) if len(names) <= MAX_REGIONS else f"{len(names)} regions"
    return replace(group[0], region=region, regions=tuple(names))
