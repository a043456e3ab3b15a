"""The ledger of a process: each check and verdict leaves one record, and a kernel puts the records
into the outputs of the cell that asked.

The record is display data without data: nothing is shown, and every runner keeps it (nbval,
papermill, nbclient, a notebook job, JupyterLab). A process that a notebook starts, such as
``!gt-secure check``, adds it to the file that :data:`FILE` names, which the kernel reads.
:mod:`gt_secure.check.promise` compares the records with the claims that a notebook promises. A
script and a test keep their records in memory.
"""

from __future__ import annotations

import ast
import datetime as dt
import hashlib
import json
import os
import shutil
import sys
import tempfile
from atexit import register
from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..base.clock import utc_now
from ..base.errors import GtSecureError
from ..base.outcome import CheckResult
from ..base.text import Json, Texts, printable

if TYPE_CHECKING:
    from ..aws.client import Aws

KEY = "gt_secure"
"""The member of a notebook's metadata, and of an output's, that holds promise and records."""
_MANY = 8
"""The most connections that are asked for their account late: of one more it is asked at once."""
_LONGEST = 500
FILE = "GT_SECURE_LEDGER"
"""The variable that names the file to which processes of a kernel add their records."""
SAVED = "a saved result"
"""The origin of an answer that another run, or the person, has made."""
WROTE = "wrote"
"""The status of a record of a write: what is read after it is no evidence on an account."""
ALL = "*"
"""The subject of a write that reaches every team."""
_NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
_DUMP: Json = {"show_empty": True} if sys.version_info >= (3, 13) else {}
_PROCESS = os.getpid()
_pending: list[LedgerEntry] = []
_session: deque[LedgerEntry] = deque(maxlen=100_000)
_written: list[LedgerEntry] = []
_unasked: dict[str, Aws] = {}
"""Connections whose account nobody asked for, by what stands for it in their records."""
_read_to = 0
"""Bytes of the file that were read."""


class RecordedPlace(NamedTuple):
    """The origin of an answer: account, region, and ``sandbox`` outside AWS."""

    account: str = ""
    region: str = ""
    on: str = ""

    def __reduce__(self) -> tuple[type[RecordedPlace], Texts]:
        """Return the place of a result that is saved: it is no answer of the run that loads it."""
        return RecordedPlace, (self.account, self.region, SAVED)

    def __str__(self) -> str:
        account = f"account {self.account or 'unknown'}"
        where = f"{account} ({self.on})" if self.on else account
        return ", ".join(filter(None, (where, self.region)))


class LedgerEntry(NamedTuple):
    """One check or verdict: its outcome, where and when it looked,
    and what the outcome rests on.
    """

    check: str
    subject: str
    status: str
    account: str = ""
    region: str = ""
    on: str = ""
    time: str = ""
    evidence: str = ""
    own: str = ""
    """Not empty if it rests on what the same run wrote."""
    source: str = ""
    cell: int = -1

    def __str__(self) -> str:
        cell = f" in cell {self.cell}" if self.cell >= 0 else ""
        return f"{self.asked} {self.status}{cell}{self.where}"

    @property
    def asked(self) -> str:
        """The check and what it was asked about."""
        return f"{self.check}({self.subject})"

    @property
    def place(self) -> RecordedPlace:
        """The account, region and ``sandbox`` of the answer."""
        return RecordedPlace(self.account, self.region, self.on)

    @property
    def where(self) -> str:
        """The place, as a part of a sentence; empty if there is none."""
        return f", {self.place}" if any(self.place) else ""

    @property
    def counts(self) -> bool:
        """True if the record keeps a claim: not for a saved result, and on an account not if the
        same run wrote what it rests on.
        """
        return self.status == "passed" and self.on != SAVED and bool(self.on or not self.own)


def kernel_shell() -> Any:
    """Return the shell of the kernel that this process is; None in any other process."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell if hasattr(shell, "kernel") else None


def is_recording() -> bool:
    """Return whether an outcome is recorded: in a kernel, and in processes that it starts."""
    return kernel_shell() is not None or bool(os.environ.get(FILE))


def recorded_place(caller: Aws | None) -> RecordedPlace | None:
    """Return account and region of credentials; None without any.

    The account is empty if it is unknown. Outside a kernel it is not asked before a promise
    compares it.
    """
    if caller is None:
        return None
    account = f"of connection {id(caller):x}"
    if account not in _unasked and (is_recording() or len(_unasked) == _MANY):
        account = _account_of(caller)
    else:
        _unasked[account] = caller
    return RecordedPlace(account, caller.region, "sandbox" if caller.is_local else "")


def _account_of(caller: Aws) -> str:
    try:
        return caller.account_id
    except Exception:
        return ""


def record(
    check: str, subject: str, status: str, place: RecordedPlace | None = None, evidence: str = ""
) -> None:
    """Note an outcome for a promise, and for the outputs of the cell that runs, if one does."""
    now = f"{utc_now():%Y-%m-%dT%H:%M:%SZ}"
    where = place or RecordedPlace()
    entry = LedgerEntry(
        check, shortened(printable(subject)), status, *where, now, printable(evidence)[:300]
    )
    shell, path = kernel_shell(), os.environ.get(FILE)
    if shell is not None and os.getpid() == _PROCESS:
        _collect()
        _add(entry)
        shell.events.register("post_run_cell", _publish)
    elif path:
        with suppress(OSError), Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(entry._asdict())}\n")
    else:
        _add(entry)


def _add(entry: LedgerEntry) -> None:
    """Keep a record in its order, marked if it rests on what was written before."""
    if entry.status == WROTE:
        _written.append(entry)
        return
    if any(_is_about(entry, each) for each in _written):
        entry = entry._replace(own=WROTE)
    _session.append(entry)
    if kernel_shell() is not None:
        _pending.append(entry)


def _is_about(entry: LedgerEntry, write: LedgerEntry) -> bool:
    accounts = {entry.account, write.account}
    if entry.place[1:] != write.place[1:] or (len(accounts) > 1 and accounts.isdisjoint(_unasked)):
        return False
    return any(name == ALL or name in entry.subject for name in write.subject.split())


def shortened(text: str) -> str:
    """Return a text of at most 500 characters, which differs where the whole ones do."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 14]}… {hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"


