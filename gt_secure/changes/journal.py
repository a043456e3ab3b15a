"""The journal: one file per change, written and synced before each call, so that every call is on
record.

A file holds JSON lines. The first holds the planned changes, the caller and the account, and all
values that a rollback needs; each later one is an event. Every line carries the SHA-256 of the line
before it, so that a missing or altered line is detected. It holds bucket policies, settings and
CIDR ranges, never credentials, tokens or URLs.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..aws.arns import caller_name
from ..base.clock import utc_now
from ..base.columns import ShownTable
from ..base.errors import GtSecureError, NotFound, refuse_url
from ..base.outcome import CheckResult
from ..base.shared_files import create_mode, open_regular, share_with_folder
from ..base.shown import Shown
from ..base.text import Json, JsonLike, Texts, count, truncate
from ..base.truth import Ambiguous
from ..base.url_journal import UrlJournal, journal_folder
from ..check.ledger import recorded
from ..secrets import redact

Status: TypeAlias = Literal[
    "applied", "undone", "rolled-back", "overtaken", "unfinished", "damaged", "unsupported"
]

FORMAT = 1
"""The format that this version writes, and the newest that it reads."""

MAX_BYTES = 64 << 20
"""A larger file is not a record of a change: a bucket policy has at most 20 KB."""

_IS_GONE = "the file of change {}, which was made before it, is missing"
_RECORD_KINDS = {"apply", "undo"}
_ENDS = ("applied", "rolled-back", "overtaken")
_SECOND = 1_000_000
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{6}-[0-9a-f]{4}")


def scrub(text: str, most: int = 600) -> str:
    """Redact possible keys, tokens and signed URLs in text from outside."""
    return truncate(redact(text), most)


@dataclass(frozen=True, slots=True, repr=False)
class ChangeRecord(Shown, Ambiguous):
    """One change, as recorded in the journal.

    Attributes
    ----------
    id : str
    kind : str
        ``apply`` or ``undo``; ``of`` is the change that an undo reverts.
    status : str
        ``applied`` (of an undo: it has been carried out), ``undone`` by a later change,
        ``rolled-back``, ``overtaken`` (rolled back except for simultaneous writes of others),
        ``unfinished`` (interrupted, or in doubt), or ``damaged``: the file is not intact.
        ``unsupported`` is a record that a newer version wrote.
    begin : mapping
        The first line: account, region, caller, restriction, changes with everything that a
        rollback needs.
    events : tuple of mapping
        The later lines.
    """

    _ask = ".status"
    document = (
        "id",
        "kind",
        "of",
        "status",
        "started",
        "region",
        "caller",
        "reason",
        "lists",
        "events",
        "problems",
        "account: account_id",
    )

    id: str
    kind: str
    status: Status
    begin: JsonLike
    events: tuple[JsonLike, ...] = ()
    of: str | None = None
    problems: Texts = field(default=())

    def __str__(self) -> str:
        return ", ".join(filter(None, map(str, Journal.row(self))))

    @property
    def account_id(self) -> str:
        """The account that was changed; empty if the record does not name it."""
        return self._text("account")

    @property
    def region(self) -> str:
        """The region of the workteam."""
        return self._text("region")

    @property
    def caller(self) -> str:
        """The ARN of the caller who made the change; empty if the record does not name it."""
        return self._text("caller")

    @property
    def reason(self) -> str:
        """Reason that the person gave, if any."""
        return self._text("reason")

    @property
    def started(self) -> str:
        """Start time, in UTC."""
        return self._text("at")

    @property
    def changes(self) -> Sequence[JsonLike]:
        """The planned changes, in order."""
        return self._mappings("changes")

    @property
    def doubts(self) -> Texts:
        """The part of an intact file that is missing: how the change ended."""
        return (
            ()
            if self.named("end")
            else ("it has no end: the change was interrupted, or its last lines were removed",)
        )

    @property
    def requests(self) -> set[str]:
        """The ids of the requests that wrote."""
        return {str(event.get("request")) for event in self.named("written")}

    def named(self, name: str) -> list[JsonLike]:
        """Return the events of a name, such as ``written``."""
        return [event for event in self.events if event.get("event") == name]

    @property
    def lists(self) -> list[JsonLike]:
        """The lists that the restriction named, with the ranges that they had."""
        return self._mappings("lists")

    def _text(self, name: str) -> str:
        return str(self.begin.get(name) or "")

    def _mappings(self, name: str) -> list[JsonLike]:
        listed = self.begin.get(name)
        return (
            [each for each in listed if isinstance(each, Mapping)]
            if isinstance(listed, list)
            else []
        )

    def to_dict(self) -> Json:
        """Return the record as JSON-able data."""
        changes = [
            {key: change.get(key) for key in ("kind", "target", "before", "after")}
            for change in self.changes
        ]
        return Shown.to_dict(self) | {"changes": changes}


class Writer:
    """Appends events to the file of one change; an event is on disk when the method returns.

    What is on disk is all that it goes by: after an interrupt at any moment the next line follows
    the last whole one.
    """

    def __init__(self, path: Path) -> None:
        self.id = path.stem
        self._path = path
        _latest.set(path)

    @property
    def journal(self) -> Journal:
        """The journal of the folder that this record is written to."""
        return Journal(self._path.parent)

    def write(self, event: str, **data: Any) -> None:
        """Append one event and sync it to the disk; a line that was torn before is cut off."""
        new = event == "begin"
        flags = os.O_RDWR | os.O_APPEND | ((os.O_CREAT | os.O_EXCL) if new else 0)
        try:
            handle = open_regular(self._path, flags, create_mode(self._path.parent))
            with os.fdopen(handle, "r+b", buffering=0) as file:
                if new:
                    share_with_folder(handle, self._path.parent)
                whole = file.read()
                lines = whole.split(b"\n")[:-1]
                file.truncate(whole.rfind(b"\n") + 1)
                last = _digest(lines[-1]) if lines else ""
                now = utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
                line = {"n": len(lines), "at": now, "event": event, **data, "prev": last}
                rest = memoryview(
                    (json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n").encode(
                        "ascii"
                    )
                )
                while rest:
                    rest = rest[os.write(handle, rest) :]
                os.fsync(handle)
        except OSError as error:
            raise _cannot_write(self._path.parent, error) from error
        if new:
            _sync_directory(self._path.parent)

    def note(self, event: str, **data: Any) -> None:
        """Append an event that nobody needs to recover:
        a full disk must stop neither a change nor a rollback.
        """
        try:
            self.write(event, **data)
        except GtSecureError:
            pass  # the intents that were synced before each call are enough to recover from


_latest: ContextVar[Path | None] = ContextVar(
    "the record that this thread writes or wrote last", default=None
)


def forget_record() -> None:
    """Let :func:`latest_record` return None until this thread writes another record."""
    _latest.set(None)


def latest_record() -> ChangeRecord | None:
    """Read the record that this thread wrote last; None if it has written none."""
    path = _latest.get()
    return _read(path) if path is not None and path.exists() else None


def _cannot_write(directory: Path, error: OSError) -> GtSecureError:
    return GtSecureError(
        f"The journal cannot be written in {directory}: {error.strerror}.",
        next_step="Free space there, or choose another folder with journal= or GT_SECURE_JOURNAL.",
        details={"errno": error.errno},
    )


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _sync_directory(directory: Path) -> None:
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:  # Windows cannot open directories
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems do not sync directories
        pass
    finally:
        os.close(handle)


class JournalCheck(dict[str, Texts]):
    """The problems and doubts of each change of a journal: true only if every file is intact and
    complete.

    ``broken`` has the changes whose file is not intact.
    """

    broken: Texts = ()

    @property
    def passed(self) -> bool | None:
        """True if every file is intact, False if one is not,
        None if one has no end or there is no file.
        """
        return False if self.broken else True if len(self) and not any(self.values()) else None

    def __bool__(self) -> bool:
        return self.passed is True

    def require(self) -> JournalCheck:
        """Return the result; raise :class:`~gt_secure.check.CheckFailed` unless every file is
        intact and complete.
        """
        named = "; ".join(f"{change}: {', '.join(said)}" for change, said in self.items() if said)
        text = named or (
            f"{count(len(self), 'change')} intact." if len(self) else "There is no file."
        )
        recorded(CheckResult("history", "verify", self.passed, text)).require()
        return self


class Journal(ShownTable["ChangeRecord"]):
    """The changes that a folder records, the oldest first; shown as a table.

    Parameters
    ----------
    folder : path, optional
        Default: ``GT_SECURE_JOURNAL``, else ``~/.gt_secure/journal``.

    Attributes
    ----------
    path : Path
        The folder. It may not exist yet.
    own : list of str
        The ids of the changes that were begun through this object, which each connection has for
        itself.

    Examples
    --------
    >>> [(record.id, record.status) for record in Journal()]  # doctest: +SKIP
    [('20261124-101500-000000-ab12', 'applied')]
    """

    titles = ("change", "status", "kind", "targets", "caller", "reason")
    empty = "The journal is empty."

    def __init__(self, folder: str | Path | None = None) -> None:
        self.path = journal_folder(folder)
        self.own: list[str] = []
        self._records: tuple[ChangeRecord, ...] | None = None

    def snapshot(self) -> Journal:
        """Return the journal with its current records,
        so that many questions read the files only once.
        """
        part: Journal = self[:]
        return part

    def __getitem__(self, index: Any) -> Any:
        records = tuple(self)
        if not isinstance(index, slice):
            return records[index]
        journal = Journal(self.path)
        journal._records = records[index]
        return journal

    @property
    def test_urls(self) -> UrlJournal:
        """The journal of our own test URLs, in the same folder."""
        return UrlJournal(self.path)

    def __iter__(self) -> Iterator[ChangeRecord]:
        if self._records is not None:
            yield from self._records
            return
        records = [self._read(change_id) for change_id in self._ids()]
        undone = {
            record.of for record in records if record.kind == "undo" and record.status == "applied"
        }
        for record in records:
            yield (
                replace(record, status="undone")
                if record.id in undone and record.status == "applied"
                else record
            )

    def __len__(self) -> int:
        return len(self._ids() if self._records is None else self._records)

    def __bool__(self) -> bool:
        return True

    @staticmethod
    def row(item: ChangeRecord) -> Texts:
        """Return the cells of one record."""
        targets = ", ".join(
            f"{change.get('kind')} of {change.get('target')}" for change in item.changes
        )
        kind = item.kind + (f" of {item.of}" if item.of else "")
        return item.id, item.status, kind, targets, caller_name(item.caller), item.reason or "-"

    def find(self, change_id: str) -> ChangeRecord:
        """Return one change by its id or a unique prefix of it.

        Raises
        ------
        NotFound
            If there is no such change, or several ids have this prefix.
        """
        refuse_url(change_id, "change", "the id of a change")
        ids = self._ids()
        ids = (
            [change_id]
            if change_id in ids
            else [each for each in ids if change_id and each.startswith(change_id)]
        )
        if len(ids) == 1:
            record = self._read(ids[0])
            undone = record.status == "applied" and any(
                each.status == "applied" for each in self.undos_of(record.id)
            )
            return replace(record, status="undone") if undone else record
        raise NotFound(
            f"The journal in {self.path} has {'no' if not ids else len(ids)} change"
            f"{'s that begin with' if ids else ''} '{change_id[:40]}'.",
            next_step="List them with gt.journal.",
        )

    def undos_of(self, change_id: str) -> list[ChangeRecord]:
        """Return the later changes that undo a change, the oldest first."""
        named = f'"of":"{change_id}"'
        undos = (
            self._read(each)
            for each in self._ids()
            if named in _text_if_readable(self.path / f"{each}.jsonl").partition("\n")[0]
        )
        return [record for record in undos if record.of == change_id]

    def unfinished(self, account: str, region: str) -> list[ChangeRecord]:
        """Return the changes of an account and region that were interrupted, the oldest first."""
        place, records = (account, region), self._records
        if records is None:  # most records end with their outcome: only the others are read whole
            records = tuple(
                self._read(each)
                for each in self._ids()
                if not _has_ended(self.path / f"{each}.jsonl")
            )
        return [
            each
            for each in records
            if each.status == "unfinished" and (each.account_id, each.region) == place
        ]

    def verify(self) -> JournalCheck:
        """Check that every file is intact and complete;
        returns the problems and doubts of each change.
        """
        records = {each: self._read(each) for each in self._ids()}
        found = JournalCheck()
        for change_id, record in records.items():
            former = record.begin.get("after", change_id)
            gone = () if former in records else (_IS_GONE.format(former),)
            found[change_id] = (*record.problems, *record.doubts, *gone)
        found.broken = tuple(each for each, record in records.items() if record.problems)
        return found

    def begin(self, first: JsonLike) -> Writer:
        """Start the file of a new change with its first line, which names the change before it."""
        former = self._ids()
        change_id = _next_id(former)
        self.own.append(change_id)
        writer = Writer(self.path / f"{change_id}.jsonl")
        follows = {"after": former[-1]} if former else {}
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            writer.write("begin", format=FORMAT, id=change_id, **follows, **first)
        except (OSError, GtSecureError) as error:
            problem = error if isinstance(error, GtSecureError) else _cannot_write(self.path, error)
            problem.next_step = f"{problem.next_step} Nothing was changed."
            raise problem from error
        return writer

    def proceed(self, record: ChangeRecord) -> Writer:
        """Continue the file of an interrupted change."""
        return Writer(self.path / f"{record.id}.jsonl")

    def _ids(self) -> list[str]:
        """Return the ids of all changes, the oldest first."""
        try:
            names = list(self.path.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise GtSecureError(
                f"The journal in {self.path} cannot be read: {error.strerror}.",
                next_step="Choose another folder with journal= or GT_SECURE_JOURNAL.",
            ) from error
        return sorted(
            name.stem for name in names if name.suffix == ".jsonl" and _ID.fullmatch(name.stem)
        )

    def _read(self, change_id: str) -> ChangeRecord:
        return _read(self.path / f"{change_id}.jsonl")


def _next_id(former: Sequence[str]) -> str:
    """Return an id that follows those of all changes before it: by the time, or where a clock has
    gone back, by the last of them.
    """
    text = f"{utc_now():%Y%m%d%H%M%S%f}"
    last = former[-1][:22].replace("-", "") if former else ""
    if text <= last:
        text = f"{int(last) + _SECOND:020}"[:20]
    return f"{text[:8]}-{text[8:14]}-{text[14:]}-{secrets.token_hex(2)}"


def _read(path: Path) -> ChangeRecord:
    """Read one file; any problem with it becomes a status and never stops other work."""
    try:
        text = _text(path)
    except OSError as error:
        return _damaged(
            path, f"it cannot be opened: {error.strerror or 'it is not a regular file'}"
        )
    complete, _, torn = text.rpartition("\n")
    del torn  # an incomplete last line announced a call that was never made
    events, problems = _events(complete)
    if not events or events[0].get("event") != "begin" or events[0].get("id") != path.stem:
        if not problems and not complete:
            # Killed while the first line was being written: nothing had been called yet.
            return ChangeRecord(path.stem, "apply", "rolled-back", {}, (), None, ())
        return _damaged(path, *(problems or ["the first record is missing"]))
    begin, rest = events[0], tuple(events[1:])
    newer = _unsupported(begin)
    status: Status = "damaged" if problems else "unsupported" if newer else _status(begin, rest)
    of = begin.get("of")
    return ChangeRecord(
        path.stem,
        str(begin.get("kind")),
        status,
        begin,
        rest,
        of if isinstance(of, str) else None,
        (*problems, *newer),
    )


def _has_ended(path: Path) -> bool:
    """Return whether the last line of a record says how the change ended;
    False also where it cannot be read.
    """
    last = _text_if_readable(path).rstrip("\n").rpartition("\n")[2]
    return '"event":"end"' in last and any(f'"outcome":"{each}"' in last for each in _ENDS)


def _text_if_readable(path: Path) -> str:
    try:
        return _text(path)
    except OSError:
        return ""


def _text(path: Path) -> str:
    handle = open_regular(path, os.O_RDONLY)
    with os.fdopen(handle, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, "it is too large for a record of a change")
    return data.decode("utf-8", errors="replace")


def _damaged(path: Path, *problems: str) -> ChangeRecord:
    return ChangeRecord(path.stem, "apply", "damaged", {}, (), None, problems)


def _events(text: str) -> tuple[list[Json], list[str]]:
    events: list[Json] = []
    last = ""
    for number, line in enumerate(text.split("\n") if text else []):
        try:
            event = json.loads(line)
            follows = event["n"] == number and event["prev"] == last
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            return events, [f"line {number + 1} cannot be read"]
        if not follows:
            return events, [
                f"line {number + 1} does not follow the line before it: lines were altered or"
                " removed"
            ]
        events.append(event)
        last = _digest(line.encode("utf-8"))
    return events, []


def _unsupported(begin: JsonLike) -> Texts:
    """Return why this version cannot use a record that is intact: a newer format,
    or kinds unknown to it.
    """
    written = begin.get("format", FORMAT)
    if not isinstance(written, int) or written > FORMAT:
        return (
            f"it has format {str(written)[:20]}, and this version reads formats up to {FORMAT}",
        )
    if begin.get("kind") not in _RECORD_KINDS:
        return (f"it records '{str(begin.get('kind'))[:40]}', which this version does not know",)
    changes = begin.get("changes", [])
    if not isinstance(changes, list) or not all(isinstance(change, dict) for change in changes):
        return ("its list of changes has a form that this version does not know",)
    # what a change writes needs the policies; listing a journal does not
    from .targets import (
        TARGETS,
    )

    unknown = [
        str(change.get("kind"))[:40] for change in changes if change.get("kind") not in TARGETS
    ]
    return (
        (f"it has a change of kind '{unknown[0]}', which this version does not know",)
        if unknown
        else ()
    )


def _status(begin: JsonLike, events: Sequence[JsonLike]) -> Status:
    ends = [event for event in events if event.get("event") == "end"]
    if ends:
        outcome = ends[-1].get("outcome")
        return outcome if outcome in _ENDS else "unfinished"
    if any(event.get("event") == "failed" or event.get("do") == "back" for event in events):
        return "unfinished"
    # if AWS confirmed each change, only the last line is missing, for example on a full disk
    done = {str(event.get("step")) for event in events if event.get("event") == "done"}
    count = len(begin.get("changes") or ())
    return "applied" if count > 0 and done == set(map(str, range(count))) else "unfinished"


def steps_begun(record: ChangeRecord) -> list[int]:
    """Return the numbers of the changes that a record announced before it ended."""
    steps = {event.get("step") for event in record.named("intent")}
    return sorted(
        step for step in steps if isinstance(step, int) and 0 <= step < len(record.changes)
    )
