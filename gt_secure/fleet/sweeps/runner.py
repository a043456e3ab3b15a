"""Runs a sweep: accounts and regions at the same time, slower where AWS throttles,
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
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeAlias

from ...base.clock import utc_now
from ...base.errors import (
    AccessDenied,
    CredentialsError,
    GtSecureError,
    InvalidInput,
    Throttled,
    Unreachable,
)
from ...base.shared_files import open_regular, read_private, replacing
from ...base.text import Json, TextsLike
from ...connection import ConnectionLike, connect, connection_of
from ...findings.accepted import AcceptedLike, accept, read_accepted
from ..data_buckets import BucketChoice
from .accounts import (
    Account,
    Accounts,
    AccountsLike,
    organization_accounts,
    parse_regions,
    read_accounts,
)
from .region_reader import read_region
from .role import Members
from .sweep_rows import Sweep, SweepRow, unused_entries

WORKERS = 8
TIMEOUT_S = 15.0
ATTEMPTS = 5
"""Maximum number of times that a throttled region is read."""
MAX_REGIONS = 3
"""Maximum number of regions named in a row of failed ones; ``regions`` has them all."""
_COLLECT_EVERY = 50
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0
_STATE_FORMAT = 2
AGAIN = frozenset({"no-answer", "throttled", "denied"})
"""Outcomes that are tried again when a sweep resumes."""
Unit: TypeAlias = "tuple[str, str]"
"""An account and a region."""


class SweepProgress(NamedTuple):
    """Progress of a sweep: regions done and in total, teams found,
    regions that could not be read.
    """

    done: int
    total: int
    teams: int
    failed: int


def sweep(
    *,
    role_name: str,
    accounts: AccountsLike | None = None,
    organization: bool = False,
    regions: TextsLike = "all",
    buckets: TextsLike | None = None,
    external_id: str = "",
    connection: ConnectionLike | None = None,
    accepted: AcceptedLike | None = None,
    state: str | Path | None = None,
    fresh: bool = False,
    shard: tuple[int, int] = (1, 1),
    workers: int = WORKERS,
    timeout_s: float = TIMEOUT_S,
    progress: Callable[[SweepProgress], object] | None = None,
    cancel: threading.Event | None = None,
) -> Sweep:
    """Report the locks, exposure and findings of every private team in many accounts and regions.
    Writes nothing.

    Parameters
    ----------
    role_name : str
        The role to assume in each account; ``gt-secure sweep --print-role stackset`` prints it.
    accounts : path or iterable, optional
        A file of account ids, or the ids.
    organization : bool
        Use the active accounts of the organization instead.
    regions : str or iterable of str
        ``all`` stands for the regions that are enabled in every account.
    buckets : str or iterable of str, optional
        Add rows by bucket: ``used`` by a team or guarded, ``all``, ``tag:KEY=VALUE``, or names.
    external_id : str
        The external id of the role's trust policy.
    connection : Connection or sagemaker.core Session, optional
        The credentials that assume the role (default: the current ones).
    accepted : path or iterable, optional
        Accepted findings. An entry may name its subject as ``account/region/subject``.
    state : path, optional
        Folder for the progress: an interrupted sweep with the same arguments resumes, unless
        ``fresh`` is set.
    shard : (int, int)
        ``(2, 8)`` reads the second of eight parts of the accounts, for several machines.
    workers : int
        Number of regions that are read at the same time.
    timeout_s : float
        Seconds to wait for one response.
    progress : callable, optional
        Gets a :class:`SweepProgress` after each region.
    cancel : threading.Event, optional
        Set it to stop: what is read so far stays in ``state``.

    Raises
    ------
    InvalidInput
        For arguments that cannot be used. An account or region that fails is a row, never an error.

    Examples
    --------
    >>> where = {"role_name": "GtSecureSweep", "accounts": "accounts.txt"}
    >>> gt_secure.sweep(**where).require("high")  # doctest: +SKIP
    """
    gt = connect() if connection is None else connection_of(connection)
    if organization == (accounts is not None):
        raise InvalidInput(
            "Both accounts and the organization are named."
            if organization
            else "No accounts are named.",
            next_step="Pass accounts=, or organization=True.",
            field="accounts",
        )
    entries = read_accepted(accepted)
    listed = organization_accounts(gt.aws) if accounts is None else read_accounts(accounts)
    chosen = _part(listed, shard)
    names = parse_regions(regions, gt.aws.partition)
    choice = None if buckets is None else BucketChoice.parse(buckets)
    members = Members(gt.aws, role_name, external_id, _in_range("timeout_s", timeout_s, 0.1, 600))
    units = [(account, region) for account in chosen for region in names]
    question = (gt.aws.endpoint_url, members.role_name, external_id, chosen, names, choice)
    identifier = hashlib.sha256(repr(question).encode()).hexdigest()[:16]
    path = None if state is None else Path(state) / f"{identifier}.ndjson"
    file = StateFile(
        path, identifier, {(account.id, region) for account, region in units}, fresh=fresh
    )
    workers = int(_in_range("workers", workers, 1, 64))
    run = _Run(members, file, choice, cancel or threading.Event(), progress, workers)
    started = time.monotonic()
    try:
        run.all(units)
    except BaseException:
        file.close(finished=False)
        raise
    stopped = run.cancel.is_set()
    file.close(finished=not stopped)
    rows = [_accepted(row, entries) for row in run.rows()]
    return Sweep(
        at=utc_now(),
        accounts=chosen,
        regions=names,
        rows=tuple(rows),
        regions_read=len(file.done),
        empty=sum(outcome["status"] == "empty" for outcome in file.done.values()),
        calls=sum(int(outcome.get("calls", 0)) for outcome in file.done.values()),
        seconds=round(time.monotonic() - started, 1),
        unused=() if stopped else unused_entries(rows, entries),
        nothing=_nothing(choice, rows),
        damaged=file.damaged,
    )


def _nothing(choice: BucketChoice | None, rows: Iterable[SweepRow]) -> str:
    found = {row.bucket for row in rows if row.bucket}
    if choice is None or (found and found.issuperset(choice.names)):
        return ""
    return choice._replace(names=tuple(name for name in choice.names if name not in found)).nothing


def _part(accounts: Accounts, shard: tuple[int, int]) -> Accounts:
    number, count = shard
    if not 1 <= number <= count:
        raise InvalidInput(
            f"There is no part {number} of {count}.",
            next_step="Write 1/8 for the first of eight parts.",
            field="shard",
        )
    return tuple(sorted(accounts)[number - 1 :: count])


def _in_range(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise InvalidInput(
            f"{name} is {value:g}.", next_step=f"Choose {low:g} to {high:g}.", field=name
        )
    return value


def _accepted(row: SweepRow, entries: tuple[Any, ...]) -> SweepRow:
    return (
        replace(row, findings=accept(row.findings, entries, place=row.location)) if entries else row
    )


def default_folder() -> Path:
    """Return the folder for the state of sweeps: ``GT_SECURE_SWEEPS``,
    or one in the home directory.
    """
    return Path(os.environ.get("GT_SECURE_SWEEPS") or Path.home() / ".gt_secure" / "sweeps")


class StateFile:
    """Outcomes by account and region, in a file that only its owner can read and write.

    ``damaged`` lines are no outcome of this sweep; their regions are read again.
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
                error, "Choose another folder with state=, or delete the file."
            ) from error

    def _unkept(self, error: OSError, next_step: str) -> InvalidInput:
        text = f"The state of the sweep cannot be kept in {self.path}: {error.strerror}."
        return InvalidInput(text, next_step=next_step, field="state")

    def _read(self, lines: list[str], units: Collection[Unit]) -> None:
        """Take over the outcomes of an interrupted sweep, the same one."""
        for line in lines:
            outcome = self._outcome(line)
            if outcome is None or (unit := (outcome["account"], outcome["region"])) not in units:
                self.damaged += 1
            elif outcome["status"] not in AGAIN:
                self.done[unit] = outcome

    def _line(self, outcome: Json) -> str:
        seal = hashlib.sha256(
            f"{_STATE_FORMAT} {self._identifier} {json.dumps(outcome)}".encode()
        ).hexdigest()
        return json.dumps({"outcome": outcome, "seal": seal}) + "\n"

    def _outcome(self, line: str) -> Json | None:
        """Return the outcome in a line; None for one that was cut, changed,
        or written by another sweep.
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
                    error, "Free space there, and sweep again: it goes on from here."
                ) from error

    def close(self, *, finished: bool) -> None:
        """Close the file; one of a finished sweep is removed."""
        with self._lock:
            if self._file is None or self.path is None:
                return
            self._file.close()
            self._file = None
            if finished:
                self.path.unlink(missing_ok=True)


@dataclass
class _Run:
    """One run over the accounts and regions that are not in the state file yet."""

    members: Members
    file: StateFile
    choice: BucketChoice | None
    cancel: threading.Event
    progress: Callable[[SweepProgress], object] | None
    workers: int

    def all(self, units: list[tuple[Account, str]]) -> None:
        todo = [unit for unit in units if (unit[0].id, unit[1]) not in self.file.done]
        self._report(len(units))
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="gt_secure-sweep")
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
        teams = sum(bool(row["team"]) for outcome in outcomes for row in outcome["rows"])
        failed = sum(outcome["status"] not in ("read", "empty") for outcome in outcomes)
        self.progress(SweepProgress(len(outcomes), total, teams, failed))

    def _one(self, account: Account, region: str) -> None:
        if self.cancel.is_set():
            return
        outcome = self._read(account, region)
        if not self.cancel.is_set():
            self.file.add(outcome)

    def _read(self, account: Account, region: str) -> Json:
        wait = _FIRST_WAIT_S
        calls: list[str] = []
        for attempt in range(1, ATTEMPTS + 1):
            try:
                gt, calls = self.members.connect(account.id, region)
                rows = read_region(gt, account, self.choice)
                return _outcome(
                    account, region, "empty" if rows is None else "read", rows or [], calls
                )
            except Throttled as error:
                self.members.forget(account.id)
                if attempt == ATTEMPTS or self.cancel.wait(wait * (0.5 + random.random())):
                    return _failed(account, region, "throttled", error, calls)
                wait = min(wait * 2, _LONGEST_WAIT_S)
            except Unreachable as error:
                return _failed(account, region, "no-answer", error, calls)
            except (AccessDenied, CredentialsError) as error:
                return _failed(account, region, "denied", error, calls)
            except GtSecureError as error:
                return _failed(account, region, "failed", error, calls)
        raise AssertionError("unreachable")

    def rows(self) -> list[SweepRow]:
        """Return all rows in order; regions of an account that fail for one reason are one row."""
        rows = []
        failed: dict[tuple[str, str, tuple[str, ...]], list[SweepRow]] = {}
        for outcome in self.file.done.values():
            made = [SweepRow.from_dict(data) for data in outcome["rows"]]
            if outcome["status"] in ("read", "empty"):
                rows += made
            for row in made if outcome["status"] not in ("read", "empty") else ():
                failed.setdefault((row.account, outcome["status"], row.unread), []).append(row)
        rows += [_merged(group) for group in failed.values()]
        return sorted(
            rows, key=lambda row: (row.account, row.region, bool(row.bucket), row.team, row.bucket)
        )


def _outcome(
    account: Account, region: str, status: str, rows: list[SweepRow], calls: list[str]
) -> Json:
    data = [row.to_dict() for row in rows]
    return {
        "account": account.id,
        "region": region,
        "status": status,
        "rows": data,
        "calls": len(calls),
    }


def _failed(
    account: Account, region: str, status: str, error: GtSecureError, calls: list[str]
) -> Json:
    row = SweepRow(
        account.id, region, account_name=account.name, unread=(error.message,), status=status
    )
    return _outcome(account, region, status, [row], calls)


def _merged(group: list[SweepRow]) -> SweepRow:
    names = sorted(row.region for row in group)
    region = ", ".join(names) if len(names) <= MAX_REGIONS else f"{len(names)} regions"
    return replace(group[0], region=region, regions=tuple(names))