def claimed(value: object) -> str:
    """Return an argument in words that are the same in each run: a restriction by what it asks for;
    empty for nothing, and for a time.
    """
    from ..restriction.files import load_restriction
    from ..restriction.model import Restriction

    if isinstance(value, str | Path) and str(value).endswith((".json", ".yaml", ".yml")):
        with suppress(GtSecureError):
            value = load_restriction(value)
    if isinstance(value, Restriction):
        asked = value.to_dict()
        value = {name: asked[name] for name in asked if name not in ("version", "team", "bucket")}
    elif is_dataclass(value) and not isinstance(value, type) and not hasattr(value, "name"):
        value = {each.name: getattr(value, each.name) for each in fields(value)}
    elif hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, Mapping):
        pairs = ((name, claimed(each)) for name, each in value.items())
        return ", ".join(f"{name} {words}" for name, words in pairs if words)
    if isinstance(value, list | tuple | set | frozenset):
        words = [claimed(each) for each in value]
        return " ".join(sorted(words) if isinstance(value, set | frozenset) else words)
    if value is None or isinstance(value, dt.datetime | dt.timedelta):
        return ""
    text = getattr(value, "workteam_name", "") or getattr(value, "name", "") or str(value)
    return type(value).__name__ if " at 0x" in text else str(text)


def recorded(result: CheckResult, place: RecordedPlace | None = None) -> CheckResult:
    """Return a result, and leave a record in the notebook that runs, if one does."""
    record(result.name, result.subject, result.status, place, result.message)
    return result


def recorded_here(checks: Container[str]) -> list[LedgerEntry]:
    """Return what this process and its children have recorded of some checks since it was started,
    with the accounts that nobody asked for before.
    """
    _collect()
    entries = [each for each in _session if each.check in checks]
    unasked = {each.account for each in entries} & {*_unasked}
    known = {each: _account_of(_unasked[each]) for each in unasked}
    return [each._replace(account=known.get(each.account, each.account)) for each in entries]


def open_file() -> None:
    """Make the file of this kernel, and name it to the processes that it starts."""
    shell = kernel_shell()
    if shell is None or hasattr(shell, "gt_secure_ledger"):
        return
    folder = tempfile.mkdtemp(prefix="gt_secure-")
    register(shutil.rmtree, folder, ignore_errors=True)
    shell.gt_secure_ledger = os.environ[FILE] = f"{folder}/ledger"
    shell.events.register("post_run_cell", _publish)


def _collect() -> None:
    """Read what processes have added to the file of this kernel."""
    global _read_to
    path = getattr(kernel_shell(), "gt_secure_ledger", "")
    if not path or os.getpid() != _PROCESS:
        return
    with suppress(OSError), Path(path).open("rb") as file:
        file.seek(_read_to)
        for line in file:
            if line.endswith(b"\n"):
                _read_to += len(line)
                with suppress(ValueError, TypeError, AttributeError):
                    _add(_entry(json.loads(line)))


def _entry(told: Json, cell: int = -1) -> LedgerEntry:
    known = {name: str(told.get(name, "")) for name in LedgerEntry._fields[:-1]}
    return LedgerEntry(**known, cell=cell)


def _publish(result: Any, *_: object) -> None:
    """Put the records into the outputs of the cell that ends; those of its threads, too."""
    shell = kernel_shell()
    # %%capture runs a cell in the cell, and keeps what it shows
    if "Capturing" in type(shell.display_pub).__name__:
        return
    _collect()
    source = fingerprint(result.info.raw_cell or "")
    entries = (_pending.pop(0)._replace(source=source) for _ in range(len(_pending)))
    # the number of the cell is that of its place when the notebook is read
    kept = [
        {name: value for name, value in zip(each._fields, each[:-1], strict=False) if value}
        for each in entries
    ]
    if kept:
        shell.display_pub.publish({}, {KEY: {"checks": kept}})


def parsed(text: str) -> ast.Module:
    """Parse the source of a cell without its magics; an empty module if it is no Python."""
    lines = ("" if line.lstrip().startswith(("%", "!")) else line for line in text.splitlines())
    try:
        return ast.parse("\n".join(lines))
    except _NO_PYTHON:
        return ast.Module([], [])


def fingerprint(text: str) -> str:
    """Return what identifies the code of a cell, whatever its layout and comments;
    empty for none.
    """
    try:
        # Python 3.12 has a field more, and 3.13 leaves out what is empty.
        code = ast.dump(ast.parse(text), **_DUMP).replace(", type_params=[]", "")
    except _NO_PYTHON:  # such as a magic
        code = "\n".join(line.rstrip() for line in text.strip().splitlines())
    digest = hashlib.blake2b(code.encode("utf-8", "replace"), digest_size=6)
    return digest.hexdigest() if text.strip() else ""


def records_of(cells: Iterable[Json]) -> Iterator[LedgerEntry]:
    """Yield what the outputs of cells record in their metadata."""
    for number, cell in enumerate(cells):
        for output in cell.get("outputs") or ():
            held = (output.get("metadata") or {}).get(KEY)
            told = held.get("checks", ()) if isinstance(held, dict) else ()
            yield from (_entry(each, number) for each in told)
